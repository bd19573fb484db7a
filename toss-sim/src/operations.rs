//! What Toss's API does, once a call is through the gate.

use axum::body::Bytes;
use serde_json::Value;

use crate::authorization::Caller;
use crate::billing::BillingCall;
use crate::bodies::{ConfirmBody, account_request, cancel_request};
use crate::cash_receipt::ReceiptCall;
use crate::codes::{Code, Language};
use crate::currency::Money;
use crate::envelope::{self, Dialect, Done, Refusal};
use crate::fields::read;
use crate::jwe;
use crate::method::Method;
use crate::mischief::{Pages, Subject};
use crate::payment::{Confirmed, Payment, Twist};
use crate::payment_json::{Setting, payment_json};
use crate::payout_calls::PayoutCall;
use crate::reconciliation;
use crate::tamper::{self, ListFault, Novelty};
use crate::till::Kept;
use crate::time::Instant;
use crate::world::World;

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The body names the payment, or, in the older form, the path.
    Confirm {
        payment_key: Option<String>,
    },
    KeyIn,
    Cancel {
        payment_key: String,
    },
    LookUpPayment {
        payment_key: String,
    },
    LookUpOrder {
        order_id: String,
    },
    IssueVirtualAccount,
    ListTransactions {
        query: String,
    },
    ListSettlements {
        query: String,
    },
    Billing(BillingCall),
    CashReceipt(ReceiptCall),
    Payout(PayoutCall),
}

impl Operation {
    /// What mischief calls it.
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::Confirm { .. } => Subject::Confirm,
            Self::KeyIn => Subject::KeyIn,
            Self::CashReceipt(_) => Subject::CashReceipts,
            Self::Cancel { .. } => Subject::Cancel,
            Self::LookUpPayment { .. } | Self::LookUpOrder { .. } => Subject::Lookup,
            Self::IssueVirtualAccount => Subject::VirtualAccounts,
            Self::ListTransactions { .. } => Subject::Transactions,
            Self::ListSettlements { .. } => Subject::Settlements,
            Self::Billing(_) => Subject::Billing,
            Self::Payout(call) => call.subject(),
        }
    }

    /// Of a list, the pages to which the asked one belongs.
    pub(crate) fn page(&self) -> Option<Pages> {
        let is_first = match self {
            Self::ListSettlements { query } => reconciliation::page_number(query).is_ok_and(|page| page <= 1),
            Self::ListTransactions { query } | Self::Payout(PayoutCall::ListPayouts { query }) => {
                reconciliation::field(query, "startingAfter").is_none()
            }
            Self::Confirm { .. }
            | Self::KeyIn
            | Self::Cancel { .. }
            | Self::LookUpPayment { .. }
            | Self::LookUpOrder { .. }
            | Self::IssueVirtualAccount
            | Self::Billing(_)
            | Self::CashReceipt(_)
            | Self::Payout(_) => return None,
        };
        Some(if is_first { Pages::First } else { Pages::Later })
    }

    /// The same question about the page after a page of these rows.
    fn after(&self, page: &Value) -> Self {
        match self {
            Self::ListSettlements { query } => {
                let next = reconciliation::page_number(query).unwrap_or(1).saturating_add(1);
                Self::ListSettlements { query: reconciliation::with_field(query, "page", &next.to_string()) }
            }
            Self::ListTransactions { query } => match page.as_array().and_then(|rows| rows.last()) {
                Some(last) => Self::ListTransactions { query: after(query, &last["transactionKey"]) },
                None => self.clone(),
            },
            Self::Payout(PayoutCall::ListPayouts { query }) if page["lastCursor"].is_string() => {
                Self::Payout(PayoutCall::ListPayouts { query: after(query, &page["lastCursor"]) })
            }
            Self::Confirm { .. }
            | Self::KeyIn
            | Self::Cancel { .. }
            | Self::LookUpPayment { .. }
            | Self::LookUpOrder { .. }
            | Self::IssueVirtualAccount
            | Self::Billing(_)
            | Self::CashReceipt(_)
            | Self::Payout(_) => self.clone(),
        }
    }

    /// Which API it belongs to.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Confirm { .. }
            | Self::KeyIn
            | Self::CashReceipt(_)
            | Self::Cancel { .. }
            | Self::LookUpPayment { .. }
            | Self::LookUpOrder { .. }
            | Self::IssueVirtualAccount
            | Self::ListTransactions { .. }
            | Self::ListSettlements { .. }
            | Self::Billing(_) => Dialect::V1,
            Self::Payout(_) => Dialect::V2,
        }
    }
}

