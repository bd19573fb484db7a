//! Sweeps in their rows: our own money, once, and never what is owed.

use domain::{
    Currency::Krw,
    calendar::Day,
    event::EventType,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
    payout::{
        Decision, PayoutKind, PayoutStatus, RunStatus, Undecidable,
        bank_file::BankAnswer,
        plan::PlanRules,
        sweep::{Funds, SweepRefusal},
    },
    reconciliation::payouts::{JudgedBy, ListedPayout, PayoutMatch, taken_at_psp_alone},
    reconciliation::repair::RepairLimits,
    settlement::{Counter, Flow, RowKind, SettlementRow},
};
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use store::{
    BeginBatch, BegunBatch, FreezeSweep, PayoutBooksQuestion, PayoutRecord, PayoutRefusal, ReceivedRow, RowBooking,
    RunRecord, SettlementBookings, SweepReceipt, Window,
};

use crate::{
    books::{execute_refund, paid, promise_refund, seller, won},
    database::Fresh,
    on_both_databases,
    payouts::{
        approved, asked, becomes, books_agree, decided, earned, freeze, only_payout, principal, register, run_id,
        said_by_two,
    },
    writing::CREATED,
};

on_both_databases!(
    a_sweep_pays_our_own_money_to_our_bank_once,
    nobody_sweeps_alone_or_past_what_is_free,
    what_is_owed_is_counted_from_the_rows,
    a_sweep_that_is_owed_by_now_does_not_leave,
    a_sweep_that_failed_is_free_again_and_one_that_returned_is_on_the_balance,
    a_reconciliation_knows_a_sweep,
    a_sweep_is_not_a_payout_of_the_seller,
    a_line_of_the_bank_shows_one_sweep,
);

const PAST: &str = "2023-11-20";

fn rules() -> PlanRules {
    PlanRules { own_seller: Some(seller("own")), ..PlanRules::default() }
}

/// The PSP settles an order of ours: `fee` with its tax stays there.
async fn settle(fresh: &Fresh, order: &str, gross: u64, fee: u64, paid_out_on: &str) {
    let vat = domain::settlement::vat_in(fee);
    let row = SettlementRow {
        transaction_key: format!("txr-{order}"),
        payment_key: format!("key-{order}"),
        order: format!("checkout-{order}"),
        kind: RowKind::Approval,
        amount: Flow::In(won(gross)),
        pay_out: Flow::In(won(gross - fee)),
        supply: Flow::In(won(fee - vat)),
        vat: Flow::In(won(vat)),
        exchange: None,
        sold_on: PAST.parse().unwrap(),
        paid_out_on: paid_out_on.parse().unwrap(),
        approved_at: None,
        method: None,
        merchant_id: None,
    };
    book(fresh, row).await;
}

/// The PSP deducts a refund.
async fn deduct(fresh: &Fresh, order: &str, refund: &str, amount: u64) {
    let row = SettlementRow {
        transaction_key: format!("transaction-{refund}"),
        payment_key: format!("key-{order}"),
        order: format!("checkout-{order}"),
        kind: RowKind::Cancel,
        amount: Flow::Out(won(amount)),
        pay_out: Flow::Out(won(amount)),
        supply: Flow::In(won(0)),
        vat: Flow::In(won(0)),
        exchange: None,
        sold_on: PAST.parse().unwrap(),
        paid_out_on: PAST.parse().unwrap(),
        approved_at: None,
        method: None,
        merchant_id: None,
    };
    book(fresh, row).await;
}

async fn book(fresh: &Fresh, row: SettlementRow) {
    let received = ReceivedRow { row: row.clone(), received: "{}".to_owned() };
    fresh.writer.keep_settlement_rows(&[received]).await.unwrap();
    let booking = RowBooking { row, counter: Counter::Receivable, finding: None, run_id: "run-1".to_owned() };
    let bookings = SettlementBookings { rows: vec![booking], limits: RepairLimits::default() };
    fresh.writer.book_settlement_rows(bookings).await.unwrap();
}

/// Our own company, and one settled sale of 100,000: 90,000 are the seller's, 3,000 the PSP's and 7,000 ours.
async fn settled(fresh: &Fresh) {
    register(fresh, "own").await;
    earned(fresh, "a", "o-a", 100_000).await;
    register(fresh, "a").await;
    settle(fresh, "o-a", 100_000, 3_000, PAST).await;
}

