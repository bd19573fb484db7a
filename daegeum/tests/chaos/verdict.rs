//! When all is quiet: was anything lost, charged twice, or told that is not so?

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    PROGRESS, events,
    schedule::{Buyer, Interruption, Schedule, Story},
    shop::{Purchase, Shop, is_final},
    stack::Stack,
};

/// How often it is looked whether all is quiet.
const POLL: Duration = Duration::from_secs(1);
/// How many disagreements are printed.
const MOST_PRINTED: usize = 40;

const RUNNING: &str = "ExecutionStatus='Running'";
/// Paid and booked, and open only because the bank may still take a deposit back: as at rest as it will be for days.
const WATCHED: &str = "ExecutionStatus='Running' AND PaymentStatus='SUCCESS'";
const STUCK: &str = "ExecutionStatus='Running' AND PaymentStatus='STUCK'";
/// A seller is followed for as long as Toss knows it: its workflow asks, and waits for news until it asks again.
const FOLLOWED: &str = "ExecutionStatus='Running' AND WorkflowType='seller'";

/// What was found; empty is good.
pub(crate) type Wrong = Vec<String>;

/// Waits until every workflow has closed, watches a deposit that came, waits for news of a seller, or stands before a
/// person who has said once: go on. Deposits that are still awaited come in. Answers how many needed a person.
pub(crate) async fn rest(stack: &Stack, shop: &Shop, patience: Duration) -> Result<usize, String> {
    let (began, mut helped, mut waiting) = (Instant::now(), BTreeSet::new(), BTreeSet::new());
    let mut told = began;
    loop {
        shop.pay_deposits().await;
        let (open, stuck) = (workflows(stack, RUNNING), workflows(stack, STUCK).unwrap_or_default());
        let mut at_rest = &workflows(stack, WATCHED).unwrap_or_default() | &stuck;
        let followed = workflows(stack, FOLLOWED).unwrap_or_default();
        if open.as_ref().is_ok_and(|open| open.is_subset(&(&at_rest | &followed))) {
            let not_yet: Vec<String> = followed.difference(&waiting).cloned().collect();
            waiting.extend(not_yet.into_iter().filter(|seller| waits(stack, seller)));
        }
        at_rest.extend(waiting.intersection(&followed).cloned());
        if open.as_ref().is_ok_and(|open| open.is_subset(&at_rest) && stuck.is_subset(&helped)) {
            return Ok(helped.len());
        }
        for workflow in stuck {
            if helped.insert(workflow.clone()) {
                stack.timeline.note(format!("a person resumes {workflow}"));
                let word = r#"{"by":"chaos","reason":"the trouble is over"}"#;
                let signal = ["workflow", "signal", "--name", "resume", "--input", word, "--workflow-id", &workflow];
                let _ = stack.temporal(&signal).output();
            }
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            let open = open.as_ref().map_or(0, |open| open.difference(&at_rest).count());
            println!("{:5.0} s: {open} workflows are open", stack.timeline.now().as_secs_f64());
        }
        if began.elapsed() > patience {
            return Err(format!("after {} s not all workflows are closed: {open:?}", patience.as_secs()));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The ids of the workflows that a query finds.
fn workflows(stack: &Stack, query: &str) -> Result<BTreeSet<String>, String> {
    let listed =
        stack.temporal(&["workflow", "list", "--output", "json", "--limit", "100000", "--query", query]).output();
    let listed = listed.map_err(|error| error.to_string())?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).into_owned());
    }
    let found: Vec<Value> = serde_json::from_slice(&listed.stdout).map_err(|error| error.to_string())?;
    Ok(found.iter().filter_map(|row| row["execution"]["workflowId"].as_str().map(str::to_owned)).collect())
}

