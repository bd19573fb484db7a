//! All the simulator knows, behind one lock, and the clock it lives by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::billing::BillingKeys;
use crate::calls::CallLog;
use crate::cash_receipt::CashReceipts;
use crate::codes::{Code, Language};
use crate::currency::{Amount, Currency, Money};
use crate::exchange::Exchanges;
use crate::file::{File, FileError};
use crate::idempotency::Keys;
use crate::mint::Mint;
use crate::mischief::{CERTAIN_BPS, MischiefQueue};
use crate::options::{BankCodes, Compression, Contract, Merchant, Options, SigningKey};
use crate::outbox::{Outbox, Subscription};
use crate::payment_json::Setting;
use crate::payout_office::PayoutOffice;
use crate::plants::Plants;
use crate::registration::Registrations;
use crate::shelf::{Saved, Shelf};
use crate::till::Till;
use crate::time::Instant;

/// Furthest the clock may be moved ahead of the real one: a hundred years.
pub(crate) const MAX_CLOCK_AHEAD: TimeDelta = TimeDelta::days(36_525);

/// The control plane acts for the first merchant.
pub(crate) const FIRST: usize = 0;

/// The only record of its kind.
const THE_DESK: u8 = 0;

/// What the simulator knows besides its collections, as the file keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Desk {
    clock_ahead_s: i64,
    drawn: u64,
    /// As older files have them: each address is told of everything.
    #[serde(default)]
    webhook_urls: Vec<String>,
    #[serde(default)]
    webhooks: Vec<Subscription>,
    bank_closed_until: Option<Instant>,
    #[serde(default)]
    withheld_bps: u16,
}

/// All the simulator knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) public_url: String,
    pub(crate) bind_server_errors: bool,
    pub(crate) clock_ahead: TimeDelta,
    /// No bank moves money before then.
    pub(crate) bank_closed_until: Option<Instant>,
    /// Webhooks of ten thousand that are never sent.
    pub(crate) withheld_bps: u16,
    pub(crate) mint: Mint,
    pub(crate) keep_express_hours: bool,
    pub(crate) contract: Contract,
    pub(crate) signs_with: SigningKey,
    pub(crate) bank_codes: BankCodes,
    pub(crate) compression: Compression,
    pub(crate) till: Till,
    pub(crate) payouts: PayoutOffice,
    pub(crate) plants: Plants,
    pub(crate) exchanges: Exchanges,
    pub(crate) billing: BillingKeys,
    pub(crate) registrations: Registrations,
    pub(crate) receipts: CashReceipts,
    pub(crate) keys: Keys,
    pub(crate) mischief: MischiefQueue,
    pub(crate) outbox: Outbox,
    pub(crate) calls: CallLog,
    desk: Shelf<u8, Desk>,
    file: Option<File>,
}

impl World {
    fn new(options: Options) -> Result<Self, FileError> {
        let mut world = Self {
            merchants: options.merchants,
            public_url: options.public_url.unwrap_or_default(),
            bind_server_errors: options.bind_server_errors,
            clock_ahead: TimeDelta::zero(),
            bank_closed_until: None,
            withheld_bps: options.withheld_webhooks_bps.min(CERTAIN_BPS),
            mint: Mint::new(options.seed),
            keep_express_hours: options.keep_express_hours,
            contract: options.contract,
            signs_with: options.signs_with,
            bank_codes: options.bank_codes,
            compression: options.compression,
            till: Till::default(),
            payouts: PayoutOffice::default(),
            plants: Plants::default(),
            exchanges: Exchanges::new(options.exchanges),
            billing: BillingKeys::default(),
            registrations: Registrations::default(),
            receipts: CashReceipts::default(),
            keys: Keys::default(),
            mischief: MischiefQueue::default(),
            outbox: Outbox::default(),
            calls: CallLog::default(),
            desk: Shelf::new("desk"),
            file: options.file.as_deref().map(File::open).transpose()?,
        };
        world.restore()?;
        if !options.webhook_urls.is_empty() {
            world.outbox.subscribe(options.webhook_urls.into_iter().map(Subscription::to_all).collect());
        }
        Ok(world)
    }

    fn collections(&mut self) -> [&mut dyn Saved; 12] {
        [
            &mut self.desk,
            &mut self.till,
            &mut self.payouts,
            &mut self.plants,
            &mut self.exchanges,
            &mut self.billing,
            &mut self.registrations,
            &mut self.receipts,
            &mut self.keys,
            &mut self.mischief,
            &mut self.outbox,
            &mut self.calls,
        ]
    }

