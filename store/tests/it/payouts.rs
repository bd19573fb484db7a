//! Payout runs in their rows: reserved, stated, decided, sent and ended, each once.

use domain::{
    Limits, Money,
    calendar::Day,
    event::EventType,
    failure::Failure,
    id::{PayoutId, PayoutRunId, SellerAccount},
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
    payout::{
        CALENDAR, Decision, PayoutStatus, RunStatus, Undecidable,
        bank_file::BankAnswer,
        batch::PayoutChange,
        plan::{CarriedOver, CarryReason, DayText, Plan, PlanRules, RunRequest},
        statement::{LineKind, StatementFields},
    },
    principal::Principal,
    reconciliation::{Act, Actor, BreakType, Finding, Layer, Template},
    seller::{HoldAnswer, LiftedHold},
};
use futures::future::join_all;
use migrations::{Migrator, MigratorTrait as _};
use sea_orm::ConnectionTrait;
use store::{
    BeginBatch, BegunBatch, Freeze, FreezeOutcome, Keyring, PayoutRecord, PayoutRefusal, PayoutRequest, PlanRequest,
    RunDecision, RunRecord, SellerHoldStatus, Window, Withdrawal,
};

use crate::{
    books::{paid, promise_refund, seller, wallet, won},
    database::Fresh,
    on_both_databases,
    sellers::details,
    writing::CREATED,
};

on_both_databases!(
    what_is_not_in_won_is_told_and_not_paid,
    a_run_reserves_what_it_pays_and_states_every_line,
    a_seller_and_a_period_have_one_payout_however_many_runs_are_frozen_at_once,
    nobody_approves_alone_nor_what_they_did_not_see,
    a_run_of_the_calendar_is_approved_by_two,
    a_rejected_run_leaves_its_lines_to_the_next_statement,
    what_the_psp_says_moves_the_money_once,
    a_refund_after_the_freeze_takes_what_is_left_and_then_makes_a_debt,
    a_failed_payout_is_attempted_again_and_a_returned_one_is_held,
    a_return_of_an_earlier_version_is_listed,
    a_seller_who_changed_after_the_approval_is_not_paid,
    a_payout_that_was_taken_back_makes_another_digest,
    a_batch_that_was_begun_comes_back_until_it_is_answered,
    a_statement_cannot_be_changed,
    nothing_is_approved_or_begun_while_payouts_are_stopped,
    events_of_runs_and_sellers_name_no_person,
);

pub(crate) fn principal(name: &str) -> Principal {
    Principal::parse(&format!("key:{name}")).unwrap()
}

/// A request of a principal about a payout.
pub(crate) fn asked(payout: &PayoutRecord, by: &str, reason: &str) -> PayoutRequest {
    PayoutRequest { payout_id: payout.payout_id.clone(), attempt: None, by: principal(by), reason: reason.to_owned() }
}

/// Two principals say the same of a payout, each twice: the first word alone changes nothing.
pub(crate) async fn said_by_two(fresh: &Fresh, payout: &PayoutRecord, answer: BankAnswer) -> PayoutRecord {
    let before = fresh.writer.payout_now(&payout.payout_id).await.unwrap().unwrap();
    for _ in 0..2 {
        let noted = fresh.writer.answer_payout(&asked(payout, "first", "the bank"), answer).await.unwrap().unwrap();
        assert_eq!((noted.status, noted.received_at), (before.status, before.received_at), "one principal alone");
    }
    let mut ended = noted_by(fresh, payout, answer, "second").await;
    for by in ["second", "first"] {
        let again = noted_by(fresh, payout, answer, by).await;
        assert_eq!(again, ended, "said once more");
        ended = again;
    }
    ended
}

async fn noted_by(fresh: &Fresh, payout: &PayoutRecord, answer: BankAnswer, by: &str) -> PayoutRecord {
    fresh.writer.answer_payout(&asked(payout, by, "the bank"), answer).await.unwrap().unwrap()
}

pub(crate) fn run_id(name: &str) -> PayoutRunId {
    PayoutRunId::parse(format!("run-{name}")).unwrap()
}

/// A seller whom the PSP pays without a limit.
pub(crate) async fn register(fresh: &Fresh, name: &str) {
    let keys = Keyring::parse(&Keyring::generate("a").unwrap()).unwrap();
    fresh.writer.journal().put_seller(&seller(name), &details("110123456789"), &keys).await.unwrap();
    let sql = format!(
        "INSERT INTO seller_registrations (seller_account, number, ref_seller_id, psp_seller_id, business_type, \
         approval, sent_version, verified_account, refused_account, returned_account, begun_at) VALUES \
         ('{name}', 1, 'refseller{name}', 'psp-{name}', 'CORPORATE', 'APPROVED', 1, 1, 0, 0, CURRENT_TIMESTAMP)"
    );
    fresh.database.connection().execute_unprepared(&sql).await.unwrap();
}

