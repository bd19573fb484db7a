//! The movements of an account, as on a bank statement.
//!
//! There is no running balance beside them: it would have to be summed up over all movements before the page.
//! The balance at any instant is the account's own answer, with `at`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use store::Movement;

use super::{ChosenCurrency, ChosenSubject, ChosenTimes, accounts::account_of, chosen, reference};
use crate::{
    Api,
    http::{
        caller::ReadCaller,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{Balance, CurrencyCode, Instant, ReasonName},
    },
};

refusals! { MovementRefusals: NotFound; }

/// What a posting did to the account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AccountMovement)]
pub(crate) struct MovementBody {
    sequence: u64,
    line: u32,
    entry_id: String,
    #[schema(value_type = ReasonName)]
    reason: &'static str,
    reference: String,
    counter_account: String,
    side: &'static str,
    #[schema(value_type = Balance)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    checkout_id: Option<String>,
    payment_order_id: Option<String>,
    #[schema(value_type = Instant)]
    occurred_at: String,
    #[schema(value_type = Instant)]
    booked_at: String,
}

/// List what moved an account
///
/// The last booked first, as on a bank statement.
#[utoipa::path(
    get,
    path = "/v1/ledger/accounts/{account}/entries",
    operation_id = "list_account_entries",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(
        (
            "account" = inline(crate::openapi::shapes::AccountName),
            Path,
            description = "The account, such as `psp:receivable`",
        ),
        ChosenTimes,
        ChosenSubject,
        ChosenCurrency,
        Paging,
    ),
    responses((status = 200, description = "A page", body = ListBody<MovementBody>), MovementRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<Json<ListBody<MovementBody>>, Problem> {
    let (account, chosen) = (account_of(&account)?, chosen(&parameters)?);
    let page = api.service.reader.movements_of_account(&account, &chosen, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, |movement| movement.position, MovementBody::new)))
}

impl MovementBody {
    /// A movement, on an account that is said elsewhere.
    pub(crate) fn new(movement: &Movement) -> Self {
        Self {
            sequence: movement.position.sequence,
            line: movement.position.line,
            entry_id: movement.key.clone(),
            reason: movement.reason.as_str(),
            reference: reference(&movement.key, movement.reason).to_owned(),
            counter_account: movement.counter.to_string(),
            side: movement.position.side.as_str(),
            amount: movement.amount.to_decimal_string(),
            currency: movement.amount.currency().code(),
            checkout_id: movement.checkout_id.as_ref().map(ToString::to_string),
            payment_order_id: movement.order.as_ref().map(ToString::to_string),
            occurred_at: rfc3339(movement.occurred_at),
            booked_at: rfc3339(movement.booked_at),
        }
    }
}
