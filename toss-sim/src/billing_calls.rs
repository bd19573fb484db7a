//! What the billing API does, once a call is through the gate.

use serde_json::{Value, json};

use crate::authorization::Caller;
use crate::billing::{BillingCall, BillingKey, ChargeBody};
use crate::codes::Code;
use crate::envelope::Done;
use crate::operations::Ask;
use crate::outbox::{Event, EventName};
use crate::payment::{Confirmed, Method, Payment, Twist};
use crate::till::Kept;
use crate::time::{Instant, with_microseconds};
use crate::world::World;

const BILLING_KEY_LENGTH: usize = 43;
/// Why a key is gone, as Toss writes it.
const DELETED_BY_API: &str = "삭제 API 요청";

impl World {
    pub(crate) fn perform_billing(
        &mut self,
        call: &BillingCall,
        ask: &Ask,
        caller: &Caller,
        now: Instant,
    ) -> Result<Done, Code> {
        match call {
            BillingCall::IssueByCard => {
                // Ends in `=`, as the real ones do: a client has to encode it in a path, or not.
                let key = format!("{}=", self.mint.named("", BILLING_KEY_LENGTH));
                let issued = BillingKey::issued(key, caller.merchant, &ask.body, now)?;
                let value = issued.json(self.setting(caller.merchant, ask.language, now).merchant_id, ask.language);
                let is_kept = self.billing.keep(issued);
                if is_kept { Ok(Done { value, took_effect: true }) } else { Err(Code::FailedInternalSystemProcessing) }
            }
            BillingCall::Charge { billing_key } => self.charge(billing_key, ask, caller, now),
            BillingCall::Delete { billing_key } => self.remove_billing_key(billing_key, caller, now),
        }
    }

    fn billing_key(&self, key: &str, caller: &Caller) -> Result<&BillingKey, Code> {
        self.billing.get(key).filter(|found| found.merchant == caller.merchant).ok_or(Code::NotFoundBilling)
    }

    fn charge(&mut self, key: &str, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let body = ChargeBody::read(&ask.body)?;
        if let Some(code) = self.billing_key(key, caller)?.refuses(&body.customer_key) {
            return Err(code);
        }
        if self.till.attempts(&body.order_id).any(|kept| kept.payment.status.uses_up_the_order()) {
            return Err(Code::DuplicatedOrderId);
        }
        let merchant_id = self.setting(caller.merchant, ask.language, now).merchant_id.to_owned();
        let payment_key = self.mint.payment_key(&merchant_id, now);
        let (order_id, amount) = (body.order_id, body.amount.0);
        let mut payment = Payment::ready(payment_key.clone(), order_id.clone(), body.order_name, amount, now);
        payment.customer_key = Some(body.customer_key);
        payment.authenticate(Method::Card, None, now)?;
        match payment.confirm(&order_id, amount, Twist::default(), now, self.mint.fresh()) {
            Confirmed::Captured => {}
            Confirmed::Refused(code) | Confirmed::Declined(code) => return Err(code),
            Confirmed::AccountIssued => return Err(Code::NotSupportedMethod),
        }
        let kept =
            Kept { payment, merchant: caller.merchant, pair: None, window_of: None, is_billed: true, way_back: None };
        if !self.till.keep(kept) {
            return Err(Code::FailedInternalSystemProcessing);
        }
        self.note_capture(&payment_key, now);
        let kept = self.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
    }

    fn remove_billing_key(&mut self, key: &str, caller: &Caller, now: Instant) -> Result<Done, Code> {
        if self.billing_key(key, caller)?.is_removed {
            return Err(Code::AlreadyRemovedBillingKey);
        }
        self.billing.get_mut(key).ok_or(Code::NotFoundBilling)?.is_removed = true;
        let body = json!({
            "eventType": "BILLING_DELETED",
            "createdAt": with_microseconds(now),
            "data": { "billingKey": key, "reason": DELETED_BY_API },
        });
        let body = body.to_string().into();
        self.tell(&Event { name: EventName::BillingDeleted, order_id: key.to_owned(), body, signed_by: None }, now);
        Ok(Done { value: Value::Null, took_effect: true })
    }
}
