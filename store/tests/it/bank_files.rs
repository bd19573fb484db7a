//! Runs that are paid by bank file: one file, one transfer for each attempt, and an end by two principals or a line.

use domain::{
    calendar::Day,
    id::HoldId,
    payout::{
        Decision, PaidBy, PayoutStatus, RunStatus,
        bank_file::{BankAnswer, reference},
        plan::{CarriedOver, CarryReason, DayText, PlanRules, RunRequest},
    },
    seller::{AccountCheck, AccountChecked, NewHold, PayoutStatus as SellerStatus},
};
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use store::{
    BankFileRecord, BankFileRefusal, Freeze, FreezeOutcome, Keyring, PayoutRecord, PayoutRefusal, PayoutRequest,
    RunRecord, TakeBankFile, TransferShown,
};

use crate::{
    books::{LATER, seller, wallet, won},
    database::Fresh,
    on_both_databases,
    payouts::{
        approved, asked, becomes, begun, books_agree, decided, earned, foreign_payout_seen, freeze as freeze_parts,
        only_payout, principal, run_id, said_by_two,
    },
    sellers::details,
};

on_both_databases!(
    a_file_is_made_once_and_its_transfers_leave_once,
    a_run_pays_on_the_way_on_which_it_was_frozen,
    a_run_takes_no_more_than_the_bank_account_has,
    another_digest_or_other_rows_give_no_file,
    no_file_is_made_while_payouts_are_stopped,
    a_reference_is_given_once_and_a_file_is_what_its_hash_says,
    nobody_verifies_an_account_that_nobody_looked_at,
    two_principals_or_one_line_end_a_transfer_once,
    a_failed_transfer_is_tried_again_and_a_returned_one_is_held,
);

fn rules() -> PlanRules {
    PlanRules { by: PaidBy::BankFile, ..PlanRules::default() }
}

fn keys() -> Keyring {
    Keyring::parse("a:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=").unwrap()
}

/// A seller with a bank account that a principal verified, and so much available.
async fn payee(fresh: &Fresh, name: &str, minor: u64) {
    // A tenth is the commission.
    earned(fresh, name, &format!("o-{name}"), minor / 9 * 10).await;
    fresh.writer.journal().put_seller(&seller(name), &details("110123456789"), &keys()).await.unwrap();
    assert_eq!(verified(fresh, name, 1).await, AccountChecked::Done);
}

async fn verified(fresh: &Fresh, name: &str, account: u32) -> AccountChecked {
    verified_by(fresh, name, account, "checker").await
}

async fn verified_by(fresh: &Fresh, name: &str, account: u32, by: &str) -> AccountChecked {
    let check =
        AccountCheck { seller: seller(name), account, by: principal(by), reason: "a copy of the bank book".to_owned() };
    fresh.writer.check_seller_account(&check, LATER).await.unwrap()
}

/// Our bank account has so much by the books.
async fn at_bank(fresh: &Fresh, minor: u64) {
    let entry = testkit::settlement::to_bank(&format!("day-{minor}"), won(minor), won(0), LATER).unwrap();
    fresh.writer.book(entry).await.unwrap();
}

async fn frozen_by(fresh: &Fresh, name: &str, sellers: &[&str], rules: &PlanRules) -> RunRecord {
    let request = RunRequest {
        date: Some(DayText("2026-12-01".parse::<Day>().unwrap())),
        sellers: Some(sellers.iter().map(|name| seller(name)).collect()),
    };
    let freeze = Freeze { run_id: run_id(name), request, by: principal("maker") };
    match freeze_parts(fresh, &freeze, rules).await {
        FreezeOutcome::Frozen(run) => *run,
        FreezeOutcome::NothingDue(carried) => panic!("nothing is due: {carried:?}"),
    }
}

fn take(run: &RunRecord, number: u32) -> TakeBankFile {
    let (run_id, digest) = (run.run_id.clone(), run.digest.clone());
    TakeBankFile { run_id, number, digest, by: principal("taker"), reason: "the transfers".to_owned() }
}

