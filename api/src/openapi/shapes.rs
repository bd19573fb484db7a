//! Schemas of values that `domain` and `store` own, which know nothing of HTTP.

use std::borrow::Cow;

use domain::{
    cash_receipt::{ReceiptEntry, ReceiptPreset, ReceiptPurpose, ReceiptStanding, ReceiptStatus, RequestStatus},
    checkout::Status,
    dead_letter::{DeclaredOutcome, LetterStatus},
    event::EventType,
    ledger::Reason,
    payout::{PaidBy, PayoutKind, PayoutStatus, RunStatus, bank_file::BankAnswer, idle::IdleReason, plan::CarryReason},
    reconciliation::{BreakClass, BreakStatus, BreakType, RunStatus as ReconciliationStatus, Template},
    refund::RefundStatus,
    saved_card::SavedCardStatus,
};
use store::ApprovalStanding;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Declares a type that stands for a text of a fixed list.
macro_rules! text_of_a_list {
    ($(#[doc = $doc:literal])+ $name:ident, $public:literal, $list:expr) => {
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
                text.enum_values(Some($list)).description(Some(description)).into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $public.into()
            }
        }
    };
}
pub(crate) use text_of_a_list;

text_of_a_list! {
    /// Where a checkout or a payment order stands.
    StatusName, "Status", Status::ALL.map(Status::as_str)
}
text_of_a_list! {
    /// Where a saved card stands.
    SavedCardStatusName, "SavedCardStatus", SavedCardStatus::ALL.map(SavedCardStatus::as_str)
}
text_of_a_list! {
    /// Where the cash receipts of a payment stand together.
    ReceiptStandingName, "CashReceiptStanding", ReceiptStanding::ALL.map(ReceiptStanding::as_str)
}
text_of_a_list! {
    /// Whether a cash receipt records a payment or takes a part of it back.
    ReceiptEntryName, "CashReceiptEntry", ReceiptEntry::ALL.map(ReceiptEntry::as_str)
}
text_of_a_list! {
    /// What the buyer uses a cash receipt for: a person's income deduction, or the proof of a business expense.
    ReceiptPurposeName, "CashReceiptPurpose", ReceiptPurpose::ALL.map(ReceiptPurpose::as_str)
}
text_of_a_list! {
    /// The cash receipt that is chosen when the payment window opens: for a person, for a business, or none.
    ReceiptPresetName, "CashReceiptPreset", ReceiptPreset::ALL.map(ReceiptPreset::as_str)
}
text_of_a_list! {
    /// How far a cash receipt is that was asked for.
    ReceiptRequestStatusName, "CashReceiptRequestStatus", RequestStatus::ALL.map(RequestStatus::as_str)
}
text_of_a_list! {
    /// Where a cash receipt stands at the tax office.
    ReceiptStatusName, "CashReceiptStatus", ReceiptStatus::ALL.map(ReceiptStatus::as_str)
}
text_of_a_list! {
    /// Why an entry was booked.
    ReasonName, "Reason", Reason::ALL.map(Reason::as_str)
}
text_of_a_list! {
    /// Where a refund stands.
    RefundStatusName, "RefundStatus", RefundStatus::ALL.map(RefundStatus::as_str)
}
text_of_a_list! {
    /// Where a refund stands that needs a second principal.
    ApprovalName, "RefundApprovalStatus", ApprovalStanding::ALL.map(ApprovalStanding::as_str)
}
text_of_a_list! {
    /// Where a payout run stands.
    RunStatusName, "PayoutRunStatus", RunStatus::ALL.map(RunStatus::as_str)
}
text_of_a_list! {
    /// Whom a run pays: sellers, or the marketplace itself.
    PayoutKindName, "PayoutKind", PayoutKind::ALL.map(PayoutKind::as_str)
}
text_of_a_list! {
    /// The way on which a run pays sellers: through the payment provider, or by a file of transfers that a person takes
    /// to the marketplace's bank.
    PaidByName, "PaidBy", PaidBy::ALL.map(PaidBy::as_str)
}
text_of_a_list! {
    /// What the marketplace's bank made of a transfer.
    BankAnswerName, "BankAnswer", BankAnswer::ALL.map(BankAnswer::as_str)
}
text_of_a_list! {
    /// Where a payout stands.
    PayoutStatusName, "PayoutStatus", PayoutStatus::ALL.map(PayoutStatus::as_str)
}
text_of_a_list! {
    /// Why money stays with the marketplace until a later run.
    CarryReasonName, "CarryReason", CarryReason::ALL.map(CarryReason::as_str)
}
text_of_a_list! {
    /// Why a run does not look at a seller.
    IdleReasonName, "NotDueReason", IdleReason::ALL.map(IdleReason::as_str)
}
text_of_a_list! {
    /// What an event tells.
    EventTypeName, "EventType", EventType::ALL.map(EventType::as_str)
}
text_of_a_list! {
    /// Where a dead letter stands.
    LetterStatusName, "DeadLetterStatus", LetterStatus::ALL.map(LetterStatus::as_str)
}
text_of_a_list! {
    /// How an operator may resolve the letter. An operator can declare that no money was taken. Only the payment
    /// provider can confirm that money was taken: use `retry` to ask.
    OutcomeName, "Outcome", DeclaredOutcome::ALL.map(DeclaredOutcome::as_str)
}
text_of_a_list! {
    /// An ISO 4217 code.
    CurrencyCode, "Currency", ["KRW", "USD", "JPY"]
}

