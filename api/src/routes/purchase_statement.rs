//! `GET /v1/payments/{id}/purchase-statement`: what was bought, as JSON and as a page that prints.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{id::CheckoutId, refund::Part};
use serde::Serialize;
use service::purchase_statement::{PurchaseStatement, StatementError, statement};
use store::{OrderRecord, RefundRecord};
use web::{
    buyer::Shop,
    policy::Policy,
    purchase_statement::{Shown, page},
};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        problem::Problem,
        values::{decimal, rfc3339},
    },
    openapi::{
        refusals::refusals,
        shapes::{
            Amount, Balance, BuyerName, CheckoutName, CurrencyCode, Instant, PaymentOrderName, RefundName, SellerName,
        },
    },
    routes::{cash_receipts::ReceiptBody, shapes::TaxBody},
};

refusals! { StatementRefusals: CheckoutNotFound, NotPaid; }

/// The statement of a purchase: `paid_amount` is `refunded_amount` and `left_amount`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PurchaseStatement)]
pub(crate) struct StatementBody {
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    order_name: String,
    #[schema(value_type = BuyerName)]
    buyer_id: String,
    #[schema(value_type = Option<Instant>)]
    paid_at: Option<String>,
    /// How the buyer paid, in the payment provider's words.
    method: Option<String>,
    use_escrow: bool,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    shop: ShopBody,
    items: Vec<ItemBody>,
    /// The refunds that gave money back, the oldest first.
    refunds: Vec<GivenBackBody>,
    #[schema(value_type = Amount)]
    paid_amount: String,
    #[schema(value_type = Balance)]
    refunded_amount: String,
    #[schema(value_type = Balance)]
    left_amount: String,
    /// The sums of the items: they add up to `paid_amount`.
    tax: TaxBody,
    /// The same of what is left: they add up to `left_amount`.
    tax_left: TaxBody,
    /// The payment provider's receipt.
    receipt_url: Option<String>,
    cash_receipts: Vec<ReceiptBody>,
}

/// The shop, as the settings `[shop]` name it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Shop)]
struct ShopBody {
    name: Option<String>,
    representative: Option<String>,
    business_number: Option<String>,
    mail_order_number: Option<String>,
    address: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

/// What was bought of one seller.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PurchasedItem)]
struct ItemBody {
    #[schema(value_type = PaymentOrderName)]
    payment_order_id: String,
    /// What was bought; the name of the checkout where the order has none.
    name: String,
    #[schema(value_type = SellerName)]
    seller_account: String,
    /// What the seller is called; null where the seller has no name.
    seller_name: Option<String>,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = Balance)]
    refunded_amount: String,
    tax: TaxBody,
    tax_left: TaxBody,
}

/// A refund on the statement.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PurchaseRefund)]
struct GivenBackBody {
    #[schema(value_type = RefundName)]
    refund_id: String,
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    /// What the buyer reads.
    reason: String,
    #[schema(value_type = Vec<PaymentOrderName>)]
    payment_orders: Vec<String>,
    #[schema(value_type = Option<Instant>)]
    executed_at: Option<String>,
}

/// Read the statement of a purchase
///
/// What was bought of whom, with supply, value-added tax and the part without tax, what was given back, and the
/// receipts. With `Accept: text/html` it is a page that prints, in Korean or English. The buyer has the same page at
/// `/checkout/{checkout_id}/statement`.
#[utoipa::path(
    get,
    path = "/{id}/purchase-statement",
    operation_id = "read_purchase_statement",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = CheckoutName, Path, description = "The checkout")),
    responses(
        (
            status = 200,
            description = "The statement, in the form that `Accept` names",
            content((StatementBody = "application/json"), (String = "text/html")),
        ),
        StatementRefusals,
    )
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| StatementError::NoCheckout)?;
    let statement = statement(&api.service, &id).await?;
    let shop = &api.settings.buyer_pages.shop;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !prefers_html(text(header::ACCEPT)) {
        return Ok(Json(StatementBody::new(statement, shop)).into_response());
    }
    let policy = Policy::own();
    let shown = Shown { statement: &statement, shop, accept_language: text(header::ACCEPT_LANGUAGE) };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy.header()),
    ];
    Ok((headers, page(&shown, &policy)).into_response())
}

/// Whether a page is named before JSON.
fn prefers_html(accept: &str) -> bool {
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.find(|kind| ["application/json", "text/html"].contains(kind)) == Some("text/html")
}

impl StatementBody {
    fn new(statement: PurchaseStatement, shop: &Shop) -> Self {
        let PurchaseStatement { record, refunds, sums, receipts, sellers } = statement;
        let (paid_amount, currency) = decimal(sums.paid);
        let item = |line: &OrderRecord| {
            let order = &line.order;
            ItemBody {
                payment_order_id: order.id.to_string(),
                name: order.name.as_ref().unwrap_or(&record.order_name).clone(),
                seller_account: order.seller.to_string(),
                seller_name: sellers.get(&order.seller).cloned(),
                amount: order.amount.to_decimal_string(),
                refunded_amount: line.refunded.to_decimal_string(),
                tax: TaxBody::new(order.tax_parts()),
                tax_left: TaxBody::new(order.tax_parts_after(line.refunded)),
            }
        };
        let items = record.orders.iter().map(item).collect();
        let psp = record.psp.as_ref();
        Self {
            checkout_id: record.checkout_id.to_string(),
            buyer_id: record.buyer_id.to_string(),
            paid_at: psp.and_then(|psp| psp.approved_at).map(rfc3339),
            method: psp.and_then(|psp| psp.method.clone()),
            use_escrow: record.window.use_escrow,
            currency,
            shop: ShopBody::new(shop),
            items,
            refunds: refunds.into_iter().map(GivenBackBody::new).collect(),
            paid_amount,
            refunded_amount: sums.refunded.to_decimal_string(),
            left_amount: sums.left.to_decimal_string(),
            tax: TaxBody::new(sums.tax),
            tax_left: TaxBody::new(sums.tax_left),
            receipt_url: psp.and_then(|psp| psp.receipt_url.clone()),
            cash_receipts: receipts.receipts.into_iter().map(ReceiptBody::new).collect(),
            order_name: record.order_name,
        }
    }
}

impl ShopBody {
    fn new(shop: &Shop) -> Self {
        let Shop { name, representative, business_number, mail_order_number, address, phone, email } = shop.clone();
        Self { name, representative, business_number, mail_order_number, address, phone, email }
    }
}

impl GivenBackBody {
    fn new(refund: RefundRecord) -> Self {
        let order = |part: &Part| part.order.to_string();
        Self {
            refund_id: refund.refund_id.to_string(),
            amount: refund.amount.map(domain::Money::to_decimal_string),
            payment_orders: refund.parts.iter().map(order).collect(),
            executed_at: refund.executed_at.map(rfc3339),
            reason: refund.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_first_form_that_it_names() {
        for (accept, html) in [
            ("", false),
            ("*/*", false),
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json;q=1, text/html", false),
            ("image/png, text/html;q=0.1, application/json", true),
        ] {
            assert_eq!(prefers_html(accept), html, "{accept}");
        }
    }
}
