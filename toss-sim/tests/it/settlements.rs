//! Settlement rows, and what the control plane plants among them.

use chrono::{DateTime, FixedOffset};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Simulator, send, start};

const DAY_S: u64 = 24 * 60 * 60;

/// The rows of the month around now, by `soldDate`.
async fn rows(sim: &Simulator) -> Vec<Value> {
    let now: DateTime<FixedOffset> = sim.ask("/_sim/clock").await["now"].as_str().unwrap().parse().unwrap();
    let (from, to) = (now - chrono::TimeDelta::days(15), now + chrono::TimeDelta::days(15));
    let period = format!("startDate={}&endDate={}", from.date_naive(), to.date_naive());
    let answer = send(sim.toss(Method::GET, &format!("/v1/settlements?{period}"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json.as_array().unwrap().clone()
}

async fn rows_of(sim: &Simulator, order_id: &str) -> Vec<Value> {
    rows(sim).await.into_iter().filter(|row| row["orderId"] == order_id).collect()
}

async fn plant(sim: &Simulator, planted: Value) -> Value {
    sim.tell("/_sim/settlements/plant", planted).await
}

#[tokio::test]
async fn a_cancel_is_a_row_of_its_own_with_negative_money() {
    let sim = start().await;
    let key = sim.paid("order-0001", 99_800).await;
    assert_eq!(sim.cancel(&key, json!({ "cancelReason": "test", "cancelAmount": 10_000 })).await.status, 200);
    assert_eq!(rows(&sim).await, Vec::<Value>::new(), "rows appear on the next day");
    sim.advance(DAY_S).await;
    let rows = rows(&sim).await;
    let money =
        |row: &Value| ["amount", "fee", "supplyAmount", "vat", "payOutAmount"].map(|name| row[name].as_i64().unwrap());
    assert_eq!(money(&rows[0]), [99_800, 2_964, 2_695, 269, 96_836]);
    assert_eq!(money(&rows[1]), [-10_000, -297, -270, -27, -9_703]);
    assert_eq!(rows[0]["approvedAt"], rows[1]["approvedAt"], "the time of the original approval");
    assert_ne!(rows[0]["transactionKey"], rows[1]["transactionKey"]);
    assert_eq!((&rows[0]["cancel"], &rows[1]["cancel"]["cancelAmount"]), (&Value::Null, &json!(10_000)));
}

#[tokio::test]
async fn wrong_rows_are_planted() {
    let sim = start().await;
    for order in ["right-0001", "fee-00001", "missing-01", "late-0001", "twice-0001"] {
        sim.paid(order, 100_000).await;
    }
    plant(&sim, json!({ "kind": "wrong_fee", "orderId": "fee-00001", "amount": 30 })).await;
    plant(&sim, json!({ "kind": "missing_row", "orderId": "missing-01" })).await;
    plant(&sim, json!({ "kind": "late_row", "orderId": "late-0001" })).await;
    plant(&sim, json!({ "kind": "row_twice", "orderId": "twice-0001" })).await;
    let lump = plant(&sim, json!({ "kind": "lump", "amount": 777 })).await;
    let foreign = plant(&sim, json!({ "kind": "foreign_payment", "amount": 5_000 })).await;
    sim.advance(DAY_S).await;

    assert_eq!(rows_of(&sim, "right-0001").await[0]["fee"], 2_970);
    assert_eq!(rows_of(&sim, "fee-00001").await[0]["fee"], 3_000);
    assert_eq!(rows_of(&sim, "fee-00001").await[0]["payOutAmount"], 97_000);
    assert_eq!(rows_of(&sim, "missing-01").await.len(), 0);
    assert_eq!(rows_of(&sim, "late-0001").await.len(), 0);
    let twice = rows_of(&sim, "twice-0001").await;
    assert_eq!((twice.len(), &twice[0]), (2, &twice[1]));
    let lump = rows_of(&sim, lump["orderId"].as_str().unwrap()).await;
    assert_eq!((&lump[0]["payOutAmount"], &lump[0]["fee"]), (&json!(777), &json!(0)));
    let foreign = foreign["orderId"].as_str().unwrap();
    assert_eq!(rows_of(&sim, foreign).await[0]["amount"], 5_000);
    assert_eq!(sim.look_up_order(foreign).await.json["status"], "DONE");

    sim.advance(2 * DAY_S).await;
    let late = rows_of(&sim, "late-0001").await;
    assert_eq!(late[0]["soldDate"], rows_of(&sim, "right-0001").await[0]["soldDate"], "with its own dates");
    sim.advance(7 * DAY_S).await;
    // Right, late and twice pay 97,030 each; the fee takes 30 more; 5,000 less 148; the lump; nothing of what is
    // missing.
    assert_eq!(sim.ask("/_sim/balances").await["available"], 3 * 97_030 + 97_000 + 4_852 + 777);
}

#[tokio::test]
async fn what_cannot_be_planted_is_refused() {
    let sim = start().await;
    for (planted, status) in [
        (json!({ "kind": "missing_row", "orderId": "order-0001" }), 404),
        (json!({ "kind": "missing_row" }), 400),
        (json!({ "kind": "lump", "amount": 0 }), 400),
        (json!({ "kind": "weeds" }), 400),
    ] {
        let answer = send(sim.bare(Method::POST, "/_sim/settlements/plant").json(&planted)).await;
        assert_eq!(answer.status, status, "{planted} {}", answer.text);
    }
}

/// The orders of a page of settlements of two rows, or nothing where the page cannot be read.
async fn page(sim: &Simulator, page: u32) -> Option<Vec<String>> {
    let path = format!("/v1/settlements?startDate=2020-01-01&endDate=2100-01-01&size=2&page={page}");
    let answer = send(sim.toss(Method::GET, &path)).await;
    let rows = answer.json.as_array()?;
    rows.iter().map(|row| row["amount"].is_i64().then(|| row["orderId"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_list_loses_a_page_or_half_of_it() {
    let sim = start().await;
    for number in 1..=5 {
        sim.paid(&format!("order-000{number}"), 10_000).await;
    }
    sim.advance(DAY_S).await;
    let orders = |numbers: &[u32]| Some(numbers.iter().map(|number| format!("order-000{number}")).collect::<Vec<_>>());
    sim.mischief(json!({ "on": "settlements", "kind": "drop", "pages": "later", "times": 2 })).await;
    assert_eq!(page(&sim, 1).await, orders(&[1, 2]), "the first page is none of the later ones");
    assert_eq!(page(&sim, 2).await, orders(&[5]));
    assert_eq!(page(&sim, 3).await, orders(&[]));
    sim.mischief(json!({ "on": "settlements", "kind": "cut_list" })).await;
    assert_eq!(page(&sim, 1).await, orders(&[1]));
    for kind in ["unreadable_row", "cut_body"] {
        sim.mischief(json!({ "on": "settlements", "kind": kind })).await;
        assert_eq!(page(&sim, 1).await, None, "{kind}");
    }
    assert_eq!(page(&sim, 2).await, orders(&[3, 4]));

    sim.mischief(json!({ "on": "transactions", "kind": "drop" })).await;
    let path = "/v1/transactions?startDate=2020-01-01&endDate=2100-01-01&limit=2";
    let rows = send(sim.toss(Method::GET, path)).await.json;
    assert_eq!((&rows[0]["orderId"], &rows[1]["orderId"]), (&json!("order-0003"), &json!("order-0004")), "{rows}");
}
