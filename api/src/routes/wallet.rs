//! Wallets: what a seller has, has had, and how it moved.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{Currency, Timestamp, id::SellerAccount, ledger::Account, wallet::Wallet};
use serde::Serialize;
use store::{Flow, Movement, PastWallet, WalletRecord};

use crate::{
    Api,
    http::{
        caller::WalletCaller,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::{Code, Problem},
        values::{rfc3339, signed},
    },
    openapi::{
        refusals::refusals,
        shapes::{Balance, CurrencyCode, Instant, ReasonName, SellerName},
    },
    routes::ledger::{AsOfBody, ChosenCurrency, ChosenTimes, Past, as_of, chosen, reference},
};

refusals! { WalletRefusals: NotFound; }

/// A seller's money in one currency. In a past by event time a part may be below zero.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = WalletBalance)]
struct BalanceBody {
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// Sold, and not yet to be paid out.
    #[schema(value_type = Balance)]
    pending: String,
    /// To be paid out.
    #[schema(value_type = Balance)]
    available: String,
    /// Reserved.
    #[schema(value_type = Balance)]
    held: String,
    /// Sent, and not yet arrived.
    #[schema(value_type = Balance)]
    in_transit: String,
    /// Paid out so far.
    #[schema(value_type = Balance)]
    paid_out: String,
    /// What the seller owes us.
    #[schema(value_type = Balance)]
    debt: String,
    #[schema(value_type = Option<Instant>)]
    updated_at: Option<String>,
}

/// A seller's wallet: the balance in one currency, and all of them. `known` tells an empty wallet from a name
/// that no order and no entry has ever had.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Wallet)]
pub(crate) struct WalletBody {
    #[schema(value_type = SellerName)]
    seller_account: String,
    known: bool,
    as_of: Option<AsOfBody>,
    #[serde(flatten)]
    balance: BalanceBody,
    balances: Vec<BalanceBody>,
}

/// What a posting did to a part of a wallet. A credit adds to the part and a debit takes from it; with a debt it
/// is the other way round.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WalletMovement)]
pub(crate) struct MovementBody {
    sequence: u64,
    entry_id: String,
    part: &'static str,
    side: &'static str,
    #[schema(value_type = Balance)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = ReasonName)]
    reason: &'static str,
    reference: String,
    checkout_id: Option<String>,
    payment_order_id: Option<String>,
    #[schema(value_type = Instant)]
    occurred_at: String,
    #[schema(value_type = Instant)]
    booked_at: String,
}

/// Read a seller's wallet
///
/// `known` tells an empty wallet from a name that no order and no entry has ever had. The balance on the outside is
/// that in `currency`; KRW unless it is said.
#[utoipa::path(
    get,
    path = "/v1/wallets/{seller_account}",
    operation_id = "read_wallet",
    tag = "Wallets",
    security(("bearer" = ["read"])),
    params(("seller_account" = SellerName, Path, description = "The seller"), ChosenCurrency, Past),
    responses((status = 200, description = "The wallet", body = WalletBody), WalletRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    Path(seller): Path<String>,
    parameters: Parameters,
) -> Result<Json<WalletBody>, Problem> {
    let seller = seller_of(seller)?;
    caller.may_read(&seller)?;
    let as_of = as_of(&parameters)?;
    let currency = ChosenCurrency::of(&parameters)?.currency.unwrap_or(Currency::Krw);
    let balances: Vec<_> = match as_of {
        Some(as_of) => api.service.reader.wallets_as_of(&seller, as_of).await?.iter().map(BalanceBody::past).collect(),
        None => api.service.reader.wallets(&seller).await?.iter().map(BalanceBody::new).collect(),
    };
    let balance = balances.iter().find(|balance| balance.currency == currency.code()).cloned();
    Ok(Json(WalletBody {
        seller_account: seller.to_string(),
        known: api.service.reader.knows_seller(&seller).await?,
        as_of: as_of.map(AsOfBody::new),
        balance: balance.unwrap_or_else(|| BalanceBody::of(&Wallet::empty(currency), None)),
        balances,
    }))
}

