//! Before a long holiday, a week of days of sale ends before a row that never came is overdue.

use domain::calendar::{Day, Holidays};
use serde_json::json;

use super::{
    day_after, paid,
    planted::{DAY_S, plant},
    reconcile_ahead, today,
};
use crate::{database::Kind, on_both_databases, roles::Roles};

on_both_databases!(a_row_that_never_came_before_a_long_holiday_is_overdue_after_it);

/// For how many days banks are closed from tomorrow.
const CLOSED_DAYS: i64 = 9;
/// After this number of days all rows of today are listed, and those of the days after the holiday are too.
const LATER: u64 = 30;

async fn a_row_that_never_came_before_a_long_holiday_is_overdue_after_it(database: Kind) {
    let closed: Vec<String> = (1..=CLOSED_DAYS).map(day_after).collect();
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("daegeum.toml");
    std::fs::write(&settings, format!("holidays = {closed:?}\n")).unwrap();
    let roles = Roles::start_with(database, &["--config", settings.to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let (shop, temporal) = (&roles.shop, roles.temporal().await);
    for id in ["settled", "missing"] {
        paid(shop, id).await;
    }
    plant(shop, "missing_row", Some("missing"), 1).await;
    shop.simulate("clock", &json!({ "advance_s": DAY_S * LATER })).await;

    let holidays = Holidays::and(closed.iter().map(|day| day.parse().unwrap()));
    let published: Day = holidays.business_days_after(today().parse().unwrap(), 1);
    let last = holidays.business_days_after(published, 2);
    for (as_of, break_type) in [(last, "cut_off"), (last.next(), "settlement_overdue")] {
        let day = as_of.before().to_string();
        let run = reconcile_ahead(&temporal, shop, &day, &as_of.to_string()).await;
        assert_eq!(run["status"], "BREAKS", "{run:#}");
        let open = shop.get("/v1/breaks?status=OPEN").await;
        let open: Vec<_> = open["data"].as_array().unwrap().iter().map(|one| (&one["subject"], &one["type"])).collect();
        assert_eq!(open, [(&json!("missing"), &json!(break_type))], "as of {as_of}");
    }
}
