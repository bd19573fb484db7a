//! What is done at a time is done by Temporal's schedules: for the day of the schedule, once, also when no worker ran.

use std::{
    process::Command,
    time::{Duration, SystemTime},
};

use domain::{
    Timestamp,
    calendar::{Day, Holidays},
    ledger::{Account, Reason},
};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};
use temporalio_client::schedules::{ScheduleCalendarSpec, ScheduleSpec};
use testkit::payees::Earnings;

use crate::{
    database::Kind,
    on_both_databases,
    payouts::{names, register, text, write},
    roles::Roles,
    stack::{Shop, temporal_cli, until},
};

on_both_databases!(
    the_calendar_freezes_the_run_of_each_day_once,
    mornings_that_no_worker_saw_are_reconciled_as_their_own_days,
    a_morning_over_which_temporal_was_away_is_made_up_for_once,
    earnings_are_released_and_holds_end_after_a_worker_is_replaced,
);

/// What each seller sells for, in won.
const SOLD: u64 = 20_000;
/// The hours, in UTC, at which the schedules of the morning act: those of the day before in Korea, less nine.
const CALENDAR_HOUR: &str = "22:00:00Z";
const RECONCILIATION_HOUR: &str = "21:00:00Z";
const SECOND_MS: u64 = 1_000;
/// How far ahead a schedule is pointed: by then the server has to be stopped, on a slow machine too.
const AHEAD_MS: u64 = 40 * SECOND_MS;

