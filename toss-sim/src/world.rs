//! All the simulator knows, behind one lock, and the clock it lives by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use chrono::{TimeDelta, Utc};
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::calls::CallLog;
use crate::codes::Language;
use crate::idempotency::Keys;
use crate::mint;
use crate::mischief::{Kind, MischiefQueue, Subject};
use crate::options::{Merchant, Options};
use crate::outbox::{Event, EventName, Manner, Outbox};
use crate::payment::{Method, Payment, Status};
use crate::payment_json::{Setting, payment_json};
use crate::till::Till;
use crate::time::{Instant, with_microseconds};

/// Furthest the clock may be moved ahead of the real one: a hundred years.
pub(crate) const MAX_CLOCK_AHEAD: TimeDelta = TimeDelta::days(36_525);

/// All the simulator knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) public_url: String,
    pub(crate) bind_server_errors: bool,
    pub(crate) clock_ahead: TimeDelta,
    pub(crate) till: Till,
    pub(crate) keys: Keys,
    pub(crate) mischief: MischiefQueue,
    pub(crate) outbox: Outbox,
    pub(crate) calls: CallLog,
}

impl World {
    fn new(options: Options) -> Self {
        let mut outbox = Outbox::default();
        outbox.set_urls(options.webhook_urls);
        Self {
            merchants: options.merchants,
            public_url: options.public_url.unwrap_or_default(),
            bind_server_errors: options.bind_server_errors,
            clock_ahead: TimeDelta::zero(),
            till: Till::default(),
            keys: Keys::default(),
            mischief: MischiefQueue::default(),
            outbox,
            calls: CallLog::default(),
        }
    }

    /// The time on the simulator's clock.
    pub(crate) fn now(&self) -> Instant {
        Utc::now() + self.clock_ahead
    }

    /// What the JSON of a payment of that merchant needs.
    pub(crate) fn setting(&self, merchant: usize, language: Language, now: Instant) -> Setting<'_> {
        let merchant_id = self.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        Setting { merchant_id, public_url: &self.public_url, language, now }
    }

    /// Expires what is over, and tells.
    pub(crate) fn tick(&mut self, now: Instant) {
        for key in self.till.expire(now) {
            self.announce(&key, now);
        }
    }

    /// Tells the webhook addresses about the payment's new status.
    pub(crate) fn announce(&mut self, payment_key: &str, now: Instant) {
        let Some(kept) = self.till.get(payment_key) else { return };
        let setting = self.setting(kept.merchant, Language::Korean, now);
        let events: Vec<Event> = [status_changed(&kept.payment, setting), deposit_callback(&kept.payment, now)]
            .into_iter()
            .flatten()
            .collect();
        for event in events {
            let taken = self.mischief.take_if(Subject::Webhook, Some(&event.order_id), |_| true);
            let manner = taken.map_or(Manner::Plainly, |mischief| manner(mischief.kind, mischief.delay_ms));
            self.outbox.post(&event, manner, &mint::transmission_id(), now);
        }
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
        | Kind::WrongAmount => Manner::Plainly,
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
    })
}

/// The world, its lock, and the two signals that cross it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Rung when the outbox has something to send.
    bell: Arc<Notify>,
    closing: watch::Sender<bool>,
    is_sending: AtomicBool,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            world: Mutex::new(World::new(options)),
            bell: Arc::new(Notify::new()),
            closing: watch::Sender::new(false),
            is_sending: AtomicBool::new(false),
        }
    }

    /// Does something under the lock, at one instant, with everything that is over already expired.
    ///
    /// A poisoned lock is entered all the same: each change is made after its last refusal, so what
    /// a panic leaves behind is still a world.
    pub(crate) fn enter<R>(&self, act: impl FnOnce(&mut World, Instant) -> R) -> R {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = world.now();
        world.tick(now);
        let result = act(&mut world, now);
        let has_news = world.outbox.take_news();
        drop(world);
        if has_news {
            self.bell.notify_one();
        }
        result
    }

    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Starts the sender of webhooks on the first call made inside a runtime.
    pub(crate) fn start_sending(self: &Arc<Self>) {
        if !self.is_sending.swap(true, Ordering::AcqRel) {
            tokio::spawn(crate::sender::run(Arc::downgrade(self), self.bell(), self.closing.subscribe()));
        }
    }

    /// Lets go of every request that is held, and stops sending.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until [`Shared::close`].
    pub(crate) async fn closed(&self) {
        // The sender lives as long as `self`, so this cannot fail while somebody waits here.
        let _gone = self.closing.subscribe().wait_for(|is_closing| *is_closing).await.is_err();
    }

    /// Holds a request; says whether it was held for the whole time rather than let go by a shutdown.
    pub(crate) async fn hold(&self, delay_ms: u64) -> bool {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(delay_ms)) => true,
            () = self.closed() => false,
        }
    }
}
