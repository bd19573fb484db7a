//! The JSON of the answers.

use domain::{
    Money, Timestamp,
    cash_receipt::ReceiptPreset,
    charge::{VIRTUAL_ACCOUNT, VirtualAccount},
    checkout::Status,
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
    refund::{Part, RefundStatus},
    tax::TaxParts,
};
use serde::Serialize;
use serde_json::Value;
use store::{ApprovalRecord, CheckoutRecord, ConfirmToken, OrderRecord, PspRecord, RefundRecord, Scope, Scopes};
use workflows::ports::RefundRequest;

use service::{buyer::BuyerDetails, now};
use web::buyer::{banks, page_path};

use crate::{
    Api, Settings,
    http::values::{decimal, rfc3339},
    openapi::shapes::{
        Amount, Balance, BuyerName, CheckoutName, CurrencyCode, Instant, PaymentOrderName, ReceiptPresetName,
        RefundName, RefundStatusName, SavedCardName, SellerName, StatusName,
    },
};

/// The PSP's name in the answers.
const PSP_NAME: &str = "toss";
/// How many characters of a payment key are shown: enough to tell two attempts apart, too few to pay with.
const KEY_SUFFIX_CHARS: usize = 4;

/// A checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Checkout)]
pub(crate) struct CheckoutBody {
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    #[schema(value_type = StatusName)]
    status: &'static str,
    order_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BuyerName>)]
    buyer_id: Option<String>,
    /// For scopes `checkout` and `ops`, while it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_info: Option<BuyerDetailsBody>,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    is_payment_done: bool,
    /// Where the buyer pays. For scope `checkout` it carries the confirmation token, without which it shows the status
    /// alone.
    payment_page: String,
    /// What the buyer's browser proves to confirm, in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_token: Option<String>,
    /// Until when the buyer may pay: once an account was opened for the payment, the account's due date.
    #[schema(value_type = Instant)]
    expires_at: String,
    #[schema(value_type = Instant)]
    created_at: String,
    payment_orders: Vec<OrderBody>,
    /// The saved card that pays it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedCardName>)]
    saved_card_id: Option<String>,
    /// Whether the payment window was asked for escrow.
    use_escrow: bool,
    /// The cash receipt that is chosen when the payment window opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReceiptPresetName>)]
    cash_receipt_for: Option<&'static str>,
    /// As the marketplace sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    psp: Option<PspBody>,
    /// For scope `ops`.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<WorkflowBody>,
    /// The refund that was asked for, in the answer to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<RefundBody>,
    /// Every refund, the oldest first; where the checkout is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunds: Option<Vec<RefundBody>>,
    /// For scope `ops`, where a stuck checkout is read by itself: the address of what it needs of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<String>,
}

/// What a buyer is called and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = BuyerDetails)]
struct BuyerDetailsBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl BuyerDetailsBody {
    fn new(BuyerDetails { name, email, phone }: BuyerDetails) -> Self {
        Self { name, email, phone }
    }
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Refund)]
pub(crate) struct RefundBody {
    #[schema(value_type = RefundName)]
    refund_id: String,
    #[schema(value_type = RefundStatusName)]
    status: &'static str,
    /// Null while it is not known yet how much is left.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// What goes back of which payment order, once that is known.
    orders: Vec<RefundOrderBody>,
    /// What the buyer reads.
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// Of a refund that waits or waited for a second principal: `WAITING`, `APPROVED` or `REJECTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'static str>,
    #[schema(value_type = Instant)]
    requested_at: String,
    /// When the payment provider gave the money back.
    #[schema(value_type = Option<Instant>)]
    executed_at: Option<String>,
}

/// What a refund gives back of one payment order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RefundOrder)]
struct RefundOrderBody {
    #[schema(value_type = PaymentOrderName)]
    payment_order_id: String,
    #[schema(value_type = Amount)]
    amount: String,
}

/// A payment order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentOrder)]
pub(crate) struct OrderBody {
    #[schema(value_type = PaymentOrderName)]
    payment_order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_id: Option<String>,
    /// What is bought of this seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = StatusName)]
    payment_order_status: &'static str,
    wallet_updated: bool,
    ledger_updated: bool,
    #[schema(value_type = Balance)]
    refunded_amount: String,
    tax: TaxBody,
    /// The same of what is left after refunds.
    tax_left: TaxBody,
}

