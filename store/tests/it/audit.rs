//! Sound books agree with themselves; whatever is changed behind the writer's back is named.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    checkout::Status,
    commission::BasisPoints,
    id::{HoldId, SellerAccount},
    ledger::{Entry, Hold, PayoutEnd},
    merkle::{LeafPlace, root_of_path},
};
use sea_orm::ConnectionTrait;
use store::{Audit, Check, Disagreement, GENESIS, MAX_NAMED, SigningKey, StoreError};

use crate::{
    books::{execute_refund, fail_refund, promise_refund},
    database::Fresh,
    on_both_databases,
    writing::{CREATED, begin, change, payment, plan, record},
};

on_both_databases!(
    sound_books_agree,
    empty_books_agree,
    books_of_several_pages_agree_while_they_grow,
    a_changed_amount_is_named,
    a_changed_time_is_named,
    a_changed_hash_is_named,
    a_deleted_entry_is_named,
    an_unreadable_entry_is_named_and_the_rest_is_read,
    a_changed_end_of_the_chain_is_named,
    a_changed_balance_is_named,
    a_changed_wallet_is_named,
    a_missing_row_is_named,
    a_changed_order_is_named,
    an_order_without_its_checkout_is_named,
    postings_without_their_entry_are_named,
    a_payment_that_is_not_booked_is_named,
    a_booked_payment_of_an_unpaid_checkout_is_named,
    a_reversed_payment_of_a_paid_checkout_is_named,
    a_reversed_refund_that_succeeded_is_named,
    an_order_that_says_otherwise_than_the_books_is_named,
    a_changed_hold_is_named,
    only_a_checkpoint_tells_that_the_end_was_cut_off,
    only_a_checkpoint_tells_that_all_was_written_anew,
    a_forged_checkpoint_is_named,
    a_checkpoint_is_kept_once_and_for_good,
    every_entry_is_proved_to_be_under_a_checkpoint,
    many_disagreements_are_counted_and_the_first_named,
);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn seller(name: &str) -> SellerAccount {
    SellerAccount::parse(name).unwrap()
}

fn at(step: u64) -> Timestamp {
    CREATED.plus_ms(1000 * step)
}

/// Books in which everything has happened that the product knows.
pub(crate) async fn keep_books(fresh: &Fresh) {
    let writer = &fresh.writer;
    let paid = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    record(fresh, "key-1", &paid).await;
    begin(fresh, &paid).await.unwrap();
    let rates = [BasisPoints::try_new(1_000).unwrap(), BasisPoints::try_new(250).unwrap()];
    let entry = Entry::of_captured_payment(&paid, &rates, CREATED).unwrap();
    writer.post(&payment(&paid, 2, entry), Some(at(1))).await.unwrap();
    record(fresh, "key-2", &plan("checkout-2", &[("o-3", "seller-a", 500)])).await;
    let failed = plan("checkout-3", &[("o-4", "seller-c", 700)]);
    record(fresh, "key-3", &failed).await;
    begin(fresh, &failed).await.unwrap();
    writer.advance(&change(&failed, 2, Status::Failed)).await.unwrap();

    promise_refund(fresh, "r-1", "o-2", 3_000, at(2)).await.unwrap();
    execute_refund(fresh, "r-1", at(3)).await.unwrap();
    assert_eq!(writer.release_due(at(4), 10).await.unwrap(), 2);
    promise_refund(fresh, "r-2", "o-1", 15_000, at(5)).await.unwrap();
    fail_refund(fresh, "r-2", at(6)).await.unwrap();

    for (id, amount) in [("h-1", 5_000), ("h-2", 1_000), ("h-3", 500), ("h-4", 200), ("h-5", 100)] {
        let hold = Hold { id: HoldId::parse(id).unwrap(), seller: seller("seller-a"), amount: won(amount) };
        writer.reserve(&hold, None, at(7)).await.unwrap();
    }
    let hold = |id| HoldId::parse(id).unwrap();
    writer.capture_hold(&hold("h-1"), won(4_000), at(8)).await.unwrap();
    writer.end_payout(&hold("h-1"), PayoutEnd::Arrived, at(9)).await.unwrap();
    writer.capture_hold(&hold("h-3"), won(500), at(8)).await.unwrap();
    writer.capture_hold(&hold("h-4"), won(200), at(8)).await.unwrap();
    writer.end_payout(&hold("h-4"), PayoutEnd::CameBack, at(9)).await.unwrap();
    writer.release_hold(&hold("h-5"), at(9)).await.unwrap();
    let settlement = testkit::settlement::to_bank("2023-11-15", won(20_000), won(600), at(10)).unwrap();
    writer.book(settlement).await.unwrap();
}

