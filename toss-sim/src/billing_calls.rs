//! What the billing API does, once a call is through the gate.

use serde_json::{Value, json};

use crate::authorization::Caller;
use crate::billing::{AuthKeyBody, BillingCall, BillingKey, ChargeBody};
use crate::codes::Code;
use crate::envelope::Done;
use crate::fields;
use crate::key_in::NewOrder;
use crate::operations::Ask;
use crate::outbox::{Event, EventName};
use crate::payment::Twist;
use crate::terms::{CardTerms, installment};
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
                let key = self.new_billing_key();
                let issued = BillingKey::issued(key, caller.merchant, &ask.body, now)?;
                self.keep_billing_key(issued, ask, now)
            }
            BillingCall::IssueByAuthKey => {
                let AuthKeyBody { auth_key, customer_key } = fields::read(&ask.body)?;
                let registration = self.registrations.take(caller.merchant, &auth_key, &customer_key)?;
                let key = self.new_billing_key();
                self.keep_billing_key(BillingKey::registered(key, caller.merchant, registration, now), ask, now)
            }
            BillingCall::Charge { billing_key } => self.charge(billing_key, ask, caller, now),
            BillingCall::Delete { billing_key } => self.remove_billing_key(billing_key, caller, now),
        }
    }

    fn billing_key(&self, key: &str, caller: &Caller) -> Result<&BillingKey, Code> {
        self.billing.get(key).filter(|found| found.merchant == caller.merchant).ok_or(Code::NotFoundBilling)
    }

    /// Ends in `=`, as the real ones do: a client has to encode it in a path, or not.
    fn new_billing_key(&mut self) -> String {
        format!("{}=", self.mint.named("", BILLING_KEY_LENGTH))
    }

    fn keep_billing_key(&mut self, issued: BillingKey, ask: &Ask, now: Instant) -> Result<Done, Code> {
        let merchant_id = self.setting(issued.merchant, ask.language, now).merchant_id;
        let value = issued.json(merchant_id, ask.language);
        let is_kept = self.billing.keep(issued);
        if is_kept { Ok(Done { value, took_effect: true }) } else { Err(Code::FailedInternalSystemProcessing) }
    }

    fn charge(&mut self, key: &str, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let body = ChargeBody::read(&ask.body)?;
        let billing_key = self.billing_key(key, caller)?;
        if let Some(code) = billing_key.refuses(&body.customer_key) {
            return Err(code);
        }
        let (method, card, amount) =
            (billing_key.method, billing_key.card_terms(), self.money(body.amount, caller.merchant)?);
        let plan = installment(body.card_installment_plan, amount)?;
        let mut terms = body.common.terms(amount, now)?;
        terms.card = CardTerms { installment_months: plan, ..card };
        let order = NewOrder { order_id: body.order_id, order_name: body.order_name, amount, terms, method };
        let mut payment = self.paid_at_once(order, caller, Twist::default(), now)?;
        payment.customer_key = Some(body.customer_key);
        let kept = Kept { is_billed: true, ..Kept::of(payment, caller.merchant) };
        let payment_key = self.keep_paid(kept, now)?;
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