/// What an amount is made of; the three add up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Tax)]
pub(crate) struct TaxBody {
    /// What is supplied, without its tax.
    #[schema(value_type = Balance)]
    supply_amount: String,
    /// The value-added tax on the supply.
    #[schema(value_type = Balance)]
    vat: String,
    /// What is supplied without tax.
    #[schema(value_type = Balance)]
    tax_free_amount: String,
}

impl TaxBody {
    pub(crate) fn new(parts: TaxParts) -> Self {
        let TaxParts { supply, vat, tax_free } = parts;
        let [supply_amount, vat, tax_free_amount] = [supply, vat, tax_free].map(Money::to_decimal_string);
        Self { supply_amount, vat, tax_free_amount }
    }
}

/// What the payment provider says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Psp)]
struct PspBody {
    name: &'static str,
    payment_key_suffix: String,
    method: Option<String>,
    #[schema(value_type = Option<Instant>)]
    approved_at: Option<String>,
    receipt_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_account: Option<VirtualAccountBody>,
}

/// Where the buyer pays into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = VirtualAccount)]
struct VirtualAccountBody {
    /// The payment provider's code of the bank, two characters.
    bank: String,
    /// The bank's name in Korean; absent for a code that we do not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_name: Option<&'static str>,
    /// The bank's name in English; absent for a code that we do not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_name_en: Option<&'static str>,
    account_number: String,
    /// Whose name stands on it, while it is kept. For scope `checkout`, where the checkout is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    #[schema(value_type = Option<Instant>)]
    due_date: Option<String>,
}

/// Why an attempt ended without money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureBody {
    /// The payment provider's error code, or one of ours in lower case.
    code: String,
    /// A sentence for people.
    message: String,
    /// Whether the checkout takes another payment now; told only where it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retryable: bool,
    /// Before when the same way of paying will not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>)]
    retry_at: Option<String>,
}

impl FailureBody {
    pub(crate) fn new(failure: &Failure, retryable: bool) -> Self {
        Self {
            code: failure.code.clone().into(),
            message: failure.message.clone(),
            retryable,
            retry_at: failure.retry_at.map(rfc3339),
        }
    }
}

impl VirtualAccountBody {
    fn new(account: &VirtualAccount) -> Self {
        let names = banks::names(&account.bank);
        Self {
            bank: account.bank.clone(),
            bank_name: names.map(|names| names.korean),
            bank_name_en: names.map(|names| names.english),
            account_number: account.account_number.clone(),
            holder: None,
            due_date: account.due_date.map(rfc3339),
        }
    }
}

/// Where an operator finds the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Workflow)]
struct WorkflowBody {
    id: String,
    ui_url: Option<String>,
    /// When it asks the payment provider next, if nothing happens before. Null while it asks, and where nothing is
    /// asked; only where the checkout is read by itself.
    #[schema(value_type = Option<Instant>)]
    next_question_at: Option<String>,
}

impl CheckoutBody {
    /// What the first request was answered, and every repetition of it is: the checkout as it began.
    pub(crate) fn first(record: &CheckoutRecord, api: &Api) -> Self {
        let token = api.service.confirm_tokens.of(record);
        let mut body = Self {
            confirm_token: token.as_ref().map(|token| token.as_str().to_owned()),
            status: Status::NotStarted.as_str(),
            is_payment_done: Status::NotStarted.is_payment_done(),
            failure: None,
            psp: None,
            expires_at: rfc3339(record.expires_at),
            ..Self::current(record, &api.settings, token.as_ref())
        };
        for (order, record) in body.payment_orders.iter_mut().zip(&record.orders) {
            order.payment_order_status = Status::NotStarted.as_str();
            order.wallet_updated = false;
            order.ledger_updated = false;
            order.refunded_amount = Money::zero(record.refunded.currency()).to_decimal_string();
        }
        body
    }