pub(crate) async fn audit(fresh: &Fresh) -> Audit {
    fresh.reader.audit(&[], &mut |_| {}).await.unwrap()
}

/// Carries out statements as somebody who may do anything, on tables that refuse no change any more.
/// Nothing disagrees.
pub(crate) async fn agrees(fresh: &Fresh) {
    let audit = audit(fresh).await;
    assert!(audit.findings.named.is_empty(), "{:?}", audit.findings);
}

async fn tamper(fresh: &Fresh, statements: &[&str]) {
    let connection = fresh.database.connection();
    for table in ["ledger_entries", "ledger_postings", "ledger_checkpoints"] {
        let untie = if fresh.url.is_sqlite() {
            format!("DROP TRIGGER IF EXISTS {table}_no_update; DROP TRIGGER IF EXISTS {table}_no_delete")
        } else {
            format!("DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        };
        connection.execute_unprepared(&untie).await.unwrap();
    }
    for statement in statements {
        let result = connection.execute_unprepared(statement).await;
        assert!(result.is_ok(), "{statement}: {result:?}");
    }
}

/// What is found after such statements, of which there must be something.
async fn found(fresh: &Fresh, statements: &[&str]) -> Vec<String> {
    assert_eq!(audit(fresh).await.findings.count, 0, "sound before");
    tamper(fresh, statements).await;
    let findings = audit(fresh).await.findings;
    assert_eq!(findings.count, findings.named.len() as u64);
    assert!(findings.count > 0, "nothing was found");
    findings.named.iter().map(ToString::to_string).collect()
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

async fn sign(fresh: &Fresh, key: &SigningKey) -> store::SignedCheckpoint {
    let (end, findings) = fresh.reader.audit_chain(&mut |_| {}).await.unwrap();
    assert_eq!(findings.count, 0, "{findings:?}");
    fresh.writer.keep_checkpoint(&key.sign(end.checkpoint(at(20))).unwrap()).await.unwrap()
}

async fn sound_books_agree(fresh: Fresh) {
    keep_books(&fresh).await;
    let key = key();
    sign(&fresh, &key).await;
    let mut progress = Vec::new();
    let trusted = [key.public_key().unwrap()];
    let audit =
        fresh.reader.audit(&trusted, &mut |step| progress.push((step.of, step.done, step.total))).await.unwrap();
    assert_eq!(audit.findings.named, []);
    let last = audit.end.sequence;
    assert_eq!(last, fresh.reader.books_state().await.unwrap().sequence);
    assert_eq!((audit.wallets, audit.holds, audit.checkouts, audit.orders, audit.checkpoints), (2, 5, 3, 4, 1));
    assert_eq!(progress, [("entries", last, last), ("checkouts", 3, 3)]);
    let trial = fresh.reader.trial_balance().await.unwrap();
    assert_eq!(audit.accounts, trial.len() as u64);
    let debits: u64 = trial.iter().map(|balance| balance.debits.minor()).sum();
    assert_eq!(audit.moved.get(&Krw), Some(&u128::from(debits)));
}

async fn empty_books_agree(fresh: Fresh) {
    let audit = audit(&fresh).await;
    assert_eq!((audit.findings.count, audit.end.sequence, audit.end.head.as_str()), (0, 0, GENESIS));
}

async fn books_of_several_pages_agree_while_they_grow(fresh: Fresh) {
    keep_books(&fresh).await;
    let settle = async {
        for day in 0..450 {
            let entry = testkit::settlement::to_bank(&format!("day-{day}"), won(100), won(3), at(day)).unwrap();
            fresh.writer.book(entry).await.unwrap();
            let plan = plan(&format!("checkout-{day:03}"), &[(&format!("order-{day}"), "seller-a", 1)]);
            record(&fresh, &format!("another-{day}"), &plan).await;
        }
    };
    let watch = async {
        for _ in 0..8 {
            assert_eq!(audit(&fresh).await.findings.named, []);
        }
    };
    tokio::join!(settle, watch);
    let audit = audit(&fresh).await;
    assert_eq!(audit.findings.named, []);
    assert!(audit.end.sequence > 450 && audit.checkouts == 453, "{audit:?}");
}

async fn a_changed_amount_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found =
        found(&fresh, &["UPDATE ledger_postings SET amount = amount + 1 WHERE sequence = 1 AND line = 0"]).await;
    assert!(found[0].starts_with("chain: entry 1 (payment_captured:checkout-1): its hash"), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("balances: balance of psp:receivable KRW")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("orders: order o-1")), "{found:?}");
}

async fn a_changed_time_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let later = if fresh.url.is_sqlite() { "'2024-01-01 00:00:00+00:00'" } else { "'2024-01-01T00:00:00Z'" };
    let found = found(&fresh, &[&format!("UPDATE ledger_entries SET occurred_at = {later} WHERE sequence = 2")]).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("chain: entry 2 (refund_promised:r-1)"), "{found:?}");
}