async fn sweep(fresh: &Fresh, name: &str, amount: Option<u64>) -> Result<RunRecord, SweepRefusal> {
    let sweep = FreezeSweep { run_id: run_id(name), amount: amount.map(won), by: principal("maker") };
    fresh.writer.freeze_sweep(&sweep, &rules()).await.unwrap()
}

async fn left(fresh: &Fresh, run: &RunRecord) -> Option<BegunBatch> {
    let begin = BeginBatch { run_id: run.run_id.clone(), pays_on: None, busy: Vec::new() };
    fresh.writer.begin_payout_batch(&begin, &rules()).await.unwrap()
}

/// Debits less credits of an account, in won.
async fn balance(fresh: &Fresh, account: &Account) -> i64 {
    fresh.reader.debit_balance(account, Krw).await.unwrap()
}

/// The payout balance, what is in transit, the bank.
async fn places(fresh: &Fresh) -> [i64; 3] {
    let mut found = [0; 3];
    for (index, account) in [Account::PspPayoutBalance, Account::SweepInTransit, Account::Bank].iter().enumerate() {
        found[index] = balance(fresh, account).await;
    }
    found
}

async fn all_agree(fresh: &Fresh) {
    books_agree(fresh).await;
    assert_eq!(crate::breaks::internal_differences(fresh).await.unwrap(), []);
}

async fn funds(fresh: &Fresh) -> Funds {
    fresh.reader.sweep_funds().await.unwrap()
}

fn receipt(payout: &PayoutRecord, line: Option<&str>) -> SweepReceipt {
    SweepReceipt { payout_id: payout.payout_id.clone(), bank_line: line.map(str::to_owned) }
}

/// Frozen, approved, sent and paid.
async fn swept(fresh: &Fresh, name: &str, amount: u64) -> PayoutRecord {
    let run = sweep(fresh, name, Some(amount)).await.unwrap();
    approved(fresh, &run).await;
    left(fresh, &run).await.unwrap();
    let payout = only_payout(fresh, &run).await;
    assert_eq!(becomes(fresh, &payout, PayoutStatus::Paid).await, 1);
    only_payout(fresh, &run).await
}

