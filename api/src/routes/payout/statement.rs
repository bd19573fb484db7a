//! A statement as JSON, as CSV and as a page.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::payout::statement::{Line, LineKind};
use serde::Serialize;
use store::{PayoutRecord, StatementRecord};
use web::{
    policy::Policy,
    statement::{Shown, page},
};

use crate::{
    http::values::rfc3339,
    openapi::shapes::{
        Balance, CheckoutName, CurrencyCode, EntryName, Instant, PaymentOrderName, PayoutName, PayoutRunName,
        PayoutStatusName, SellerName,
    },
};

/// The settlement statement of a payout: `opening` + the amounts of `lines` = `payout` + `held` + `pending` +
/// `carried_over` − `debt`; without `payout` the right side is `closing`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutStatement)]
pub(crate) struct StatementBody {
    #[schema(value_type = PayoutName)]
    payout_id: String,
    #[schema(value_type = PayoutRunName)]
    payout_run_id: String,
    #[schema(value_type = SellerName)]
    seller_account: String,
    /// The day of the run in Korea.
    period: String,
    /// Where the payout stands now; the statement itself does not change.
    #[schema(value_type = PayoutStatusName)]
    payout_status: &'static str,
    /// SHA-256 of the statement as it was frozen. The id of the payout holds its first 32 digits, and the ledger holds
    /// the id.
    sha256: String,
    /// When the run was rejected or canceled: then the lines are in the next statement.
    #[schema(value_type = Option<Instant>)]
    voided_at: Option<String>,
    /// When the statement before was made.
    #[schema(value_type = Option<Instant>)]
    from: Option<String>,
    #[schema(value_type = Instant)]
    to: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = Balance)]
    opening: String,
    lines: Vec<LineBody>,
    /// The sum of the amounts of all sales.
    #[schema(value_type = Balance)]
    sales: String,
    /// The sum of the amounts of all refunds.
    #[schema(value_type = Balance)]
    refunds: String,
    /// The sum of all other lines.
    #[schema(value_type = Balance)]
    adjustments: String,
    /// How much of the earnings paid debt; a part of the balance, and so no line.
    #[schema(value_type = Balance)]
    debt_recovered: String,
    #[schema(value_type = Balance)]
    payout: String,
    /// Kept back by holds.
    #[schema(value_type = Balance)]
    held: String,
    /// Earned, and not released yet.
    #[schema(value_type = Balance)]
    pending: String,
    /// Released, and left for a later run.
    #[schema(value_type = Balance)]
    carried_over: String,
    /// What the seller owes the marketplace.
    #[schema(value_type = Balance)]
    debt: String,
    #[schema(value_type = Balance)]
    closing: String,
}

/// A line of a statement: `gross` − `commission` = `amount`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutStatementLine)]
struct LineBody {
    /// `sale`, `refund`, `payout_not_made`, `payout_again` or `adjustment`.
    kind: &'static str,
    #[schema(value_type = Instant)]
    occurred_at: String,
    #[schema(value_type = EntryName)]
    entry_id: String,
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    #[schema(value_type = Option<PaymentOrderName>)]
    payment_order_id: Option<String>,
    #[schema(value_type = Balance)]
    gross: String,
    /// With its value-added tax.
    #[schema(value_type = Balance)]
    commission: String,
    #[schema(value_type = Balance)]
    commission_vat: String,
    #[schema(value_type = Balance)]
    amount: String,
}

/// The form that a client prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Json,
    Csv,
    Html,
}

/// The statement in the form that the headers ask for; JSON where they do not say.
pub(super) fn respond(headers: &HeaderMap, payout: &PayoutRecord, record: &StatementRecord) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match shape(text(header::ACCEPT)) {
        Shape::Json => Json(StatementBody::new(payout, record)).into_response(),
        Shape::Csv => {
            let name = format!("attachment; filename=\"statement-{}.csv\"", payout.payout_id);
            let headers =
                [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
            (headers, record.statement.csv()).into_response()
        }
        Shape::Html => {
            let shown = Shown {
                payout_id: &payout.payout_id,
                sha256: &record.sha256,
                statement: &record.statement,
                accept_language: text(header::ACCEPT_LANGUAGE),
            };
            let policy = Policy::own();
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (header::CONTENT_SECURITY_POLICY, policy.header()),
            ];
            (headers, page(&shown, &policy)).into_response()
        }
    }
}

fn shape(accept: &str) -> Shape {
    let named = accept.split(',').filter_map(|kind| match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Some(Shape::Json),
        "text/csv" => Some(Shape::Csv),
        "text/html" => Some(Shape::Html),
        _ => None,
    });
    named.into_iter().next().unwrap_or(Shape::Json)
}

impl StatementBody {
    fn new(payout: &PayoutRecord, record: &StatementRecord) -> Self {
        let fields = record.statement.fields();
        let sum = |kind| record.statement.sum(kind);
        let others = [LineKind::PayoutNotMade, LineKind::PayoutAgain, LineKind::Adjustment];
        let adjustments: i64 = others.map(|kind| sum(kind).minor()).iter().sum();
        let remainder = &fields.remainder;
        Self {
            payout_id: payout.payout_id.to_string(),
            payout_run_id: fields.run_id.to_string(),
            seller_account: fields.seller.to_string(),
            period: fields.period.0.to_string(),
            payout_status: payout.status.as_str(),
            sha256: record.sha256.clone(),
            voided_at: record.voided_at.map(rfc3339),
            from: fields.from.map(rfc3339),
            to: rfc3339(fields.to),
            currency: fields.payout.currency().code(),
            opening: fields.opening.to_string(),
            lines: fields.lines.iter().map(LineBody::new).collect(),
            sales: sum(LineKind::Sale).to_string(),
            refunds: sum(LineKind::Refund).to_string(),
            adjustments: adjustments.to_string(),
            debt_recovered: fields.debt_recovered.to_decimal_string(),
            payout: fields.payout.to_decimal_string(),
            held: remainder.held.to_decimal_string(),
            pending: remainder.pending.to_decimal_string(),
            carried_over: remainder.carried_over.to_decimal_string(),
            debt: remainder.debt.to_decimal_string(),
            closing: fields.closing.to_string(),
        }
    }
}

impl LineBody {
    fn new(line: &Line) -> Self {
        Self {
            kind: line.kind.as_str(),
            occurred_at: rfc3339(line.occurred_at),
            entry_id: line.entry.clone(),
            checkout_id: line.checkout_id.as_ref().map(ToString::to_string),
            payment_order_id: line.order.as_ref().map(ToString::to_string),
            gross: line.gross.to_string(),
            commission: line.commission.to_string(),
            commission_vat: line.commission_vat.to_string(),
            amount: line.amount.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_first_form_that_it_names() {
        for (accept, expected) in [
            ("", Shape::Json),
            ("*/*", Shape::Json),
            ("text/csv", Shape::Csv),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Shape::Html),
            ("application/json;q=1, text/html", Shape::Json),
        ] {
            assert_eq!(shape(accept), expected, "{accept}");
        }
    }
}