async fn a_changed_hash_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found = found(&fresh, &["UPDATE ledger_entries SET hash = 'abc' WHERE sequence = 2"]).await;
    assert!(found[0].starts_with("chain: entry 2 ") && found[1].starts_with("chain: entry 3 "), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
}

async fn a_deleted_entry_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found = found(
        &fresh,
        &["DELETE FROM ledger_postings WHERE sequence = 3", "DELETE FROM ledger_entries WHERE sequence = 3"],
    )
    .await;
    assert_eq!(found[0], "chain: entry 3: missing");
    assert!(found[1].starts_with("chain: entry 4 "), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("balances: balance of refunds:payable KRW")), "{found:?}");
}

async fn an_unreadable_entry_is_named_and_the_rest_is_read(fresh: Fresh) {
    keep_books(&fresh).await;
    sign(&fresh, &key()).await;
    let mut statements = vec![
        "UPDATE ledger_entries SET reason = 'whim' WHERE sequence = 2",
        "UPDATE ledger_postings SET currency = 'XXX' WHERE sequence = 3",
        "UPDATE payment_events SET status = 'FINE' WHERE checkout_id = 'checkout-2'",
        "UPDATE wallets SET currency = 'XXX' WHERE seller_account = 'seller-b'",
        "UPDATE wallet_holds SET status = 'LOOSE' WHERE hold_id = 'h-2'",
        "UPDATE ledger_checkpoints SET public_key = 'none'",
    ];
    let mut named =
        vec!["entry 2", "entry 3", "checkout checkout-2", "wallet seller-b XXX", "hold h-2", "checkpoint at entry"];
    if fresh.url.is_sqlite() {
        // SQLite takes any value in any column.
        statements.extend([
            "UPDATE ledger_postings SET amount = 'much' WHERE sequence = 5",
            "UPDATE ledger_entries SET booked_at = 'soon' WHERE sequence = 7",
            "UPDATE payment_orders SET amount = 'some' WHERE payment_order_id = 'o-3'",
            "UPDATE ledger_balances SET debits = 'all' WHERE account = 'bank'",
        ]);
        named.extend(["entry 5", "entry 7", "order o-3", "balance of bank"]);
    }
    let found = found(&fresh, &statements).await;
    for subject in named {
        let says = format!("reading: {subject}");
        assert!(found.iter().any(|line| line.starts_with(&says)), "{subject} is not named in {found:#?}");
    }
    assert!(!found.iter().any(|line| line.contains("missing") && line.starts_with("chain")), "{found:?}");
}