/// A seller with so much available.
pub(crate) async fn earned(fresh: &Fresh, name: &str, order: &str, minor: u64) {
    paid(fresh, order, name, minor, 1_000).await;
    while fresh.writer.release_due(CREATED.plus_ms(1), 100).await.unwrap() > 0 {}
}

async fn frozen_on(fresh: &Fresh, name: &str, day: &str, sellers: &[&str]) -> RunRecord {
    match freeze_on(fresh, name, day, sellers).await {
        FreezeOutcome::Frozen(run) => *run,
        FreezeOutcome::NothingDue(carried) => panic!("nothing is due: {carried:?}"),
    }
}

async fn freeze_on(fresh: &Fresh, name: &str, day: &str, sellers: &[&str]) -> FreezeOutcome {
    let request = RunRequest {
        date: Some(DayText(day.parse::<Day>().unwrap())),
        sellers: Some(sellers.iter().map(|name| seller(name)).collect()),
    };
    freeze(fresh, &Freeze { run_id: run_id(name), request, by: principal("maker") }, &PlanRules::default()).await
}

/// Freezes a run portion by portion, as the workflow of a run does.
pub(crate) async fn freeze(fresh: &Fresh, freeze: &Freeze, rules: &PlanRules) -> FreezeOutcome {
    loop {
        if let Some(outcome) = fresh.writer.freeze_portion(freeze, rules).await.unwrap() {
            return outcome;
        }
    }
}

pub(crate) async fn decided(fresh: &Fresh, name: &str, decision: Decision, by: &str) -> Result<RunStatus, Undecidable> {
    let decision = RunDecision { run_id: run_id(name), decision, by: principal(by), reason: None };
    fresh.writer.decide_payout_run(&decision).await.unwrap().unwrap().map(|run| run.status)
}

pub(crate) async fn approved(fresh: &Fresh, run: &RunRecord) {
    let decision = Decision::Approve { digest: run.digest.clone() };
    let decision = RunDecision { run_id: run.run_id.clone(), decision, by: principal("checker"), reason: None };
    fresh.writer.decide_payout_run(&decision).await.unwrap().unwrap().unwrap();
}

pub(crate) async fn begun(fresh: &Fresh, run: &RunRecord, busy: &[u32]) -> Option<BegunBatch> {
    let begin = BeginBatch { run_id: run.run_id.clone(), pays_on: None, busy: busy.to_vec() };
    fresh.writer.begin_payout_batch(&begin, &PlanRules::default()).await.unwrap()
}

pub(crate) async fn only_payout(fresh: &Fresh, run: &RunRecord) -> PayoutRecord {
    let mut payouts = fresh.reader.payouts_of_run(&run.run_id, 1_000).await.unwrap();
    assert_eq!(payouts.len(), 1, "{payouts:?}");
    payouts.remove(0)
}

pub(crate) async fn becomes(fresh: &Fresh, payout: &PayoutRecord, status: PayoutStatus) -> usize {
    let change = PayoutChange {
        ref_payout_id: payout.ref_payout_id.clone(),
        status,
        psp_payout_id: Some(format!("FPA_{}", payout.payout_id)),
        amount: Some(payout.amount),
        failure: matches!(status, PayoutStatus::Failed).then(|| Failure::new("CLOSED_ACCOUNT", "no")),
    };
    fresh.writer.change_payouts(&[change]).await.unwrap()
}

async fn statement(fresh: &Fresh, id: &PayoutId) -> StatementFields {
    fresh.reader.statement(id).await.unwrap().unwrap().statement.fields().clone()
}

/// Pending, available, held, in transit, paid out, owed.
async fn parts(fresh: &Fresh, name: &str) -> [u64; 6] {
    let wallet = wallet(fresh, name).await;
    [wallet.pending, wallet.available, wallet.held, wallet.in_transit, wallet.paid_out, wallet.debt].map(Money::minor)
}

pub(crate) async fn books_agree(fresh: &Fresh) {
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    assert_eq!(findings.count, 0, "{:?}", findings.named);
}