/// Asks Temporal's own command line, which must succeed.
pub(crate) fn temporal(roles: &Roles, arguments: &[&str]) -> Value {
    let mut command = Command::new(temporal_cli());
    let output = command.args(arguments).args(["--address", &roles.temporal, "-o", "json"]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Has a schedule act for each of its times in some days, as an operator does after an outage.
fn backfill(roles: &Roles, schedule: &str, [first, last]: [Day; 2]) {
    let [from, to] = [first.start(), last.next().start()].map(rfc3339);
    let range = ["--start-time", &from, "--end-time", &to, "--overlap-policy", "BufferAll"];
    temporal(roles, &[&["schedule", "backfill", "--schedule-id", schedule], &range[..]].concat());
}

fn rfc3339(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.epoch_ms()).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The workflow that a schedule starts for a morning in Korea.
fn workflow_of(schedule: &str, morning: Day, hour: &str) -> String {
    format!("{schedule}-{}T{hour}", morning.before())
}

pub(crate) async fn has_schedule(roles: &Roles, schedule: &str) {
    let client = roles.temporal().await;
    let handle = client.get_schedule_handle(schedule);
    until("the schedule is there", || async { handle.describe(Default::default()).await.is_ok() }).await;
}

/// Waits until so many workflows of a type have completed.
pub(crate) async fn completed(roles: &Roles, workflow_type: &str, number: u64) {
    let query = format!("WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Completed'");
    until(&format!("{number} of {workflow_type} have completed"), || async {
        let counted = temporal(roles, &["workflow", "count", "--query", &query]);
        let counted = counted["count"].as_str().and_then(|count| count.parse().ok()).or(counted["count"].as_u64());
        counted.unwrap_or(0) >= number
    })
    .await;
}

/// Each seller sells for the same.
async fn sell(shop: &Shop, sellers: &[String]) {
    let order = |seller: &String| json!({ "seller_account": seller, "amount": SOLD.to_string(), "currency": "KRW" });
    let orders: Vec<Value> = sellers.iter().map(order).collect();
    let body = json!({ "checkout_id": "sales-1", "order_name": "셔츠", "buyer_info": { "id": "buyer-1" },
        "payment_orders": orders });
    shop.create_with("sales-1", &body).await;
    let total = SOLD * sellers.len() as u64;
    let authorized = shop.simulate("authorize", &json!({ "orderId": "sales-1", "amount": total })).await;
    let (key, total) = (text(&authorized, "paymentKey").to_owned(), total.to_string());
    until("it is paid", || async { shop.confirm("sales-1", &key, &total).await.0 == 200 }).await;
}

async fn has_available(shop: &Shop, seller: &str, won: u64) {
    let path = format!("/v1/wallets/{seller}");
    let won = won.to_string();
    until(&format!("{seller} has {won} available"), || async { shop.get(&path).await["available"] == won.as_str() })
        .await;
}

/// The date of each run and the seller whom it pays, in the order of the days.
async fn runs(finance: &Shop) -> Vec<(String, String)> {
    let listed = finance.get("/v1/payout-runs").await;
    let mut runs = Vec::new();
    for run in listed["data"].as_array().unwrap() {
        let run = finance.get(&format!("/v1/payout-runs/{}", text(run, "payout_run_id"))).await;
        assert_eq!((&run["status"], &run["approvals_missing"]), (&json!("FROZEN"), &json!(2)), "{run}");
        let paid = run["payouts"].as_array().unwrap().iter().map(|payout| text(payout, "seller_account"));
        runs.push((text(&run, "date").to_owned(), paid.collect::<Vec<_>>().join(", ")));
    }
    runs.sort();
    runs
}

/// The days have not come yet, and three of them at once: a run whose day were that of a clock would pay nobody.
async fn the_calendar_freezes_the_run_of_each_day_once(database: Kind) {
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "[payouts]\nfreeze_daily = true\n").unwrap();
    let flags = ["--config", settings.path().to_str().unwrap(), "--release-business-days", "0"];
    let roles = Roles::start_with(database, &flags).await;
    let finance = Shop { api_key: roles.create_key("finance"), ..roles.shop.clone() };
    let worker = roles.role("worker");
    let sellers = names("seller", 3);
    register(&roles.shop.simulator, &roles.database_url(), &sellers).await;
    sell(&roles.shop, &sellers).await;
    for seller in &sellers {
        has_available(&roles.shop, seller, SOLD).await;
    }
    let (holidays, today) = (Holidays::default(), Day::of(service::now()));
    let days = [2, 3, 4].map(|count| holidays.business_days_after(today, count));
    let calendars = sellers.iter().zip(days).map(|(seller, day)| {
        let (_, _, of_month) = day.date();
        format!("UPDATE sellers SET cycle = 'monthly', days = '{of_month}' WHERE seller_account = '{seller}'")
    });
    write(&roles.database_url(), &calendars.collect::<Vec<_>>()).await;
    has_schedule(&roles, temporal::PAYOUT_SCHEDULE).await;
    roles.record_history_of("woken.housekeeping", workflows::housekeeping::HOUSEKEEPING_ID).await;

    // The mornings pass while no worker runs.
    drop(worker);
    let [first, _, last] = days;
    backfill(&roles, temporal::PAYOUT_SCHEDULE, [first, last]);
    assert_eq!(runs(&finance).await, []);
    let worker = roles.role("worker");
    let expected: Vec<(String, String)> = days.iter().map(Day::to_string).zip(sellers.clone()).collect();
    until("each morning has its run", || async { runs(&finance).await == expected }).await;
    let workflow = workflow_of(temporal::PAYOUT_SCHEDULE, first, CALENDAR_HOUR);
    roles.record_history_of("due.payout_calendar", &workflow).await;
    replays(&roles, &[&workflow]);

    // Once more, beside a start by hand, on which nobody is due; and by another worker.
    drop(worker);
    backfill(&roles, temporal::PAYOUT_SCHEDULE, [first, last]);
    let _worker = roles.role("worker");
    let mornings = 2 * first.through(last).count();
    completed(&roles, "payout_calendar", mornings as u64).await;
    temporal(&roles, &["schedule", "trigger", "--schedule-id", temporal::PAYOUT_SCHEDULE]);
    completed(&roles, "payout_calendar", mornings as u64 + 1).await;
    assert_eq!(runs(&finance).await, expected);
    roles.verify_books();
    roles.record_history_of("nobody-due.payout_calendar", &workflow).await;
    replays(&roles, &[&workflow, workflows::housekeeping::HOUSEKEEPING_ID]);
}

/// What this server keeps of workflows replays on this build.
fn replays(roles: &Roles, workflows: &[&str]) {
    let flags: Vec<&str> = workflows.iter().flat_map(|workflow| ["--workflow", workflow]).collect();
    let replayed = roles.command(&[&["replay"], &flags[..]].concat()).output().unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
}

async fn mornings_that_no_worker_saw_are_reconciled_as_their_own_days(database: Kind) {
    let roles = Roles::start(database).await;
    let schedule = temporal::RECONCILIATION_SCHEDULE;
    let worker = roles.role("worker");
    has_schedule(&roles, schedule).await;
    drop(worker);
    // The schedule itself may come to its hour while the test runs.
    temporal(&roles, &["schedule", "toggle", "--schedule-id", schedule, "--pause", "--reason", "a test"]);
    let before =
        |days: usize| std::iter::successors(Some(Day::of(service::now())), |day| Some(day.before())).nth(days).unwrap();
    let [first, last] = [before(4), before(2)];
    backfill(&roles, schedule, [first, last]);
    let _worker = roles.role("worker");
    for morning in [first, before(3), last] {
        let path = format!("/v1/reconciliations/{}", morning.before());
        until(&format!("{path} is told"), || async { roles.shop.get(&path).await["status"] == "CLEAN" }).await;
    }
    completed(&roles, "reconciliation_daily", 3).await;
    let yesterday = roles.shop.get(&format!("/v1/reconciliations/{}", before(1))).await;
    assert_eq!(yesterday["code"], "reconciliation_not_found", "no morning was about another day: {yesterday}");
    let workflow = workflow_of(schedule, first, RECONCILIATION_HOUR);
    roles.record_history_of("morning.reconciliation_daily", &workflow).await;
    replays(&roles, &[&workflow]);
}

/// Each seller has something available that was not released on the day of the test: that is of a later payout.
async fn earn_earlier(roles: &Roles, sellers: &[String]) {
    let database = Database::connect(&roles.database_url().parse::<DatabaseUrl>().unwrap()).await.unwrap();
    let earnings = Earnings {
        name: "earlier",
        sellers,
        amount: SOLD,
        reason: Reason::PspSettled,
        held_at: Account::PspPayoutBalance,
        occurred_at: service::now(),
    };
    let writer = Writer::new(database);
    for entry in earnings.entries() {
        writer.book(entry).await.unwrap();
    }
    let total = SOLD * sellers.len() as u64;
    roles.shop.simulate("balance", &json!({ "amount": total })).await;
}

/// Has a schedule act at two times and never again.
async fn point(roles: &Roles, schedule: &str, times: [Timestamp; 2]) {
    let at = |time: Timestamp| {
        let part =
            |format| chrono::DateTime::from_timestamp_millis(time.epoch_ms()).unwrap().format(format).to_string();
        let calendar = ScheduleCalendarSpec::builder().year(part("%Y")).month(part("%-m")).day_of_month(part("%-d"));
        calendar.hour(part("%-H")).minute(part("%-M")).second(part("%-S")).build()
    };
    let spec = ScheduleSpec::builder().calendars(times.map(at).to_vec()).build();
    let handle = roles.temporal().await.get_schedule_handle(schedule);
    handle.update(|update| _ = update.set_spec(spec), Default::default()).await.unwrap();
    // The server carries an update out a moment after it took the update.
    until("the schedule is pointed", || async {
        handle.describe(Default::default()).await.unwrap().future_action_times() == times.map(system_time)
    })
    .await;
}

/// Schedules know no parts of a second.
fn whole_second(at: Timestamp) -> Timestamp {
    at.minus_ms(u64::try_from(at.epoch_ms()).unwrap() % SECOND_MS)
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.epoch_ms()).unwrap())
}