async fn a_changed_end_of_the_chain_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let last = audit(&fresh).await.end.sequence;
    let first = found(&fresh, &["UPDATE ledger_head SET sequence = sequence + 1"]).await;
    assert_eq!(first, [format!("head: ledger_head: says that the last entry is {}, and it is {last}", last + 1)]);
    tamper(&fresh, &["UPDATE ledger_head SET sequence = sequence - 1"]).await;
    let second = found(&fresh, &["UPDATE ledger_head SET hash = 'abc'"]).await;
    assert_eq!(second, ["head: ledger_head: its hash is not that of the last entry"]);
    tamper(&fresh, &["DELETE FROM ledger_head"]).await;
    assert_eq!(audit(&fresh).await.findings.named[0].problem, "its row is missing");
}

async fn a_changed_balance_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found =
        found(&fresh, &["UPDATE ledger_balances SET credits = credits + 7 WHERE account = 'psp:receivable'"]).await;
    let expected =
        "balances: balance of psp:receivable KRW: the sum of credits is 23007, and 23000 by the postings".to_owned();
    assert_eq!(found, [expected]);
}

async fn a_changed_wallet_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    for (column, part) in [
        ("pending", "pending"),
        ("available", "available"),
        ("held", "held"),
        ("in_transit", "in transit"),
        ("paid_out", "paid out"),
        ("debt", "owed"),
    ] {
        let change =
            |by: &str| format!("UPDATE wallets SET {column} = {column} {by} WHERE seller_account = 'seller-a'");
        let found = found(&fresh, &[&change("+ 1")]).await;
        assert!(found[0].starts_with(&format!("wallets: wallet seller-a KRW: {part} is")), "{found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
        tamper(&fresh, &[&change("- 1")]).await;
    }
}

async fn a_missing_row_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let statements = [
        "DELETE FROM wallets WHERE seller_account = 'seller-b'",
        "DELETE FROM ledger_balances WHERE account = 'bank'",
        &without_foreign_keys(&fresh, "DELETE FROM payment_orders WHERE payment_order_id = 'o-1'"),
    ];
    let found = found(&fresh, &statements).await;
    for line in [
        "wallets: wallet seller-b KRW: its row is missing",
        "balances: balance of bank KRW: its row is missing",
        "orders: order o-1: is booked, and its row is missing",
        "checkouts: checkout checkout-1: it is over 23000, and its orders over 8000",
    ] {
        assert!(found.iter().any(|found| found == line), "{line} is not in {found:#?}");
    }
}

async fn a_changed_order_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    for column in ["unreleased", "commission", "commission_vat", "refunded_amount"] {
        let change =
            |by: &str| format!("UPDATE payment_orders SET {column} = {column} {by} WHERE payment_order_id = 'o-2'");
        let found = found(&fresh, &[&change("+ 1")]).await;
        assert!(found[0].starts_with("orders: order o-2: ") && found.len() == 1, "{found:?}");
        tamper(&fresh, &[&change("- 1")]).await;
    }
    let set = |flag: bool| format!("UPDATE payment_orders SET ledger_updated = {flag} WHERE payment_order_id = 'o-2'");
    let flagged = found(&fresh, &[&set(false)]).await;
    assert_eq!(flagged, ["orders: order o-2: ledger_updated is false, and its payment is booked"]);
    tamper(&fresh, &[&set(true)]).await;
    let statements = [
        "UPDATE payment_orders SET amount = amount + 10 WHERE payment_order_id = 'o-2'",
        "UPDATE payment_events SET amount = amount + 10 WHERE checkout_id = 'checkout-1'",
    ];
    let amount = found(&fresh, &statements).await;
    assert_eq!(amount, ["orders: order o-2: its amount is 8010, and 8000 by the postings"]);
}