async fn taken(fresh: &Fresh, run: &RunRecord, number: u32) -> Result<BankFileRecord, BankFileRefusal> {
    fresh.writer.take_bank_file(&take(run, number), &keys(), &rules()).await.unwrap()
}

async fn content(fresh: &Fresh, run: &RunRecord, number: u32) -> String {
    fresh.reader.bank_file_content(&run.run_id, number, &keys()).await.unwrap().unwrap()
}

/// A word of a principal on the attempt that the payout has here.
async fn said(
    fresh: &Fresh,
    payout: &PayoutRecord,
    answer: BankAnswer,
    by: &str,
) -> Result<PayoutStatus, PayoutRefusal> {
    let word = asked(payout, &format!("checker{by}"), "the list of the bank");
    let request = PayoutRequest { attempt: Some(payout.attempt), ..word };
    fresh.writer.answer_payout(&request, answer).await.unwrap().map(|payout| payout.status)
}

async fn shown(fresh: &Fresh, payout: &PayoutRecord, line: &str) -> Result<PayoutStatus, PayoutRefusal> {
    let shown = TransferShown {
        payout_id: payout.payout_id.clone(),
        ref_payout_id: payout.ref_payout_id.clone(),
        bank_line: line.to_owned(),
    };
    fresh.writer.show_transfer(&shown).await.unwrap().map(|payout| payout.status)
}

async fn returned(fresh: &Fresh, payout: &PayoutRecord, line: &str) -> Result<(), PayoutRefusal> {
    let shown = TransferShown {
        payout_id: payout.payout_id.clone(),
        ref_payout_id: payout.ref_payout_id.clone(),
        bank_line: line.to_owned(),
    };
    fresh.writer.show_return(&shown).await.unwrap()
}

async fn now(fresh: &Fresh, payout: &PayoutRecord) -> PayoutRecord {
    fresh.writer.payout_now(&payout.payout_id).await.unwrap().unwrap()
}

/// Available, held, in transit, paid out.
async fn parts(fresh: &Fresh, name: &str) -> [u64; 4] {
    let wallet = wallet(fresh, name).await;
    [wallet.available, wallet.held, wallet.in_transit, wallet.paid_out].map(domain::Money::minor)
}

async fn bank(fresh: &Fresh) -> i64 {
    let sql = "SELECT debits - credits AS left_there FROM ledger_balances WHERE account = 'bank' AND currency = 'KRW'";
    let backend = fresh.database.connection().get_database_backend();
    let statement = sea_orm::Statement::from_string(backend, sql);
    let row = fresh.database.connection().query_one_raw(statement).await.unwrap();
    row.map_or(0, |row| row.try_get("", "left_there").unwrap())
}

async fn execute(fresh: &Fresh, sql: &str) {
    fresh.database.connection().execute_unprepared(sql).await.unwrap();
}

/// A run of one seller whose transfer is at the bank.
async fn at_work(fresh: &Fresh, name: &str, minor: u64) -> (RunRecord, PayoutRecord) {
    payee(fresh, name, minor).await;
    at_bank(fresh, minor).await;
    let run = frozen_by(fresh, &format!("at-work-{name}"), &[name], &rules()).await;
    approved(fresh, &run).await;
    taken(fresh, &run, 1).await.unwrap();
    let payout = only_payout(fresh, &run).await;
    assert_eq!(payout.status, PayoutStatus::InProgress);
    (run, payout)
}

