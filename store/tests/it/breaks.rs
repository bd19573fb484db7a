//! Settlement rows are booked once each, and breaks keep everything that happened to them.

use domain::{
    Currency::Krw,
    Limits, Timestamp,
    calendar::Day,
    id::HoldId,
    ledger::Hold,
    reconciliation::{
        Act, Actor, BreakClass, BreakStatus, BreakType, DueEscalation, Evidence, Finding, Layer, Owner, RunStatus,
        Template,
        repair::{RepairLimits, RepairRule},
    },
    settlement::{Counter, Flow, RowKind, SettlementRow},
};
use sea_orm::ConnectionTrait;
use store::{
    Booked, BreakActRequest, ConcludeRun, InternalQuestion, LayerDays, NewRun, ReceivedRow, Repair, RepairRequest,
    Repaired, RowBooking, RunSummary, SettlementBookings, StoreError,
};

use crate::{
    audit::agrees,
    books::{paid, seller, wallet, won},
    database::Fresh,
    on_both_databases,
};

on_both_databases!(
    a_row_is_booked_once_however_often_it_comes,
    a_break_outlives_every_run_and_is_never_deleted,
    an_act_is_carried_out_once_and_undone_with_its_entry,
    a_comment_stands_once_and_changes_nothing_else,
    a_run_without_a_verdict_opens_and_closes_nothing,
    a_repair_is_done_once_within_its_limit_and_undone_once,
    a_break_that_grows_old_is_raised_once_for_each_step,
    a_line_of_a_statement_is_told_by_its_day_and_its_text,
);

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn flow(minor: i64) -> Flow {
    Flow::of_signed(minor, Krw).unwrap()
}

pub(crate) fn lump(key: &str, amount: i64) -> SettlementRow {
    SettlementRow {
        transaction_key: key.to_owned(),
        payment_key: key.to_owned(),
        order: "no-order".to_owned(),
        kind: RowKind::Approval,
        amount: flow(amount),
        pay_out: flow(amount),
        supply: flow(0),
        vat: flow(0),
        exchange: None,
        sold_on: day("2023-11-20"),
        paid_out_on: day("2023-11-22"),
        approved_at: None,
        method: None,
        merchant_id: None,
    }
}

pub(crate) fn finding(row: &SettlementRow) -> Finding {
    Finding {
        layer: Layer::Settlements,
        break_type: BreakType::LumpWithoutPayment,
        class: BreakType::LumpWithoutPayment.class(),
        key: row.transaction_key.clone(),
        day: row.sold_on,
        currency: Krw,
        ours: None,
        theirs: Some(row.amount),
        suspense: Some(row.amount),
        checkout_id: None,
        workflow_id: None,
        evidence: Evidence { ours: "{}".to_owned(), theirs: "{}".to_owned() },
    }
}

async fn begin(fresh: &Fresh, run_id: &str) {
    let day = day("2023-11-20");
    fresh.writer.begin_reconciliation(&NewRun { run_id: run_id.to_owned(), day, as_of: day }).await.unwrap();
}

async fn book(fresh: &Fresh, row: &SettlementRow) -> Result<Booked, StoreError> {
    let received = ReceivedRow { row: row.clone(), received: "{}".to_owned() };
    fresh.writer.keep_settlement_rows(&[received]).await?;
    let booking = RowBooking {
        row: row.clone(),
        counter: Counter::Suspense,
        finding: Some(finding(row)),
        run_id: "run-1".to_owned(),
    };
    fresh.writer.book_settlement_rows(SettlementBookings { rows: vec![booking], limits: RepairLimits::default() }).await
}

async fn conclude(fresh: &Fresh, run_id: &str, incomplete: Option<&str>) -> RunStatus {
    let days = Some((day("2023-11-14"), day("2023-11-20")));
    let conclusion = ConcludeRun {
        run_id: run_id.to_owned(),
        compared: vec![LayerDays { layer: Layer::Settlements, days }],
        incomplete: incomplete.map(str::to_owned),
        summary: RunSummary::new(),
        due: Vec::new(),
    };
    for _ in 0..2 {
        fresh.writer.conclude_reconciliation(&conclusion).await.unwrap();
    }
    fresh.reader.reconciliation_run(run_id).await.unwrap().unwrap().status
}

