//! The auditor's commands, as processes: what they print, and the codes they exit with.

use std::{
    collections::BTreeMap,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output, Stdio},
    str::FromStr,
};

use domain::{
    Currency, Money, Timestamp,
    checkout::{Change, NewCheckout, Order, Payment, Plan, PlanFields, State, Status},
    commission::BasisPoints,
    id::{
        ApiKeyId, BuyerId, CheckoutId, HoldId, IdempotencyKey, PaymentKey, PaymentOrderId, RefundId, SellerAccount,
        WorkflowId,
    },
    ledger::{Entry, Hold, NormalSide, PayoutEnd},
    principal::Principal,
    refund::{Executed, NewRefund, RefundExecution, RefundPromise, RefundRecorded, RefundScope},
};
use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Reader, Writer};

use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, daegeum},
};

/// A public key that signed nothing here. Source: RFC 8032, section 7.1, test 1.
const KEY_OF_NOBODY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

on_both_databases!(
    sound_books_verify,
    a_changed_amount_fails_verify,
    a_deleted_entry_fails_verify,
    a_changed_balance_fails_verify,
    a_changed_wallet_fails_verify,
    a_changed_order_fails_verify,
    an_unreadable_row_fails_verify,
    a_checkpoint_is_signed_once_and_not_over_changed_books,
    hledger_agrees_with_every_balance,
    csv_has_a_line_per_posting_and_no_formula,
    days_are_closed_for_good,
    an_entry_is_reversed_and_shown,
    commissions_are_set_and_listed,
);

/// 2023-11-14T22:13:20Z: the day after in Korea.
const BEGAN: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
/// Names that collide unless each keeps its own account; the last is what an escaped `a_b` looks like.
const SELLERS: [&str; 6] = ["seller-a", "a.b", "a_b", "a-b", "Z", "aZub"];

/// Books in a data directory of the test's own.
struct Books {
    directory: tempfile::TempDir,
    flags: Vec<String>,
    database: Database,
    reader: Reader,
    writer: Writer,
}

fn at(step: u64) -> Timestamp {
    BEGAN.plus_ms(60_000 * step)
}

fn money(minor: u64, currency: Currency) -> Money {
    Money::try_from_minor(minor, currency).unwrap()
}

impl Books {
    /// Books in which something has happened.
    async fn keep(kind: Kind) -> Self {
        let books = Self::open(kind).await;
        let won: Vec<_> =
            SELLERS.iter().zip(1..).map(|(seller, part)| (*seller, money(1000 * part, Currency::Krw))).collect();
        books.sell("-checkout-1", &won).await;
        books.sell("checkout-2", &[("seller-a", money(1_250, Currency::Usd))]).await;
        let writer = &books.writer;
        writer.release_due(at(10), 100).await.unwrap();
        let refund = RefundId::parse("r-1").unwrap();
        let order = PaymentOrderId::parse("-checkout-1-1").unwrap();
        let amount = money(500, Currency::Krw);
        let wanted = RefundScope { order: Some(order), amount: Some(amount) };
        let new = NewRefund {
            refund_id: refund.clone(),
            checkout_id: CheckoutId::parse("-checkout-1").unwrap(),
            wanted: wanted.clone(),
            requested_by: Principal::parse("key:key1").unwrap(),
            fingerprint: "f".repeat(64),
            reason: "단순 변심".to_owned(),
            requested_at: at(11),
        };
        assert_eq!(writer.record_refund(&new).await.unwrap(), RefundRecorded::Ours);
        let (refund_id, checkout_id) = (refund, new.checkout_id);
        let promise = RefundPromise {
            refund_id: refund_id.clone(),
            checkout_id: checkout_id.clone(),
            wanted,
            promised_at: at(11),
        };
        writer.promise_refund(&promise).await.unwrap();
        let executed = Executed { amount, executed_at: at(12), transaction_key: None };
        let execution = RefundExecution { refund_id, checkout_id, executed, learned_at: at(12) };
        writer.execute_refund(&execution).await.unwrap();
        for (id, amount) in [("h-1", 300), ("h-2", 200)] {
            let seller = SellerAccount::parse("seller-a").unwrap();
            let hold = Hold { id: HoldId::parse(id).unwrap(), seller, amount: money(amount, Currency::Krw) };
            writer.reserve(&hold, None, at(13)).await.unwrap();
        }
        let payout = HoldId::parse("h-1").unwrap();
        writer.capture_hold(&payout, money(300, Currency::Krw), at(14)).await.unwrap();
        writer.end_payout(&payout, PayoutEnd::Arrived, at(15)).await.unwrap();
        let (gross, fee) = (money(9_000, Currency::Krw), money(90, Currency::Krw));
        // Two days later, and under a name that quotes, commas, comments and escapes have to stand.
        let settled = testkit::settlement::to_bank("=1+1,\"a\";b\\%|c", gross, fee, at(2 * 24 * 60)).unwrap();
        writer.book(settled).await.unwrap();
        books
    }