async fn a_file_is_made_once_and_its_transfers_leave_once(fresh: Fresh) {
    payee(&fresh, "a", 27_000).await;
    payee(&fresh, "b", 18_000).await;
    at_bank(&fresh, 60_000).await;
    let run = frozen_by(&fresh, "files", &["a", "b"], &rules()).await;
    assert_eq!((run.paid_by, run.total), (PaidBy::BankFile, won(45_000)));
    assert_eq!(taken(&fresh, &run, 1).await, Err(BankFileRefusal::NotApproved(RunStatus::Frozen)));
    approved(&fresh, &run).await;
    assert_eq!(begun(&fresh, &run, &[]).await, None, "no batch of it leaves for the PSP");
    assert_eq!(taken(&fresh, &run, 2).await, Err(BankFileRefusal::NoSuchFile(2)));

    // Eight principals take it at once, and one after the other.
    let take = take(&run, 1);
    let (keys, rules) = (keys(), rules());
    let at_once = join_all((0..8).map(|_| fresh.writer.take_bank_file(&take, &keys, &rules))).await;
    let first = taken(&fresh, &run, 1).await.unwrap();
    assert!(at_once.into_iter().all(|file| file.unwrap().unwrap() == first), "{first:?}");
    assert_eq!((first.transfers, first.total, first.number), (2, won(45_000), 1));
    let text = content(&fresh, &run, 1).await;
    assert!(text.starts_with("\u{feff}bank_code,account_number,holder_name,amount,reference,ref_payout_id\r\n"));
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let amounts: Vec<&str> = lines.iter().filter_map(|line| line.split(',').nth(3)).collect();
    assert_eq!(amounts, ["27000", "18000"], "{text}");
    assert!(lines.iter().all(|line| line.contains(",110123456789,") && line.contains(",DG")), "{text}");
    assert_eq!(domain::payout::digest::sha256(text.as_bytes()), first.sha256);
    assert_eq!(taken(&fresh, &run, 2).await, Err(BankFileRefusal::NoSuchFile(2)), "nothing is left");
    for (name, minor) in [("a", 27_000), ("b", 18_000)] {
        assert_eq!(parts(&fresh, name).await, [0, 0, minor, 0], "it left once");
    }
    assert_eq!(bank(&fresh).await, 60_000, "nothing was confirmed");
    // The rows of a file are kept as they are.
    for sql in ["DELETE FROM payout_files", "DELETE FROM payout_transfers", "UPDATE payout_transfers SET amount = 1"] {
        assert!(fresh.database.connection().execute_unprepared(sql).await.is_err(), "{sql}");
    }
    assert_eq!(content(&fresh, &run, 1).await, text);
    books_agree(&fresh).await;
}

async fn a_run_pays_on_the_way_on_which_it_was_frozen(fresh: Fresh) {
    payee(&fresh, "a", 27_000).await;
    at_bank(&fresh, 27_000).await;
    let run = frozen_by(&fresh, "before", &["a"], &rules()).await;
    approved(&fresh, &run).await;
    // The setting is the PSP by now.
    assert_eq!(begun(&fresh, &run, &[]).await, None);
    let file = fresh.writer.take_bank_file(&take(&run, 1), &keys(), &PlanRules::default()).await.unwrap().unwrap();
    assert_eq!(file.total, won(27_000));
    let payout = only_payout(&fresh, &run).await;
    assert_eq!((payout.status, payout.paid_by), (PayoutStatus::InProgress, PaidBy::BankFile));
    assert_eq!(becomes(&fresh, &payout, PayoutStatus::Paid).await, 0, "the PSP has nothing to say of it");

    // The other way round: a run through the PSP has no file, whatever is set later.
    crate::payouts::register(&fresh, "p").await;
    earned(&fresh, "p", "o-p", 50_000).await;
    let through_psp = frozen_by(&fresh, "through-psp", &["p"], &PlanRules::default()).await;
    approved(&fresh, &through_psp).await;
    assert_eq!(taken(&fresh, &through_psp, 1).await, Err(BankFileRefusal::NotByBankFile));
    let batch = begun(&fresh, &through_psp, &[]).await.unwrap();
    assert_eq!(batch.batch.items.len(), 1);
    let payout = only_payout(&fresh, &through_psp).await;
    assert_eq!(said(&fresh, &payout, BankAnswer::Paid, "one").await, Err(PayoutRefusal::ByPsp));
    assert_eq!(shown(&fresh, &payout, "line").await, Err(PayoutRefusal::ByPsp));
    books_agree(&fresh).await;
}

