//! The Kafka sink: a reader of the event log that sends every event to one topic, in the order of its position.
//!
//! # Invariants
//!
//! * The cursor moves only behind events that the brokers have acknowledged: each event arrives at least once.
//! * One process at a time has the cursor on lease, and a process that lost the lease moves nothing.
//! * The producer is idempotent and leaves no gap: no event is in its partition before an earlier one, except where
//!   events are sent again.

mod counts;
mod producer;

use std::{pin::pin, time::Duration};

use anyhow::Context as _;
use store::{EventPage, EventQuery, EventsRead, HeldCursor, MAX_EVENTS, Reader, Tail, Writer};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::producer::EventProducer;
pub(crate) use self::{counts::KafkaCounts, producer::Topic};
use crate::{settings::Kafka, values::KAFKA_CURSOR};

/// How long a process that died holds the cursor.
const LEASE: Duration = Duration::from_secs(15);
/// How often the lease is renewed where the cursor does not move.
const RENEW_PAUSE: Duration = Duration::from_secs(4);
/// When to ask again where another process has the cursor.
const STANDBY_PAUSE: Duration = Duration::from_secs(3);
/// When to try again after an error.
const ERROR_PAUSE: Duration = Duration::from_secs(2);
/// How long acknowledgements are waited for when the process stops.
const STOP_TIME: Duration = Duration::from_secs(3);

/// Sends the events of the log to Kafka.
pub(crate) struct KafkaSink {
    pub(crate) settings: Kafka,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) counts: KafkaCounts,
}

/// Why a process sends no longer.
enum Ended {
    /// The process stops.
    Stopped(HeldCursor),
    /// Another process has the cursor, or a principal set it elsewhere.
    Lost,
}

/// What became of a batch.
enum Sent {
    /// The brokers have all of it.
    All(HeldCursor),
    Ended(Ended),
}