    /// The checkout as it stands, for somebody who has the token, or for somebody else.
    fn current(record: &CheckoutRecord, settings: &Settings, token: Option<&ConfirmToken>) -> Self {
        let (amount, currency) = decimal(record.total);
        Self {
            checkout_id: record.checkout_id.to_string(),
            status: record.status.as_str(),
            order_name: record.order_name.clone(),
            buyer_id: Some(record.buyer_id.to_string()),
            buyer_info: None,
            amount,
            currency,
            is_payment_done: record.status.is_payment_done(),
            payment_page: payment_page(&record.checkout_id, settings, token),
            confirm_token: None,
            expires_at: rfc3339(deadline(record)),
            created_at: rfc3339(record.created_at),
            payment_orders: record.orders.iter().map(OrderBody::new).collect(),
            saved_card_id: record.saved_card.as_ref().map(ToString::to_string),
            use_escrow: record.window.use_escrow,
            cash_receipt_for: record.window.cash_receipt.map(ReceiptPreset::as_str),
            metadata: record.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            failure: record.failure.as_ref().map(|failure| FailureBody::new(failure, record.takes_retry(now()))),
            psp: record.psp.as_ref().map(PspBody::new),
            workflow: None,
            refund: None,
            refunds: None,
            dead_letter: None,
        }
    }

    /// Adds every refund of the checkout, the oldest first.
    pub(crate) fn with_refunds(self, refunds: &[RefundRecord]) -> Self {
        Self { refunds: Some(refunds.iter().map(RefundBody::new).collect()), ..self }
    }

    /// Adds the refund that was asked for.
    pub(crate) fn with_refund(self, refund: &RefundRecord) -> Self {
        Self { refund: Some(RefundBody::new(refund)), ..self }
    }

    /// Adds a refund that waits, or waited, for a second principal.
    pub(crate) fn with_approval(self, request: &RefundRequest, record: &ApprovalRecord) -> Self {
        Self { refund: Some(RefundBody::waiting(request, record)), ..self }
    }

    /// The checkout as it stands, for the buyer's browser: without the marketplace's own notes, and
    /// without what we and the PSP say of each other while the outcome is not known.
    pub(crate) fn for_buyer(record: &CheckoutRecord, settings: &Settings) -> Self {
        Self { buyer_id: None, metadata: None, failure: None, ..Self::current(record, settings, None) }
    }

    /// The checkout as it stands, for a caller of some scopes: who may confirm is told the token, in the address of the
    /// payment page, and an operator where the workflow is.
    pub(crate) fn for_scopes(scopes: Scopes, record: &CheckoutRecord, api: &Api) -> Self {
        let token = if scopes.includes(Scope::Checkout) { api.service.confirm_tokens.of(record) } else { None };
        let body = Self::current(record, &api.settings, token.as_ref());
        if scopes.includes(Scope::Ops) { body.with_workflow(record, api) } else { body }
    }

    /// Adds what is kept of the buyer.
    pub(crate) fn with_buyer(self, details: Option<BuyerDetails>) -> Self {
        Self { buyer_info: details.map(BuyerDetailsBody::new), ..self }
    }

    /// Adds whose name stands on the virtual account.
    pub(crate) fn with_holder(mut self, holder: Option<String>) -> Self {
        if let Some(account) = self.psp.as_mut().and_then(|psp| psp.virtual_account.as_mut()) {
            account.holder = holder;
        }
        self
    }

    /// Adds where an operator finds the workflow.
    fn with_workflow(mut self, record: &CheckoutRecord, api: &Api) -> Self {
        let id = record.workflow_id.to_string();
        self.workflow = Some(WorkflowBody { ui_url: ui_url(api, &id), id, next_question_at: None });
        self
    }

    /// Adds when the workflow asks the payment provider next, where an operator is told of the workflow.
    pub(crate) fn with_next_question(mut self, at: Option<Timestamp>) -> Self {
        if let Some(workflow) = &mut self.workflow {
            workflow.next_question_at = at.map(rfc3339);
        }
        self
    }

    /// Adds where an operator finds what a stuck checkout needs of them.
    pub(crate) fn with_letter(mut self, letter: Option<&DeadLetterId>) -> Self {
        self.dead_letter = letter.map(|id| format!("/v1/dead-letters/{id}"));
        self
    }
}

/// Where an operator sees a workflow.
pub(crate) fn ui_url(api: &Api, workflow_id: &str) -> Option<String> {
    let namespace = &api.service.temporal.options().namespace;
    let base = api.settings.temporal_ui_url.as_ref()?;
    Some(format!("{base}/namespaces/{namespace}/workflows/{workflow_id}"))
}