async fn a_run_takes_no_more_than_the_bank_account_has(fresh: Fresh) {
    payee(&fresh, "a", 27_000).await;
    payee(&fresh, "b", 18_000).await;
    at_bank(&fresh, 40_000).await;
    let run = frozen_by(&fresh, "short", &["a", "b"], &rules()).await;
    let carried = CarriedOver { seller: seller("b"), amount: won(18_000), reason: CarryReason::BankShort };
    assert_eq!((run.total, run.carried_over.clone()), (won(27_000), vec![carried.clone()]));
    // What this run takes is no other run's, while it is reserved and while it is on its way.
    let other_run = async |name: &str| {
        let request = RunRequest { date: None, sellers: Some(vec![seller("b")]) };
        freeze_parts(&fresh, &Freeze { run_id: run_id(name), request, by: principal("maker") }, &rules()).await
    };
    assert_eq!(other_run("reserved").await, FreezeOutcome::NothingDue(vec![carried.clone()]));
    approved(&fresh, &run).await;
    // The money went elsewhere meanwhile.
    execute(&fresh, "UPDATE ledger_balances SET credits = credits + 20000 WHERE account = 'bank'").await;
    let short = BankFileRefusal::BankShort { left: won(20_000), wanted: won(27_000) };
    assert_eq!(taken(&fresh, &run, 1).await, Err(short));
    assert_eq!(only_payout(&fresh, &run).await.status, PayoutStatus::Approved, "nothing left");
    execute(&fresh, "UPDATE ledger_balances SET credits = credits - 20000 WHERE account = 'bank'").await;
    assert_eq!(taken(&fresh, &run, 1).await.unwrap().total, won(27_000));
    assert_eq!(other_run("on-its-way").await, FreezeOutcome::NothingDue(vec![carried]));
    books_agree(&fresh).await;
}

async fn another_digest_or_other_rows_give_no_file(fresh: Fresh) {
    payee(&fresh, "a", 27_000).await;
    payee(&fresh, "b", 18_000).await;
    payee(&fresh, "c", 9_000).await;
    payee(&fresh, "d", 4_500).await;
    at_bank(&fresh, 100_000).await;
    let run = frozen_by(&fresh, "digest", &["a", "b", "c", "d"], &rules()).await;
    let by = |by| domain::payout::digest::of_parts_paid_by(&run.run_id, run.date, by, &[]);
    assert_ne!(by(PaidBy::Psp), by(PaidBy::BankFile), "the way is a part of what is approved");
    approved(&fresh, &run).await;
    let other = TakeBankFile { digest: "0".repeat(64), ..take(&run, 1) };
    let refused = fresh.writer.take_bank_file(&other, &keys(), &rules()).await.unwrap();
    assert_eq!(refused, Err(BankFileRefusal::DigestMismatch));
    // Somebody with the database in hand, after the approval.
    let attacks = [
        (
            "UPDATE payouts SET amount = 27001 WHERE seller_account = 'a'",
            "UPDATE payouts SET amount = 27000 WHERE seller_account = 'a'",
        ),
        (
            "UPDATE payouts SET destination = 'bank_account.2' WHERE seller_account = 'a'",
            "UPDATE payouts SET destination = 'bank_account.1' WHERE seller_account = 'a'",
        ),
        (
            "UPDATE payouts SET is_void = true WHERE seller_account = 'a'",
            "UPDATE payouts SET is_void = false WHERE seller_account = 'a'",
        ),
        (
            "UPDATE payout_runs SET paid_by = 'toss' WHERE run_id = 'run-digest'",
            "UPDATE payout_runs SET paid_by = 'bank_file' WHERE run_id = 'run-digest'",
        ),
    ];
    for (attack, undo) in attacks {
        execute(&fresh, attack).await;
        let refused = taken(&fresh, &run, 1).await;
        assert!(
            matches!(refused, Err(BankFileRefusal::DigestMismatch | BankFileRefusal::NotByBankFile)),
            "{attack}: {refused:?}"
        );
        execute(&fresh, undo).await;
    }
    // A seller whose account was changed after the approval is taken back, and is in no file.
    fresh.writer.journal().put_seller(&seller("c"), &details("220123456789"), &keys()).await.unwrap();
    // So is one whose payouts are held back since.
    let hold = NewHold {
        hold_id: HoldId::parse("hold-d".to_owned()).unwrap(),
        seller: seller("d"),
        amount: None,
        reason: "an open dispute".to_owned(),
        until: None,
        placed_by: principal("checker"),
    };
    fresh.writer.journal().place_seller_hold(&hold).await.unwrap();
    let file = taken(&fresh, &run, 1).await.unwrap();
    assert_eq!((file.transfers, file.total), (2, won(45_000)));
    assert_eq!(parts(&fresh, "d").await, [4_500, 0, 0, 0]);
    assert!(!content(&fresh, &run, 1).await.contains("220123456789"));
    assert_eq!(parts(&fresh, "c").await, [9_000, 0, 0, 0]);
    books_agree(&fresh).await;
}