async fn an_order_without_its_checkout_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let delete = "DELETE FROM payment_events WHERE checkout_id = 'checkout-1'";
    let found = found(&fresh, &[&without_foreign_keys(&fresh, delete)]).await;
    assert!(found.contains(&"orders: order o-1: its checkout is missing".to_owned()), "{found:?}");
    assert!(found.contains(&"checkouts: entry 1: the checkout it names is missing".to_owned()), "{found:?}");
}

async fn postings_without_their_entry_are_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let delete = "DELETE FROM ledger_entries WHERE sequence = 3";
    let found = found(&fresh, &[&without_foreign_keys(&fresh, delete)]).await;
    assert!(found.contains(&"chain: entry 3: missing".to_owned()), "{found:?}");
    assert!(found.contains(&"chain: postings of entry 3: there is no such entry".to_owned()), "{found:?}");
}

/// One text, so that it is carried out on one connection of the pool.
fn without_foreign_keys(fresh: &Fresh, statement: &str) -> String {
    if fresh.url.is_sqlite() {
        format!("PRAGMA foreign_keys = OFF; {statement}; PRAGMA foreign_keys = ON")
    } else {
        format!("SET session_replication_role = replica; {statement}; SET session_replication_role = origin")
    }
}

async fn a_payment_that_is_not_booked_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let paid = "UPDATE payment_events SET status = 'SUCCESS', is_payment_done = true WHERE checkout_id = 'checkout-3'";
    let found = found(&fresh, &[paid]).await;
    assert_eq!(found, ["checkouts: checkout checkout-3: SUCCESS, and no payment is booked"]);
}

async fn a_booked_payment_of_an_unpaid_checkout_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let failed =
        "UPDATE payment_events SET status = 'FAILED', is_payment_done = false WHERE checkout_id = 'checkout-1'";
    let found = found(&fresh, &[failed]).await;
    assert_eq!(found, ["checkouts: checkout checkout-1: FAILED, and entry 1 books a payment"]);
    tamper(&fresh, &["UPDATE payment_events SET status = 'STUCK' WHERE checkout_id = 'checkout-1'"]).await;
    assert_eq!(audit(&fresh).await.findings.named, [], "whoever is stuck may have been paid before");
}

async fn a_changed_hold_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found = found(&fresh, &["UPDATE wallet_holds SET status = 'RELEASED' WHERE hold_id = 'h-2'"]).await;
    assert_eq!(found, ["holds: holds of seller-a KRW: what they hold is 0, and 1000 by the postings"]);
}

/// The last entry is a settlement; everything that knows of it is put right.
const CUT_OFF: [&str; 6] = [
    "UPDATE ledger_balances SET debits = debits - 19400 WHERE account = 'bank'",
    "UPDATE ledger_balances SET credits = credits - 20000 WHERE account = 'psp:receivable'",
    "DELETE FROM ledger_balances WHERE account = 'psp:fees'",
    "DELETE FROM ledger_postings WHERE sequence = (SELECT sequence FROM ledger_head)",
    "DELETE FROM ledger_entries WHERE sequence = (SELECT sequence FROM ledger_head)",
    "UPDATE ledger_head SET sequence = sequence - 1, \
        hash = (SELECT hash FROM ledger_entries ORDER BY sequence DESC LIMIT 1), \
        booked_at = (SELECT booked_at FROM ledger_entries ORDER BY sequence DESC LIMIT 1)",
];

async fn only_a_checkpoint_tells_that_the_end_was_cut_off(fresh: Fresh) {
    keep_books(&fresh).await;
    let signed = sign(&fresh, &key()).await.checkpoint;
    let found = found(&fresh, &CUT_OFF).await;
    let subject = format!("checkpoint at entry {} by key {}", signed.sequence, signed.key_id);
    assert_eq!(found, [format!("checkpoints: {subject}: there is no such entry any more")]);
}