/// The page where the buyer pays. The token stands in the query, because the server decides by it what it shows; the
/// pages tell no other site their address.
fn payment_page(checkout_id: &CheckoutId, settings: &Settings, token: Option<&ConfirmToken>) -> String {
    format!("{}{}", settings.buyer_pages.public_url, page_path(checkout_id, "", token))
}

impl OrderBody {
    fn new(record: &OrderRecord) -> Self {
        let (amount, currency) = decimal(record.order.amount);
        Self {
            payment_order_id: record.order.id.to_string(),
            checkout_id: None,
            name: record.order.name.clone(),
            seller_account: record.order.seller.to_string(),
            amount,
            currency,
            payment_order_status: record.status.as_str(),
            wallet_updated: record.wallet_updated,
            ledger_updated: record.ledger_updated,
            refunded_amount: record.refunded.to_decimal_string(),
            tax: TaxBody::new(record.order.tax_parts()),
            tax_left: TaxBody::new(record.order.tax_parts_after(record.refunded)),
        }
    }

    /// A payment order by itself, which names its checkout.
    pub(crate) fn alone(record: &OrderRecord, checkout_id: &CheckoutId) -> Self {
        Self { checkout_id: Some(checkout_id.to_string()), ..Self::new(record) }
    }
}

impl RefundBody {
    fn new(record: &RefundRecord) -> Self {
        let order = |part: &Part| RefundOrderBody {
            payment_order_id: part.order.to_string(),
            amount: part.amount.to_decimal_string(),
        };
        Self {
            refund_id: record.refund_id.to_string(),
            status: record.status.as_str(),
            amount: record.amount.map(Money::to_decimal_string),
            currency: record.currency.code(),
            orders: record.parts.iter().map(order).collect(),
            reason: record.reason.clone(),
            failure: record.failure.as_ref().map(|failure| FailureBody::new(failure, false)),
            approval: None,
            requested_at: rfc3339(record.requested_at),
            executed_at: record.executed_at.map(rfc3339),
        }
    }
}

impl RefundBody {
    /// A refund that was asked for and waits, or waited, for a second principal.
    fn waiting(request: &RefundRequest, record: &ApprovalRecord) -> Self {
        let asked = &record.asked;
        Self {
            refund_id: asked.refund_id.to_string(),
            status: RefundStatus::Requested.as_str(),
            amount: Some(asked.amount.to_decimal_string()),
            currency: asked.amount.currency().code(),
            orders: Vec::new(),
            reason: request.reason.clone(),
            failure: None,
            approval: Some(record.standing().as_str()),
            requested_at: rfc3339(asked.requested_at),
            executed_at: None,
        }
    }
}

impl PspBody {
    fn new(record: &PspRecord) -> Self {
        Self {
            name: PSP_NAME,
            payment_key_suffix: suffix(record.payment_key.as_str()).to_owned(),
            method: method(record).map(str::to_owned),
            approved_at: record.approved_at.map(rfc3339),
            receipt_url: record.receipt_url.clone(),
            virtual_account: record.virtual_account.as_ref().map(VirtualAccountBody::new),
        }
    }
}

/// How the buyer pays, in the PSP's words. The row holds it from the capture on; before, an opened account tells.
fn method(record: &PspRecord) -> Option<&str> {
    record.method.as_deref().or_else(|| record.virtual_account.as_ref().map(|_| VIRTUAL_ACCOUNT))
}

/// Until when the buyer may pay: an account that was opened is paid into until its due date, whatever time the buyer
/// had for the window.
fn deadline(record: &CheckoutRecord) -> Timestamp {
    let account = record.psp.as_ref().and_then(|psp| psp.virtual_account.as_ref());
    account.and_then(|account| account.due_date).unwrap_or(record.expires_at)
}

/// The end of a payment key; nothing of one so short that its end would give away half of it. A payment key
/// is ASCII.
fn suffix(payment_key: &str) -> &str {
    let hidden = payment_key.len().saturating_sub(KEY_SUFFIX_CHARS);
    payment_key.get(hidden..).filter(|_| hidden > KEY_SUFFIX_CHARS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_key_is_shown_by_its_end_only() {
        assert_eq!(suffix("daege20261121232253cP48kI4X"), "kI4X");
        assert_eq!(suffix("12345678"), "");
        assert_eq!(suffix("abc"), "");
    }
}
