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

use super::{CHOICE, accounts::account_of, chosen, reference};
use crate::{
    Api,
    callers::ReadCaller,
    paging::{ListBody, PAGING, window},
    parameters::Parameters,
    problem::Problem,
    shapes::rfc3339,
};

/// What a posting did to the account.
#[derive(Debug, Serialize)]
pub(crate) struct MovementBody {
    sequence: u64,
    line: u32,
    entry_id: String,
    reason: &'static str,
    reference: String,
    counter_account: String,
    side: &'static str,
    amount: String,
    currency: &'static str,
    checkout_id: Option<String>,
    payment_order_id: Option<String>,
    occurred_at: String,
    booked_at: String,
}

/// `GET /v1/ledger/accounts/{account}/entries?from=&to=&checkout_id=&payment_order_id=&reason=&currency=`: the
/// last booked first.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<Json<ListBody<MovementBody>>, Problem> {
    parameters.refuse_others(&[&PAGING[..], &CHOICE, &["currency"]].concat())?;
    let (account, chosen) = (account_of(&account)?, chosen(&parameters)?);
    let page = api.reader.movements_of_account(&account, &chosen, &window(&parameters)?).await?;
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
