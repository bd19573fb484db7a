//! Every alert about the Kafka sink fires on what it is for.

use std::{str::FromStr as _, time::Duration};

use store::{Database, DatabaseUrl, EventRetention, HeldCursor, Writer};

use crate::{
    broker::Broker,
    database::Kind,
    delivery::{Sender, TOPIC},
    prometheus::{OF_KAFKA, Prometheus},
    stack::until,
};

/// The cursor of the sink.
const CURSOR: &str = "kafka";
/// How long the test keeps the cursor from the sink: longer than it takes an alert to fire.
const LEASE: Duration = Duration::from_secs(600);
/// How long old events are removed before the test looks whether they are gone.
const CUTTING: Duration = Duration::from_millis(500);

/// How often the test tries to be faster than the sink.
const TRIES: usize = 20;

/// A process that has the cursor on lease and sends nothing: here it is the test.
async fn keep_the_cursor(sender: &Sender, writer: &Writer) -> HeldCursor {
    let position = sender.log_ends_at().await.to_string();
    for _ in 0..TRIES {
        // Takes the lease from the sink, which notices after some seconds.
        let (is_set, told) = sender.command(&["events", "cursor", "set", CURSOR, &position]);
        assert!(is_set, "{told}");
        if let Some(held) = writer.take_event_cursor(CURSOR, LEASE).await.unwrap() {
            return held;
        }
    }
    panic!("the sink took its cursor again {TRIES} times before the test did");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_fires_every_alert_of_kafka() {
    let mut broker = Broker::start();
    broker.create(TOPIC).await;
    let sender = Sender::start(Kind::Sqlite, &broker).await;
    sender.sell("first").await;
    sender.all_is_sent(1).await;
    let mut prometheus = Prometheus::start(sender.shop(), &[&sender.shop().api]).await;
    prometheus.is_silent(&OF_KAFKA).await;

    let database = Database::connect(&DatabaseUrl::from_str(&sender.database_url()).unwrap()).await.unwrap();
    let writer = Writer::new(database);
    let held = keep_the_cursor(&sender, &writer).await;
    prometheus.fires(&["DaegeumKafkaWithoutSender"]).await;

    // Nobody sends, and retention removes what is new.
    sender.sell("second").await;
    until("events are gone that Kafka does not have", || async {
        writer.sequencer(EventRetention(Duration::ZERO)).run(tokio::time::sleep(CUTTING)).await;
        let oldest = sender.shop().get("/v1/events?limit=1").await["oldest_position"].as_u64();
        oldest.is_some_and(|oldest| oldest > held.position() + 1)
    })
    .await;
    writer.release_event_cursor(held).await.unwrap();
    prometheus.fires(&["DaegeumKafkaMissedEvents"]).await;
    prometheus.ends("DaegeumKafkaWithoutSender").await;

    broker.kill();
    sender.sell("third").await;
    prometheus.fires(&["DaegeumKafkaLate"]).await;
    broker.start_again();
    prometheus.ends("DaegeumKafkaLate").await;
}