/// What differs within our own books, whenever it moved.
pub(crate) async fn internal_differences(fresh: &Fresh) -> Result<Vec<store::InternalDifference>, StoreError> {
    let question = InternalQuestion { since: Timestamp::from_epoch_ms(0), now: Timestamp::from_epoch_ms(0) };
    fresh.reader.internal_differences(&question).await
}

async fn suspense(fresh: &Fresh) -> i64 {
    -fresh.reader.debit_balance(&domain::ledger::Account::Suspense, Krw).await.unwrap()
}

async fn a_row_is_booked_once_however_often_it_comes(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let row = lump("txr-1", 4_000);
    assert_eq!(book(&fresh, &row).await.unwrap(), Booked::Now);
    assert_eq!(book(&fresh, &row).await.unwrap(), Booked::Before);
    // The same key with other amounts: what is booked stays, and the difference is named.
    let changed = ReceivedRow { row: lump("txr-1", 5_000), received: "{}".to_owned() };
    let kept = fresh.writer.keep_settlement_rows(&[changed]).await.unwrap();
    assert_eq!((kept.fresh, kept.changed), (0, vec!["txr-1".to_owned()]));
    assert_eq!(suspense(&fresh).await, 4_000);
    // Below zero: money that the PSP takes back.
    assert_eq!(book(&fresh, &lump("txr-3", -1_500)).await.unwrap(), Booked::Now);
    assert_eq!(suspense(&fresh).await, 2_500);
    agrees(&fresh).await;
}

async fn a_break_outlives_every_run_and_is_never_deleted(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let found = Finding { suspense: None, ..finding(&lump("txr-1", 4_000)) };
    fresh.writer.note_findings("run-1", &[found.clone(), found.clone()]).await.unwrap();
    assert_eq!(conclude(&fresh, "run-1", None).await, RunStatus::Breaks);
    begin(&fresh, "run-2").await;
    fresh.writer.note_findings("run-2", std::slice::from_ref(&found)).await.unwrap();
    assert_eq!(conclude(&fresh, "run-2", None).await, RunStatus::Breaks);
    let id = found.break_id();
    let acts = async |fresh: &Fresh| {
        let history = fresh.reader.break_history(&id).await.unwrap();
        history.into_iter().map(|event| event.act).collect::<Vec<_>>()
    };
    assert_eq!(acts(&fresh).await, ["open"], "seen again, nothing happened");
    // Both runs found it, and only the later one was the last to see it.
    for run in ["run-1", "run-2"] {
        let found_by = fresh.reader.breaks_found_by(run, 10).await.unwrap();
        assert_eq!(found_by.iter().map(|record| &record.break_id).collect::<Vec<_>>(), [&id], "{run}");
    }
    assert_eq!(fresh.reader.breaks_of_run("run-1", 10).await.unwrap(), []);
    begin(&fresh, "run-3").await;
    assert_eq!(conclude(&fresh, "run-3", None).await, RunStatus::Clean);
    assert_eq!(fresh.reader.breaks_found_by("run-3", 10).await.unwrap(), []);
    begin(&fresh, "run-4").await;
    fresh.writer.note_findings("run-4", &[found]).await.unwrap();
    assert_eq!(conclude(&fresh, "run-4", None).await, RunStatus::Breaks);
    assert_eq!(acts(&fresh).await, ["open", "resolve", "reopen"]);
    for statement in ["DELETE FROM breaks", "DELETE FROM break_history", "UPDATE break_history SET act = 'x'"] {
        fresh.database.connection().execute_unprepared(statement).await.unwrap_err();
    }
    assert_eq!(acts(&fresh).await.len(), 3);
}