/// Whether a workflow has nothing to do until its timer ends or somebody signals it.
fn waits(stack: &Stack, workflow: &str) -> bool {
    let described = stack.temporal(&["workflow", "describe", "--output", "json", "--workflow-id", workflow]).output();
    let Some(described) = described.ok().filter(|output| output.status.success()) else { return false };
    let Ok(described) = serde_json::from_slice::<Value>(&described.stdout) else { return false };
    let is_running = described["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING";
    let is_busy = |name: &str| !described[name].is_null() && described[name] != serde_json::json!([]);
    is_running && !is_busy("pendingActivities") && !is_busy("pendingWorkflowTask")
}

/// Compares every checkout with what Toss really did, and every answer with what came of it.
pub(crate) async fn judge(stack: &Stack, shop: &Shop, schedule: &Schedule) -> Wrong {
    let mut wrong = Wrong::new();
    let payments = shop.really("payments").await;
    let mut held: HashMap<&str, u64> = HashMap::new();
    for payment in payments.as_array().into_iter().flatten() {
        let is_money = ["DONE", "PARTIAL_CANCELED"].contains(&payment["status"].as_str().unwrap_or_default());
        let won = payment["balanceAmount"].as_u64().filter(|_| is_money).unwrap_or_default();
        *held.entry(payment["orderId"].as_str().unwrap_or_default()).or_default() += won;
    }
    let mut ends = HashMap::new();
    for buyer in &schedule.buyers {
        let end = checkout(shop, buyer, held.get(&*buyer.checkout_id).copied().unwrap_or_default(), &mut wrong).await;
        ends.insert(&*buyer.checkout_id, end);
    }
    answers(shop, &ends, &mut wrong);
    wrong.extend(events::judge(shop, &ends).await);
    let is_stuck = |id: &&&str| ends.get(**id).and_then(|rows| rows.last()).is_some_and(|status| status == "STUCK");
    let before_a_person = held.keys().filter(is_stuck).map(|id| held[id]).sum();
    books(stack, shop, before_a_person, &mut wrong).await;
    wrong
}

/// How a checkout ended: every status that it ever had. Empty when it does not exist.
async fn checkout(shop: &Shop, buyer: &Buyer, held: u64, wrong: &mut Wrong) -> Vec<String> {
    let id = &buyer.checkout_id;
    let (http, record) = shop.get(&format!("/v1/payments/{id}")).await;
    if http == 404 {
        if held > 0 {
            wrong.push(format!("{id} is not recorded, and Toss holds {held} won"));
        }
        return Vec::new();
    }
    let status = record["status"].as_str().unwrap_or_default();
    let refunded = record["payment_orders"].as_array().into_iter().flatten();
    let refunded = refunded.filter_map(|order| order["refunded_amount"].as_str()?.parse::<u64>().ok()).sum::<u64>();
    let owed = match status {
        "SUCCESS" | "PARTIALLY_REFUNDED" | "REFUNDED" if refunded > wanted_back(buyer) => {
            wrong.push(format!("{id} was refunded {refunded} won, and {} were asked for", wanted_back(buyer)));
            held
        }
        "SUCCESS" | "PARTIALLY_REFUNDED" | "REFUNDED" => buyer.total() - refunded,
        // A person sees to it: whatever is held, held it is.
        "STUCK" => held,
        _ => 0,
    };
    if shop.was_told_of_refund(id) && refunded != wanted_back(buyer) {
        wrong.push(format!("{id}: every refund was answered with 200, and {refunded} won went back"));
    }
    if !is_final(status) && status != "STUCK" {
        wrong.push(format!("{id} ended as {status}"));
    }
    if owed != held {
        wrong.push(format!("{id} is {status} over {owed} won, and Toss holds {held}"));
    }
    let (_, history) = shop.get(&format!("/v1/payments/{id}/history")).await;
    let rows = history.as_array().or_else(|| history["history"].as_array()).or_else(|| history["changes"].as_array());
    let rows =
        rows.into_iter().flatten().filter_map(|row| row["status"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    if rows.last().map(String::as_str) != Some(status) {
        wrong.push(format!("{id} is {status}, and its history is {rows:?}"));
    }
    rows
}

/// What a buyer's story wants back after it was paid, in won.
fn wanted_back(buyer: &Buyer) -> u64 {
    match buyer.story {
        Story::IsRefunded => buyer.total() / 2,
        Story::IsRefundedInParts | Story::GivesAllBack | Story::ChangesTheirMind => buyer.total(),
        Story::Pays | Story::PaysTwice | Story::IsDeclined | Story::Deposits | Story::Leaves | Story::Cancels => 0,
    }
}

/// Every answer has to have been true: nobody was told of a status that the checkout never had, and nobody was told of
/// an end that was not one.
fn answers(shop: &Shop, ends: &HashMap<&str, Vec<String>>, wrong: &mut Wrong) {
    for answer in &shop.seen.lock().unwrap().answers {
        let rows = ends.get(&*answer.checkout_id).map_or(&[][..], Vec::as_slice);
        let told = format!("{} {} → {} {}", answer.asked, answer.checkout_id, answer.http, answer.said);
        let true_word = match answer.http {
            200..=202 => rows.contains(&answer.said),
            402 => rows.iter().any(|status| status == "FAILED" || status == "EXPIRED"),
            404 => answer.asked == "read" && rows.is_empty(),
            409 if answer.asked == "cancel" => match &*answer.said {
                "not_cancelable" => rows.last().is_some_and(|status| status == "FAILED" || status == "EXPIRED"),
                said => said == "request_in_progress",
            },
            409 => !rows.is_empty() && answer.asked == "confirm",
            // What says of itself that it does not know, or not yet.
            429 | 503 => true,
            _ => false,
        };
        if !true_word {
            wrong.push(format!("a client was told what is not so: {told}; the history is {rows:?}"));
        }
        let last = rows.last().map(String::as_str).unwrap_or_default();
        let is_paid = |status: &str| ["SUCCESS", "PARTIALLY_REFUNDED", "REFUNDED"].contains(&status);
        if (200..=202).contains(&answer.http) && is_paid(&answer.said) && !is_paid(last) {
            wrong.push(format!("a client was told of money that is not there: {told}; it ended as {last}"));
        }
    }
}

/// The books balance, agree with themselves and with Toss, to the won; but for what a person still has to see to.
async fn books(stack: &Stack, shop: &Shop, before_a_person: u64, wrong: &mut Wrong) {
    let verified = stack.daegeum(&["ledger", "verify"]).output().unwrap();
    if !verified.status.success() {
        wrong.push(format!("ledger verify: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    for day in stack.timeline.days() {
        let reconciled = stack.daegeum(&["reconcile", "--day", &day, "--grace", "0m"]).output().unwrap();
        println!("{}", String::from_utf8_lossy(&reconciled.stdout).lines().last().unwrap_or_default());
        if !reconciled.status.success() {
            let said = [&reconciled.stdout[..], &reconciled.stderr].map(String::from_utf8_lossy).join("");
            wrong.push(format!("reconcile {day}: {said}"));
        }
    }
    let totals = shop.really("totals").await;
    let (_, trial) = shop.get("/v1/ledger/trial-balance").await;
    let accounts = trial["accounts"].as_array().into_iter().flatten();
    let receivable = accounts.filter(|account| account["account"] == "psp:receivable");
    let booked = receivable.filter_map(|account| account["balance"].as_str()?.parse::<u64>().ok()).sum::<u64>();
    println!("Toss: {totals}; the ledger's receivable: {booked} won; before a person: {before_a_person} won");
    if totals["net"].as_u64() != Some(booked + before_a_person) {
        wrong.push(format!("Toss holds {} won net, and the ledger says {booked}", totals["net"]));
    }
    if totals["double_charged_orders"] != 0 {
        wrong.push(format!("charged twice: {} orders", totals["double_charged_orders"]));
    }
    if trial["balanced"] != true {
        wrong.push("the trial balance does not balance".to_owned());
    }
}

/// Prints what was seen: answers, ends, and how soon somebody could buy again after each interruption.
pub(crate) async fn report(shop: &Shop, schedule: &Schedule, struck: &[(Duration, usize)]) -> Option<Duration> {
    let (answers, purchases, unanswered, gave_up) = {
        let seen = shop.seen.lock().unwrap();
        let mut counts: BTreeMap<(&str, u16), usize> = BTreeMap::new();
        for answer in &seen.answers {
            *counts.entry((answer.asked, answer.http)).or_default() += 1;
        }
        (counts, seen.purchases.clone(), seen.unanswered, seen.gave_up.clone())
    };
    let counted: Vec<_> = answers.iter().map(|((asked, http), count)| format!("{asked} {http}: {count}")).collect();
    println!("answers: {}; without an answer: {unanswered}; lost patience: {}", counted.join(", "), gave_up.len());
    let mut longest = None;
    println!("{:>16} {:>8} {:>8} {:>10} {:>10}", "struck", "how", "times", "p50 s", "max s");
    let mut by_kind: BTreeMap<(&str, &str), Vec<Option<Duration>>> = BTreeMap::new();
    for (when, index) in struck {
        let strike = schedule.strikes[*index];
        let how = if strike.interruption == Interruption::Kill { "kill -9" } else { "SIGSTOP" };
        by_kind.entry((strike.target.name(), how)).or_default().push(recovery(*when, &purchases));
    }
    for ((name, how), times) in by_kind {
        let mut known: Vec<_> = times.iter().flatten().copied().collect();
        known.sort();
        let Some(most) = known.last().copied() else { continue };
        longest = longest.max(Some(most));
        let middle = known[known.len() / 2];
        println!("{name:>16} {how:>8} {:>8} {:>10.2} {:>10.2}", times.len(), middle.as_secs_f64(), most.as_secs_f64());
    }
    longest
}

/// The time until somebody has bought who came after the interruption.
fn recovery(struck: Duration, purchases: &[Purchase]) -> Option<Duration> {
    let after = purchases.iter().filter(|purchase| purchase.began >= struck);
    after.map(|purchase| purchase.ended - struck).min()
}

/// Prints what is wrong.
pub(crate) fn tell(wrong: &Wrong) {
    for line in wrong.iter().take(MOST_PRINTED) {
        println!("WRONG: {line}");
    }
    if wrong.len() > MOST_PRINTED {
        println!("WRONG: and {} more", wrong.len() - MOST_PRINTED);
    }
}
