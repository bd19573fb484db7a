//! Whether the brokers of the Kafka sink answer, and whether a worker sends events to them.

use std::time::Duration;

use store::{EventCursor, EventQuery, EventsRead, Reader};

use super::result::{CheckResult, Part};
use crate::{
    kafka::probe,
    settings::Kafka,
    values::{KAFKA_CURSOR, now},
};

/// How old an event may be that Kafka does not have, in seconds.
const MOST_AGE_S: u64 = 60;

/// How the sink stands.
struct SinkState {
    cursor: Option<EventCursor>,
    last_position: u64,
    /// The age of the oldest event that Kafka does not have.
    oldest_s: u64,
}

/// Looks at the sink. The brokers get less time than a check, so that what they say is told.
pub(super) async fn look(settings: &Kafka, reader: Option<&Reader>, broker_time: Duration) -> CheckResult {
    let topic = match probe(settings.clone(), broker_time).await {
        Ok(topic) => topic,
        Err(error) => {
            let mend = "see that the brokers run and are reachable from here, and make the topic: it is not made by \
                        itself, because its partitions are a decision";
            return CheckResult::ill(format!("{error:#}"), mend);
        }
    };
    let Some(reader) = reader else { return CheckResult::Unseen(Part::Database) };
    match stands(reader).await {
        Ok(sink) => judge(&sink, &format!("the topic {} has {} partitions", settings.topic, topic.partitions)),
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

async fn stands(reader: &Reader) -> Result<SinkState, store::StoreError> {
    let (cursor, log) = (reader.event_cursor(KAFKA_CURSOR).await?, reader.event_log().await?);
    let after = cursor.as_ref().map_or(log.floor.saturating_sub(1), |cursor| cursor.position);
    let query = EventQuery { after: Some(after), limit: 1, types: Vec::new() };
    let oldest = match reader.events_after(&query).await? {
        EventsRead::Page(page) => page.events.first().map(|event| event.recorded_at),
        EventsRead::Expired(_) | EventsRead::Unknown(_) => None,
    };
    let oldest_s = oldest.map_or(0, |oldest| now().ms_since(oldest) / 1_000);
    Ok(SinkState { cursor, last_position: log.last_position, oldest_s })
}

fn judge(sink: &SinkState, topic: &str) -> CheckResult {
    const MEND: &str = "run a worker that has the same Kafka settings, and see its log for \"Kafka sink\"";
    let Some(cursor) = &sink.cursor else {
        return CheckResult::ill(format!("{topic}, and no worker has begun to send events to it"), MEND);
    };
    let lag = sink.last_position.saturating_sub(cursor.position);
    if cursor.position > sink.last_position {
        let what = format!("the cursor stands at {}, and the log ends at {}", cursor.position, sink.last_position);
        return CheckResult::ill(
            what,
            format!("run `daegeum events cursor set {KAFKA_CURSOR} {}`", sink.last_position),
        );
    }
    if cursor.held_until.is_none_or(|until| until < now()) {
        return CheckResult::ill(format!("{topic}, and no worker sends events to it; {lag} events wait"), MEND);
    }
    if sink.oldest_s > MOST_AGE_S {
        let what = format!("{topic}, and {lag} events wait, the oldest for {} s", sink.oldest_s);
        return CheckResult::ill(what, MEND);
    }
    CheckResult::Well(format!("{topic}, and {lag} events wait to be sent"))
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    fn told(position: u64, held_until: Option<Timestamp>, oldest_s: u64) -> (bool, String) {
        let cursor = EventCursor { name: KAFKA_CURSOR.to_owned(), position, updated_at: now(), held_until };
        match judge(&SinkState { cursor: Some(cursor), last_position: 9, oldest_s }, "the topic t has 3 partitions") {
            CheckResult::Well(told) => (true, told),
            CheckResult::Ill { what, mend } => (false, format!("{what} {mend}")),
            CheckResult::Unseen(_) | CheckResult::Unasked(_) => (false, String::new()),
        }
    }

    #[test]
    fn a_sink_without_a_sender_and_one_that_is_late_are_ill() {
        let held = Some(now().plus_ms(10_000));
        assert_eq!(told(7, held, 1), (true, "the topic t has 3 partitions, and 2 events wait to be sent".to_owned()));
        for (position, held_until, oldest_s, expected) in [
            (7, None, 0, "no worker sends"),
            (7, Some(now().minus_ms(1)), 0, "no worker sends"),
            (7, held, 61, "the oldest for 61 s"),
            (12, held, 0, "the log ends at 9"),
        ] {
            let (is_well, what) = told(position, held_until, oldest_s);
            assert!(!is_well && what.contains(expected), "{what}");
        }
        let unbegun = judge(&SinkState { cursor: None, last_position: 0, oldest_s: 0 }, "the topic t has 3 partitions");
        assert!(matches!(unbegun, CheckResult::Ill { .. }));
    }
}