async fn a_line_of_a_statement_is_told_by_its_day_and_its_text(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let theirs = |text: &str| Evidence { ours: "{}".to_owned(), theirs: text.to_owned() };
    let of_line = |key: &str, evidence| Finding {
        layer: Layer::Bank,
        break_type: BreakType::BankLineUnknown,
        class: BreakType::BankLineUnknown.class(),
        evidence,
        ..finding(&lump(key, 4_000))
    };
    let known = r#"{"account":"main","day":"2023-11-20","amount":4000,"label":"국세환급"}"#;
    let findings = [
        of_line(&"a".repeat(64), theirs(known)),
        of_line(&"b".repeat(64), theirs("{}")),
        of_line("main 2023-11-20", theirs(known)),
    ];
    fresh.writer.note_findings("run-1", &findings).await.unwrap();
    conclude(&fresh, "run-1", None).await;
    let found = fresh.reader.breaks_found_by("run-1", 10).await.unwrap();
    let told: Vec<_> = found.iter().map(|record| record.told_subject().into_owned()).collect();
    assert_eq!(told, ["2023-11-20 국세환급".to_owned(), "b".repeat(64), "main 2023-11-20".to_owned()]);
}

async fn an_act_is_carried_out_once_and_undone_with_its_entry(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let row = lump("txr-1", 4_000);
    book(&fresh, &row).await.unwrap();
    let id = finding(&row).break_id();
    let act = |version, act: Act, by: &str| BreakActRequest {
        break_id: id.clone(),
        version,
        act,
        by: Actor::parse(by).unwrap(),
        reason: "asked".to_owned(),
        alone_up_to: Limits::of_minor(4_000, 0, 0),
    };
    let resolve = act(1, Act::Resolve { template: Template::PlatformIncome }, "key:aaaa");
    assert_eq!(fresh.writer.act_on_break(&resolve).await.unwrap(), Booked::Now);
    assert_eq!(fresh.writer.act_on_break(&resolve).await.unwrap(), Booked::Before);
    let other = act(1, Act::Resolve { template: Template::PspFee }, "key:bbbb");
    assert!(fresh.writer.act_on_break(&other).await.unwrap_err().to_string().contains("changed meanwhile"));
    let record = fresh.reader.break_record(&id).await.unwrap().unwrap();
    assert_eq!((record.status, record.suspense, suspense(&fresh).await), (BreakStatus::Resolved, flow(0), 0));
    agrees(&fresh).await;
    let undo = act(2, Act::Undo, "key:bbbb");
    for expected in [Booked::Now, Booked::Before] {
        assert_eq!(fresh.writer.act_on_break(&undo).await.unwrap(), expected);
    }
    let record = fresh.reader.break_record(&id).await.unwrap().unwrap();
    assert_eq!((record.status, record.suspense, suspense(&fresh).await), (BreakStatus::Open, flow(4_000), 4_000));
    agrees(&fresh).await;
    // Suspense without its break is named.
    let statement = "UPDATE breaks SET suspense = 3999";
    fresh.database.connection().execute_unprepared(statement).await.unwrap();
    let audit = crate::audit::audit(&fresh).await;
    assert_eq!(
        audit.findings.named[0].to_string(),
        "suspense: suspense KRW: the sum of breaks is 3999, and 4000 by the postings"
    );
    assert_eq!(crate::breaks::internal_differences(&fresh).await.unwrap()[0].subject, "suspense KRW");
}

