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
    callers::ReadCaller,
    ledger::{AsOfBody, PAST, as_of, chosen, reference},
    paging::{ListBody, PAGING, window},
    parameters::Parameters,
    problem::{Code, Problem},
    shapes::{rfc3339, signed},
};

/// A seller's money in one currency. In a past by event time a part may be below zero.
#[derive(Debug, Clone, Serialize)]
struct BalanceBody {
    currency: &'static str,
    pending: String,
    available: String,
    held: String,
    in_transit: String,
    paid_out: String,
    debt: String,
    updated_at: Option<String>,
}

/// A seller's wallet: the balance in one currency, and all of them. `known` tells an empty wallet from a name
/// that no order and no entry has ever had.
#[derive(Debug, Serialize)]
pub(crate) struct WalletBody {
    seller_account: String,
    known: bool,
    as_of: Option<AsOfBody>,
    #[serde(flatten)]
    balance: BalanceBody,
    balances: Vec<BalanceBody>,
}

/// What a posting did to a part of a wallet. A credit adds to the part and a debit takes from it; with a debt it
/// is the other way round.
#[derive(Debug, Serialize)]
pub(crate) struct MovementBody {
    sequence: u64,
    entry_id: String,
    part: &'static str,
    side: &'static str,
    amount: String,
    currency: &'static str,
    reason: &'static str,
    reference: String,
    checkout_id: Option<String>,
    payment_order_id: Option<String>,
    occurred_at: String,
    booked_at: String,
}

/// `GET /v1/wallets/{seller_account}?currency=KRW&at=&by=`. A seller who was never credited has an empty wallet.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(seller): Path<String>,
    parameters: Parameters,
) -> Result<Json<WalletBody>, Problem> {
    parameters.refuse_others(&[&PAST[..], &["currency"]].concat())?;
    let (seller, as_of) = (seller_of(seller)?, as_of(&parameters)?);
    let currency = parameters.read("currency", str::parse::<Currency>)?.unwrap_or(Currency::Krw);
    let balances: Vec<_> = match as_of {
        Some(as_of) => api.reader.wallets_as_of(&seller, as_of).await?.iter().map(BalanceBody::past).collect(),
        None => api.reader.wallets(&seller).await?.iter().map(BalanceBody::new).collect(),
    };
    let balance = balances.iter().find(|balance| balance.currency == currency.code()).cloned();
    Ok(Json(WalletBody {
        seller_account: seller.to_string(),
        known: api.reader.knows_seller(&seller).await?,
        as_of: as_of.map(AsOfBody::new),
        balance: balance.unwrap_or_else(|| BalanceBody::of(&Wallet::empty(currency), None)),
        balances,
    }))
}

/// `GET /v1/wallets/{seller_account}/entries?from=&to=&currency=&reason=`: the last booked first.
pub(crate) async fn movements(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(seller): Path<String>,
    parameters: Parameters,
) -> Result<Json<ListBody<MovementBody>>, Problem> {
    parameters.refuse_others(&[&PAGING[..], &["from", "to", "currency", "reason"]].concat())?;
    let (seller, chosen) = (seller_of(seller)?, chosen(&parameters)?);
    let page = api.reader.movements_of_wallet(&seller, &chosen, &window(&parameters)?).await?;
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
        | Account::RefundsPayable
        | Account::Suspense
        | Account::PlatformCommission
        | Account::PspFees => "none",
    }
}
