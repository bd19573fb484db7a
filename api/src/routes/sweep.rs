//! Sweeps: what of the payout balance is our own, and runs that pay it to our own bank.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Currency, Money, id::PayoutRunId};
use serde::Serialize;
use service::payout::{PayoutError, SweepPreview, preview_sweep, sweep};

use crate::{
    Api,
    http::{
        body::OptionalJsonBody,
        caller::{FinanceCaller, ReadCaller},
        fields::FieldErrors,
        problem::{FieldCode, Problem},
        table::body,
        values::signed_minor,
    },
    openapi::{
        refusals::refusals,
        shapes::{Amount, CurrencyCode},
    },
    routes::{
        checkout::{Idempotent, idempotency_key},
        payout_run::bodies::RunBody,
    },
};

refusals! {
    SweepRefusals:
        IdempotencyKeyInvalid, IdempotencyKeyMissing, IdempotencyKeyReused, RequestInProgress, SweepRefused,
        TemporalUnavailable, ValidationFailed;
}

body! {
    /// A sweep to freeze.
    pub(crate) struct NewSweepBody as "NewSweep" {
        /// In won; by default all that is free.
        amount: optional Amount,
    }
}

/// What may be swept.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = SweepFunds)]
pub(crate) struct FundsBody {
    /// What may be swept now.
    #[schema(value_type = Amount)]
    free: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// The sums behind it, with a minus sign where an account is overdrawn: `booked` and `not_paid_yet` of the payout
    /// balance, `receivable`, what is owed (`pending`, `settled_pending`, `available`, `held`, `in_transit`,
    /// `refunds_payable`, `refunds_to_deduct`, `suspense`), `exchanged` (what came of sales in other currencies), and
    /// `sweeps` under way.
    sums: BTreeMap<&'static str, String>,
    /// Why a sweep would be refused now.
    refusal: Option<String>,
}

impl FundsBody {
    fn new(SweepPreview { funds, refusal }: &SweepPreview) -> Self {
        let sums = [
            ("booked", funds.booked),
            ("not_paid_yet", funds.not_paid_yet),
            ("receivable", funds.receivable),
            ("pending", funds.pending),
            ("settled_pending", funds.settled_pending),
            ("available", funds.available),
            ("held", funds.held),
            ("in_transit", funds.in_transit),
            ("refunds_payable", funds.refunds_payable),
            ("refunds_to_deduct", funds.refunds_to_deduct),
            ("suspense", funds.suspense),
            ("exchanged", funds.exchanged),
            ("sweeps", funds.sweeps),
        ];
        Self {
            free: funds.free().to_decimal_string(),
            currency: Currency::Krw.code(),
            sums: sums.into_iter().map(|(name, minor)| (name, signed_minor(minor, Currency::Krw))).collect(),
            refusal: refusal.as_ref().map(ToString::to_string),
        }
    }
}

/// Freeze a sweep
///
/// Our own money on the payout balance, to be paid to our own bank account: the account of the seller that the setting
/// `payouts.own_seller` names. It is a payout run of one payout and without a statement, so another principal approves
/// it. Refused where it would take more than is our own, or leave less than is owed. When the sweep leaves, both are
/// looked at again.
#[utoipa::path(
    post,
    path = "/v1/sweeps",
    operation_id = "freeze_sweep",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(Idempotent),
    request_body = Option<NewSweepBody>,
    responses(
        (
            status = 201,
            description = "It is frozen",
            body = RunBody,
            headers(("Location" = String, description = "Its run")),
        ),
        SweepRefusals,
    )
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    headers: HeaderMap,
    body: OptionalJsonBody,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let mut errors = FieldErrors::default();
    let NewSweepBody { amount } = NewSweepBody::read(&body.fields(), &mut errors);
    let parsed = amount.map(|text| Money::parse(&text, Currency::Krw)).transpose();
    let amount = parsed.map_err(|error| errors.add("amount".to_owned(), FieldCode::Invalid, error)).ok();
    if amount.flatten().is_some_and(Money::is_zero) {
        errors.add("amount".to_owned(), FieldCode::Invalid, "must be above zero");
    }
    let amount = errors.finish(amount)?;
    let run_id = PayoutRunId::of_request(&caller.key, &key);
    let frozen = sweep(&api.service, &caller.caller(), &run_id, amount).await?;
    let location = [(header::LOCATION, format!("/v1/payout-runs/{run_id}"))];
    Ok((StatusCode::CREATED, location, Json(RunBody::whole(&frozen))).into_response())
}

/// Read what may be swept
///
/// With the sums behind it.
#[utoipa::path(
    get,
    path = "/v1/sweeps/free",
    operation_id = "read_sweep_funds",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    responses((status = 200, description = "What is free", body = FundsBody))
)]
pub(crate) async fn free(State(api): State<Arc<Api>>, _: ReadCaller) -> Result<Json<FundsBody>, Problem> {
    let preview = preview_sweep(&api.service).await.map_err(PayoutError::from)?;
    Ok(Json(FundsBody::new(&preview)))
}