async fn a_comment_stands_once_and_changes_nothing_else(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let row = lump("txr-1", 4_000);
    book(&fresh, &row).await.unwrap();
    let id = finding(&row).break_id();
    let act = |version, act: Act, reason: &str| BreakActRequest {
        break_id: id.clone(),
        version,
        act,
        by: Actor::parse("key:aaaa").unwrap(),
        reason: reason.to_owned(),
        alone_up_to: Limits::default(),
    };
    let resolve = Act::Resolve { template: Template::PspFee };
    assert_eq!(fresh.writer.act_on_break(&act(1, resolve, "regrade")).await.unwrap(), Booked::Now);
    let proposed = fresh.reader.break_record(&id).await.unwrap().unwrap();
    assert!(proposed.proposal.is_some());
    let comment = act(2, Act::Comment, "Toss has a ticket");
    for expected in [Booked::Now, Booked::Before] {
        assert_eq!(fresh.writer.act_on_break(&comment).await.unwrap(), expected);
    }
    // The same author says something else about the same version: neither comment is taken for the other.
    let other = fresh.writer.act_on_break(&act(2, Act::Comment, "Toss has answered")).await;
    assert!(other.unwrap_err().to_string().contains("changed meanwhile"));
    let after = fresh.reader.break_record(&id).await.unwrap().unwrap();
    assert_eq!(after, store::BreakRecord { version: 3, ..proposed }, "the proposal and all else stays");
    let last = fresh.reader.break_history(&id).await.unwrap().pop().unwrap();
    let line = (last.number, last.act.as_str(), last.actor.as_str(), last.reason.as_str(), last.detail);
    assert_eq!(line, (3, "comment", "key:aaaa", "Toss has a ticket", None));
    assert_eq!(suspense(&fresh).await, 4_000);
    agrees(&fresh).await;
}

async fn a_run_without_a_verdict_opens_and_closes_nothing(fresh: Fresh) {
    begin(&fresh, "run-1").await;
    let found = Finding { suspense: None, ..finding(&lump("txr-1", 4_000)) };
    fresh.writer.note_findings("run-1", std::slice::from_ref(&found)).await.unwrap();
    assert_eq!(conclude(&fresh, "run-1", Some("the PSP did not answer")).await, RunStatus::NoVerdict);
    assert_eq!(fresh.reader.break_record(&found.break_id()).await.unwrap(), None);
    begin(&fresh, "run-2").await;
    fresh.writer.note_findings("run-2", std::slice::from_ref(&found)).await.unwrap();
    conclude(&fresh, "run-2", None).await;
    begin(&fresh, "run-3").await;
    assert_eq!(conclude(&fresh, "run-3", Some("the PSP did not answer")).await, RunStatus::NoVerdict);
    let record = fresh.reader.break_record(&found.break_id()).await.unwrap().unwrap();
    assert_eq!((record.status, record.opened_at >= Timestamp::from_epoch_ms(0)), (BreakStatus::Open, true));
    let run = fresh.reader.reconciliation_of(day("2023-11-20")).await.unwrap().unwrap();
    assert_eq!((run.number, run.reason.as_deref()), (3, Some("the PSP did not answer")));
}