async fn a_run_reserves_what_it_pays_and_states_every_line(fresh: Fresh) {
    for name in ["a", "b", "c"] {
        earned(&fresh, name, &format!("o-{name}"), 100_000).await;
    }
    register(&fresh, "a").await;
    register(&fresh, "b").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a", "b", "c"]).await;
    assert_eq!((run.status, run.total, run.payout_count), (RunStatus::Frozen, won(180_000), 2));
    let carried = &run.carried_over[0];
    assert_eq!((carried.seller.as_str(), carried.amount, carried.reason), ("c", won(90_000), CarryReason::NotPayable));
    assert_eq!(parts(&fresh, "a").await, [0, 0, 90_000, 0, 0, 0]);
    assert_eq!(frozen_on(&fresh, "one", "2026-12-01", &["a"]).await, run, "the id is the key");
    let payouts = fresh.reader.payouts_of_run(&run.run_id, 1_000).await.unwrap();
    let fields = statement(&fresh, &payouts[0].payout_id).await;
    assert_eq!((fields.opening.minor(), fields.payout, fields.closing.minor()), (0, won(90_000), 0));
    let [line] = fields.lines.as_slice() else { panic!("{:?}", fields.lines) };
    assert_eq!(line.order.as_ref().map(|order| order.as_str()), Some("o-a"));
    let amounts = [line.gross, line.commission, line.commission_vat, line.amount].map(|amount| amount.minor());
    assert_eq!((line.kind, amounts), (LineKind::Sale, [100_000, 10_000, 909, 90_000]));
    let entry = fresh.reader.booked_entry(&format!("hold_reserved:{}", payouts[0].payout_id)).await.unwrap();
    assert!(entry.is_some(), "the ledger holds the hash of the statement");
    books_agree(&fresh).await;
}

async fn a_seller_and_a_period_have_one_payout_however_many_runs_are_frozen_at_once(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let names = ["r1", "r2", "r3", "r4", "r5"];
    let runs = join_all(names.map(|name| freeze_on(&fresh, name, "2026-12-01", &["a"]))).await;
    let frozen = runs.iter().filter(|outcome| matches!(outcome, FreezeOutcome::Frozen(run) if run.payout_count == 1));
    assert_eq!(frozen.count(), 1, "{runs:?}");
    assert_eq!(
        fresh.reader.payout_runs(&Window { after: None, limit: 10 }).await.unwrap().items.len(),
        1,
        "no empty run is stored"
    );
    earned(&fresh, "a", "o-2", 50_000).await;
    let again = freeze_on(&fresh, "r6", "2026-12-01", &["a"]).await;
    let FreezeOutcome::NothingDue(carried) = again else { panic!("{again:?}") };
    assert_eq!(carried[0].reason, CarryReason::PaidAlready);
    let next = frozen_on(&fresh, "r7", "2026-12-02", &["a"]).await;
    assert_eq!(next.total, won(45_000));
    let fields = statement(&fresh, &only_payout(&fresh, &next).await.payout_id).await;
    assert_eq!(fields.lines.iter().map(|line| line.amount.minor()).collect::<Vec<_>>(), [45_000], "each line once");
    books_agree(&fresh).await;
}

async fn nobody_approves_alone_nor_what_they_did_not_see(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    let approve = |digest: &str| Decision::Approve { digest: digest.to_owned() };
    assert_eq!(decided(&fresh, "one", approve(&run.digest), "maker").await, Err(Undecidable::FourEyes));
    assert_eq!(decided(&fresh, "one", approve("another"), "checker").await, Err(Undecidable::DigestMismatch));
    // Somebody with the database in hand.
    let alone = "UPDATE payout_runs SET status = 'APPROVED', decided_by = frozen_by";
    assert!(fresh.database.connection().execute_unprepared(alone).await.is_err());
    let unseen = "UPDATE payouts SET amount = amount + 1";
    fresh.database.connection().execute_unprepared(unseen).await.unwrap();
    assert_eq!(decided(&fresh, "one", approve(&run.digest), "checker").await, Err(Undecidable::DigestMismatch));
    fresh.database.connection().execute_unprepared("UPDATE payouts SET amount = amount - 1").await.unwrap();
    // Twenty approvals at once: one decides, and the same principal is answered the same.
    let all = (0..20).map(|index| {
        let by = if index % 2 == 0 { "checker" } else { "another" };
        decided(&fresh, "one", approve(&run.digest), by)
    });
    let answers = join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(RunStatus::Approved)).count(), 10, "{answers:?}");
    assert!(begun(&fresh, &run, &[]).await.is_some());
    assert_eq!(begun(&fresh, &run, &[1]).await, None, "nothing is sent twice");
    books_agree(&fresh).await;
}

