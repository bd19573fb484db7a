//! Accounts: the list of them, and one of them at any instant.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::ledger::Account;
use serde::Serialize;
use store::{AccountBalance, AccountFilter, AccountPosition, AsOf};

use super::{AccountBody, AsOfBody, BalanceBody, Past, as_of, class, side};
use crate::{
    Api,
    http::{
        caller::ReadCaller,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::{Code, Problem},
        table::parameters,
    },
    openapi::{
        refusals::refusals,
        shapes::{CurrencyCode, SellerName},
    },
};

refusals! { AccountRefusals: NotFound; }

/// An account with its balance in each currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub(crate) struct OneAccountBody {
    account: String,
    class: &'static str,
    normal_side: &'static str,
    seller_account: Option<String>,
    as_of: Option<AsOfBody>,
    balances: Vec<BalanceBody>,
}

parameters! {
    /// Which accounts.
    pub(crate) struct ChosenAccounts {
        seller_account: SellerName,
        currency: CurrencyCode,
    }
}

/// List accounts
///
/// Every account that was ever used, by name, in each currency.
#[utoipa::path(
    get,
    path = "/v1/ledger/accounts",
    operation_id = "list_accounts",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(ChosenAccounts, Paging),
    responses((status = 200, description = "A page", body = ListBody<AccountBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<AccountBody>>, Problem> {
    let ChosenAccounts { seller_account, currency } = ChosenAccounts::of(&parameters)?;
    let filter = AccountFilter { seller: seller_account, currency };
    let page = api.service.reader.accounts(&filter, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, AccountBody::new)))
}

/// Read an account
///
/// An account that was never used has no balances.
#[utoipa::path(
    get,
    path = "/v1/ledger/accounts/{account}",
    operation_id = "read_account",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(
        (
            "account" = inline(crate::openapi::shapes::AccountName),
            Path,
            description = "The account, such as `psp:receivable`",
        ),
        Past,
    ),
    responses((status = 200, description = "The account", body = OneAccountBody), AccountRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<Json<OneAccountBody>, Problem> {
    let (account, as_of) = (account_of(&account)?, as_of(&parameters)?);
    let balances = api.service.reader.account(&account, as_of).await?;
    Ok(Json(OneAccountBody::new(&account, as_of, &balances)))
}

/// The account that an address names.
pub(super) fn account_of(name: &str) -> Result<Account, Problem> {
    name.parse().map_err(|error: domain::ledger::UnknownAccount| Problem::new(Code::NotFound, format!("{error}.")))
}

fn position(balance: &AccountBalance) -> AccountPosition {
    AccountPosition { account: balance.account.clone(), currency: balance.debits.currency() }
}

impl OneAccountBody {
    fn new(account: &Account, as_of: Option<AsOf>, balances: &[AccountBalance]) -> Self {
        Self {
            account: account.to_string(),
            class: class(account.class()),
            normal_side: side(account.normal_side()),
            seller_account: account.seller().map(ToString::to_string),
            as_of: as_of.map(AsOfBody::new),
            balances: balances.iter().map(BalanceBody::new).collect(),
        }
    }
}