/// The server itself is away at two times of each morning's schedule, and its file is all that knows of them.
async fn a_morning_over_which_temporal_was_away_is_made_up_for_once(database: Kind) {
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "[payouts]\nfreeze_daily = true\n").unwrap();
    let mut roles = Roles::start_with(database, &["--config", settings.path().to_str().unwrap()]).await;
    let finance = Shop { api_key: roles.create_key("finance"), ..roles.shop.clone() };
    let _worker = roles.role("worker");
    let sellers = names("seller", 1);
    register(&roles.shop.simulator, &roles.database_url(), &sellers).await;
    earn_earlier(&roles, &sellers).await;
    write(&roles.database_url(), &["UPDATE sellers SET cycle = 'daily'".to_owned()]).await;

    let schedules = [temporal::RECONCILIATION_SCHEDULE, temporal::PAYOUT_SCHEDULE];
    for schedule in schedules {
        has_schedule(&roles, schedule).await;
    }
    let first = whole_second(service::now().plus_ms(AHEAD_MS));
    let times @ [_, last] = [first, first.plus_ms(SECOND_MS)];
    for schedule in schedules {
        point(&roles, schedule, times).await;
    }
    roles.stop_temporal();
    assert!(service::now() < first, "the server was stopped too late for this test");
    until("both times have passed", || async { service::now() > last.plus_ms(SECOND_MS) }).await;
    roles.start_temporal_again().await;

    // The server starts a workflow for each time that it missed, and tells it that time.
    for (schedule, workflow_type) in schedules.into_iter().zip(["reconciliation_daily", "payout_calendar"]) {
        completed(&roles, workflow_type, 2).await;
        let handle = roles.temporal().await.get_schedule_handle(schedule);
        let described = handle.describe(Default::default()).await.unwrap();
        let actions = described.recent_actions();
        let nominal: Vec<_> = actions.iter().filter_map(|action| action.schedule_time).collect();
        assert_eq!(nominal, times.map(system_time), "{schedule}");
        let is_late = |at: Option<SystemTime>| at.is_some_and(|at| at > system_time(last));
        assert!(actions.iter().all(|action| is_late(action.actual_time)), "{schedule}: {actions:?}");
        assert_eq!((described.missed_catchup_window(), described.overlap_skipped()), (0, 0), "{schedule}");
    }
    // Both times are of one morning, so there is one reconciliation and one run.
    let day = Day::of(first);
    until("the day before is reconciled", || async {
        let told = roles.shop.get("/v1/reconciliations").await;
        let days = told["data"].as_array().unwrap().iter().map(|day| (text(day, "date"), text(day, "status")));
        days.collect::<Vec<_>>() == [(&*day.before().to_string(), "CLEAN")]
    })
    .await;
    // Nobody is due on a day that is no business day.
    let is_due = Holidays::default().is_business_day(day);
    let expected: Vec<(String, String)> = is_due.then(|| (day.to_string(), sellers[0].clone())).into_iter().collect();
    until("the run of the day is frozen", || async { runs(&finance).await == expected }).await;
    roles.verify_books();
}