/// List what moved a seller's wallet
///
/// The last booked first.
#[utoipa::path(
    get,
    path = "/v1/wallets/{seller_account}/entries",
    operation_id = "list_wallet_entries",
    tag = "Wallets",
    security(("bearer" = ["read"])),
    params(("seller_account" = SellerName, Path, description = "The seller"), ChosenTimes, ChosenCurrency, Paging),
    responses((status = 200, description = "A page", body = ListBody<MovementBody>), WalletRefusals)
)]
pub(crate) async fn movements(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    Path(seller): Path<String>,
    parameters: Parameters,
) -> Result<Json<ListBody<MovementBody>>, Problem> {
    let seller = seller_of(seller)?;
    caller.may_read(&seller)?;
    let chosen = chosen(&parameters)?;
    let page = api.service.reader.movements_of_wallet(&seller, &chosen, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, |movement| movement.position, MovementBody::new)))
}

fn seller_of(name: String) -> Result<SellerAccount, Problem> {
    SellerAccount::parse(name).map_err(|_| Problem::new(Code::NotFound, "No seller has this name."))
}

impl BalanceBody {
    fn new(record: &WalletRecord) -> Self {
        Self::of(&record.wallet, Some(record.updated_at))
    }

    fn of(wallet: &Wallet, updated_at: Option<Timestamp>) -> Self {
        Self {
            currency: wallet.currency().code(),
            pending: wallet.pending.to_decimal_string(),
            available: wallet.available.to_decimal_string(),
            held: wallet.held.to_decimal_string(),
            in_transit: wallet.in_transit.to_decimal_string(),
            paid_out: wallet.paid_out.to_decimal_string(),
            debt: wallet.debt.to_decimal_string(),
            updated_at: updated_at.map(rfc3339),
        }
    }

    fn past(wallet: &PastWallet) -> Self {
        let balance = |part: Flow| signed(part.added, part.taken);
        Self {
            currency: wallet.currency().code(),
            pending: balance(wallet.pending),
            available: balance(wallet.available),
            held: balance(wallet.held),
            in_transit: balance(wallet.in_transit),
            paid_out: balance(wallet.paid_out),
            debt: balance(wallet.debt),
            updated_at: None,
        }
    }
}

impl MovementBody {
    fn new(movement: &Movement) -> Self {
        Self {
            sequence: movement.position.sequence,
            entry_id: movement.key.clone(),
            part: part(&movement.account),
            side: movement.position.side.as_str(),
            amount: movement.amount.to_decimal_string(),
            currency: movement.amount.currency().code(),
            reason: movement.reason.as_str(),
            reference: reference(&movement.key, movement.reason).to_owned(),
            checkout_id: movement.checkout_id.as_ref().map(ToString::to_string),
            payment_order_id: movement.order.as_ref().map(ToString::to_string),
            occurred_at: rfc3339(movement.occurred_at),
            booked_at: rfc3339(movement.booked_at),
        }
    }
}

/// The part of a wallet that an account is. Only sellers' accounts come here; the others are no part of one.
const fn part(account: &Account) -> &'static str {
    match account {
        Account::SellerPending(_) => "pending",
        Account::SellerAvailable(_) => "available",
        Account::SellerHeld(_) => "held",
        Account::PayoutInTransit(_) => "in_transit",
        Account::SellerDebt(_) => "debt",
        Account::PspReceivable
        | Account::Bank
        | Account::PspPayoutBalance
        | Account::InputVat
        | Account::OutputVat
        | Account::SweepInTransit
        | Account::Rounding
        | Account::FxTrading
        | Account::RefundsPayable
        | Account::Suspense
        | Account::PlatformCommission
        | Account::PspFees => "none",
    }
}