/// Declares a type that stands for a text of a form.
macro_rules! text_of_a_form {
    ($(#[doc = $doc:literal])+ $name:ident, $public:literal, $pattern:literal, $example:literal) => {
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some(description))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $public.into()
            }
        }
    };
}

text_of_a_form! {
    /// The id of a checkout, and the order number that the buyer and the payment provider see.
    CheckoutName, "CheckoutId", "^[A-Za-z0-9_-]{6,64}$", "order-2026-1"
}
text_of_a_form! {
    /// The id of one seller's part of a checkout.
    PaymentOrderName, "PaymentOrderId", "^[A-Za-z0-9_-]{1,64}$", "order-2026-1-a"
}
text_of_a_form! {
    /// An account of the chart, by its name.
    AccountName, "AccountName", "^[^\\x00-\\x1F\\x7F]+$", "psp:receivable"
}
text_of_a_form! {
    /// The key of an entry: its reason and what it is about.
    EntryName, "EntryId", "^[^\\x00-\\x1F\\x7F]+$", "payment_captured:order-2026-1"
}
text_of_a_form! {
    /// The account a seller is credited on.
    SellerName, "SellerAccount", "^[A-Za-z0-9_.-]{1,64}$", "seller-a"
}
text_of_a_form! {
    /// The marketplace's own id of a buyer.
    BuyerName, "BuyerId", "^[A-Za-z0-9_.:@+-]{1,64}$", "buyer-1"
}
text_of_a_form! {
    /// The id of a saved card.
    SavedCardName, "SavedCardId", "^[A-Za-z0-9_-]{6,50}$", "card_6f2c5e0a7d0b5c7e9a55d2c034b8a1f7"
}
text_of_a_form! {
    /// The id of a refund.
    RefundName, "RefundId", "^[A-Za-z0-9_-]{1,64}$", "refund-6f2c5e0a-7d0b-5c7e-9a55-d2c034b8a1f7"
}
text_of_a_form! {
    /// The id of a hold.
    HoldName, "HoldId", "^[A-Za-z0-9_-]{1,64}$", "hold-6f2c5e0a-7d0b-5c7e-9a55-d2c034b8a1f7"
}
text_of_a_form! {
    /// The id of a payout run.
    PayoutRunName, "PayoutRunId", "^[A-Za-z0-9_-]{6,64}$", "run_2026-12-01"
}
text_of_a_form! {
    /// The id of a payout: its last 32 digits are the first of the SHA-256 of its statement.
    PayoutName, "PayoutId", "^[A-Za-z0-9_-]{1,40}$", "po_9f86d081884c7d659a2feaa0c55ad015"
}
text_of_a_form! {
    /// The id of a dead letter: its workflow, its run, and a number.
    LetterName, "DeadLetterId", "^[A-Za-z0-9_.-]{1,200}$", "checkout-6f2c5e0a.0198c1de.1"
}
text_of_a_list! {
    /// How a break is dealt with.
    BreakClassName, "BreakClass", BreakClass::ALL.map(BreakClass::as_str)
}
text_of_a_list! {
    /// Where a break stands.
    BreakStatusName, "BreakStatus", BreakStatus::ALL.map(BreakStatus::as_str)
}
text_of_a_list! {
    /// A type of break. `docs/how-to/reconcile.md` says what each asks of whom.
    BreakTypeName, "BreakType", BreakType::ALL.map(BreakType::as_str)
}
text_of_a_list! {
    /// How a break is resolved: nothing is booked, or what is in suspense moves to an account.
    TemplateName, "ResolutionTemplate", Template::ALL.map(Template::as_str)
}
text_of_a_list! {
    /// How a reconciliation stands or ended.
    ReconciliationStatusName, "ReconciliationStatus", ReconciliationStatus::ALL.map(ReconciliationStatus::as_str)
}
text_of_a_form! {
    /// The id of a break: the same for the same difference in every run.
    BreakName, "BreakId", "^brk_[0-9a-f]{24}$", "brk_5d41402abc4b2a76b9719d91"
}
text_of_a_form! {
    /// A day in Korea.
    DayName, "Day", "^\\d{4}-\\d{2}-\\d{2}$", "2026-11-21"
}
text_of_a_form! {
    /// Money above zero, in decimal digits without a sign. KRW and JPY have no decimals, USD has at most two.
    Amount, "Amount", "^[0-9]+(\\.[0-9]+)?$", "15000"
}
text_of_a_form! {
    /// Money in decimal digits; below zero it has a minus before it.
    Balance, "Balance", "^-?[0-9]+(\\.[0-9]+)?$", "15000"
}
text_of_a_form! {
    /// The id of an event.
    EventName, "EventId", "^evt_[0-9a-f]{32}$", "evt_5d41402abc4b2a76b9719d911017c592"
}
text_of_a_form! {
    /// An instant, RFC 3339 in UTC, to the millisecond.
    Instant, "Instant", "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$", "2026-11-21T09:00:00.000Z"
}
text_of_a_form! {
    /// Bytes in base64 with its padding.
    Base64, "Base64", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", "InBsYWluIg=="
}
text_of_a_form! {
    /// SHA-256 in lower-case hex.
    Hash, "Hash", "^[0-9a-f]{64}$", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}
