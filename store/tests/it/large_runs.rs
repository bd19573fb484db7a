//! Payout runs of more sellers than one transaction freezes.

use domain::{
    id::{PayoutRunId, SellerAccount},
    ledger::{Account, Reason},
    payout::{
        Decision, PayoutStatus, RunStatus, Undecidable,
        batch::{MAX_BATCH, PayoutChange},
        digest::{DigestLine, DigestScheme, of_run},
        plan::{CarryReason, DayText, PlanRules, RunRequest},
    },
    principal::Principal,
};
use sea_orm::ConnectionTrait;
use store::{BeginBatch, Freeze, FreezeOutcome, PayoutFilter, RunDecision, RunRecord, Window};
use testkit::payees::{self, Earnings, Payee, PayeeTerms};

use crate::{database::Fresh, on_both_databases, payouts, writing::CREATED};

on_both_databases!(
    a_large_run_is_seen_once_its_last_portion_is_frozen,
    a_large_run_is_sent_batch_by_batch,
    a_large_run_is_taken_back_portion_by_portion,
    an_approval_sees_a_change_in_any_part,
    a_payout_taken_back_changes_one_part,
    a_run_that_began_before_there_were_parts_keeps_its_digest,
    what_each_portion_carries_over_is_in_the_run,
);

/// More than two portions.
const SELLERS: usize = 1_100;
const AMOUNT: u64 = 10_000;

fn principal(name: &str) -> Principal {
    Principal::parse(&format!("key:{name}")).unwrap()
}

fn run_id() -> PayoutRunId {
    PayoutRunId::parse("run-large".to_owned()).unwrap()
}

fn freeze() -> Freeze {
    let request = RunRequest { date: Some(DayText("2026-11-30".parse().unwrap())), sellers: None };
    Freeze { run_id: run_id(), request, by: principal("maker") }
}

fn name(number: usize) -> String {
    format!("seller-{number:04}")
}

/// Sellers whom the PSP pays each day, each with something available.
async fn seed(fresh: &Fresh) {
    let names: Vec<String> = (0..SELLERS).map(name).collect();
    let payee = |account: &String| Payee { account: account.clone(), psp_id: format!("psp-{account}") };
    let payees: Vec<Payee> = names.iter().map(payee).collect();
    payees::write(&fresh.database, &payees, PayeeTerms { cycle: "daily", approval: "APPROVED" }).await;
    for (number, sellers) in names.chunks(100).enumerate() {
        let earnings = Earnings {
            name: &format!("seed:{number}"),
            sellers,
            amount: AMOUNT,
            reason: Reason::PaymentCaptured,
            held_at: Account::PspReceivable,
            occurred_at: CREATED,
        };
        for entry in earnings.entries() {
            fresh.writer.book(entry).await.unwrap();
        }
    }
}

async fn frozen(fresh: &Fresh) -> RunRecord {
    seed(fresh).await;
    run_of(payouts::freeze(fresh, &freeze(), &PlanRules::default()).await)
}

fn run_of(outcome: FreezeOutcome) -> RunRecord {
    match outcome {
        FreezeOutcome::Frozen(run) => *run,
        FreezeOutcome::NothingDue(carried) => panic!("nothing is due: {carried:?}"),
    }
}

async fn decided(fresh: &Fresh, run: &RunRecord, decision: Decision) -> RunStatus {
    decide(fresh, run, decision).await.unwrap()
}

async fn decide(fresh: &Fresh, run: &RunRecord, decision: Decision) -> Result<RunStatus, Undecidable> {
    let decision = RunDecision { run_id: run.run_id.clone(), decision, by: principal("checker"), reason: None };
    fresh.writer.decide_payout_run(&decision).await.unwrap().unwrap().map(|run| run.status)
}

fn approve(run: &RunRecord) -> Decision {
    Decision::Approve { digest: run.digest.clone() }
}