async fn events_of_runs_and_sellers_name_no_person(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    let by = Principal::parse("person:kim@shop.example").unwrap();
    let decision =
        RunDecision { run_id: run_id("one"), decision: Decision::Reject, by, reason: Some("김".to_owned()) };
    fresh.writer.decide_payout_run(&decision).await.unwrap().unwrap().unwrap();
    let events = crate::events::log(&fresh).await;
    let rejected = events.iter().find(|event| event.event_type == EventType::PayoutRunRejected).unwrap();
    let data: serde_json::Value = serde_json::from_str(&rejected.data).unwrap();
    assert_eq!((&data["frozen_by"], &data["decided_by"]), (&"key:maker".into(), &"person".into()));
    assert!(events.iter().any(|event| event.event_type == EventType::SellerUpdated), "{events:?}");
    for event in &events {
        for word in ["kim@shop.example", "김", "110123456789", "seller@"] {
            assert!(!event.data.contains(word), "{word}: {}", event.data);
        }
    }
}

async fn a_run_of_the_calendar_is_approved_by_two(fresh: Fresh) {
    for name in ["a", "b"] {
        earned(&fresh, name, &format!("o-{name}"), 100_000).await;
        register(&fresh, name).await;
    }
    let request = RunRequest {
        date: Some(DayText("2026-12-01".parse::<Day>().unwrap())),
        sellers: Some(vec![seller("a"), seller("b")]),
    };
    let by_calendar = Freeze { run_id: run_id("one"), request, by: principal(CALENDAR) };
    let FreezeOutcome::Frozen(run) = freeze(&fresh, &by_calendar, &PlanRules::default()).await else {
        panic!("two sellers are due");
    };
    assert_eq!((run.approvals_needed, run.approvals_missing()), (2, 2));
    let approve = |digest: &str| Decision::Approve { digest: digest.to_owned() };
    for _ in 0..2 {
        assert_eq!(decided(&fresh, "one", approve(&run.digest), "checker").await, Ok(RunStatus::Frozen), "alone");
        let noted = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap();
        assert_eq!((noted.approvals_missing(), noted.decided_by), (1, None));
    }
    // Somebody with the database in hand.
    let alone = "UPDATE payout_runs SET status = 'APPROVED', decided_by = 'key:checker'";
    assert!(fresh.database.connection().execute_unprepared(alone).await.is_err());
    // What was approved is another run now.
    let payouts = fresh.reader.payouts_of_run(&run.run_id, 1_000).await.unwrap();
    let request = asked(&payouts[0], "maker", "disputed");
    assert!(matches!(fresh.writer.withdraw_payout(&request).await.unwrap(), Ok(Withdrawal::Done(_))));
    let changed = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(changed.approvals_missing(), 2, "the first approval is void");
    let another = approve(&changed.digest);
    assert_eq!(decided(&fresh, "one", another.clone(), "another").await, Ok(RunStatus::Frozen));
    // Both principals at once, many times: one changes the run, and nothing is sent by one of them alone.
    let all = (0..10).map(|index| decided(&fresh, "one", another.clone(), ["another", "checker"][index % 2]));
    join_all(all).await;
    let run = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap();
    let first = run.first_approval.as_ref().map(|first| first.by.clone());
    assert_eq!(
        (run.status, first, run.decided_by),
        (RunStatus::Approved, Some(principal("another")), Some(principal("checker")))
    );
    assert_eq!(run.approvals_needed, 2);
    books_agree(&fresh).await;
}

async fn a_rejected_run_leaves_its_lines_to_the_next_statement(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let first = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    assert_eq!(decided(&fresh, "one", Decision::Reject, "checker").await, Ok(RunStatus::Rejected));
    assert_eq!(parts(&fresh, "a").await, [0, 90_000, 0, 0, 0, 0]);
    let void = only_payout(&fresh, &first).await;
    assert!(void.is_void && void.status == PayoutStatus::Canceled);
    assert!(fresh.reader.statement(&void.payout_id).await.unwrap().unwrap().voided_at.is_some());
    let second = frozen_on(&fresh, "two", "2026-12-01", &["a"]).await;
    let fields = statement(&fresh, &only_payout(&fresh, &second).await.payout_id).await;
    assert_eq!((fields.opening.minor(), fields.lines.len(), fields.payout), (0, 1, won(90_000)));
    assert_eq!(decided(&fresh, "two", Decision::Cancel, "maker").await, Ok(RunStatus::Canceled));
    books_agree(&fresh).await;
}

