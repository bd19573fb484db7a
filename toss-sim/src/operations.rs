//! What Toss's API does, once a call is through the gate.

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::authorization::Caller;
use crate::bodies::{ConfirmBody, Won, account_request, cancel_request, read};
use crate::codes::{Code, Language};
use crate::mischief::Subject;
use crate::payment::{Confirmed, Method, Payment, Twist};
use crate::payment_json::payment_json;
use crate::reconciliation;
use crate::till::Kept;
use crate::time::Instant;
use crate::world::World;

/// Won by which `wrong_amount` is wrong.
pub(crate) const WRONG_BY: u64 = 100;

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Confirm,
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
    /// Payouts are not simulated; mischief on them is.
    Payouts,
}

impl Operation {
    /// What mischief calls it; issuing a virtual account has no name there.
    pub(crate) fn subject(&self) -> Option<Subject> {
        match self {
            Self::Confirm => Some(Subject::Confirm),
            Self::Cancel { .. } => Some(Subject::Cancel),
            Self::LookUpPayment { .. } | Self::LookUpOrder { .. } => Some(Subject::Lookup),
            Self::IssueVirtualAccount => None,
            Self::ListTransactions { .. } => Some(Subject::Transactions),
            Self::ListSettlements { .. } => Some(Subject::Settlements),
            Self::Payouts => Some(Subject::Payouts),
        }
    }
}

/// How an execution should go other than it would by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tampering {
    pub(crate) twist: Twist,
    /// Won by which the answer alone is wrong.
    pub(crate) shown_extra: u64,
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
    /// `{"code", "message"}`: the error of API v1.
    pub(crate) fn refusal(code: Code, language: Language) -> Self {
        let body = json!({ "code": code.name(), "message": code.message(language) });
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
}

struct Done {
    value: Value,
    took_effect: bool,
}

impl World {
    /// Carries a call out.
    pub(crate) fn execute(&mut self, ask: &Ask, caller: &Caller, tampering: Tampering, now: Instant) -> Answer {
        // Measured on the real server: the test code answers before the body is looked at.
        if let Some(name) = &ask.test_code {
            return Answer::refusal(Code::named(name).unwrap_or(Code::InvalidTestCode), ask.language);
        }
        match self.perform(ask, caller, tampering.twist, now) {
            Ok(mut done) => {
                overstate(&mut done.value, tampering.shown_extra);
                Answer { status: 200, body: Bytes::from(done.value.to_string()), took_effect: done.took_effect }
            }
            Err(code) => Answer::refusal(code, ask.language),
        }
    }

    fn perform(&mut self, ask: &Ask, caller: &Caller, twist: Twist, now: Instant) -> Result<Done, Code> {
        match &ask.operation {
            Operation::Confirm => self.confirm(ask, caller, twist, now),
            Operation::Cancel { payment_key } => self.cancel(payment_key, ask, caller, now),
            Operation::LookUpPayment { payment_key } => {
                let kept = self.owned(payment_key, caller)?;
                Ok(Done { value: self.show(kept, ask.language, now), took_effect: false })
            }
            Operation::LookUpOrder { order_id } => {
                let kept = self.till.of_order(order_id).filter(|kept| kept.merchant == caller.merchant);
                let kept = kept.ok_or(Code::NotFoundPayment)?;
                Ok(Done { value: self.show(kept, ask.language, now), took_effect: false })
            }
            Operation::IssueVirtualAccount => self.issue_virtual_account(ask, caller, now),
            Operation::ListTransactions { query } => {
                let value = reconciliation::transactions(self, caller.merchant, query, ask.language)?;
                Ok(Done { value, took_effect: false })
            }
            Operation::ListSettlements { query } => {
                let value = reconciliation::settlements(self, caller.merchant, query, ask.language, now)?;
                Ok(Done { value, took_effect: false })
            }
            Operation::Payouts => Err(Code::NotFound),
        }
    }

    fn confirm(&mut self, ask: &Ask, caller: &Caller, twist: Twist, now: Instant) -> Result<Done, Code> {
        let ConfirmBody { payment_key, order_id, amount: Won(amount) } = read(&ask.body)?;
        let kept = self.owned(&payment_key, caller)?;
        if kept.pair.is_some_and(|pair| pair != caller.pair) {
            return Err(Code::InvalidApiKey);
        }
        if kept.payment.order_id == order_id && self.order_is_used_up_by_another(&payment_key, &order_id) {
            return Err(Code::DuplicatedOrderId);
        }
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
            Confirmed::AccountIssued => {}
        }
        self.announce(&payment_key, now);
        let kept = self.owned(&payment_key, caller)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
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
        let request = cancel_request(&ask.body)?;
        let was_captured = self.owned(payment_key, caller)?.payment.captured;
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
        let is_used_up = self.till.attempts(&request.order_id).any(|kept| kept.payment.status.uses_up_the_order());
        if is_used_up {
            return Err(Code::DuplicatedOrderId);
        }
        let merchant_id = self.merchants.get(caller.merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        let key = self.mint.payment_key(merchant_id, now);
        let mut payment = Payment::ready(key.clone(), request.order_id, request.order_name, request.amount, now);
        payment.customer_name = request.customer_name;
        payment.bank_code = request.bank_code.to_owned();
        payment.issue_account(request.due, self.mint.fresh());
        debug_assert_eq!(payment.method, Some(Method::VirtualAccount));
        let kept = Kept { payment, merchant: caller.merchant, pair: None, is_billed: false, return_urls: None };
        if !self.till.keep(kept) {
            return Err(Code::FailedInternalSystemProcessing);
        }
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
        payment_json(&kept.payment, self.setting(kept.merchant, language, now))
    }
}

/// Makes the amounts of an answer wrong; of a list, its first row's.
fn overstate(value: &mut Value, extra: u64) {
    if extra == 0 {
        return;
    }
    let target = match value {
        Value::Array(rows) => rows.first_mut(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Some(value),
    };
    let Some(Value::Object(fields)) = target else { return };
    for name in ["totalAmount", "amount"] {
        if let Some(amount) = fields.get(name).and_then(Value::as_u64) {
            fields.insert(name.to_owned(), json!(amount.saturating_add(extra)));
        }
    }
}