/// Somebody with the database in hand.
async fn tamper(fresh: &Fresh, sql: &str) {
    fresh.database.connection().execute_unprepared(sql).await.unwrap();
}

/// The payouts of a run as its digest holds them.
async fn lines(fresh: &Fresh) -> Vec<DigestLine> {
    let mut lines = Vec::new();
    for payout in fresh.reader.payouts_of_run(&run_id(), 2_000).await.unwrap() {
        let statement = fresh.reader.statement(&payout.payout_id).await.unwrap().unwrap();
        lines.push(DigestLine {
            payout_id: payout.payout_id,
            seller: payout.seller,
            amount: payout.amount,
            destination: payout.destination,
            statement_sha256: statement.sha256,
        });
    }
    lines
}

async fn wallet(fresh: &Fresh, number: usize) -> [u64; 3] {
    let seller = SellerAccount::parse(name(number)).unwrap();
    let wallet = fresh.reader.wallets(&seller).await.unwrap().remove(0).wallet;
    [wallet.available.minor(), wallet.held.minor(), wallet.paid_out.minor()]
}

async fn books_agree(fresh: &Fresh) {
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    assert_eq!(findings.count, 0, "{:?}", findings.named);
}

async fn a_large_run_is_seen_once_its_last_portion_is_frozen(fresh: Fresh) {
    seed(&fresh).await;
    let rules = PlanRules::default();
    assert_eq!(fresh.writer.freeze_portion(&freeze(), &rules).await.unwrap(), None);
    assert_eq!(fresh.reader.payout_run(&run_id()).await.unwrap(), None, "nobody sees half of a run");
    assert!(fresh.reader.is_payout_run_being_frozen(&run_id()).await.unwrap());
    let digest = Decision::Approve { digest: String::new() };
    let decision = RunDecision { run_id: run_id(), decision: digest, by: principal("checker"), reason: None };
    assert!(fresh.writer.decide_payout_run(&decision).await.unwrap().is_none(), "nobody approves half of a run");
    assert_eq!(wallet(&fresh, 0).await, [0, AMOUNT, 0]);
    assert_eq!(wallet(&fresh, SELLERS - 1).await, [AMOUNT, 0, 0]);
    // The process that began is gone, and two others go on at once.
    let (freeze, again) = (freeze(), freeze());
    let both = tokio::join!(payouts::freeze(&fresh, &freeze, &rules), payouts::freeze(&fresh, &again, &rules));
    let (run, same) = (run_of(both.0), run_of(both.1));
    assert_eq!(run, same);
    assert_eq!((run.payout_count as usize, run.total.minor()), (SELLERS, AMOUNT * SELLERS as u64));
    assert_eq!(run.status, RunStatus::Frozen);
    assert!(!fresh.reader.is_payout_run_being_frozen(&run_id()).await.unwrap());
    assert_eq!(wallet(&fresh, SELLERS - 1).await, [0, AMOUNT, 0]);
    books_agree(&fresh).await;
}

async fn a_large_run_is_sent_batch_by_batch(fresh: Fresh) {
    let run = frozen(&fresh).await;
    assert_eq!(decided(&fresh, &run, Decision::Approve { digest: run.digest.clone() }).await, RunStatus::Approved);
    let (mut batches, mut busy) = (0, Vec::new());
    let begin = |busy: &[u32]| BeginBatch { run_id: run.run_id.clone(), pays_on: None, busy: busy.to_vec() };
    while let Some(begun) = fresh.writer.begin_payout_batch(&begin(&busy), &PlanRules::default()).await.unwrap() {
        batches += 1;
        busy.push(begun.number);
        let changes: Vec<PayoutChange> = begun
            .batch
            .items
            .iter()
            .map(|item| PayoutChange {
                psp_payout_id: Some(format!("FPA_{}", item.payout_id)),
                ..PayoutChange::of(item, PayoutStatus::Paid, None)
            })
            .collect();
        assert_eq!(fresh.writer.change_payouts(&changes).await.unwrap(), changes.len());
        assert_eq!(fresh.writer.change_payouts(&changes).await.unwrap(), 0, "twice is once");
    }
    assert_eq!(batches, SELLERS.div_ceil(MAX_BATCH));
    assert!(fresh.writer.complete_payout_run(&run.run_id).await.unwrap());
    assert_eq!(wallet(&fresh, 777).await, [0, 0, AMOUNT]);
    books_agree(&fresh).await;
}