async fn what_the_psp_says_moves_the_money_once(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    let payout = only_payout(&fresh, &run).await;
    assert_eq!(becomes(&fresh, &payout, PayoutStatus::Paid).await, 0, "nothing was sent");
    approved(&fresh, &run).await;
    begun(&fresh, &run, &[]).await.unwrap();
    let other_amount = PayoutRecord { amount: won(89_999), ..payout.clone() };
    assert_eq!(becomes(&fresh, &other_amount, PayoutStatus::Paid).await, 0, "the PSP names another amount");
    for (status, changed, expected) in [
        (PayoutStatus::Unknown, 1, [0, 0, 90_000, 0, 0, 0]),
        (PayoutStatus::Requested, 1, [0, 0, 0, 90_000, 0, 0]),
        (PayoutStatus::Unknown, 0, [0, 0, 0, 90_000, 0, 0]),
        (PayoutStatus::Requested, 0, [0, 0, 0, 90_000, 0, 0]),
        (PayoutStatus::InProgress, 1, [0, 0, 0, 90_000, 0, 0]),
        (PayoutStatus::Paid, 1, [0, 0, 0, 0, 90_000, 0]),
        (PayoutStatus::Paid, 0, [0, 0, 0, 0, 90_000, 0]),
        (PayoutStatus::Failed, 0, [0, 0, 0, 0, 90_000, 0]),
    ] {
        assert_eq!(becomes(&fresh, &payout, status).await, changed, "{status}");
        assert_eq!(parts(&fresh, "a").await, expected, "{status}");
    }
    assert!(fresh.writer.complete_payout_run(&run.run_id).await.unwrap());
    assert_eq!(fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap().status, RunStatus::Completed);
    books_agree(&fresh).await;
}

async fn a_refund_after_the_freeze_takes_what_is_left_and_then_makes_a_debt(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    promise_refund(&fresh, "r-1", "o-a", 100_000, CREATED.plus_ms(2)).await.unwrap();
    assert_eq!(parts(&fresh, "a").await, [0, 0, 90_000, 0, 0, 90_000], "the approved money stays");
    approved(&fresh, &run).await;
    begun(&fresh, &run, &[]).await.unwrap();
    let payout = only_payout(&fresh, &run).await;
    becomes(&fresh, &payout, PayoutStatus::Paid).await;
    earned(&fresh, "a", "o-2", 200_000).await;
    assert_eq!(parts(&fresh, "a").await, [0, 90_000, 0, 0, 90_000, 0], "the debt was recovered first");
    let next = frozen_on(&fresh, "two", "2026-12-02", &["a"]).await;
    let fields = statement(&fresh, &only_payout(&fresh, &next).await.payout_id).await;
    let lines: Vec<_> = fields.lines.iter().map(|line| (line.kind, line.amount.minor())).collect();
    assert_eq!(lines, [(LineKind::Refund, -90_000), (LineKind::Sale, 180_000)]);
    assert_eq!((fields.opening.minor(), fields.debt_recovered, fields.payout), (0, won(90_000), won(90_000)));
    books_agree(&fresh).await;
}

async fn a_failed_payout_is_attempted_again_and_a_returned_one_is_held(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    let first = only_payout(&fresh, &run).await;
    let request = asked(&first, "ops1", "again");
    let retry = async || fresh.writer.retry_payout(&request, &PlanRules::default()).await.unwrap();
    assert_eq!(retry().await, Err(PayoutRefusal::NotApproved));
    approved(&fresh, &run).await;
    begun(&fresh, &run, &[]).await.unwrap();
    assert_eq!(retry().await, Err(PayoutRefusal::Status(PayoutStatus::Sending)), "it may have been paid");
    becomes(&fresh, &first, PayoutStatus::InProgress).await;
    becomes(&fresh, &first, PayoutStatus::Failed).await;
    assert_eq!(parts(&fresh, "a").await, [0, 90_000, 0, 0, 0, 0]);
    let other = PayoutRequest { attempt: Some(2), ..request.clone() };
    let refused = fresh.writer.retry_payout(&other, &PlanRules::default()).await.unwrap();
    assert_eq!(refused, Err(PayoutRefusal::OtherAttempt(1)));
    let second = retry().await.unwrap();
    assert_eq!((second.attempt, second.status), (2, PayoutStatus::Approved));
    assert_ne!(second.ref_payout_id, first.ref_payout_id);
    assert_eq!(becomes(&fresh, &first, PayoutStatus::Paid).await, 0, "the name of the old attempt is void");
    let batch = begun(&fresh, &run, &[]).await.unwrap();
    assert_eq!(batch.batch.items[0].ref_payout_id, second.ref_payout_id);
    becomes(&fresh, &second, PayoutStatus::Paid).await;
    assert_eq!(parts(&fresh, "a").await, [0, 0, 0, 0, 90_000, 0]);
    let returned = said_by_two(&fresh, &second, BankAnswer::Returned).await;
    assert_eq!(returned.status, PayoutStatus::Returned);
    assert_eq!(parts(&fresh, "a").await, [0, 0, 90_000, 0, 0, 0], "held until the account is mended");
    books_agree(&fresh).await;
    let [listed] = &fresh.reader.seller_holds(&seller("a")).await.unwrap()[..] else { panic!("no hold is listed") };
    let told = (listed.status, listed.hold.amount, &listed.hold.placed_by);
    assert_eq!(told, (SellerHoldStatus::Active, Some(won(90_000)), &principal("second")));
    let lift = LiftedHold { hold_id: first.payout_id.returned(), seller: seller("a"), lifted_by: principal("ops1") };
    for _ in 0..2 {
        assert_eq!(fresh.writer.free_of_seller(&lift, CREATED.plus_ms(9)).await.unwrap(), HoldAnswer::Done);
    }
    assert_eq!(parts(&fresh, "a").await, [0, 90_000, 0, 0, 0, 0]);
    let refused = freeze_on(&fresh, "no", "2026-12-02", &["a"]).await;
    let FreezeOutcome::NothingDue(carried) = refused else { panic!("{refused:?}") };
    assert_eq!(carried[0].reason, CarryReason::NotPayable, "the account is unverified");
    let mended = "UPDATE seller_registrations SET returned_account = 0";
    fresh.database.connection().execute_unprepared(mended).await.unwrap();
    let next = frozen_on(&fresh, "two", "2026-12-02", &["a"]).await;
    let fields = statement(&fresh, &only_payout(&fresh, &next).await.payout_id).await;
    let lines: Vec<_> = fields.lines.iter().map(|line| (line.kind, line.amount.minor())).collect();
    let expected =
        [(LineKind::PayoutNotMade, 90_000), (LineKind::PayoutAgain, -90_000), (LineKind::PayoutNotMade, 90_000)];
    assert_eq!((lines.as_slice(), fields.payout), (expected.as_slice(), won(90_000)));
    books_agree(&fresh).await;
}