/// How an execution should go other than it would by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tampering {
    pub(crate) twist: Twist,
    /// Minor units by which the answer alone is wrong.
    pub(crate) shown_extra: u64,
    /// A field of the answer that no client knows.
    pub(crate) novelty: Option<Novelty>,
    /// What is wrong with a page of a list.
    pub(crate) of_list: Option<ListFault>,
}

/// A status and a body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// Money moved or an account was issued.
    pub(crate) took_effect: bool,
}

impl Answer {
    /// A refusal of API v1 that has no call: its path or its body was not even read.
    pub(crate) fn refusal(code: Code, language: Language) -> Self {
        let body = envelope::error(Dialect::V1, &code.into(), language, "");
        Self { status: code.status(), body: Bytes::from(body.to_string()), took_effect: false }
    }
}

/// The parts of a call that an operation reads.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    pub(crate) body: Bytes,
    pub(crate) test_code: Option<String>,
    pub(crate) language: Language,
    /// The request says that its body is encrypted.
    pub(crate) is_encrypted: bool,
    /// Minted when the call is taken in.
    pub(crate) trace_id: String,
}

impl Ask {
    /// The answer that says what went wrong.
    pub(crate) fn refusal(&self, refusal: impl Into<Refusal>) -> Answer {
        let refusal = refusal.into();
        let body = envelope::error(self.operation.dialect(), &refusal, self.language, &self.trace_id);
        Answer { status: refusal.code.status(), body: Bytes::from(body.to_string()), took_effect: false }
    }
}

impl World {
    /// Carries a call out.
    pub(crate) fn execute(&mut self, ask: &Ask, caller: &Caller, tampering: Tampering, now: Instant) -> Answer {
        let answer = self.executed(ask, caller, tampering, now);
        self.under_encryption(answer, ask, caller, now)
    }

    fn executed(&mut self, ask: &Ask, caller: &Caller, tampering: Tampering, now: Instant) -> Answer {
        // Measured on the real server: the test code answers before the body is looked at.
        if let Some(name) = &ask.test_code {
            return ask.refusal(Code::named(name).unwrap_or(Code::InvalidTestCode));
        }
        let mut performed = self.perform(ask, caller, tampering.twist, now);
        if let (Some(ListFault::DroppedPage), Ok(page)) = (tampering.of_list, &performed) {
            let next = Ask { operation: ask.operation.after(&page.value), ..ask.clone() };
            performed = self.perform(&next, caller, tampering.twist, now);
        }
        match performed {
            Ok(mut done) => {
                tamper::damage(&mut done.value, tampering.of_list);
                tamper::overstate(&mut done.value, tampering.shown_extra);
                if let Some(novelty) = tampering.novelty {
                    tamper::surprise(&mut done.value, novelty);
                }
                written(ask, &done)
            }
            Err(refusal) => ask.refusal(refusal),
        }
    }

    /// Encrypts an answer of the payout API, a refusal too, when the request said that it is encrypted. One to a
    /// merchant whose security key is no key goes out in the clear.
    pub(crate) fn under_encryption(&mut self, answer: Answer, ask: &Ask, caller: &Caller, now: Instant) -> Answer {
        if !ask.is_encrypted || ask.operation.dialect() == Dialect::V1 {
            return answer;
        }
        let random = self.mint.draw();
        let key = self.security_key(caller).ok();
        match key.and_then(|key| jwe::seal(&answer.body, key, now, random)) {
            Some(sealed) => Answer { body: Bytes::from(sealed), ..answer },
            None => answer,
        }
    }

    fn security_key(&self, caller: &Caller) -> Result<&str, Code> {
        let merchant = self.merchants.get(caller.merchant).ok_or(Code::NotFoundMerchant)?;
        Ok(&merchant.security_key)
    }

    /// The body as it was before it was encrypted; a call that needs encryption refuses a plain one.
    fn opened(&self, call: &PayoutCall, ask: &Ask, caller: &Caller) -> Result<Bytes, Code> {
        if !call.is_sealed() {
            return Ok(ask.body.clone());
        }
        if !ask.is_encrypted {
            return Err(Code::InvalidRequest);
        }
        jwe::open(&ask.body, self.security_key(caller)?, self.compression).map(Bytes::from).ok_or(Code::InvalidRequest)
    }

