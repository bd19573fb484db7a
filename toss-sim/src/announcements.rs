//! Webhooks that Toss sends by itself: their bodies, and the faults of their delivery.

use axum::body::Bytes;
use rand::Rng as _;
use serde_json::json;

use crate::codes::Language;
use crate::method::Method;
use crate::mischief::{CERTAIN_BPS, Kind, Subject, Target};
use crate::outbox::{Event, EventName, Manner};
use crate::payment::{Payment, Status};
use crate::payment_json::{Setting, payment_json};
use crate::time::{Instant, with_microseconds};
use crate::world::World;

impl World {
    /// Tells the webhook addresses about the payment's new status.
    pub(crate) fn announce(&mut self, payment_key: &str, now: Instant) {
        let Some(kept) = self.till.get(payment_key) else { return };
        if kept.is_billed {
            return;
        }
        let setting = self.setting(kept.merchant, Language::Korean, now);
        let events = [status_changed(&kept.payment, setting), deposit_callback(&kept.payment, now)];
        for event in events.into_iter().flatten() {
            self.tell(&event, now);
        }
    }

    fn withholds_webhook(&mut self) -> bool {
        self.withheld_bps > 0 && self.mint.draw().random_range(0..CERTAIN_BPS) < self.withheld_bps
    }

    /// Puts an event into the outbox, in the manner mischief has in mind for it.
    pub(crate) fn tell(&mut self, event: &Event, now: Instant) {
        let target = Target { on: Subject::Webhook, order_id: Some(&event.order_id), page: None };
        let taken = self.mischief.take(target);
        let manner = match taken {
            Some(mischief) => manner(mischief.kind, mischief.delay_ms),
            None if self.withholds_webhook() => Manner::Never,
            None => Manner::Plainly,
        };
        self.outbox.post(event, manner, &self.mint.transmission_id(), now);
    }
}

fn manner(kind: Kind, delay_ms: u64) -> Manner {
    match kind {
        Kind::Duplicate => Manner::Twice,
        Kind::Drop => Manner::Never,
        Kind::Delay => Manner::Later(delay_ms),
        Kind::Reorder => Manner::AfterTheNext(delay_ms),
        // The control plane does not accept these for a webhook.
        Kind::RefuseConnection
        | Kind::StallBefore
        | Kind::ExecuteAndStall
        | Kind::ErrorBefore
        | Kind::ExecuteAndError
        | Kind::GarbageAfter
        | Kind::RateLimit
        | Kind::WrongAmount
        | Kind::UnknownField
        | Kind::UnknownEnum
        | Kind::CutList
        | Kind::CutBody
        | Kind::UnreadableRow => Manner::Plainly,
    }
}

/// `PAYMENT_STATUS_CHANGED` for the statuses Toss sends it for.
fn status_changed(payment: &Payment, setting: Setting<'_>) -> Option<Event> {
    match payment.status {
        Status::Done | Status::Canceled | Status::PartialCanceled | Status::Aborted | Status::Expired => {}
        Status::Ready | Status::InProgress | Status::WaitingForDeposit => return None,
    }
    let body = json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": with_microseconds(setting.now),
        "data": payment_json(payment, setting),
    });
    Some(Event {
        name: EventName::PaymentStatusChanged,
        order_id: payment.order_id.clone(),
        body: Bytes::from(body.to_string()),
        signed_by: None,
    })
}

/// `DEPOSIT_CALLBACK`: flat, with neither eventType nor paymentKey, for virtual accounts only.
fn deposit_callback(payment: &Payment, now: Instant) -> Option<Event> {
    match payment.status {
        Status::WaitingForDeposit | Status::Done | Status::Canceled | Status::PartialCanceled => {}
        Status::Ready | Status::InProgress | Status::Aborted | Status::Expired => return None,
    }
    if payment.method != Some(Method::VirtualAccount) {
        return None;
    }
    let body = json!({
        "createdAt": with_microseconds(now),
        "secret": payment.secret,
        "status": payment.status.name(),
        "transactionKey": payment.last_transaction_key,
        "orderId": payment.order_id,
    });
    Some(Event {
        name: EventName::DepositCallback,
        order_id: payment.order_id.clone(),
        body: Bytes::from(body.to_string()),
        signed_by: None,
    })
}