async fn earnings_are_released_and_holds_end_after_a_worker_is_replaced(database: Kind) {
    let roles = Roles::start(database).await;
    let worker = roles.role("worker");
    let sellers = names("seller", 1);
    sell(&roles.shop, &sellers).await;
    has_schedule(&roles, temporal::HOUSEKEEPING_SCHEDULE).await;
    drop(worker);
    // Their time comes while no worker runs: nobody is told, and the schedule alone finds it.
    let now = rfc3339(service::now());
    write(&roles.database_url(), &[format!("UPDATE payment_orders SET releases_at = '{now}'")]).await;
    let worker = roles.role("worker");
    has_available(&roles.shop, &sellers[0], SOLD).await;

    // Another process holds money back for some seconds, and the worker that saw it is replaced.
    let database = Database::connect(&roles.database_url().parse::<DatabaseUrl>().unwrap()).await.unwrap();
    let held = domain::ledger::Hold {
        id: domain::id::HoldId::parse("hold-1".to_owned()).unwrap(),
        seller: domain::id::SellerAccount::parse(sellers[0].clone()).unwrap(),
        amount: domain::Money::try_from_minor(5_000, domain::Currency::Krw).unwrap(),
    };
    let now = service::now();
    let expires_at = now.plus_ms(5 * SECOND_MS);
    Writer::new(database).reserve(&held, Some(expires_at), now).await.unwrap();
    drop(worker);
    let _worker = roles.role("worker");
    has_available(&roles.shop, &sellers[0], SOLD).await;
    roles.verify_books();

    // What is too old goes too.
    temporal(&roles, &["schedule", "trigger", "--schedule-id", temporal::RETENTION_SCHEDULE]);
    completed(&roles, "retention", 1).await;
    let query = "WorkflowType = 'retention' AND ExecutionStatus = 'Completed'";
    let listed = temporal(&roles, &["workflow", "list", "--query", query]);
    let workflow = text(&listed[0]["execution"], "workflowId");
    roles.record_history_of("removed.retention", workflow).await;
    replays(&roles, &[workflow]);
}

