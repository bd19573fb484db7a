//! Payments by a card's number (키인): the shop sends the number, and the money is taken at once.

use serde::Deserialize;

use crate::authorization::Caller;
use crate::card_number::{CardBody, masked};
use crate::codes::Code;
use crate::currency::{Amount, Money};
use crate::envelope::Done;
use crate::fields::{self, is_order_id, is_order_name};
use crate::method::Method;
use crate::operations::Ask;
use crate::payment::{Confirmed, Payment, Twist};
use crate::terms::{CommonBody, Terms, installment};
use crate::till::Kept;
use crate::time::Instant;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyInBody {
    amount: Amount,
    #[serde(deserialize_with = "fields::text")]
    order_id: String,
    order_name: String,
    #[serde(flatten)]
    card: CardBody,
    #[serde(default, deserialize_with = "fields::optional_number")]
    card_installment_plan: Option<i64>,
    #[serde(default)]
    use_free_installment_plan: bool,
    #[serde(default)]
    use_card_point: bool,
    #[serde(flatten)]
    common: CommonBody,
}

impl KeyInBody {
    fn terms(self, amount: Money, now: Instant) -> Result<Terms, Code> {
        let plan = installment(self.card_installment_plan, amount)?;
        let number = masked(&self.card.card_number);
        let mut terms = self.common.terms(amount, now)?;
        terms.card.number = Some(number);
        terms.card.installment_months = plan;
        terms.card.is_interest_free = self.use_free_installment_plan && plan > 0;
        terms.card.use_point = self.use_card_point;
        Ok(terms)
    }
}

impl World {
    pub(crate) fn key_in(&mut self, ask: &Ask, caller: &Caller, twist: Twist, now: Instant) -> Result<Done, Code> {
        let body: KeyInBody = fields::read(&ask.body)?;
        if !is_order_id(&body.order_id) {
            return Err(Code::InvalidOrderId);
        }
        if !is_order_name(&body.order_name) {
            return Err(Code::InvalidOrderName);
        }
        body.card.check()?;
        let (order_id, order_name, amount) =
            (body.order_id.clone(), body.order_name.clone(), self.money(body.amount, caller.merchant)?);
        let terms = body.terms(amount, now)?;
        let order = NewOrder { order_id, order_name, amount, terms, method: Method::Card };
        let kept = Kept::of(self.paid_at_once(order, caller, twist, now)?, caller.merchant);
        let payment_key = self.keep_paid(kept, now)?;
        self.announce(&payment_key, now);
        let kept = self.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        Ok(Done { value: self.show(kept, ask.language, now), took_effect: true })
    }

    /// A payment whose money is taken without a window.
    ///
    /// # Errors
    /// Toss's code; no money has been taken.
    pub(crate) fn paid_at_once(
        &mut self,
        order: NewOrder,
        caller: &Caller,
        twist: Twist,
        now: Instant,
    ) -> Result<Payment, Code> {
        self.refuse_other_methods(order.method, caller)?;
        if self.till.attempts(&order.order_id).any(|kept| kept.payment.status.uses_up_the_order()) {
            return Err(Code::DuplicatedOrderId);
        }
        let merchant_id = self.merchants.get(caller.merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        let key = self.mint.payment_key(merchant_id, now);
        let mut payment = Payment::ready(key, order.order_id.clone(), order.order_name, order.amount, now);
        payment.terms = order.terms;
        payment.authenticate(order.method, None, now)?;
        match payment.confirm(&order.order_id, order.amount.minor, twist, now, self.mint.fresh()) {
            Confirmed::Captured => Ok(payment),
            Confirmed::Refused(code) | Confirmed::Declined(code) => Err(code),
            Confirmed::AccountIssued => Err(Code::NotSupportedMethod),
        }
    }

    /// Keeps a payment whose money is taken; answers its key.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn keep_paid(&mut self, kept: Kept, now: Instant) -> Result<String, Code> {
        let payment_key = kept.payment.key.clone();
        if !self.till.keep(kept) {
            return Err(Code::FailedInternalSystemProcessing);
        }
        self.note_capture(&payment_key, now);
        Ok(payment_key)
    }
}

/// What is paid at once.
pub(crate) struct NewOrder {
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) amount: Money,
    pub(crate) terms: Terms,
    pub(crate) method: Method,
}