    async fn open(kind: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let flags = kind.flags().await;
        let url = match &flags[..] {
            [_flag, url] => DatabaseUrl::from_str(url).unwrap(),
            _ => DatabaseUrl::of_file(&directory.path().join("daegeum.db")),
        };
        let mut migrate = daegeum();
        migrate.arg("--data-dir").arg(directory.path()).args(&flags).args(["migrate", "up"]);
        assert!(migrate.output().unwrap().status.success());
        let database = Database::connect(&url).await.unwrap();
        let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
        Self { writer: Writer::new(database.clone()), reader, database, directory, flags }
    }

    /// A checkout that is paid, with a commission of 10 %, and can be released at once.
    async fn sell(&self, checkout: &str, parts: &[(&str, Money)]) {
        let order = |(line, (seller, amount)): (usize, &(&str, Money))| Order {
            id: PaymentOrderId::parse(format!("{checkout}-{line}")).unwrap(),
            seller: SellerAccount::parse(*seller).unwrap(),
            amount: *amount,
            tax_free: None,
            name: None,
        };
        let plan = Plan::try_new(PlanFields {
            checkout_id: CheckoutId::parse(checkout).unwrap(),
            order_name: "토스 티셔츠".to_owned(),
            buyer_id: BuyerId::parse("buyer-1").unwrap(),
            orders: parts.iter().enumerate().map(order).collect(),
            success_url: None,
            fail_url: None,
            metadata: None,
            card: None,
            confirm_token_hash: None,
            window: Default::default(),
        })
        .unwrap();
        let api_key = ApiKeyId::parse("test").unwrap();
        let new = NewCheckout {
            workflow_id: WorkflowId::of_checkout(&api_key, &IdempotencyKey::parse(checkout).unwrap()),
            api_key_id: api_key,
            fingerprint: "f".to_owned(),
            plan: plan.clone(),
            created_at: at(0),
            expires_at: at(60),
            saved_card: None,
        };
        assert!(self.writer.record_checkout(&new).await.unwrap());
        let change = |revision, status, occurred_at| {
            Change::new(plan.checkout_id().clone(), State { revision, status }, occurred_at)
        };
        let payment_key = PaymentKey::parse("pk").ok();
        self.writer.advance(&Change { payment_key, ..change(1, Status::Executing, at(1)) }).await.unwrap();
        let rates = vec![BasisPoints::try_new(1_000).unwrap(); parts.len()];
        let entry = Entry::of_captured_payment(&plan, &rates, at(2)).unwrap();
        let payment = Payment {
            began: None,
            change: change(2, Status::Success, at(2)),
            entry,
            method: None,
            receipt_url: None,
            receipt_numbers: Default::default(),
            confirmed_at: None,
            is_watched: false,
        };
        self.writer.post(&payment, Some(at(3))).await.unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daegeum();
        command.arg("--data-dir").arg(self.directory.path()).args(&self.flags).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that ends well.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", said(&output), complained(&output));
        said(&output)
    }