/// While the schedule is paused, nothing is released in time: no worker has a clock of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_is_told_and_releases_nothing() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let sellers = names("seller", 1);
    sell(&roles.shop, &sellers).await;
    let schedule = temporal::HOUSEKEEPING_SCHEDULE;
    has_schedule(&roles, schedule).await;
    temporal(&roles, &["schedule", "toggle", "--schedule-id", schedule, "--pause", "--reason", "a test"]);
    let doctor = || {
        let said = roles.command(&["doctor", "--json"]).output().unwrap();
        let said: Value = serde_json::from_slice(&said.stdout).unwrap();
        let row = said.as_array().unwrap().iter().find(|row| row["check"] == "schedules").unwrap();
        (row["ok"].clone(), text(row, "detail").to_owned())
    };
    until("doctor tells", || async { doctor().0 == json!(false) && doctor().1.contains("housekeeping is paused") })
        .await;
    let now = rfc3339(service::now());
    write(&roles.database_url(), &[format!("UPDATE payment_orders SET releases_at = '{now}'")]).await;
    // A run that began before the pause may look a minute ahead; none begins any more.
    let running = "WorkflowType = 'housekeeping' AND ExecutionStatus = 'Running'";
    until("no run is under way", || async { temporal(&roles, &["workflow", "list", "--query", running]) == json!([]) })
        .await;
    let path = format!("/v1/wallets/{}", sellers[0]);
    assert_eq!(roles.shop.get(&path).await["available"], "0");
    temporal(&roles, &["schedule", "trigger", "--schedule-id", schedule]);
    has_available(&roles.shop, &sellers[0], SOLD).await;
}

/// `cluster status` and `cluster apply`: the schedules by name, and what another version left.
#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_command_names_the_schedules_and_mends_them() {
    let roles = Roles::start(Kind::Sqlite).await;
    let schedule = temporal::RECONCILIATION_SCHEDULE;
    let action = ["--workflow-id", schedule, "--type", "reconciliation_daily", "--task-queue", workflows::TASK_QUEUE];
    let older = ["schedule", "create", "--schedule-id", schedule, "--calendar", r#"{"hour":"5"}"#];
    temporal(&roles, &[&older[..], &["--overlap-policy", "BufferOne", "--time-zone", "Asia/Seoul"], &action].concat());
    let cluster = |action: &str| {
        let said = roles.command(&["cluster", action, "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&said.stdout).unwrap();
        let part = told["parts"].as_array().unwrap().iter().find(|part| part["part"] == "schedules").unwrap();
        (text(part, "state").to_owned(), text(part, "detail").to_owned())
    };
    let (state, detail) = cluster("status");
    assert_eq!(state, "differs");
    for told in ["reconciliation-daily is of another version", "payout-calendar is missing", "housekeeping is missing"]
    {
        assert!(detail.contains(told), "{detail}");
    }
    let (state, detail) = cluster("apply");
    assert_eq!(state, "changed", "{detail}");
    until("all are as needed", || async { cluster("status").0 == "ok" }).await;
    assert_eq!(cluster("apply").0, "ok", "it is safe to repeat");
    let described = temporal(&roles, &["schedule", "describe", "--schedule-id", schedule]).to_string();
    assert!(described.contains("SCHEDULE_OVERLAP_POLICY_BUFFER_ALL"), "{described}");
    assert!(described.contains(r#""start":5"#), "the operator's hour stays: {described}");
    let _worker = roles.role("worker");
    until("housekeeping acts", || async { cluster("status").1.contains("housekeeping: it last acted") }).await;
}