/// Before this list was kept, nobody could lift the hold.
async fn a_return_of_an_earlier_version_is_listed(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    approved(&fresh, &run).await;
    begun(&fresh, &run, &[]).await.unwrap();
    let payout = only_payout(&fresh, &run).await;
    becomes(&fresh, &payout, PayoutStatus::Paid).await;
    said_by_two(&fresh, &payout, BankAnswer::Returned).await;
    let listed = fresh.reader.seller_holds(&seller("a")).await.unwrap();
    let connection = fresh.database.connection();
    connection.execute_unprepared("DELETE FROM seller_holds").await.unwrap();
    let migrations = Migrator::migrations();
    let place = migrations.iter().position(|migration| migration.name().contains("returned_money_is_lifted")).unwrap();
    let steps = u32::try_from(migrations.len() - place).unwrap();
    Migrator::down(connection, Some(steps)).await.unwrap();
    Migrator::up(connection, None).await.unwrap();
    let again = fresh.reader.seller_holds(&seller("a")).await.unwrap();
    assert_eq!((again.len(), &again[0].hold, again[0].status), (1, &listed[0].hold, listed[0].status));
}

async fn a_seller_who_changed_after_the_approval_is_not_paid(fresh: Fresh) {
    for name in ["a", "b"] {
        earned(&fresh, name, &format!("o-{name}"), 100_000).await;
        register(&fresh, name).await;
    }
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a", "b"]).await;
    approved(&fresh, &run).await;
    let elsewhere = "UPDATE seller_registrations SET psp_seller_id = 'psp-thief' WHERE seller_account = 'a'";
    fresh.database.connection().execute_unprepared(elsewhere).await.unwrap();
    let batch = begun(&fresh, &run, &[]).await.unwrap().batch;
    assert_eq!(batch.items.iter().map(|item| item.destination.as_str()).collect::<Vec<_>>(), ["psp-b"]);
    assert_eq!(parts(&fresh, "a").await, [0, 90_000, 0, 0, 0, 0]);
    let payouts = fresh.reader.payouts_of_run(&run.run_id, 1_000).await.unwrap();
    let failure = payouts[0].failure.as_ref().map(|failure| failure.code.to_string());
    assert_eq!(failure.as_deref(), Some("payout_seller_changed"));
    let request = asked(&payouts[0], "ops1", "again");
    let retried = fresh.writer.retry_payout(&request, &PlanRules::default()).await.unwrap();
    assert_eq!(retried, Err(PayoutRefusal::SellerChanged), "nobody sends money to a new account alone");
    books_agree(&fresh).await;
}