async fn a_sweep_pays_our_own_money_to_our_bank_once(fresh: Fresh) {
    settled(&fresh).await;
    let run = sweep(&fresh, "sweep", Some(5_000)).await.unwrap();
    assert_eq!((run.status, run.kind, run.total), (RunStatus::Frozen, PayoutKind::Sweep, won(5_000)));
    assert_eq!(sweep(&fresh, "sweep", Some(5_000)).await, Ok(run.clone()), "the id is the key");
    approved(&fresh, &run).await;
    let batch = left(&fresh, &run).await.unwrap().batch;
    let item = &batch.items[0];
    assert_eq!((item.destination.as_str(), item.amount, batch.items.len()), ("psp-own", won(5_000), 1));
    let payout = only_payout(&fresh, &run).await;
    for (status, changed, expected) in [
        (PayoutStatus::Unknown, 1, [97_000, 0, 0]),
        (PayoutStatus::Requested, 1, [97_000, 0, 0]),
        (PayoutStatus::Paid, 1, [92_000, 5_000, 0]),
        (PayoutStatus::Paid, 0, [92_000, 5_000, 0]),
        (PayoutStatus::Failed, 0, [92_000, 5_000, 0]),
    ] {
        assert_eq!(becomes(&fresh, &payout, status).await, changed, "{status}");
        assert_eq!(places(&fresh).await, expected, "{status}");
        all_agree(&fresh).await;
    }
    assert!(fresh.writer.complete_payout_run(&run.run_id).await.unwrap());
    let received = said_by_two(&fresh, &payout, BankAnswer::Received).await;
    assert!(received.received_at.is_some());
    assert_eq!(places(&fresh).await, [92_000, 0, 5_000]);
    all_agree(&fresh).await;
    let back = fresh.writer.answer_payout(&asked(&payout, "maker", "x"), BankAnswer::Returned).await.unwrap();
    assert_eq!(back, Err(PayoutRefusal::Received));
    let paid = fresh.writer.answer_payout(&asked(&payout, "maker", "x"), BankAnswer::Failed).await.unwrap();
    assert_eq!(paid, Err(PayoutRefusal::ByPsp), "the PSP says so itself");
    let events = crate::events::log(&fresh).await;
    let told = |wanted| events.iter().find(|event| event.event_type == wanted).map(|event| event.data.as_str());
    for wanted in [EventType::PayoutRunFrozen, EventType::PayoutPaid] {
        assert!(told(wanted).unwrap().contains(r#""kind":"sweep""#), "{events:?}");
    }
    // Somebody with the database in hand: the audit sees that another sum is in transit than the postings say.
    let sql = "UPDATE payouts SET received_at = NULL WHERE kind = 'sweep'";
    fresh.database.connection().execute_unprepared(sql).await.unwrap();
    let findings = fresh.reader.audit(&[], &mut |_| {}).await.unwrap().findings;
    assert_eq!(findings.count, 1, "{:?}", findings.named);
    assert_eq!(crate::breaks::internal_differences(&fresh).await.unwrap().len(), 1);
}

async fn nobody_sweeps_alone_or_past_what_is_free(fresh: Fresh) {
    settled(&fresh).await;
    let too_much = Err(SweepRefusal::TooMuch { free: won(7_000) });
    assert_eq!(sweep(&fresh, "more", Some(7_001)).await, too_much);
    let nowhere = FreezeSweep { run_id: run_id("nowhere"), amount: None, by: principal("maker") };
    let refused = fresh.writer.freeze_sweep(&nowhere, &PlanRules::default()).await.unwrap();
    assert_eq!(refused, Err(SweepRefusal::NoOwnSeller));
    let stranger = PlanRules { own_seller: Some(seller("nobody")), ..PlanRules::default() };
    assert_eq!(fresh.writer.freeze_sweep(&nowhere, &stranger).await.unwrap(), Err(SweepRefusal::NotPayable));
    assert_eq!(fresh.reader.payout_runs(&Window { after: None, limit: 9 }).await.unwrap().items, [], "nothing stays");
    // Ten at once, of which three fit.
    let names = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"];
    let all = join_all(names.map(|name| sweep(&fresh, name, Some(2_000)))).await;
    assert_eq!(all.iter().filter(|frozen| frozen.is_ok()).count(), 3, "{all:?}");
    assert_eq!(funds(&fresh).await.free(), won(1_000));
    let run = all.into_iter().find_map(Result::ok).unwrap();
    let name = run.run_id.as_str().trim_start_matches("run-").to_owned();
    let approve = || Decision::Approve { digest: run.digest.clone() };
    assert_eq!(decided(&fresh, &name, approve(), "maker").await, Err(Undecidable::FourEyes));
    let other = Decision::Approve { digest: "another".to_owned() };
    assert_eq!(decided(&fresh, &name, other, "checker").await, Err(Undecidable::DigestMismatch));
    let unseen = format!("UPDATE payouts SET amount = amount + 1 WHERE run_id = '{}'", run.run_id);
    fresh.database.connection().execute_unprepared(&unseen).await.unwrap();
    assert_eq!(decided(&fresh, &name, approve(), "checker").await, Err(Undecidable::DigestMismatch));
    assert_eq!(left(&fresh, &run).await, None);
    assert_eq!(decided(&fresh, &name, Decision::Reject, "checker").await, Ok(RunStatus::Rejected));
    assert_eq!(funds(&fresh).await.free(), won(3_000), "what was rejected is free");
    all_agree(&fresh).await;
}

async fn what_is_owed_is_counted_from_the_rows(fresh: Fresh) {
    settled(&fresh).await;
    // Captured and not released: the sale counts once the PSP has settled it.
    paid(&fresh, "o-b", "b", 50_000, 1_000).await;
    let found = funds(&fresh).await;
    assert_eq!((found.pending, found.settled_pending, found.receivable), (45_000, 0, 50_000));
    assert_eq!(found.free(), won(7_000));
    settle(&fresh, "o-b", 50_000, 1_500, "2099-12-31").await;
    let found = funds(&fresh).await;
    assert_eq!((found.settled_pending, found.receivable, found.not_paid_yet), (45_000, 0, 48_500));
    assert_eq!(found.free(), won(0), "the PSP has not paid it, and the seller's part is due");
    let sql = "UPDATE settlement_rows SET paid_out_on = '2023-11-21'";
    fresh.database.connection().execute_unprepared(sql).await.unwrap();
    assert_eq!(funds(&fresh).await.free(), won(10_500));
    // A refund is promised, then carried out, then deducted: our part of it is never free.
    promise_refund(&fresh, "r-1", "o-b", 50_000, CREATED.plus_ms(2)).await.unwrap();
    assert_eq!(funds(&fresh).await.refunds_payable, 50_000);
    assert_eq!(funds(&fresh).await.free(), won(5_500));
    execute_refund(&fresh, "r-1", CREATED.plus_ms(3)).await.unwrap();
    let found = funds(&fresh).await;
    assert_eq!((found.refunds_payable, found.refunds_to_deduct, found.receivable), (0, 50_000, -50_000));
    assert_eq!(found.free(), won(5_500));
    deduct(&fresh, "o-b", "r-1", 50_000).await;
    let found = funds(&fresh).await;
    assert_eq!((found.refunds_to_deduct, found.receivable, found.free()), (0, 0, won(5_500)));
    // Money of nobody.
    let stray = Posting::try_new(PostingFields {
        debit: Account::PspPayoutBalance,
        credit: Account::Suspense,
        amount: won(1_000),
        order: None,
    });
    let entry = Entry::try_new(EntryFields {
        key: Reason::PspSettled.key("stray"),
        reason: Reason::PspSettled,
        checkout_id: None,
        reverses: None,
        occurred_at: CREATED.plus_ms(4),
        postings: vec![stray.unwrap()],
    });
    fresh.writer.book(entry.unwrap()).await.unwrap();
    assert_eq!(funds(&fresh).await.free(), won(5_500));
}

async fn a_sweep_that_is_owed_by_now_does_not_leave(fresh: Fresh) {
    settled(&fresh).await;
    let run = sweep(&fresh, "sweep", None).await.unwrap();
    assert_eq!(run.total, won(7_000));
    approved(&fresh, &run).await;
    // The buyer gets all back, and with it our commission.
    promise_refund(&fresh, "r-1", "o-a", 100_000, CREATED.plus_ms(2)).await.unwrap();
    assert_eq!(left(&fresh, &run).await, None);
    let payout = only_payout(&fresh, &run).await;
    let failure = payout.failure.as_ref().map(|failure| failure.code.to_string());
    assert_eq!((payout.status, failure.as_deref()), (PayoutStatus::Canceled, Some("sweep_too_large")));
    let again = asked(&payout, "maker", "x");
    let refused = fresh.writer.retry_payout(&again, &rules()).await.unwrap();
    assert_eq!(refused, Err(PayoutRefusal::Sweep(SweepRefusal::TooMuch { free: won(0) })));
    assert_eq!(places(&fresh).await, [97_000, 0, 0]);
    all_agree(&fresh).await;
}

async fn a_sweep_that_failed_is_free_again_and_one_that_returned_is_on_the_balance(fresh: Fresh) {
    settled(&fresh).await;
    let run = sweep(&fresh, "sweep", Some(6_000)).await.unwrap();
    approved(&fresh, &run).await;
    left(&fresh, &run).await.unwrap();
    let first = only_payout(&fresh, &run).await;
    becomes(&fresh, &first, PayoutStatus::Requested).await;
    assert_eq!(funds(&fresh).await.free(), won(1_000));
    becomes(&fresh, &first, PayoutStatus::Failed).await;
    assert_eq!(funds(&fresh).await.free(), won(7_000));
    let request = asked(&first, "maker", "x");
    let second = fresh.writer.retry_payout(&request, &rules()).await.unwrap().unwrap();
    assert_ne!(second.ref_payout_id, first.ref_payout_id);
    assert_eq!(left(&fresh, &run).await.unwrap().batch.items[0].ref_payout_id, second.ref_payout_id);
    assert_eq!(becomes(&fresh, &first, PayoutStatus::Paid).await, 0, "an old name moves nothing");
    becomes(&fresh, &second, PayoutStatus::Paid).await;
    assert_eq!(places(&fresh).await, [91_000, 6_000, 0]);
    assert_eq!(said_by_two(&fresh, &second, BankAnswer::Returned).await.status, PayoutStatus::Returned);
    assert_eq!(places(&fresh).await, [97_000, 0, 0]);
    all_agree(&fresh).await;
    let received = fresh.writer.receive_sweep(&receipt(&second, Some("late"))).await.unwrap();
    assert_eq!(received, Err(PayoutRefusal::Status(PayoutStatus::Returned)));
    assert_eq!(sweep(&fresh, "next", None).await, Err(SweepRefusal::NotPayable), "the account is to be mended first");
}

async fn a_reconciliation_knows_a_sweep(fresh: Fresh) {
    settled(&fresh).await;
    let run = sweep(&fresh, "sweep", Some(5_000)).await.unwrap();
    approved(&fresh, &run).await;
    left(&fresh, &run).await.unwrap();
    let payout = only_payout(&fresh, &run).await;
    let today = Day::of(payout.frozen_at);
    let by = JudgedBy { settled_by: payout.frozen_at.plus_ms(60_000), as_of: today };
    let listed = |status: domain::payout::status::PspPayoutStatus| ListedPayout {
        ref_payout_id: payout.ref_payout_id.clone(),
        status,
        amount: won(5_000),
        due_on: None,
    };
    use domain::payout::status::PspPayoutStatus as Psp;
    for (ours, theirs, taken) in [
        (PayoutStatus::Requested, Psp::Requested, 5_000),
        (PayoutStatus::InProgress, Psp::InProgress, 5_000),
        (PayoutStatus::Paid, Psp::Completed, 0),
    ] {
        becomes(&fresh, &payout, ours).await;
        let names = [payout.ref_payout_id.clone()];
        let question = PayoutBooksQuestion { since: today.next().next(), as_of: today, listed: &names };
        let books = fresh.reader.payout_books(question).await.unwrap();
        let asked = books.asked.get(&payout.ref_payout_id);
        assert_eq!(PayoutMatch::of(asked, Some(&listed(theirs)), by), PayoutMatch::Agrees, "{ours}");
        let apart = taken_at_psp_alone(asked, Some(&listed(theirs)));
        assert_eq!((apart, books.booked - apart), (taken, 92_000), "the PSP has 92,000 as soon as it takes the sweep");
    }
}

async fn a_sweep_is_not_a_payout_of_the_seller(fresh: Fresh) {
    settled(&fresh).await;
    let payout = swept(&fresh, "sweep", 5_000).await;
    // Our own company sells too, and is paid on the day of the sweep; its statement knows nothing of the sweep.
    earned(&fresh, "own", "o-own", 100_000).await;
    let request = domain::payout::plan::RunRequest { date: None, sellers: Some(vec![seller("own")]) };
    let own = store::Freeze { run_id: run_id("own"), request, by: principal("maker") };
    let store::FreezeOutcome::Frozen(run) = freeze(&fresh, &own, &rules()).await else {
        panic!("our own company is due");
    };
    assert_eq!((run.total, run.kind), (won(90_000), PayoutKind::Seller));
    assert!(fresh.reader.statement(&payout.payout_id).await.unwrap().is_none());
    all_agree(&fresh).await;
}

async fn a_line_of_the_bank_shows_one_sweep(fresh: Fresh) {
    settled(&fresh).await;
    let (one, two) = (swept(&fresh, "one", 3_000).await, swept(&fresh, "two", 3_000).await);
    fresh.writer.receive_sweep(&receipt(&one, Some("line"))).await.unwrap().unwrap();
    assert!(fresh.writer.receive_sweep(&receipt(&two, Some("line"))).await.is_err(), "another sweep has the line");
    assert_eq!(places(&fresh).await, [91_000, 3_000, 3_000]);
    let lines = fresh.reader.lines_of_payouts(&["line".to_owned(), "other".to_owned()]).await.unwrap();
    assert_eq!(lines, ["line"]);
    // A person said so first, and the line comes later: it moves nothing.
    said_by_two(&fresh, &two, BankAnswer::Received).await;
    assert_eq!(fresh.reader.sweeps_without_line().await.unwrap().len(), 1);
    let shown = fresh.writer.receive_sweep(&receipt(&two, Some("later"))).await.unwrap().unwrap();
    assert_eq!(shown.bank_line.as_deref(), Some("later"));
    assert_eq!(places(&fresh).await, [91_000, 0, 6_000]);
    all_agree(&fresh).await;
}