async fn a_large_run_is_taken_back_portion_by_portion(fresh: Fresh) {
    let run = frozen(&fresh).await;
    assert_eq!(decided(&fresh, &run, Decision::Reject).await, RunStatus::Rejected);
    let left = || async { fresh.writer.payout_run_work(&run.run_id).await.unwrap().unwrap().frozen };
    let mut rounds = 0;
    while left().await > 0 {
        assert!(!fresh.writer.complete_payout_run(&run.run_id).await.unwrap());
        rounds += 1;
    }
    assert!(rounds > 1, "{rounds}");
    let filter = PayoutFilter { run_id: Some(run.run_id.clone()), ..PayoutFilter::default() };
    let page = fresh.reader.payouts(&filter, &Window { after: None, limit: 2_000 }).await.unwrap();
    assert!(page.items.iter().all(|payout| payout.status == PayoutStatus::Canceled && payout.is_void));
    for number in [0, 500, SELLERS - 1] {
        assert_eq!(wallet(&fresh, number).await, [AMOUNT, 0, 0]);
    }
    books_agree(&fresh).await;
}

async fn an_approval_sees_a_change_in_any_part(fresh: Fresh) {
    let run = frozen(&fresh).await;
    assert_eq!(run.digest_scheme, DigestScheme::Parts);
    // The count and the sum stay the same.
    let more = format!("UPDATE payouts SET amount = amount + 1 WHERE seller_account = '{}'", name(777));
    let less = format!("UPDATE payouts SET amount = amount - 1 WHERE seller_account = '{}'", name(778));
    let more_again = format!("UPDATE payouts SET amount = amount + 1 WHERE seller_account = '{}'", name(778));
    let less_again = format!("UPDATE payouts SET amount = amount - 1 WHERE seller_account = '{}'", name(777));
    let elsewhere = format!("UPDATE payouts SET destination = 'psp-thief' WHERE seller_account = '{}'", name(0));
    let back = format!("UPDATE payouts SET destination = 'psp-{0}' WHERE seller_account = '{0}'", name(0));
    let out = format!("UPDATE payouts SET part = NULL WHERE seller_account = '{}'", name(1_099));
    let in_again = format!("UPDATE payouts SET part = 3 WHERE seller_account = '{}'", name(1_099));
    let gone = format!("UPDATE payouts SET status = 'FAILED' WHERE seller_account = '{}'", name(501));
    let there = format!("UPDATE payouts SET status = 'FROZEN' WHERE seller_account = '{}'", name(501));
    let other_hash = "UPDATE payout_run_parts SET sha256 = 'x' || sha256 WHERE part = 2".to_owned();
    let hash = "UPDATE payout_run_parts SET sha256 = substr(sha256, 2) WHERE part = 2".to_owned();
    let changes = [
        (vec![more, less], vec![more_again, less_again]),
        (vec![elsewhere], vec![back]),
        (vec![out], vec![in_again]),
        (vec![gone], vec![there]),
        (vec![other_hash], vec![hash]),
    ];
    for (change, undo) in changes {
        for sql in &change {
            tamper(&fresh, sql).await;
        }
        assert_eq!(decide(&fresh, &run, approve(&run)).await, Err(Undecidable::DigestMismatch), "{change:?}");
        for sql in &undo {
            tamper(&fresh, sql).await;
        }
    }
    assert_eq!(decide(&fresh, &run, approve(&run)).await, Ok(RunStatus::Approved));
    assert_eq!(decide(&fresh, &run, approve(&run)).await, Ok(RunStatus::Approved), "the same answer");
    books_agree(&fresh).await;
}

