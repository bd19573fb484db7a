//! Runs as answers hold them.

use domain::{
    calendar::Day,
    payout::plan::{CarriedOver, Plan, PlannedPayout},
};
use serde::Serialize;
use service::payout::RunDetails;
use store::{BankFileRecord, IdleSeller, RunRecord};

use crate::{
    http::values::rfc3339,
    openapi::shapes::{
        Amount, CarryReasonName, CurrencyCode, IdleReasonName, Instant, PaidByName, PayoutKindName, PayoutRunName,
        RunStatusName, SellerName,
    },
    routes::payout::PayoutBody,
};

/// A payout run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutRun)]
pub(crate) struct RunBody {
    #[schema(value_type = PayoutRunName)]
    payout_run_id: String,
    #[schema(value_type = PayoutKindName)]
    kind: &'static str,
    #[schema(value_type = PaidByName)]
    paid_by: &'static str,
    #[schema(value_type = RunStatusName)]
    status: &'static str,
    /// The day of the run in Korea.
    date: String,
    /// What an approval names: it runs over every line of every statement.
    digest: String,
    #[schema(value_type = Amount)]
    total: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    payout_count: u32,
    /// The first 1,000 in the order of the sellers, where the run is read by itself. `GET /v1/payouts` lists all.
    #[serde(skip_serializing_if = "Option::is_none")]
    payouts: Option<Vec<PayoutBody>>,
    /// The files of transfers that were taken, where the run is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_files: Option<Vec<BankFileBody>>,
    /// What stays for a later run.
    carried_over: Vec<CarriedOverBody>,
    /// The principal who froze it.
    frozen_by: String,
    #[schema(value_type = Instant)]
    frozen_at: String,
    /// The principal who approved, rejected or canceled it.
    decided_by: Option<String>,
    #[schema(value_type = Option<Instant>)]
    decided_at: Option<String>,
    decision_reason: Option<String>,
    #[schema(value_type = Option<Instant>)]
    completed_at: Option<String>,
    /// How many principals have to approve it: two where the calendar froze it.
    approvals_needed: u32,
    /// How many approvals are missing while the run is `FROZEN`.
    approvals_missing: u32,
    /// The principal of the first of two approvals. Where a payout was taken back since, the approval counts no more.
    first_approval_by: Option<String>,
    #[schema(value_type = Option<Instant>)]
    first_approval_at: Option<String>,
}

/// A file of transfers that was taken.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = BankFile)]
struct BankFileBody {
    number: u32,
    /// SHA-256 of the bytes, in lower-case hex.
    sha256: String,
    transfers: u32,
    #[schema(value_type = Amount)]
    total: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// The principal who took it first.
    taken_by: String,
    #[schema(value_type = Instant)]
    taken_at: String,
}

/// Money that stays with the marketplace until a later run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = CarriedOver)]
struct CarriedOverBody {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = CarryReasonName)]
    reason: &'static str,
}

/// What a run would pay now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutRunPreview)]
pub(crate) struct PreviewBody {
    /// Whether only a preview was asked for. If not, nothing is due, and no run was made.
    preview: bool,
    /// The day of the run in Korea.
    date: String,
    #[schema(value_type = Amount)]
    total: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    payouts: Vec<PlannedBody>,
    carried_over: Vec<CarriedOverBody>,
    /// Sellers who were named, or who have any money, and of whom the run pays nothing and carries nothing over; at
    /// most 1,000.
    not_due: Vec<IdleBody>,
}

/// A seller whom the run does not look at.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = SellerNotDue)]
struct IdleBody {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = IdleReasonName)]
    reason: &'static str,
    /// The money that the reason is about.
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// The seller's next day by the calendar.
    next_payout: Option<String>,
}

impl IdleBody {
    fn new(idle: &IdleSeller) -> Self {
        Self {
            seller_account: idle.seller.to_string(),
            reason: idle.reason.as_str(),
            amount: idle.amount.to_decimal_string(),
            currency: idle.amount.currency().code(),
            next_payout: idle.next_payout.map(|day| day.to_string()),
        }
    }
}

/// A payout that would be frozen.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PlannedPayout)]
struct PlannedBody {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
}

impl RunBody {
    pub(crate) fn new(run: &RunRecord) -> Self {
        Self {
            payout_run_id: run.run_id.to_string(),
            kind: run.kind.as_str(),
            paid_by: run.paid_by.as_str(),
            status: run.status.as_str(),
            date: run.date.to_string(),
            digest: run.digest.clone(),
            total: run.total.to_decimal_string(),
            currency: run.total.currency().code(),
            payout_count: run.payout_count,
            payouts: None,
            bank_files: None,
            carried_over: run.carried_over.iter().map(CarriedOverBody::new).collect(),
            frozen_by: run.frozen_by.to_string(),
            frozen_at: rfc3339(run.frozen_at),
            decided_by: run.decided_by.as_ref().map(ToString::to_string),
            decided_at: run.decided_at.map(rfc3339),
            decision_reason: run.decision_reason.clone(),
            completed_at: run.completed_at.map(rfc3339),
            approvals_needed: run.approvals_needed,
            approvals_missing: run.approvals_missing(),
            first_approval_by: run.first_approval.as_ref().map(|first| first.by.to_string()),
            first_approval_at: run.first_approval.as_ref().map(|first| rfc3339(first.at)),
        }
    }

    pub(crate) fn whole(details: &RunDetails) -> Self {
        let payouts = Some(details.payouts.iter().map(PayoutBody::new).collect());
        let bank_files = Some(details.bank_files.iter().map(BankFileBody::new).collect());
        Self { payouts, bank_files, ..Self::new(&details.run) }
    }
}

impl BankFileBody {
    fn new(file: &BankFileRecord) -> Self {
        Self {
            number: file.number,
            sha256: file.sha256.clone(),
            transfers: file.transfers,
            total: file.total.to_decimal_string(),
            currency: file.total.currency().code(),
            taken_by: file.taken_by.to_string(),
            taken_at: rfc3339(file.taken_at),
        }
    }
}

impl CarriedOverBody {
    fn new(carried: &CarriedOver) -> Self {
        Self {
            seller_account: carried.seller.to_string(),
            amount: carried.amount.to_decimal_string(),
            currency: carried.amount.currency().code(),
            reason: carried.reason.as_str(),
        }
    }
}

impl PreviewBody {
    pub(super) fn new(date: Day, plan: &Plan, idle: &[IdleSeller]) -> Self {
        let planned = |payout: &PlannedPayout| PlannedBody {
            seller_account: payout.seller.to_string(),
            amount: payout.amount.to_decimal_string(),
            currency: payout.amount.currency().code(),
        };
        let total = plan.total();
        Self {
            preview: false,
            date: date.to_string(),
            total: total.to_decimal_string(),
            currency: total.currency().code(),
            payouts: plan.payouts.iter().map(planned).collect(),
            carried_over: plan.carried_over.iter().map(CarriedOverBody::new).collect(),
            not_due: idle.iter().map(IdleBody::new).collect(),
        }
    }

    /// The same, of a run that nobody wanted frozen.
    pub(super) fn only_shown(self) -> Self {
        Self { preview: true, ..self }
    }
}