async fn a_payout_that_was_taken_back_makes_another_digest(fresh: Fresh) {
    for name in ["a", "b"] {
        earned(&fresh, name, &format!("o-{name}"), 100_000).await;
        register(&fresh, name).await;
    }
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a", "b"]).await;
    let payouts = fresh.reader.payouts_of_run(&run.run_id, 1_000).await.unwrap();
    let request = asked(&payouts[0], "ops1", "disputed");
    for _ in 0..2 {
        let taken = fresh.writer.withdraw_payout(&request).await.unwrap().unwrap();
        assert!(matches!(taken, Withdrawal::Done(payout) if payout.status == PayoutStatus::Canceled));
    }
    let approve = Decision::Approve { digest: run.digest.clone() };
    assert_eq!(decided(&fresh, "one", approve, "checker").await, Err(Undecidable::DigestMismatch));
    let now = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(now.total, won(90_000));
    approved(&fresh, &now).await;
    let retried = fresh.writer.retry_payout(&request, &PlanRules::default()).await.unwrap();
    assert_eq!(retried, Err(PayoutRefusal::NotApproved), "nobody approved what was taken out before");
    assert_eq!(begun(&fresh, &run, &[]).await.unwrap().batch.items.len(), 1);
    books_agree(&fresh).await;
}

async fn a_batch_that_was_begun_comes_back_until_it_is_answered(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    approved(&fresh, &run).await;
    let first = begun(&fresh, &run, &[]).await.unwrap();
    assert!(!first.batch.may_have_left);
    let again = begun(&fresh, &run, &[]).await.unwrap();
    assert!(again.batch.may_have_left && again.number == first.number, "the PSP is asked before it is sent again");
    assert_eq!(again.batch.items, first.batch.items, "under the same name");
    becomes(&fresh, &only_payout(&fresh, &run).await, PayoutStatus::Requested).await;
    assert_eq!(begun(&fresh, &run, &[]).await, None);
}

async fn a_statement_cannot_be_changed(fresh: Fresh) {
    earned(&fresh, "a", "o-a", 100_000).await;
    register(&fresh, "a").await;
    let run = frozen_on(&fresh, "one", "2026-12-01", &["a"]).await;
    let connection = fresh.database.connection();
    for sql in [
        "UPDATE statements SET content = '{}'",
        "UPDATE statements SET sha256 = 'ab'",
        "DELETE FROM statements",
        "UPDATE payout_attempts SET ref_payout_id = 'x'",
    ] {
        assert!(connection.execute_unprepared(sql).await.is_err(), "{sql}");
    }
    let other = "UPDATE payouts SET status = 'PAID'";
    connection.execute_unprepared(other).await.unwrap();
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    let payout = only_payout(&fresh, &run).await;
    assert!(findings.named.iter().any(|found| found.subject == format!("payout {}", payout.payout_id)), "{findings:?}");
}

/// A run of a reconciliation that sees a payout at the PSP that nobody asked for.
pub(crate) async fn foreign_payout_seen(fresh: &Fresh, run_id: &str) -> domain::id::BreakId {
    let day: Day = "2026-11-20".parse().unwrap();
    let new = store::NewRun { run_id: run_id.to_owned(), day, as_of: day };
    fresh.writer.begin_reconciliation(&new).await.unwrap();
    let (layer, break_type) = (Layer::PayoutBalance, BreakType::PayoutUnknownAtHome);
    let finding = Finding {
        layer,
        break_type,
        class: break_type.class(),
        key: "not-ours".to_owned(),
        day,
        currency: domain::Currency::Krw,
        ours: None,
        theirs: Some(domain::settlement::Flow::Out(won(700))),
        suspense: None,
        checkout_id: None,
        workflow_id: None,
        evidence: domain::reconciliation::Evidence { ours: "{}".to_owned(), theirs: "{}".to_owned() },
    };
    let id = finding.break_id();
    fresh.writer.note_findings(run_id, &[finding]).await.unwrap();
    concluded(fresh, run_id).await;
    id
}

async fn concluded(fresh: &Fresh, run_id: &str) {
    let compared = vec![store::LayerDays { layer: Layer::PayoutBalance, days: None }];
    let summary = store::RunSummary::new();
    let ending = store::ConcludeRun { run_id: run_id.to_owned(), compared, incomplete: None, summary, due: Vec::new() };
    fresh.writer.conclude_reconciliation(&ending).await.unwrap();
}

