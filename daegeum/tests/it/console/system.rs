//! The page that says how everything stands.

use serde_json::{Value, json};
use store::console::Role;

use super::signed_in;
use crate::{
    database::Kind,
    stack::{Dev, daegeum, until},
};

/// Each check of `daegeum doctor` beside the `dev`, and whether it is well.
fn doctor(dev: &Dev) -> Vec<(String, Value)> {
    let mut command = daegeum();
    let output = command.args(["doctor", "--json", "--data-dir"]).arg(dev.directory.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let row = |row: &Value| (row["check"].as_str().unwrap().to_owned(), row["ok"].clone());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// The row of a part on the page.
fn row<'a>(page: &'a str, part: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("data-part=\"{part}\"")).unwrap_or_else(|| panic!("no {part}: {page}"));
    rest.split_once("</tr>").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_doctor_says_and_who_polls() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let person = signed_in(&dev, "kim", Role::Operations).await;
    until("all is well", || async { person.get("/console/system").await.text.contains("data-system=\"well\"") }).await;
    let page = person.get("/console/system").await.text;
    let checks = doctor(&dev);
    assert!(checks.len() > 15, "{checks:?}");
    for (part, ok) in &checks {
        let code = if ok.is_null() { "UNASKED" } else { "WELL" };
        assert!(row(&page, part).contains(&format!("data-code=\"{code}\"")), "{part} is {ok}: {}", row(&page, part));
    }
    assert_eq!(page.matches("data-part=").count(), checks.len(), "{page}");
    for queue in [workflows::TASK_QUEUE, workflows::delivery::TASK_QUEUE] {
        assert_eq!(page.matches(&format!("<td class=\"code\">{queue}</td>")).count(), 2, "{queue}: {page}");
    }
    assert!(page.contains("data-code=\"GETS_TASKS\"") && !page.contains("data-code=\"GETS_NONE\""), "{page}");
    for schedule in ["reconciliation-daily", "payout-calendar", "housekeeping", "retention", "cash-receipts"] {
        assert!(page.contains(&format!("<td class=\"code\">{schedule}</td>")), "{schedule}: {page}");
    }
    assert!(page.contains(&format!("id=\"version\">{}<", env!("CARGO_PKG_VERSION"))), "{page}");

    // What is ill there is ill here, with what mends it.
    let refused = json!({ "on": "balances", "kind": "error_before", "code": "PAYOUT_NOT_FOUND", "times": 0 });
    dev.shop.simulate("mischief", &refused).await;
    until("the page tells of it", || async {
        person.get("/console/system").await.text.contains("data-system=\"ill\"")
    })
    .await;
    let page = person.get("/console/system").await.text;
    let told = row(&page, "payout service");
    assert!(told.contains("data-code=\"ILL\"") && told.contains("ask Toss for the payout contract"), "{told}");
    assert_eq!(page.matches("data-code=\"ILL\"").count(), 1, "{page}");
    let ill = doctor(&dev).into_iter().find(|(part, _)| part == "payout service").unwrap();
    assert_eq!(ill.1, json!(false));
}