    fn says_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(arguments)).unwrap()
    }

    /// Why a command does not end well.
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
        complained(&output)
    }

    async fn tamper(&self, statements: &[&str]) {
        for table in ["ledger_entries", "ledger_postings"] {
            let untie = if self.flags.is_empty() {
                format!("DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete")
            } else {
                format!("DROP TRIGGER {table}_append_only ON {table}")
            };
            self.database.connection().execute_unprepared(&untie).await.unwrap();
        }
        for statement in statements {
            self.database.connection().execute_unprepared(statement).await.unwrap();
        }
    }

    /// Changes something behind the writer's back: verify names it and exits 1.
    async fn tampering_is_named(&self, statements: &[&str], named: &str) {
        self.says(&["ledger", "verify"]);
        self.tamper(statements).await;
        let found = self.run(&["ledger", "verify"]);
        assert_eq!(found.status.code(), Some(1), "{}", said(&found));
        assert!(said(&found).contains(named), "{named} is not in {}", said(&found));
        assert!(said(&found).contains("The books do not agree"), "{}", said(&found));
        let found: Value = serde_json::from_slice(&self.run(&["ledger", "verify", "--json"]).stdout).unwrap();
        assert_eq!(found["agrees"], false);
        assert_eq!(
            found["disagreement_count"].as_u64().unwrap(),
            found["disagreements"].as_array().unwrap().len() as u64
        );
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn sound_books_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let summary = books.says(&["ledger", "verify"]);
    assert!(summary.starts_with("The books agree: ") && summary.lines().count() == 1, "{summary}");
    let json = books.says_json(&["ledger", "verify", "--json"]);
    assert_eq!((&json["agrees"], &json["disagreements"], &json["checkouts"]), (&json!(true), &json!([]), &json!(2)));
    assert_eq!(json["moved"]["USD"], "23.75", "12.50 captured and 11.25 released: {json}");
    let malformed = books.run(&["ledger", "verify", "--public-key", "00"]);
    assert_eq!(malformed.status.code(), Some(2));
    assert!(complained(&malformed).contains("64 hex digits"), "{}", complained(&malformed));
}

async fn a_changed_amount_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statement = "UPDATE ledger_postings SET amount = amount + 1 WHERE sequence = 1 AND line = 0";
    books.tampering_is_named(&[statement], "chain: entry 1 (payment_captured:-checkout-1): its hash").await;
}

async fn a_deleted_entry_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statements =
        ["DELETE FROM ledger_postings WHERE sequence = 3", "DELETE FROM ledger_entries WHERE sequence = 3"];
    books.tampering_is_named(&statements, "chain: entry 3: missing").await;
}

async fn a_changed_balance_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statement = "UPDATE ledger_balances SET debits = debits + 1 WHERE account = 'bank' AND currency = 'KRW'";
    books
        .tampering_is_named(&[statement], "balances: balance of bank KRW: the sum of debits is 8911, and 8910 by")
        .await;
}

async fn a_changed_wallet_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statement = "UPDATE wallets SET available = available + 1 WHERE seller_account = 'a.b'";
    books.tampering_is_named(&[statement], "wallets: wallet a.b KRW: available is").await;
}

async fn a_changed_order_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statement = "UPDATE payment_orders SET refunded_amount = 0 WHERE payment_order_id = '-checkout-1-1'";
    let named = "orders: order -checkout-1-1: what is refunded is 0, and 500 by the postings";
    books.tampering_is_named(&[statement], named).await;
}

async fn an_unreadable_row_fails_verify(kind: Kind) {
    let books = Books::keep(kind).await;
    let statement = "UPDATE ledger_postings SET currency = 'XXX' WHERE sequence = 2";
    books.tampering_is_named(&[statement], "reading: entry 2: the database holds a currency").await;
}