    fn perform(&mut self, ask: &Ask, caller: &Caller, twist: Twist, now: Instant) -> Result<Done, Refusal> {
        match &ask.operation {
            Operation::Confirm { payment_key } => Ok(self.confirm(payment_key.as_deref(), ask, caller, twist, now)?),
            Operation::KeyIn => Ok(self.key_in(ask, caller, twist, now)?),
            Operation::CashReceipt(call) => Ok(self.perform_receipt(call, ask, caller, now)?),
            Operation::Cancel { payment_key } => Ok(self.cancel(payment_key, ask, caller, now)?),
            Operation::LookUpPayment { payment_key } => {
                let kept = self.owned(payment_key, caller)?;
                Ok(Done { value: self.show(kept, ask.language, now), took_effect: false })
            }
            Operation::LookUpOrder { order_id } => {
                let kept = self.till.of_order(order_id).filter(|kept| kept.merchant == caller.merchant);
                let kept = kept.ok_or(Code::NotFoundPayment)?;
                Ok(Done { value: self.show(kept, ask.language, now), took_effect: false })
            }
            Operation::IssueVirtualAccount => Ok(self.issue_virtual_account(ask, caller, now)?),
            Operation::ListTransactions { query } => {
                let value = reconciliation::transactions(self, caller.merchant, query, ask.language)?;
                Ok(Done { value, took_effect: false })
            }
            Operation::ListSettlements { query } => {
                let value = reconciliation::settlements(self, caller.merchant, query, ask.language, now)?;
                Ok(Done { value, took_effect: false })
            }
            Operation::Billing(call) => Ok(self.perform_billing(call, ask, caller, now)?),
            Operation::Payout(call) => {
                let body = self.opened(call, ask, caller)?;
                self.perform_payout(call, &body, caller, now)
            }
        }
    }

    fn confirm(
        &mut self,
        of_path: Option<&str>,
        ask: &Ask,
        caller: &Caller,
        twist: Twist,
        now: Instant,
    ) -> Result<Done, Code> {
        let ConfirmBody { payment_key, order_id, amount } = read(&ask.body)?;
        let payment_key = of_path.map(str::to_owned).or(payment_key).ok_or(Code::InvalidRequest)?;
        let kept = self.owned(&payment_key, caller)?;
        if kept.pair.is_some_and(|pair| pair != caller.pair) {
            return Err(Code::InvalidApiKey);
        }
        if kept.payment.order_id == order_id && self.order_is_used_up_by_another(&payment_key, &order_id) {
            return Err(Code::DuplicatedOrderId);
        }
        self.refuse_closed_bank(kept.payment.method, now)?;
        let amount = amount.minor(kept.payment.currency)?;
        let fresh = self.mint.fresh();
        let confirmed = self
            .till
            .change(&payment_key, |payment| payment.confirm(&order_id, amount, twist, now, fresh))
            .ok_or(Code::NotFoundPayment)?;
        match confirmed {
            Confirmed::Refused(code) => return Err(code),
            Confirmed::Declined(code) => {
                self.announce(&payment_key, now);
                return Err(code);
            }
            Confirmed::Captured => self.note_capture(&payment_key, now),
            Confirmed::AccountIssued => self.till.note_transaction(&payment_key, 0, now),
        }
        self.announce(&payment_key, now);
        let kept = self.owned(&payment_key, caller)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
    }

    /// A bank that is closed moves no money, neither way.
    fn refuse_closed_bank(&self, method: Option<Method>, now: Instant) -> Result<(), Code> {
        let is_closed = self.bank_closed_until.is_some_and(|until| now < until);
        let needs_it = method.is_some_and(Method::needs_the_bank);
        if is_closed && needs_it { Err(Code::NotAvailableBank) } else { Ok(()) }
    }

    /// A method that the contract in the merchant's currency does not have.
    pub(crate) fn refuse_other_methods(&self, method: Method, caller: &Caller) -> Result<(), Code> {
        let is_offered = method.is_offered_in(self.currency_of(caller.merchant));
        if is_offered { Ok(()) } else { Err(Code::NotSupportedMethod) }
    }