async fn nothing_is_approved_or_begun_while_payouts_are_stopped(fresh: Fresh) {
    for name in ["a", "b"] {
        register(&fresh, name).await;
        earned(&fresh, name, &format!("o-{name}"), 100_000).await;
    }
    let before = frozen_on(&fresh, "before", "2026-12-01", &["a"]).await;
    approved(&fresh, &before).await;
    let after = frozen_on(&fresh, "after", "2026-12-01", &["b"]).await;
    let id = foreign_payout_seen(&fresh, "run-1").await;
    let approve = || Decision::Approve { digest: after.digest.clone() };
    assert_eq!(decided(&fresh, "after", approve(), "checker").await, Err(Undecidable::Stopped));
    assert_eq!(begun(&fresh, &before, &[]).await, None, "what was approved before does not leave either");
    assert!(fresh.writer.payout_run_work(&before.run_id).await.unwrap().unwrap().is_stopped);

    // The PSP does not list it any more: a person has to say why, and until then nothing is paid.
    let day: Day = "2026-11-20".parse().unwrap();
    let again = store::NewRun { run_id: "run-2".to_owned(), day, as_of: day };
    fresh.writer.begin_reconciliation(&again).await.unwrap();
    concluded(&fresh, "run-2").await;
    assert_eq!(begun(&fresh, &before, &[]).await, None);

    let act = |version, act, by: &str| store::BreakActRequest {
        break_id: id.clone(),
        version,
        act,
        by: Actor::Principal(principal(by)),
        reason: "the treasurer made it".to_owned(),
        alone_up_to: Limits::default(),
    };
    let resolve = Act::Resolve { template: Template::Accept };
    fresh.writer.act_on_break(&act(1, resolve.clone(), "maker")).await.unwrap();
    assert_eq!(begun(&fresh, &before, &[]).await, None, "one principal alone lifts nothing");
    fresh.writer.act_on_break(&act(2, resolve, "checker")).await.unwrap();
    assert_eq!(decided(&fresh, "after", approve(), "checker").await, Ok(RunStatus::Approved));
    assert_eq!(begun(&fresh, &before, &[]).await.unwrap().batch.items.len(), 1);
    fresh.writer.act_on_break(&act(3, Act::Undo, "maker")).await.unwrap();
    assert_eq!(begun(&fresh, &after, &[]).await, None, "the resolution was undone");
}

/// A seller of whom all is in dollars is told of as well as one who has won besides.
async fn what_is_not_in_won_is_told_and_not_paid(fresh: Fresh) {
    for name in ["a", "b", "c"] {
        register(&fresh, name).await;
    }
    earned(&fresh, "a", "o-a", 100_000).await;
    earned(&fresh, "c", "o-c", 50_000).await;
    let cents = |minor| Money::try_from_minor(minor, domain::Currency::Usd).unwrap();
    let (debit, credits) = (Account::PspReceivable, ["b", "c"].map(|name| Account::SellerAvailable(seller(name))));
    let postings = credits.into_iter().zip([1_250, 99]).map(|(credit, minor)| {
        let fields = PostingFields { debit: debit.clone(), credit, amount: cents(minor), order: None };
        Posting::try_new(fields).unwrap()
    });
    let fields = EntryFields {
        key: "psp_settled:dollars".to_owned(),
        reason: Reason::PspSettled,
        checkout_id: None,
        reverses: None,
        occurred_at: CREATED,
        postings: postings.collect(),
    };
    fresh.writer.book(Entry::try_new(fields).unwrap()).await.unwrap();
    let (date, rules, now) = ("2023-11-20".parse().unwrap(), PlanRules::default(), CREATED.plus_ms(1));
    let plan = async |sellers: &[SellerAccount]| {
        let request = PlanRequest { date, sellers: Some(sellers), rules: &rules, now };
        fresh.reader.plan_payouts(request).await.unwrap()
    };
    let told = |name: &str, minor| CarriedOver {
        seller: seller(name),
        amount: cents(minor),
        reason: CarryReason::OtherCurrency,
    };
    let others = |plan: &Plan| {
        let carried = plan.carried_over.iter().filter(|carried| carried.reason == CarryReason::OtherCurrency);
        carried.cloned().collect::<Vec<_>>()
    };
    let named = plan(&["a", "b", "c"].map(seller)).await;
    assert_eq!(others(&named), [told("b", 1_250), told("c", 99)]);
    let paid: Vec<_> = named.payouts.iter().map(|payout| (payout.seller.as_str(), payout.amount)).collect();
    assert_eq!(paid, [("a", won(90_000)), ("c", won(45_000))]);
    let alone = plan(&[seller("b")]).await;
    assert_eq!((alone.payouts.len(), others(&alone)), (0, vec![told("b", 1_250)]));
    let FreezeOutcome::NothingDue(carried) = freeze_on(&fresh, "dollars", "2023-11-20", &["b"]).await else {
        panic!("dollars are not paid out")
    };
    assert_eq!(carried, [told("b", 1_250)]);
}