async fn a_repair_is_done_once_within_its_limit_and_undone_once(fresh: Fresh) {
    for (order, name) in [("order-1", "a"), ("order-2", "b")] {
        paid(&fresh, order, name, 10_000, 0).await;
    }
    while fresh.writer.release_due(crate::writing::CREATED.plus_ms(1), 100).await.unwrap() > 0 {}
    let begun = NewRun { run_id: "run-1".to_owned(), day: day("2023-11-20"), as_of: day("2023-11-21") };
    fresh.writer.begin_reconciliation(&begun).await.unwrap();
    let found = ["one", "two"].map(|key| Finding { suspense: None, ..finding(&lump(key, 700)) });
    fresh.writer.note_findings("run-1", &found).await.unwrap();
    let ending = ConcludeRun {
        run_id: "run-1".to_owned(),
        compared: Vec::new(),
        incomplete: None,
        summary: RunSummary::new(),
        due: Vec::new(),
    };
    fresh.writer.conclude_reconciliation(&ending).await.unwrap();
    let hold = |index: usize, amount| {
        let break_id = found[index].break_id();
        let id = HoldId::parse(format!("{break_id}-0")).unwrap();
        let hold = Hold { id, seller: seller(["a", "b"][index]), amount: won(amount) };
        RepairRequest { break_id, run_id: "run-1".to_owned(), repair: Repair::Hold(hold) }
    };
    let limits = RepairLimits { daily_limit: Limits::of_minor(1_000, 0, 0), ..RepairLimits::default() };
    let repair =
        async |wanted: RepairRequest, limits: &RepairLimits| fresh.writer.repair_break(&wanted, limits).await.unwrap();
    let off = RepairLimits { off: vec![RepairRule::HoldMoney], ..limits.clone() };
    assert_eq!(repair(hold(0, 700), &off).await, Repaired::LeftOut, "the rule is off");
    assert_eq!(wallet(&fresh, "a").await.held, won(0));
    // Two workers at once, and once more.
    let (wanted, same) = (hold(0, 700), hold(0, 700));
    let both = futures::join!(repair(wanted, &limits), repair(same, &limits));
    assert!(matches!(both, (Repaired::Now, Repaired::Before) | (Repaired::Before, Repaired::Now)), "{both:?}");
    assert_eq!(repair(hold(0, 700), &limits).await, Repaired::Before);
    assert_eq!(wallet(&fresh, "a").await.held, won(700));
    for _ in 0..2 {
        assert_eq!(repair(hold(1, 301), &limits).await, Repaired::OverLimit, "1,000 won of a day, and 700 are held");
    }
    assert_eq!(wallet(&fresh, "b").await.held, won(0));
    let acts = async |index: usize| {
        let history = fresh.reader.break_history(&found[index].break_id()).await.unwrap();
        history.into_iter().map(|line| (line.act, line.actor, line.reason_code)).collect::<Vec<_>>()
    };
    let line = |act: &str, actor: &str, code: Option<&str>| (act.to_owned(), actor.to_owned(), code.map(str::to_owned));
    let opened = line("open", "rule:reconciliation/1", None);
    let code = Some("psp_adjustment");
    assert_eq!(acts(1).await, [opened.clone(), line("leave_out", "rule:hold_money/1", code)], "it is said once");
    assert_eq!(repair(hold(1, 300), &limits).await, Repaired::Now);

    // One command undoes it, and the rule leaves the break alone from then on.
    let undo = |version| BreakActRequest {
        break_id: found[0].break_id(),
        version,
        act: Act::Undo,
        by: Actor::parse("operator:mina").unwrap(),
        reason: "the seller has paid us".to_owned(),
        alone_up_to: Limits::default(),
    };
    for expected in [Booked::Now, Booked::Before] {
        assert_eq!(fresh.writer.act_on_break(&undo(2)).await.unwrap(), expected);
    }
    assert_eq!(wallet(&fresh, "a").await.held, won(0));
    assert_eq!(repair(hold(0, 700), &limits).await, Repaired::LeftOut);
    assert_eq!(acts(0).await, [opened, line("repair", "rule:hold_money/1", code), line("undo", "operator:mina", None)]);
    assert!(
        matches!(fresh.writer.act_on_break(&undo(3)).await, Err(StoreError::Refused(_))),
        "nothing is left to undo"
    );
    agrees(&fresh).await;
}