    fn order_is_used_up_by_another(&self, payment_key: &str, order_id: &str) -> bool {
        self.till
            .attempts(order_id)
            .any(|kept| kept.payment.key != payment_key && kept.payment.status.uses_up_the_order())
    }

    /// Writes the approval down as a transaction of the whole amount.
    pub(crate) fn note_capture(&mut self, payment_key: &str, now: Instant) {
        if let Some(total) = self.till.get(payment_key).map(|kept| kept.payment.total) {
            self.till.note_transaction(payment_key, total, now);
        }
    }

    fn cancel(&mut self, payment_key: &str, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let payment = &self.owned(payment_key, caller)?.payment;
        let request = cancel_request(&ask.body, payment.currency)?;
        let was_captured = payment.captured;
        self.refuse_closed_bank(payment.method.filter(|_| was_captured), now)?;
        let fresh = self.mint.fresh();
        self.till
            .change(payment_key, |payment| payment.cancel(&request, now, fresh))
            .ok_or(Code::NotFoundPayment)??;
        // After this point it must succeed.
        let canceled = self.till.get(payment_key).and_then(|kept| kept.payment.cancels.last());
        if let Some(amount) = canceled.map(|cancel| cancel.amount).filter(|_| was_captured) {
            self.till.note_transaction(payment_key, amount, now);
        }
        self.announce(payment_key, now);
        let kept = self.owned(payment_key, caller)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
    }

    fn issue_virtual_account(&mut self, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let request = account_request(&ask.body, now)?;
        self.refuse_other_methods(Method::VirtualAccount, caller)?;
        let is_used_up = self.till.attempts(&request.order_id).any(|kept| kept.payment.status.uses_up_the_order());
        if is_used_up {
            return Err(Code::DuplicatedOrderId);
        }
        let merchant_id = self.merchants.get(caller.merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        let key = self.mint.payment_key(merchant_id, now);
        let mut payment =
            Payment::ready(key.clone(), request.order_id, request.order_name, Money::won(request.amount), now);
        payment.customer_name = request.customer_name;
        payment.bank_code = request.bank_code.to_owned();
        let due = request.terms.deposit_due(now);
        payment.terms = request.terms;
        payment.issue_account(due, self.mint.fresh());
        debug_assert_eq!(payment.method, Some(Method::VirtualAccount));
        if !self.till.keep(Kept::of(payment, caller.merchant)) {
            return Err(Code::FailedInternalSystemProcessing);
        }
        self.till.note_transaction(&key, 0, now);
        self.announce(&key, now);
        let kept = self.owned(&key, caller)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
    }

    /// The payment, if it is the caller's: another merchant's does not exist.
    fn owned(&self, payment_key: &str, caller: &Caller) -> Result<&Kept, Code> {
        self.till.get(payment_key).filter(|kept| kept.merchant == caller.merchant).ok_or(Code::NotFoundPayment)
    }

    /// A payment as its merchant sees it.
    pub(crate) fn show(&self, kept: &Kept, language: Language, now: Instant) -> Value {
        let payment_type = if kept.is_billed { "BILLING" } else { "NORMAL" };
        payment_json(&kept.payment, Setting { payment_type, ..self.setting(kept.merchant, language, now) })
    }
}

/// The query of what follows a row.
fn after(query: &str, row: &Value) -> String {
    reconciliation::with_field(query, "startingAfter", row.as_str().unwrap_or_default())
}

/// Writes an answer: bare in v1, in an envelope in v2.
fn written(ask: &Ask, done: &Done) -> Answer {
    let text = match &ask.operation {
        Operation::Payout(call) => envelope::entity(call.entity_type(), &done.value, &ask.trace_id).to_string(),
        // Measured: a deleted key is answered with nothing.
        Operation::Billing(BillingCall::Delete { .. }) => String::new(),
        Operation::Billing(_)
        | Operation::Confirm { .. }
        | Operation::KeyIn
        | Operation::CashReceipt(_)
        | Operation::Cancel { .. }
        | Operation::LookUpPayment { .. }
        | Operation::LookUpOrder { .. }
        | Operation::IssueVirtualAccount
        | Operation::ListTransactions { .. }
        | Operation::ListSettlements { .. } => done.value.to_string(),
    };
    Answer { status: 200, body: Bytes::from(text), took_effect: done.took_effect }
}