async fn no_file_is_made_while_payouts_are_stopped(fresh: Fresh) {
    payee(&fresh, "a", 27_000).await;
    at_bank(&fresh, 27_000).await;
    let run = frozen_by(&fresh, "stopped", &["a"], &rules()).await;
    approved(&fresh, &run).await;
    foreign_payout_seen(&fresh, "run-1").await;
    assert_eq!(taken(&fresh, &run, 1).await, Err(BankFileRefusal::Stopped));
    assert_eq!(only_payout(&fresh, &run).await.status, PayoutStatus::Approved, "nothing left");
    books_agree(&fresh).await;
}

async fn a_reference_is_given_once_and_a_file_is_what_its_hash_says(fresh: Fresh) {
    let (first, other) = at_work(&fresh, "a", 27_000).await;
    payee(&fresh, "b", 18_000).await;
    at_bank(&fresh, 18_000).await;
    let run = frozen_by(&fresh, "clash", &["b"], &rules()).await;
    approved(&fresh, &run).await;
    let name = only_payout(&fresh, &run).await.ref_payout_id;
    let [taken_already, free] = [0, 1].map(|clash| reference(&name, clash));
    let (of_run, payout) = (&first.run_id, &other.payout_id);
    let row = format!("'another-attempt', '{payout}', '{of_run}', 1, '{taken_already}', 1");
    let columns = "ref_payout_id, payout_id, run_id, number, reference, amount";
    execute(&fresh, &format!("INSERT INTO payout_transfers ({columns}) VALUES ({row})")).await;
    taken(&fresh, &run, 1).await.unwrap();
    let text = content(&fresh, &run, 1).await;
    assert!(text.contains(&free) && !text.contains(&taken_already), "{text}");

    execute(&fresh, &format!("UPDATE payout_files SET sha256 = '{}' WHERE run_id = '{}'", "0".repeat(64), run.run_id))
        .await;
    assert!(fresh.reader.bank_file_content(&run.run_id, 1, &keys()).await.is_err(), "the hash is of other bytes");
}