async fn a_break_that_grows_old_is_raised_once_for_each_step(fresh: Fresh) {
    let late = |key: &str, break_type: BreakType| Finding {
        suspense: None,
        break_type,
        class: break_type.class(),
        ..finding(&lump(key, 4_000))
    };
    let [by_machine, of_finance, waits] =
        [late("one", BreakType::CutOff), late("two", BreakType::FeeDiffers), late("three", BreakType::FeeDiffers)];
    let all = [by_machine.clone(), of_finance.clone(), waits.clone()];
    let due = |step, expected_by: &str| DueEscalation {
        step,
        types: vec![BreakType::CutOff, BreakType::FeeDiffers],
        expected_by: day(expected_by),
    };
    let run = async |run_id: &'static str, due: Vec<DueEscalation>, incomplete: Option<&str>| {
        begin(&fresh, run_id).await;
        fresh.writer.note_findings(run_id, &all).await.unwrap();
        let days = Some((day("2023-11-14"), day("2023-11-20")));
        ConcludeRun {
            run_id: run_id.to_owned(),
            compared: vec![LayerDays { layer: Layer::Settlements, days }],
            incomplete: incomplete.map(str::to_owned),
            summary: RunSummary::new(),
            due,
        }
    };
    let conclude = async |conclusion: &ConcludeRun| fresh.writer.conclude_reconciliation(conclusion).await.unwrap();
    let stands = async |found: &Finding| fresh.reader.break_record(&found.break_id()).await.unwrap().unwrap();
    let lines = async |found: &Finding| {
        let history = fresh.reader.break_history(&found.break_id()).await.unwrap();
        let raised = history.into_iter().filter(|line| line.act == "escalate");
        raised.map(|line| (line.actor, line.detail.unwrap())).collect::<Vec<_>>()
    };
    let told = async || {
        let events = crate::events::log(&fresh).await;
        events.iter().filter(|event| event.event_type == domain::event::EventType::BreakEscalated).count()
    };

    conclude(&run("run-1", vec![due(1, "2023-11-19")], None).await).await;
    assert_eq!((stands(&by_machine).await.escalation, told().await), (0, 0), "expected on the 20th");
    let wait = BreakActRequest {
        break_id: waits.break_id(),
        version: 1,
        act: Act::Wait { until: "2199-01-01".to_owned() },
        by: Actor::parse("key:aaaa").unwrap(),
        reason: "Toss answers then".to_owned(),
        alone_up_to: Limits::default(),
    };
    fresh.writer.act_on_break(&wait).await.unwrap();

    // A run without a verdict, told twice, and beside another one: once.
    let (second, third) = (
        run("run-2", vec![due(1, "2023-11-20")], Some("the PSP did not answer")).await,
        run("run-3", vec![due(1, "2023-11-20")], None).await,
    );
    futures::join!(conclude(&second), conclude(&second), conclude(&third));
    let raised = stands(&by_machine).await;
    assert_eq!((raised.escalation, raised.class, raised.owner()), (1, BreakClass::Finance, Owner::Finance));
    assert!(raised.escalated_at.is_some());
    let machine = "rule:reconciliation/1".to_owned();
    let first = (machine.clone(), "step 1, from automatic to finance".to_owned());
    assert_eq!(lines(&by_machine).await, std::slice::from_ref(&first));
    assert_eq!(lines(&of_finance).await, [(machine.clone(), "step 1".to_owned())]);
    assert_eq!((stands(&waits).await.escalation, told().await), (0, 2), "what waits is left alone");

    // Seen again with other amounts, it does not go back to the machine; the next step is told once more.
    let changed = Finding { theirs: Some(flow(5_000)), ..by_machine.clone() };
    begin(&fresh, "run-4").await;
    fresh.writer.note_findings("run-4", &[changed, of_finance.clone()]).await.unwrap();
    let fourth =
        ConcludeRun { run_id: "run-4".to_owned(), due: vec![due(2, "2023-11-20"), due(1, "2023-11-20")], ..third };
    conclude(&fourth).await;
    conclude(&fourth).await;
    let raised = stands(&by_machine).await;
    assert_eq!((raised.escalation, raised.class, raised.theirs), (2, BreakClass::Finance, Some(flow(5_000))));
    assert_eq!(lines(&by_machine).await, [first, (machine, "step 2".to_owned())]);
    assert_eq!(told().await, 4);

    // An author who looked before the break was raised is not refused for that; of two, the first wins.
    assert_eq!(stands(&of_finance).await.version, 3);
    let comment = |by: &str| BreakActRequest {
        break_id: of_finance.break_id(),
        act: Act::Comment,
        by: Actor::parse(by).unwrap(),
        ..wait.clone()
    };
    for expected in [Booked::Now, Booked::Before] {
        assert_eq!(fresh.writer.act_on_break(&comment("key:aaaa")).await.unwrap(), expected);
    }
    let second = fresh.writer.act_on_break(&comment("key:bbbb")).await.unwrap_err().to_string();
    assert!(second.contains("changed meanwhile"), "{second}");
    let history = fresh.reader.break_history(&of_finance.break_id()).await.unwrap();
    let acts: Vec<&str> = history.iter().map(|line| line.act.as_str()).collect();
    assert_eq!((acts, stands(&of_finance).await.version), (vec!["open", "escalate", "escalate", "comment"], 4));
}