async fn a_checkpoint_is_signed_once_and_not_over_changed_books(kind: Kind) {
    let books = Books::keep(kind).await;
    assert!(books.refuses(&["ledger", "public-key"]).contains("`daegeum ledger checkpoint` makes one"));
    // A key that was kept elsewhere shows that the checkpoints were removed.
    let unsigned = books.run(&["ledger", "verify", "--public-key", KEY_OF_NOBODY]);
    assert!(said(&unsigned).contains("none is signed by a key that was given"), "{}", said(&unsigned));
    assert_eq!(unsigned.status.code(), Some(1));
    assert!(books.refuses(&["ledger", "prove", "payment_captured:checkout-2"]).contains("there is no checkpoint yet"));
    let first = books.says_json(&["ledger", "checkpoint", "--json"]);
    assert_eq!(books.says_json(&["ledger", "checkpoint", "--json"]), first);
    let lines = books.says_json(&["audit", "list", "--json"]);
    let signed = lines.as_array().unwrap().iter().filter(|line| line["action"] == "ledger checkpoint");
    let objects: Vec<&str> = signed.map(|line| line["object"].as_str().unwrap()).collect();
    assert!(objects.len() == 2 && objects[0].contains(first["key_id"].as_str().unwrap()), "{lines}");
    let file = books.directory.path().join("ledger-signing-key");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let public_key = books.says(&["ledger", "public-key"]);
    assert_eq!(public_key.trim(), first["public_key"]);
    books.says(&["ledger", "verify", "--public-key", public_key.trim()]);

    // Another key, as OpenSSL would make it, signs the same entry.
    let other = books.directory.path().join("other-key");
    let other = other.to_str().unwrap();
    books.says(&["ledger", "checkpoint", "--signing-key", other]);
    let unknown = books.run(&["ledger", "verify", "--public-key", public_key.trim()]);
    assert!(said(&unknown).contains("signed by a key that is none of those given"), "{}", said(&unknown));
    assert_eq!(unknown.status.code(), Some(1));
    std::fs::set_permissions(other, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(books.refuses(&["ledger", "checkpoint", "--signing-key", other]).contains("chmod 600"));

    assert!(books.refuses(&["ledger", "prove", "nothing"]).contains("nothing is booked under the key nothing"));
    let key = "payment_captured:checkout-2";
    assert!(books.refuses(&["ledger", "prove", key, "--checkpoint", "1"]).contains("no checkpoint at entry 1"));
    books.tamper(&["UPDATE ledger_postings SET amount = amount + 1 WHERE sequence = 3"]).await;
    let refused = books.refuses(&["ledger", "checkpoint"]);
    assert!(refused.contains("chain: entry 3") && refused.contains("Nothing was signed"), "{refused}");
}

/// Runs a check of a proof with nothing around it.
fn check_proof(proof: &Value, public_key: &str) -> (Option<i32>, String) {
    let empty = tempfile::tempdir().unwrap();
    let mut command = daegeum();
    command.current_dir(empty.path()).env("DAEGEUM_UNKNOWN", "x");
    command.args(["ledger", "check-proof", "-", "--public-key", public_key]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(proof.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(empty.path().read_dir().unwrap().next().is_none(), "something was written");
    (output.status.code(), format!("{}{}", said(&output), complained(&output)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_holds_without_a_database_and_not_when_anything_is_changed() {
    let books = Books::keep(Kind::Sqlite).await;
    books.says(&["ledger", "checkpoint"]);
    let public_key = books.says(&["ledger", "public-key"]).trim().to_owned();
    let last = books.reader.books_state().await.unwrap().sequence;
    for booked in books.reader.entries_after(0, 100).await.unwrap() {
        let proof = books.says_json(&["ledger", "prove", &booked.entry.fields().key]);
        let (code, said) = check_proof(&proof, &public_key);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with(&format!("The proof holds: entry {} was among the first {last} ", booked.sequence)));
        assert!(said.contains(&booked.entry.fields().key), "{said}");
    }

    let proof = books.says_json(&["ledger", "prove", "payment_captured:checkout-2", "--checkpoint", &last.to_string()]);
    let other = "1".repeat(64);
    let changed = |pointer: &str, change: &dyn Fn(&Value) -> Value| {
        let mut proof = proof.clone();
        let place = proof.pointer_mut(pointer).unwrap();
        *place = change(place);
        proof
    };
    let replaced = |from: &'static str, to: &'static str| {
        move |value: &Value| {
            let text = value.as_str().unwrap();
            assert!(text.contains(from), "{text}");
            json!(text.replacen(from, to, 1))
        }
    };
    let flipped = |value: &Value| {
        let mut bytes = hex::decode(value.as_str().unwrap()).unwrap();
        bytes[5] ^= 1;
        json!(hex::encode(bytes))
    };
    let path = proof["path"].as_array().unwrap().len();
    assert!(path > 2);
    let mut tampered = vec![
        (changed("/entry", &replaced("amount 4:1125", "amount 4:9125")), "the path does not lead"),
        (changed("/entry", &replaced("sequence 1:2", "sequence 1:3")), "the path does not lead"),
        (changed("/entry", &replaced("sequence 1:2", "sequence 2:02")), "no canonical text"),
        (changed("/entry", &replaced("sequence 1:2", "sequence 3:999")), "is not among the first"),
        (changed("/checkpoint/root", &flipped), "its signature is not that of its key"),
        (changed("/checkpoint/head", &flipped), "its signature is not that of its key"),
        (changed("/checkpoint/sequence", &|value| json!(value.as_u64().unwrap() + 1)), "its signature"),
        (changed("/checkpoint/at", &|_| json!("2020-01-01T00:00:00Z")), "its signature is not that of its key"),
        (changed("/checkpoint/key_id", &|_| json!("0123456789abcdef")), "it names the key 0123456789abcdef"),
        (changed("/signature", &flipped), "its signature is not that of its key"),
        (changed("/path", &|value| json!(value.as_array().unwrap()[1..])), "the path does not lead"),
        (
            changed("/path", &|value| json!([value.as_array().unwrap().clone(), vec![json!(other)]].concat())),
            "the path",
        ),
        (changed("/format", &|_| json!("daegeum-proof 2")), "its format is"),
    ];
    for step in 0..path {
        tampered.push((changed(&format!("/path/{step}"), &flipped), "the path does not lead"));
    }
    for (proof, reason) in tampered {
        let (code, said) = check_proof(&proof, &public_key);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("the proof does not hold") && said.contains(reason), "{reason} is not in {said}");
    }
    books.says(&["ledger", "checkpoint", "--signing-key", books.directory.path().join("k2").to_str().unwrap()]);
    let another =
        books.says(&["ledger", "public-key", "--signing-key", books.directory.path().join("k2").to_str().unwrap()]);
    let (code, said) = check_proof(&proof, another.trim());
    assert!(code == Some(1) && said.contains("it names the key"), "{said}");
    assert!(check_proof(&json!({ "format": "daegeum-proof 1" }), &public_key).1.contains("this is no proof"));
}

pub(crate) fn hledger(journal: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("hledger");
    command.args(["-f", "-"]).args(arguments).env("LANG", "C.UTF-8");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(journal.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}\n{journal}", complained(&output));
    said(&output)
}

/// Our name of an account that an export names.
fn our_name(exported: &str) -> String {
    let (_class, rest) = exported.split_once(':').unwrap();
    let Some((seller, part)) = rest.strip_prefix("Seller-").and_then(|rest| rest.split_once(':')) else {
        return rest.to_lowercase();
    };
    let (mut name, mut rest) = (String::new(), seller.chars());
    while let Some(character) = rest.next() {
        name.push(match character {
            'Z' => match rest.next().unwrap() {
                'u' => '_',
                'd' => '.',
                'z' => 'Z',
                other => panic!("Z{other} in {exported}"),
            },
            plain => plain,
        });
    }
    format!("seller:{name}:{}", if part == "InTransit" { "in_transit".to_owned() } else { part.to_lowercase() })
}

async fn hledger_agrees_with_every_balance(kind: Kind) {
    let books = Books::keep(kind).await;
    let journal = books.says(&["ledger", "export", "--format", "hledger"]);
    hledger(&journal, &["check"]);
    hledger(&journal, &["check", "accounts", "commodities"]);
    let mut theirs = BTreeMap::new();
    for line in hledger(&journal, &["balance", "--flat", "--no-total", "--empty", "-O", "csv"]).lines().skip(1) {
        let (account, amounts) = line.trim_matches('"').split_once("\",\"").unwrap();
        for amount in amounts.split(", ").filter(|amount| *amount != "0") {
            let (number, currency) = amount.split_once(' ').unwrap();
            let minor: i64 = number.replace('.', "").parse().unwrap();
            theirs.insert((our_name(account), currency.to_owned()), minor);
        }
    }
    let mut ours = BTreeMap::new();
    for balance in books.reader.trial_balance().await.unwrap() {
        let stands = i64::try_from(balance.balance().unwrap().minor()).unwrap();
        let stands = if balance.account.normal_side() == NormalSide::Debit { stands } else { -stands };
        if stands != 0 {
            ours.insert((balance.account.to_string(), balance.debits.currency().to_string()), stands);
        }
    }
    assert!(ours.len() > 12, "{ours:?}");
    assert_eq!(theirs, ours);
    let types = hledger(&journal, &["balancesheet", "--flat"]);
    assert!(types.contains("Assets:Bank") && types.contains("Liabilities:Seller-aZub:Available"), "{types}");
    assert!(hledger(&journal, &["incomestatement"]).contains("Income:Platform:Commission"));

    let later = books.says(&["ledger", "export", "--format", "hledger", "--from", "2023-11-16"]);
    assert_eq!(later.matches("psp_settled").count(), 1);
    assert!(!later.contains("payment_captured"), "{later}");
    let first = books.says(&["ledger", "export", "--format", "hledger", "--to", "2023-11-15"]);
    assert!(first.contains("\n2023-11-15 * (1) payment_captured -checkout-1\n"), "{first}");
    assert!(!first.contains("psp_settled"), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beancount_gets_accounts_of_its_own_grammar() {
    let books = Books::keep(Kind::Sqlite).await;
    let ledger = books.says(&["ledger", "export", "--format", "beancount"]);
    let accounts: Vec<&str> = ledger.lines().filter_map(|line| line.strip_prefix("1970-01-01 open ")).collect();
    assert_eq!(accounts.len(), books.reader.trial_balance().await.unwrap().len() - 5, "five have two currencies");
    for account in &accounts {
        let (name, _currencies) = account.split_once(' ').unwrap();
        for part in name.split(':') {
            assert!(part.starts_with(|first: char| first.is_ascii_uppercase()), "{name}");
            assert!(part.chars().all(|character| character.is_ascii_alphanumeric() || character == '-'), "{name}");
        }
    }
    assert!(ledger.contains("* \"psp_settled\" \"=1+1,\\\"a\\\";b\\\\%|c\"\n  sequence: "), "{ledger}");
}

async fn csv_has_a_line_per_posting_and_no_formula(kind: Kind) {
    let books = Books::keep(kind).await;
    let csv = books.says(&["ledger", "export", "--format", "csv"]);
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert!(!csv.replace("\r\n", "").contains(['\r', '\n']));
    let postings = books.says_json(&["ledger", "verify", "--json"])["postings"].as_u64().unwrap();
    assert_eq!(lines.len() as u64, postings + 1);
    assert!(lines[0].starts_with("sequence,entry_id,reason,checkout_id,"), "{}", lines[0]);
    let first = "1,payment_captured:-checkout-1,payment_captured,'-checkout-1,,2023-11-15,2023-11-14T22:15:20.000Z,";
    assert!(lines[1].starts_with(first), "{}", lines[1]);
    assert!(lines[1].ends_with(",0,psp:receivable,seller:seller-a:pending,900,KRW,'-checkout-1-0"), "{}", lines[1]);
    assert!(lines[lines.len() - 2].contains(",\"psp_settled:=1+1,\"\"a\"\";b\\%|c\",psp_settled,,,2023-11-17,"));
    assert!(csv.contains(",11.25,USD,checkout-2-0"), "{csv}");
    assert!(!lines.iter().any(|line| line.split(',').any(|cell| cell.starts_with(['=', '+', '-', '@']))), "{csv}");
}

async fn days_are_closed_for_good(kind: Kind) {
    let books = Books::keep(kind).await;
    assert!(books.says(&["ledger", "close", "--before", "2023-11-17"]).contains("closed before 2023-11-17"));
    assert!(books.says(&["ledger", "close", "--before", "2023-11-15"]).contains("closed before 2023-11-17"));
    let late = testkit::settlement::to_bank("late", money(10, Currency::Krw), money(1, Currency::Krw), at(30)).unwrap();
    assert!(books.writer.book(late).await.unwrap_err().to_string().contains("a day that is closed"));
    assert!(books.refuses(&["ledger", "close", "--before", "2999-01-01"]).contains("2999-01-01 has not begun"));
    assert_eq!(books.run(&["ledger", "close", "--before", "2023-02-30"]).status.code(), Some(2));
    books.says(&["ledger", "verify"]);
}

async fn an_entry_is_reversed_and_shown(kind: Kind) {
    let books = Books::keep(kind).await;
    let key = "psp_settled:=1+1,\"a\";b\\%|c";
    let before = books.reader.books_state().await.unwrap();
    let shown = books.says(&["ledger", "reverse", key]);
    assert!(shown.contains("would be booked") && shown.contains("Nothing was booked. To ask for it: "), "{shown}");
    assert!(shown.contains("debit psp:receivable  credit bank"), "{shown}");
    let shown = books.says_json(&["ledger", "reverse", key, "--json"]);
    assert_eq!((&shown["would_book"]["reverses"], &shown["refused"]), (&json!(key), &Value::Null), "{shown}");
    let seen = ["--digest", shown["digest"].as_str().unwrap(), "--reason", "another shop's"];
    let asked = books.says(&[&["ledger", "reverse", key], &seen[..]].concat());
    assert!(asked.contains("WAITING: proposed by operator:"), "{asked}");
    assert_eq!(books.reader.books_state().await.unwrap(), before, "what is asked for books nothing");
    let file = books.directory.path().join("finance.key");
    let created = books.says(&["keys", "create", "--scope", "finance"]);
    std::fs::write(&file, created.lines().last().unwrap()).unwrap();
    let by_key = ["--api-key-file", file.to_str().unwrap()];
    let approve = [&["ledger", "approve", key], &seen[..], &by_key[..]].concat();
    let printed = books.says(&approve);
    assert!(printed.contains("debit psp:receivable  credit bank"), "{printed}");
    let again = books.says_json(&[&approve[..], &["--json"]].concat())["entry"].clone();
    assert!(books.says(&["ledger", "reverse", key]).contains("was reversed before"));
    assert_eq!((&again["reverses"], &again["entry_id"]), (&json!(key), &json!(format!("reversed:{key}"))));
    let first = json!({
        "debit_account": "psp:receivable", "credit_account": "bank", "amount": "8910", "currency": "KRW",
        "payment_order_id": null,
    });
    assert_eq!(again["postings"][0], first);
    let ask = |key: &str| books.refuses(&["ledger", "reverse", key, "--digest", "0", "--reason", "a mistake"]);
    for (key, why) in [
        ("nothing", "nothing is booked under the key nothing"),
        (&*format!("reversed:{key}"), "a reversal is not reversed"),
        ("hold_reserved:h-2", "a hold, a payout or a release"),
        ("pending_released:checkout-2-0", "the time of order checkout-2-0 has come"),
        ("payment_captured:checkout-2", "more is taken than there is"),
    ] {
        let refused = ask(key);
        assert!(refused.contains(why), "{refused}");
    }
    let before = books.reader.books_state().await.unwrap();
    for (key, rests, way) in [
        ("payment_captured:-checkout-1", "checkout -checkout-1 is PARTIALLY_REFUNDED", "cancel the payment"),
        ("refund_promised:r-1", "refund r-1 is SUCCEEDED", "daegeum reconcile"),
        ("refund_executed:r-1", "refund r-1 is SUCCEEDED", "daegeum reconcile"),
    ] {
        let shown = books.run(&["ledger", "reverse", key]);
        assert_eq!(shown.status.code(), Some(1));
        let refused = ask(key);
        for told in [said(&shown), refused] {
            assert!(told.contains(rests) && told.contains(way), "{key}: {told}");
        }
    }
    assert_eq!(books.reader.books_state().await.unwrap(), before);
    let log = books.says(&["audit", "list"]);
    assert_eq!(log.matches("refused: checkout").count(), 1, "{log}");
    books.says(&["ledger", "verify"]);
    let undone = books.says(&["ledger", "undo", key, "--reason", "ours after all"]);
    assert!(undone.contains(&format!("{key}:2")) && undone.contains("UNDONE"), "{undone}");
    books.says(&["ledger", "verify"]);
}

async fn commissions_are_set_and_listed(kind: Kind) {
    let books = Books::open(kind).await;
    books.says(&["commissions", "set", "--bps", "250", "--from", "2026-12-01"]);
    let seller = ["commissions", "set", "--bps", "0", "--seller", "a_b", "--from", "2026-12-01T00:00:00+00:00"];
    books.says(&seller);
    assert!(books.refuses(&seller).contains("what is set stays; choose a later --from"));
    books.says(&["commissions", "set", "--bps", "10000", "--seller", "a_b"]);
    assert_eq!(books.run(&["commissions", "set", "--bps", "10001"]).status.code(), Some(2));
    assert!(books.refuses(&["commissions", "set", "--bps", "1", "--from", "soon"]).contains("--from takes a day"));
    assert_eq!(books.run(&["commissions", "set", "--bps", "1", "--seller", "a b"]).status.code(), Some(2));
    let rates = books.says_json(&["commissions", "list", "--json"]);
    let rates: Vec<_> = rates
        .as_array()
        .unwrap()
        .iter()
        .map(|rate| (&rate["seller_account"], &rate["bps"], &rate["effective_from"]))
        .collect();
    assert_eq!(rates[0], (&Value::Null, &json!(250), &json!("2026-11-30T15:00:00.000Z")));
    assert!(rates.contains(&(&json!("a_b"), &json!(0), &json!("2026-12-01T00:00:00.000Z"))), "{rates:?}");
    assert_eq!(rates.len(), 3);
    assert_eq!(books.says(&["commissions", "list"]).lines().count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_works_beside_a_running_dev() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    dev.shop.create("checkout-1").await;
    let payment_key = dev.shop.authorize("checkout-1").await;
    assert_eq!(dev.shop.confirm("checkout-1", &payment_key, "23000").await.0, 200);
    for arguments in [&["verify"][..], &["checkpoint"], &["verify"], &["prove", "payment_captured:checkout-1"]] {
        let output =
            daegeum().arg("--data-dir").arg(dev.directory.path()).arg("ledger").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}{}", said(&output), complained(&output));
    }
}

#[test]
fn verify_says_which_database_it_cannot_open() {
    let directory = tempfile::tempdir().unwrap();
    let output = daegeum().arg("--data-dir").arg(directory.path()).args(["ledger", "verify"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complained(&output).contains("name it with --data-dir or --database-url"), "{}", complained(&output));
}

/// What the first version let happen, past the rule of today: the status says paid, the books say nothing.
#[tokio::test(flavor = "multi_thread")]
async fn verify_names_a_paid_checkout_whose_entry_is_reversed() {
    let books = Books::keep(Kind::Sqlite).await;
    books.sell("checkout-3", &[("seller-a", money(700, Currency::Krw))]).await;
    books.says(&["ledger", "verify"]);
    let captured = books.reader.booked_entry("payment_captured:checkout-3").await.unwrap().unwrap();
    books.writer.book(Entry::of_reversal(&captured.entry, at(20)).unwrap()).await.unwrap();
    let found = books.run(&["ledger", "verify"]);
    assert_eq!(found.status.code(), Some(1), "{}", said(&found));
    for named in
        ["checkout checkout-3: SUCCESS, and its payment was reversed", "order checkout-3-0: SUCCESS, and its payment"]
    {
        assert!(said(&found).contains(named), "{named} is not in {}", said(&found));
    }
}