async fn nobody_verifies_an_account_that_nobody_looked_at(fresh: Fresh) {
    assert_eq!(verified(&fresh, "nobody", 1).await, AccountChecked::OtherAccount { account: 0 });
    payee(&fresh, "a", 27_000).await;
    let status = async || {
        let record = fresh.reader.seller(&seller("a")).await.unwrap().unwrap();
        record.payout_status_by(PaidBy::BankFile)
    };
    assert_eq!(status().await, SellerStatus::Approved);
    fresh.writer.journal().put_seller(&seller("a"), &details("220123456789"), &keys()).await.unwrap();
    assert_eq!(status().await, SellerStatus::AccountUnverified);
    assert_eq!(verified(&fresh, "a", 1).await, AccountChecked::OtherAccount { account: 2 });
    // The author of the details is `ab12`.
    assert_eq!(verified_by(&fresh, "a", 2, "ab12").await, AccountChecked::FourEyes, "nobody sends money alone");
    assert_eq!(status().await, SellerStatus::AccountUnverified);
    assert_eq!(verified(&fresh, "a", 2).await, AccountChecked::Done);
    assert_eq!(verified(&fresh, "a", 2).await, AccountChecked::Done);
    assert_eq!(status().await, SellerStatus::Approved);
    // The account was changed a moment ago: it cools down, as with the PSP.
    at_bank(&fresh, 27_000).await;
    let request = RunRequest { date: None, sellers: Some(vec![seller("a")]) };
    let freeze = Freeze { run_id: run_id("cooling"), request, by: principal("maker") };
    let FreezeOutcome::NothingDue(carried) = freeze_parts(&fresh, &freeze, &rules()).await else {
        panic!("a changed account is paid at once");
    };
    assert_eq!(carried[0].reason, CarryReason::CoolingDown);
    assert!(fresh.database.connection().execute_unprepared("DELETE FROM seller_account_checks").await.is_err());
}

async fn two_principals_or_one_line_end_a_transfer_once(fresh: Fresh) {
    // By two principals: the first word is noted, and the same principal is no second one.
    let (run, payout) = at_work(&fresh, "a", 27_000).await;
    let before = bank(&fresh).await;
    for _ in 0..2 {
        assert_eq!(said(&fresh, &payout, BankAnswer::Paid, "one").await, Ok(PayoutStatus::InProgress));
    }
    // Another word takes its place, and needs another principal too.
    assert_eq!(said(&fresh, &payout, BankAnswer::Failed, "two").await, Ok(PayoutStatus::InProgress));
    assert_eq!(said(&fresh, &payout, BankAnswer::Failed, "two").await, Ok(PayoutStatus::InProgress));
    assert_eq!(said(&fresh, &payout, BankAnswer::Paid, "one").await, Ok(PayoutStatus::InProgress));
    assert_eq!(parts(&fresh, "a").await, [0, 0, 27_000, 0], "no word alone moves money");
    // Both words of a second principal, and a line, at once: one of them ends it.
    let race = (
        said(&fresh, &payout, BankAnswer::Paid, "two"),
        said(&fresh, &payout, BankAnswer::Failed, "three"),
        shown(&fresh, &payout, "line-a"),
    );
    let _ = futures::join!(race.0, race.1, race.2);
    let ended = now(&fresh, &payout).await;
    assert_eq!(ended.status, PayoutStatus::Paid, "nobody said twice that it failed: {ended:?}");
    assert_eq!(ended.bank_line.as_deref(), Some("line-a"), "the line is kept with it");
    for (answer, by) in [(BankAnswer::Paid, "one"), (BankAnswer::Paid, "four")] {
        assert_eq!(said(&fresh, &payout, answer, by).await, Ok(PayoutStatus::Paid));
    }
    let refused = Err(PayoutRefusal::Status(PayoutStatus::Paid));
    assert_eq!(said(&fresh, &payout, BankAnswer::Failed, "four").await, refused);
    assert_eq!(shown(&fresh, &payout, "line-b").await, refused, "a second line is no second payment");
    assert_eq!((parts(&fresh, "a").await, bank(&fresh).await), ([0, 0, 0, 27_000], before - 27_000));
    let run = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    // A line ends one payout, and a principal does not confirm an own word, whoever writes the row.
    let (_, other) = at_work(&fresh, "b", 18_000).await;
    assert!(
        fresh
            .writer
            .show_transfer(&TransferShown {
                payout_id: other.payout_id.clone(),
                ref_payout_id: other.ref_payout_id.clone(),
                bank_line: "line-a".to_owned(),
            })
            .await
            .is_err()
    );
    assert_eq!(now(&fresh, &other).await.status, PayoutStatus::InProgress);
    let forged = "UPDATE payouts SET answered_by = 'key:x', confirmed_by = 'key:x' WHERE seller_account = 'b'";
    assert!(fresh.database.connection().execute_unprepared(forged).await.is_err());
    books_agree(&fresh).await;
}