async fn only_a_checkpoint_tells_that_all_was_written_anew(fresh: Fresh) {
    keep_books(&fresh).await;
    sign(&fresh, &key()).await;
    let entries = fresh.reader.entries_after(0, 1000).await.unwrap();
    let (last, before) = (entries.last().unwrap(), &entries[entries.len() - 2]);
    let fields = last.entry.fields();
    let changed = domain::ledger::EntryFields { occurred_at: at(11), ..fields.clone() };
    let changed = store::BookedEntry { entry: Entry::try_new(changed).unwrap(), ..last.clone() };
    let hash = changed.hash_after(&before.hash);
    let time = if fresh.url.is_sqlite() { "2023-11-14 22:13:31+00:00" } else { "2023-11-14T22:13:31Z" };
    let found = found(
        &fresh,
        &[
            &format!(
                "UPDATE ledger_entries SET occurred_at = '{time}', hash = '{hash}' WHERE sequence = {}",
                last.sequence
            ),
            &format!("UPDATE ledger_head SET hash = '{hash}'"),
        ],
    )
    .await;
    assert!(found.iter().all(|line| line.starts_with("checkpoints: ")) && found.len() == 2, "{found:?}");
}

async fn a_forged_checkpoint_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let signed = sign(&fresh, &key()).await;
    let other = [key().public_key().unwrap()];
    let stranger = fresh.reader.audit(&other, &mut |_| {}).await.unwrap().findings;
    assert_eq!(stranger.named[0].problem, "signed by a key that is none of those given");

    let later = if fresh.url.is_sqlite() { "'2024-01-01 00:00:00+00:00'" } else { "'2024-01-01T00:00:00Z'" };
    let forged = found(&fresh, &[&format!("UPDATE ledger_checkpoints SET at = {later}")]).await;
    let subject = format!("checkpoint at entry {} by key {}", signed.checkpoint.sequence, signed.checkpoint.key_id);
    assert_eq!(forged, [format!("checkpoints: {subject}: its signature is not that of its key over its text")]);
    let key = format!("UPDATE ledger_checkpoints SET public_key = '{}'", other[0]);
    tamper(&fresh, &[&key]).await;
    assert!(audit(&fresh).await.findings.named[0].problem.starts_with("it names the key"));
}

async fn a_checkpoint_is_kept_once_and_for_good(fresh: Fresh) {
    keep_books(&fresh).await;
    assert_eq!(fresh.reader.checkpoint(None).await.unwrap(), None);
    let (key, other) = (key(), key());
    let first = sign(&fresh, &key).await;
    first.check().unwrap();
    let (end, _) = fresh.reader.audit_chain(&mut |_| {}).await.unwrap();
    let again = fresh.writer.keep_checkpoint(&key.sign(end.checkpoint(at(99))).unwrap()).await.unwrap();
    assert_eq!(again, first);
    fresh.writer.keep_checkpoint(&other.sign(end.checkpoint(at(99))).unwrap()).await.unwrap();
    assert_eq!(audit(&fresh).await.checkpoints, 2);
    assert_eq!(fresh.reader.checkpoint(Some(end.sequence)).await.unwrap().unwrap().checkpoint.at, at(99));
    assert_eq!(fresh.reader.checkpoint(Some(1)).await.unwrap(), None);
    for statement in ["UPDATE ledger_checkpoints SET head = ''", "DELETE FROM ledger_checkpoints"] {
        let refused = fresh.database.connection().execute_unprepared(statement).await;
        assert!(refused.unwrap_err().to_string().contains("append only"), "{statement}");
    }
}