    /// Takes in what the file knows.
    fn restore(&mut self) -> Result<(), FileError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        for collection in self.collections() {
            collection.restore(&file)?;
        }
        if let Some(desk) = self.desk.get(&THE_DESK).cloned() {
            self.clock_ahead = TimeDelta::try_seconds(desk.clock_ahead_s).unwrap_or_default();
            self.mint.drawn = desk.drawn;
            self.bank_closed_until = desk.bank_closed_until;
            let of_old = desk.webhook_urls.into_iter().map(Subscription::to_all);
            self.outbox.subscribe(desk.webhooks.into_iter().chain(of_old).collect());
            self.withheld_bps = desk.withheld_bps;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes down what has changed, if there is a file to write to.
    fn save(&mut self) -> Result<(), FileError> {
        let Some(mut file) = self.file.take() else {
            self.collections().into_iter().for_each(Saved::forget_changes);
            return Ok(());
        };
        let desk = Desk {
            clock_ahead_s: self.clock_ahead.num_seconds(),
            drawn: self.mint.drawn,
            webhook_urls: Vec::new(),
            webhooks: self.outbox.subscriptions().to_vec(),
            bank_closed_until: self.bank_closed_until,
            withheld_bps: self.withheld_bps,
        };
        if self.desk.get(&THE_DESK) != Some(&desk) {
            self.desk.insert(THE_DESK, desk);
        }
        let mut changes = Vec::new();
        for collection in self.collections() {
            collection.take_changes(&mut changes)?;
        }
        if !changes.is_empty() {
            file.save(&changes)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// The time on the simulator's clock.
    pub(crate) fn now(&self) -> Instant {
        Utc::now() + self.clock_ahead
    }

    /// The currency of a merchant's contract.
    pub(crate) fn currency_of(&self, merchant: usize) -> Currency {
        self.merchants.get(merchant).map(|merchant| merchant.currency).unwrap_or_default()
    }

    /// An amount that a merchant names, in the currency of its contract.
    ///
    /// # Errors
    /// `INVALID_REQUEST`: the currency has no such part.
    pub(crate) fn money(&self, amount: Amount, merchant: usize) -> Result<Money, Code> {
        let currency = self.currency_of(merchant);
        Ok(Money { minor: amount.minor(currency)?, currency })
    }

    /// The first merchant whose contract is in a currency.
    pub(crate) fn merchant_in(&self, currency: Currency) -> Option<usize> {
        self.merchants.iter().position(|merchant| merchant.currency == currency)
    }

    /// The merchant of an `mId`.
    pub(crate) fn merchant_called(&self, merchant_id: &str) -> Option<usize> {
        self.merchants.iter().position(|merchant| merchant.merchant_id == merchant_id)
    }

    /// What the JSON of a payment of that merchant needs.
    pub(crate) fn setting(&self, merchant: usize, language: Language, now: Instant) -> Setting<'_> {
        let merchant_id = self.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        Setting { merchant_id, public_url: &self.public_url, language, now, payment_type: "NORMAL" }
    }

    /// Expires payments, continues payouts, and sends the webhooks of both.
    pub(crate) fn tick(&mut self, now: Instant) {
        for key in self.till.expire(now) {
            self.announce(&key, now);
        }
        self.advance_payouts(now);
    }
}

/// The world, its lock, and the two signals that cross it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Rung when the outbox has something to send.
    bell: Arc<Notify>,
    closing: watch::Sender<bool>,
    is_sending: AtomicBool,
    /// The file could not be written: nothing may be answered any more.
    is_lost: AtomicBool,
}

impl Shared {
    /// A new world, or the one its file remembers.
    ///
    /// # Errors
    /// The file is not one, or of another version, or another simulator has it open.
    pub(crate) fn open(options: Options) -> std::io::Result<Self> {
        let path = options.file.clone().unwrap_or_default();
        let world = World::new(options)
            .map_err(|error| std::io::Error::other(format!("could not open {}: {}", path.display(), causes(&error))))?;
        Ok(Self {
            world: Mutex::new(world),
            bell: Arc::new(Notify::new()),
            closing: watch::Sender::new(false),
            is_sending: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        })
    }

    /// Does something under the lock, at one instant, with everything that is over already expired, and
    /// saves it before anybody can hear of it.
    ///
    /// A poisoned lock is entered all the same: each change is made after its last refusal, so what
    /// a panic leaves behind is still a world.
    pub(crate) fn enter<R>(&self, act: impl FnOnce(&mut World, Instant) -> R) -> R {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = world.now();
        world.tick(now);
        let result = act(&mut world, now);
        let has_news = world.outbox.take_news();
        if let Err(error) = world.save() {
            self.lose(&error);
        }
        drop(world);
        if has_news {
            self.bell.notify_one();
        }
        result
    }

    fn lose(&self, error: &FileError) {
        tracing::error!(error = causes(error), "the simulator ends: its file could not be written");
        self.is_lost.store(true, Ordering::Release);
        self.close();
    }

    /// Whether something happened that the file does not know.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Takes the right to start the sender of webhooks; answers whether it was free.
    pub(crate) fn takes_sending(&self) -> bool {
        !self.is_sending.swap(true, Ordering::AcqRel)
    }

    /// Becomes true when the simulator closes.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
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

fn causes(error: &FileError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::Shared;
    use crate::options::Options;

    #[test]
    fn what_cannot_be_written_ends_the_simulator() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { file: Some(folder.path().join("sim.db")), ..Options::default() };
        let shared = Shared::open(options).unwrap();
        shared.enter(|world, _| world.mint.trace_id());
        assert!(!shared.is_lost());
        shared.world.lock().unwrap().file.as_ref().unwrap().refuse_writes().unwrap();
        shared.enter(|world, _| world.mint.trace_id());
        assert!(shared.is_lost() && *shared.closing.borrow());
    }
}