impl KafkaSink {
    /// Runs until the token is canceled. What goes wrong is logged, counted and tried again after a pause.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.send_while_held(&stop).await {
                Ok(Some(Ended::Stopped(cursor))) => {
                    if let Err(error) = self.writer.release_event_cursor(cursor).await {
                        tracing::warn!("could not give the cursor of the Kafka sink back: {error}");
                    }
                    return;
                }
                Ok(Some(Ended::Lost)) => STANDBY_PAUSE,
                Ok(None) => {
                    self.look().await;
                    STANDBY_PAUSE
                }
                Err(error) => {
                    self.counts.failed();
                    tracing::error!("the Kafka sink could not go on, and tries again: {error:#}");
                    ERROR_PAUSE
                }
            };
            self.counts.holds(false);
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Sends for as long as this process has the cursor; `None` where another process has it.
    async fn send_while_held(&self, stop: &CancellationToken) -> anyhow::Result<Option<Ended>> {
        let Some(cursor) = self.writer.take_event_cursor(KAFKA_CURSOR, LEASE).await? else { return Ok(None) };
        self.counts.holds(true);
        let taken = cursor.clone();
        let sent = async {
            let producer = EventProducer::try_new(&self.settings)?;
            let sent = self.send_all(&producer, cursor, stop).await;
            // Its end waits for threads of the library.
            tokio::task::spawn_blocking(move || drop(producer)).await?;
            sent
        };
        let sent = sent.await;
        if sent.is_err() {
            // The next try takes the cursor anew, and need not wait for the end of this lease.
            self.writer.release_event_cursor(taken).await?;
        }
        sent.map(Some)
    }

    async fn send_all(
        &self,
        producer: &EventProducer,
        mut cursor: HeldCursor,
        stop: &CancellationToken,
    ) -> anyhow::Result<Ended> {
        let tail = Tail::new(&self.writer.journal(), self.reader.clone());
        loop {
            if stop.is_cancelled() {
                return Ok(Ended::Stopped(cursor));
            }
            let page = match self.read(cursor.position()).await? {
                Some(page) => page,
                None => {
                    let floor = self.reader.event_log().await?.floor;
                    match self.advance(cursor, floor.saturating_sub(1)).await? {
                        Some(moved) => cursor = moved,
                        None => return Ok(Ended::Lost),
                    }
                    continue;
                }
            };
            self.counts.found(&page, cursor.position());
            if page.events.is_empty() {
                tokio::select! {
                    moved = tail.moves_beyond(cursor.position()) => moved?,
                    () = sleep(RENEW_PAUSE) => {}
                    () = stop.cancelled() => {}
                }
                let position = cursor.position();
                match self.advance(cursor, position).await? {
                    Some(kept) => cursor = kept,
                    None => return Ok(Ended::Lost),
                }
                continue;
            }
            match self.send_page(producer, cursor, &page, stop).await? {
                Sent::All(moved) => cursor = moved,
                Sent::Ended(ended) => return Ok(ended),
            }
        }
    }

    /// Sends a page, and moves the cursor behind it once the brokers have acknowledged every event.
    async fn send_page(
        &self,
        producer: &EventProducer,
        mut cursor: HeldCursor,
        page: &EventPage,
        stop: &CancellationToken,
    ) -> anyhow::Result<Sent> {
        let mut acknowledged = pin!(producer.send(&page.events)?);
        loop {
            tokio::select! {
                result = &mut acknowledged => {
                    result?;
                    break;
                }
                () = sleep(RENEW_PAUSE) => {
                    tracing::warn!(
                        position = cursor.position(),
                        "the Kafka brokers have not acknowledged events for {} s",
                        RENEW_PAUSE.as_secs()
                    );
                    let position = cursor.position();
                    match self.advance(cursor, position).await? {
                        Some(kept) => cursor = kept,
                        None => return Ok(Sent::Ended(Ended::Lost)),
                    }
                }
                () = stop.cancelled() => {
                    if !matches!(tokio::time::timeout(STOP_TIME, &mut acknowledged).await, Ok(Ok(()))) {
                        return Ok(Sent::Ended(Ended::Stopped(cursor)));
                    }
                    break;
                }
            }
        }
        self.counts.sent(page.events.len());
        let moved = self.advance(cursor, page.next_after).await?;
        Ok(moved.map_or(Sent::Ended(Ended::Lost), Sent::All))
    }

    async fn advance(&self, cursor: HeldCursor, to: u64) -> anyhow::Result<Option<HeldCursor>> {
        let advanced = self.writer.advance_event_cursor(cursor, to, LEASE).await;
        let advanced = advanced.context("could not move the cursor of the Kafka sink")?;
        if advanced.is_none() {
            tracing::warn!("another process has the cursor of the Kafka sink, or the cursor was set elsewhere");
        }
        Ok(advanced)
    }

    /// What comes behind a position; `None` where retention has removed some of it.
    async fn read(&self, after: u64) -> anyhow::Result<Option<EventPage>> {
        let query = EventQuery { after: Some(after), limit: MAX_EVENTS, types: Vec::new() };
        match self.reader.events_after(&query).await? {
            EventsRead::Page(page) => Ok(Some(page)),
            EventsRead::Expired(log) => {
                let missed = log.floor.saturating_sub(after + 1);
                self.counts.missed(missed);
                tracing::error!(
                    missed,
                    floor = log.floor,
                    "the Kafka sink missed events that were removed from the log; raise the retention of events"
                );
                Ok(None)
            }
            EventsRead::Unknown(log) => anyhow::bail!(
                "the cursor of the Kafka sink stands at {after}, and the log ends at {}: set it to a position of this \
                 log with `daegeum events cursor set {KAFKA_CURSOR} POSITION`",
                log.last_position
            ),
        }
    }

    /// Says how far the sink is, where another process sends.
    async fn look(&self) {
        let looked = async {
            let log = self.reader.event_log().await?;
            let cursor = self.reader.event_cursor(KAFKA_CURSOR).await?;
            Ok::<_, store::StoreError>((log, cursor))
        };
        match looked.await {
            Ok((log, cursor)) => self.counts.stands(&log, cursor.map_or(0, |cursor| cursor.position)),
            Err(error) => tracing::warn!("could not read the cursor of the Kafka sink: {error}"),
        }
    }
}

/// Whether the brokers answer and have the topic.
pub(crate) async fn probe(settings: Kafka, patience: Duration) -> anyhow::Result<Topic> {
    tokio::task::spawn_blocking(move || producer::topic(&settings, patience)).await?
}