async fn every_entry_is_proved_to_be_under_a_checkpoint(fresh: Fresh) {
    keep_books(&fresh).await;
    let checkpoint = sign(&fresh, &key()).await.checkpoint;
    let size = checkpoint.sequence;
    for booked in fresh.reader.entries_after(0, 1000).await.unwrap() {
        let inclusion = fresh.reader.inclusion(booked.sequence, size).await.unwrap().unwrap();
        assert_eq!(inclusion.root, checkpoint.root);
        assert_eq!(booked.hash_after(&inclusion.previous), booked.hash);
        let leaf = hex(&booked.hash);
        let place = LeafPlace { index: booked.sequence - 1, size };
        let root = root_of_path(&leaf, place, &inclusion.path).unwrap();
        assert_eq!(hex(&checkpoint.root), root);
        assert_eq!(fresh.reader.booked_entry(&booked.entry.fields().key).await.unwrap(), Some(booked));
    }
    assert_eq!(fresh.reader.inclusion(1, size + 1).await.unwrap(), None);
    assert_eq!(fresh.reader.inclusion(size + 1, size).await.unwrap(), None);
    assert_eq!(fresh.reader.booked_entry("nothing").await.unwrap(), None);
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

async fn many_disagreements_are_counted_and_the_first_named(fresh: Fresh) {
    let booked: Result<Vec<_>, StoreError> = futures::future::join_all((0..MAX_NAMED as u64 + 20).map(|day| {
        fresh.writer.book(testkit::settlement::to_bank(&format!("day-{day}"), won(100), won(3), at(day)).unwrap())
    }))
    .await
    .into_iter()
    .collect();
    booked.unwrap();
    tamper(&fresh, &["UPDATE ledger_entries SET reason = 'hold_released'"]).await;
    let findings = audit(&fresh).await.findings;
    assert_eq!((findings.named.len(), findings.count), (MAX_NAMED, MAX_NAMED as u64 + 20));
    let Disagreement { check, subject, .. } = &findings.named[MAX_NAMED - 1];
    assert_eq!((*check, subject.starts_with("entry 100 (psp_settled:")), (Check::Chain, true), "{subject}");
}

/// Takes an entry back as the first version did, past the rule that a status rests on it.
async fn reverse_past_the_rule(fresh: &Fresh, key: &str) -> Vec<String> {
    let mistake = fresh.reader.booked_entry(key).await.unwrap().unwrap();
    fresh.writer.book(Entry::of_reversal(&mistake.entry, at(20)).unwrap()).await.unwrap();
    audit(fresh).await.findings.named.iter().map(ToString::to_string).collect()
}

async fn a_reversed_payment_of_a_paid_checkout_is_named(fresh: Fresh) {
    let paid = plan("checkout-9", &[("o-9", "seller-z", 500)]);
    record(&fresh, "key-9", &paid).await;
    begin(&fresh, &paid).await.unwrap();
    let entry = Entry::of_captured_payment(&paid, &[], CREATED).unwrap();
    fresh.writer.post(&payment(&paid, 2, entry), None).await.unwrap();
    agrees(&fresh).await;
    let found = reverse_past_the_rule(&fresh, "payment_captured:checkout-9").await;
    for named in [
        "checkouts: checkout checkout-9: SUCCESS, and its payment was reversed",
        "orders: order o-9: SUCCESS, and its payment was reversed",
        "orders: order o-9: ledger_updated is true, and its payment was reversed",
    ] {
        assert!(found.iter().any(|finding| finding == named), "{named} is not in {found:#?}");
    }
}

async fn a_reversed_refund_that_succeeded_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    agrees(&fresh).await;
    let found = reverse_past_the_rule(&fresh, "refund_executed:r-1").await;
    for named in [
        "refunds: refund r-1: SUCCEEDED, so that ",
        "refunds: checkout checkout-1: PARTIALLY_REFUNDED, and by the postings SUCCESS",
    ] {
        assert!(found.iter().any(|finding| finding.starts_with(named)), "{named} is not in {found:#?}");
    }
}

async fn an_order_that_says_otherwise_than_the_books_is_named(fresh: Fresh) {
    keep_books(&fresh).await;
    let found = found(
        &fresh,
        &[
            "UPDATE payment_orders SET payment_order_status = 'EXECUTING' WHERE payment_order_id = 'o-1'",
            "UPDATE payment_orders SET payment_order_status = 'SUCCESS' WHERE payment_order_id = 'o-4'",
        ],
    )
    .await;
    assert_eq!(
        found,
        [
            "orders: order o-1: EXECUTING, and its payment is booked",
            "orders: order o-4: SUCCESS, and no payment is booked",
        ]
    );
}
