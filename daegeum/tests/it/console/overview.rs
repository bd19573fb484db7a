//! The figures of the overview over time.

use sea_orm_migration::sea_orm::ConnectionTrait;
use store::console::Role;

use super::{Visitor, database_of, signed_in};
use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, day_after, until},
};

on_both_databases!(days_that_are_over_are_read_once_an_hour, the_lag_of_events_is_drawn_by_hour_and_by_day);

async fn write(dev: &Dev, sql: &str) {
    database_of(dev).await.connection().execute_unprepared(sql).await.unwrap();
}

/// A payment that was made at this time yesterday.
async fn paid_yesterday(dev: &Dev, database: Kind, id: &str) {
    paid(dev, id).await;
    let yesterday = match database {
        Kind::Sqlite => "date(created_at, '-1 day') || substr(created_at, 11)",
        Kind::Postgres => "created_at - INTERVAL '1 day'",
    };
    write(dev, &format!("UPDATE payment_events SET created_at = {yesterday} WHERE checkout_id = '{id}'")).await;
}

async fn paid(dev: &Dev, id: &str) {
    dev.shop.create(id).await;
    let key = dev.shop.authorize(id).await;
    assert_eq!(dev.shop.confirm(id, &key, "23000").await.0, 200);
}

/// The payments of today and of yesterday, as the overview counts them.
async fn counted(person: &Visitor) -> [String; 2] {
    let overview = person.get("/console").await.text;
    let (_, days) = overview.split_once("<summary>The figures by day</summary>").unwrap();
    [0, -1].map(|days_after| {
        let begins = format!("<td>{}</td><td class=\"number\">", day_after(days_after));
        let (_, number) = days.split_once(&begins).unwrap_or_else(|| panic!("no {begins}: {days}"));
        number.split('<').next().unwrap().to_owned()
    })
}

async fn days_that_are_over_are_read_once_an_hour(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let person = signed_in(&dev, "kim", Role::Support).await;
    paid_yesterday(&dev, database, "yesterday-1").await;
    paid(&dev, "today-1").await;
    assert_eq!(counted(&person).await, ["1", "1"]);
    paid_yesterday(&dev, database, "yesterday-2").await;
    paid(&dev, "today-2").await;
    assert_eq!(counted(&person).await, ["2", "1"], "today is read anew, and yesterday is not");
    let another = signed_in(&dev, "lee", Role::Finance).await;
    assert_eq!(counted(&another).await, ["2", "1"], "the figures are those of all persons");
}

async fn the_lag_of_events_is_drawn_by_hour_and_by_day(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let person = signed_in(&dev, "kim", Role::Support).await;
    let drawn = async || person.get("/console").await.text;
    until("a worker has measured", || async {
        drawn().await.contains("aria-label=\"Event lag by hour. At most: ")
            && !drawn().await.contains("aria-label=\"Event lag by day. At most: Not measured\"")
    })
    .await;
    // Ten days ago events waited for three hours; older measurements than two weeks are not shown.
    let (old, older) = match database {
        Kind::Sqlite => ("date('now', '-10 day') || 'T03:00:00+00:00'", "date('now', '-14 day') || 'T03:00:00+00:00'"),
        Kind::Postgres => ("date_trunc('hour', now() - INTERVAL '10 day')", "now() - INTERVAL '14 day 5 hour'"),
    };
    write(&dev, &format!("INSERT INTO event_lag (hour, events, age_ms) VALUES ({old}, 77777, 10800000)")).await;
    write(&dev, &format!("INSERT INTO event_lag (hour, events, age_ms) VALUES ({older}, 99999, 99000000)")).await;
    let overview = drawn().await;
    assert!(overview.contains("aria-label=\"Event lag by day. At most: 3 h\""), "{overview}");
    assert!(!overview.contains("aria-label=\"Event lag by hour. At most: 3 h\""), "{overview}");
    let (_, days) = overview.split_once("<summary>The figures of event lag</summary>").unwrap();
    assert!(days.contains("<td class=\"number\">3 h</td><td class=\"number\">77,777</td>"), "{days}");
    assert!(days.contains("<td class=\"number\">Not measured</td><td class=\"number\">–</td>"), "{days}");
}