async fn a_payout_taken_back_changes_one_part(fresh: Fresh) {
    seed(&fresh).await;
    let rules = PlanRules::default();
    assert_eq!(fresh.writer.freeze_portion(&freeze(), &rules).await.unwrap(), None);
    let take_back = async |number: usize| {
        let payouts = fresh.reader.payouts_of_run(&run_id(), 2_000).await.unwrap();
        let payout = payouts.into_iter().find(|payout| payout.seller.as_str() == name(number)).unwrap();
        let request = payouts::asked(&payout, "ops1", "no");
        fresh.writer.withdraw_payout(&request).await.unwrap().unwrap();
    };
    // While the run is being frozen, and after.
    take_back(3).await;
    let run = run_of(payouts::freeze(&fresh, &freeze(), &rules).await);
    assert_eq!((run.payout_count as usize, run.total.minor()), (SELLERS, AMOUNT * (SELLERS as u64 - 1)));
    take_back(1_050).await;
    assert_eq!(decide(&fresh, &run, approve(&run)).await, Err(Undecidable::DigestMismatch));
    let now = fresh.reader.payout_run(&run_id()).await.unwrap().unwrap();
    assert_eq!(now.total.minor(), AMOUNT * (SELLERS as u64 - 2));
    assert_eq!(decide(&fresh, &now, approve(&now)).await, Ok(RunStatus::Approved));
    let left = fresh.writer.payout_run_work(&run_id()).await.unwrap().unwrap();
    assert_eq!((left.frozen, left.approved as usize), (0, SELLERS - 2));
    books_agree(&fresh).await;
}

async fn a_run_that_began_before_there_were_parts_keeps_its_digest(fresh: Fresh) {
    seed(&fresh).await;
    let rules = PlanRules::default();
    assert_eq!(fresh.writer.freeze_portion(&freeze(), &rules).await.unwrap(), None);
    tamper(&fresh, "UPDATE payouts SET part = NULL").await;
    tamper(&fresh, "UPDATE payout_runs SET digest_scheme = 1").await;
    let run = run_of(payouts::freeze(&fresh, &freeze(), &rules).await);
    assert_eq!((run.payout_count as usize, run.total.minor()), (SELLERS, AMOUNT * SELLERS as u64));
    assert_eq!(run.digest, of_run(&run.run_id, run.date, &lines(&fresh).await));
    let one = format!("WHERE seller_account = '{}'", name(700));
    tamper(&fresh, &format!("UPDATE payouts SET amount = amount + 1 {one}")).await;
    assert_eq!(decide(&fresh, &run, approve(&run)).await, Err(Undecidable::DigestMismatch));
    tamper(&fresh, &format!("UPDATE payouts SET amount = amount - 1 {one}")).await;
    assert_eq!(decide(&fresh, &run, approve(&run)).await, Ok(RunStatus::Approved));
    books_agree(&fresh).await;
}

async fn what_each_portion_carries_over_is_in_the_run(fresh: Fresh) {
    seed(&fresh).await;
    let kept = [0, 499, 500, 1_099].map(name);
    let sql = "UPDATE seller_registrations SET approval = 'PENDING' WHERE seller_account IN";
    tamper(&fresh, &format!("{sql} ('{}')", kept.join("', '"))).await;
    let run = run_of(payouts::freeze(&fresh, &freeze(), &PlanRules::default()).await);
    assert_eq!(run.payout_count as usize, SELLERS - kept.len());
    let carried: Vec<_> = run.carried_over.iter().map(|kept| (kept.seller.as_str(), kept.reason)).collect();
    let expected: Vec<_> = kept.iter().map(|name| (name.as_str(), CarryReason::NotPayable)).collect();
    assert_eq!(carried, expected);
    assert_eq!(fresh.reader.payout_run(&run.run_id).await.unwrap(), Some(run));
}
