//! What the world was told: each status that a checkout ever had, once and in order.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use crate::{shop::Shop, verdict::Wrong};

/// How long the last event may wait for its position once all is quiet.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked meanwhile.
const POLL: Duration = Duration::from_millis(500);

/// Compares the event log with the history of every checkout.
pub(crate) async fn judge(shop: &Shop, histories: &HashMap<&str, Vec<String>>) -> Wrong {
    let began = Instant::now();
    loop {
        let wrong = look(shop, histories).await;
        if wrong.is_empty() || began.elapsed() > PATIENCE {
            return wrong;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn look(shop: &Shop, histories: &HashMap<&str, Vec<String>>) -> Wrong {
    let (mut wrong, mut told) = (Wrong::new(), BTreeMap::<String, Vec<String>>::new());
    let (mut after, mut paid) = (0, 0);
    loop {
        let (http, page) = shop.get(&format!("/v1/events?limit=500&after={after}")).await;
        let Some(events) = page["events"].as_array() else {
            return vec![format!("the event log answers {http}: {page}")];
        };
        for event in events {
            after += 1;
            if event["position"] != after {
                wrong.push(format!("the event log has a gap before {}", event["position"]));
            }
            if event["object"]["type"] == "checkout" {
                let id = event["object"]["id"].as_str().unwrap_or_default().to_owned();
                paid += usize::from(event["type"] == "checkout.paid");
                told.entry(id).or_default().push(event["type"].as_str().unwrap_or_default().to_owned());
            }
        }
        if page["has_more"] != true {
            break;
        }
    }
    for (id, history) in histories {
        let expected: Vec<String> = history.iter().filter_map(|status| told_as(status)).collect();
        let told = told.remove(*id).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{id}: the world was told {told:?}, and its history is {history:?}"));
        }
    }
    wrong.extend(told.keys().map(|id| format!("the world was told of {id}, which is not there")));
    if wrong.is_empty() {
        println!("the world was told {after} events, {paid} of them checkout.paid");
    }
    wrong
}

/// The type of the event that a status is told by, if it is told.
fn told_as(status: &str) -> Option<String> {
    match status {
        "NOT_STARTED" => Some("created".to_owned()),
        "SUCCESS" => Some("paid".to_owned()),
        "WAITING_FOR_DEPOSIT" => Some("awaiting_deposit".to_owned()),
        "EXECUTING" | "PARTIALLY_REFUNDED" | "REFUNDED" => None,
        other => Some(other.to_lowercase()),
    }
    .map(|word| format!("checkout.{word}"))
}