async fn a_failed_transfer_is_tried_again_and_a_returned_one_is_held(fresh: Fresh) {
    let (run, payout) = at_work(&fresh, "a", 27_000).await;
    let before = bank(&fresh).await;
    for by in ["one", "two"] {
        said(&fresh, &payout, BankAnswer::Failed, by).await.unwrap();
    }
    let failed = now(&fresh, &payout).await;
    assert_eq!((failed.status, parts(&fresh, "a").await), (PayoutStatus::Failed, [27_000, 0, 0, 0]));
    assert_eq!(shown(&fresh, &payout, "late").await, Err(PayoutRefusal::Status(PayoutStatus::Failed)));
    let again = asked(&payout, "maker", "mended");
    fresh.writer.retry_payout(&again, &rules()).await.unwrap().unwrap();
    let second = taken(&fresh, &run, 2).await.unwrap();
    assert_eq!((second.number, second.transfers), (2, 1));
    assert_ne!(content(&fresh, &run, 1).await, content(&fresh, &run, 2).await, "another attempt, another reference");
    // The line of the first attempt does not end the second one, and neither do words that come late.
    assert!(shown(&fresh, &payout, "late").await.is_err());
    for by in ["one", "two"] {
        let late = said(&fresh, &payout, BankAnswer::Failed, by).await;
        assert_eq!(late, Err(PayoutRefusal::OtherAttempt(2)), "the second transfer would be paid twice");
    }
    let first = payout.clone();
    let payout = now(&fresh, &payout).await;
    assert_eq!((payout.status, payout.answer.clone()), (PayoutStatus::InProgress, None));
    assert_eq!(shown(&fresh, &payout, "line").await, Ok(PayoutStatus::Paid));
    assert_eq!(bank(&fresh).await, before - 27_000);

    assert_eq!(returned(&fresh, &payout, "back").await, Err(PayoutRefusal::Status(PayoutStatus::Paid)));
    let came_back = said_by_two(&fresh, &payout, BankAnswer::Returned).await;
    assert_eq!((came_back.status, parts(&fresh, "a").await), (PayoutStatus::Returned, [0, 27_000, 0, 0]));
    assert_eq!(bank(&fresh).await, before, "the money is at our bank again");
    // The line of the return is kept, and moves nothing; a second one is not of this return.
    assert!(returned(&fresh, &first, "back").await.is_err(), "another attempt");
    assert_eq!(returned(&fresh, &payout, "back").await, Ok(()));
    assert!(returned(&fresh, &payout, "twice").await.is_err());
    let hashes = ["line", "back", "twice"].map(str::to_owned);
    assert_eq!(fresh.reader.lines_of_payouts(&hashes).await.unwrap(), ["line", "back"]);
    assert_eq!(bank(&fresh).await, before);
    assert_eq!(verified(&fresh, "a", 1).await, AccountChecked::Returned);
    let record = fresh.reader.seller(&seller("a")).await.unwrap().unwrap();
    assert_eq!(record.payout_status_by(PaidBy::BankFile), SellerStatus::AccountUnverified);
    books_agree(&fresh).await;

    // What was taken out of a run before its approval is not tried again without one.
    payee(&fresh, "b", 18_000).await;
    at_bank(&fresh, 45_000).await;
    let run = frozen_by(&fresh, "taken-out", &["b"], &rules()).await;
    let payout = only_payout(&fresh, &run).await;
    let request = asked(&payout, "maker", "no");
    fresh.writer.withdraw_payout(&request).await.unwrap().unwrap();
    let digest = fresh.reader.payout_run(&run.run_id).await.unwrap().unwrap().digest;
    decided(&fresh, "taken-out", Decision::Approve { digest }, "checker").await.unwrap();
    let refused = fresh.writer.retry_payout(&request, &rules()).await.unwrap();
    assert_eq!(refused, Err(PayoutRefusal::NotApproved));
}
