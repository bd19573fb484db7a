//! Settlement rows as they are booked: many of them by one entry, each once.

use domain::{
    Currency::Krw,
    ledger::Account,
    reconciliation::repair::RepairLimits,
    settlement::{Counter, Flow, RowKind, SettlementRow, vat_in},
};
use sea_orm::{ConnectionTrait, Statement};
use store::{Booked, NewRun, ReceivedRow, ReversedSettlement, RowBooking, SettlementBookings};

use crate::{
    audit::{agrees, audit},
    books::won,
    breaks::{finding, lump},
    database::Fresh,
    on_both_databases,
    writing::CREATED,
};

on_both_databases!(
    rows_of_a_day_are_booked_by_one_entry,
    an_entry_of_many_rows_is_taken_back_as_a_whole,
    rows_that_are_not_their_entry_are_named,
);

const DAY: &str = "2023-11-20";

/// A payment of so much, or its cancellation where it is below zero.
fn row(key: &str, amount: i64) -> SettlementRow {
    let fee = amount.unsigned_abs() * 3 / 100;
    let vat = vat_in(fee);
    let flow = |minor: u64| if amount < 0 { Flow::Out(won(minor)) } else { Flow::In(won(minor)) };
    SettlementRow {
        kind: if amount < 0 { RowKind::Cancel } else { RowKind::Approval },
        amount: flow(amount.unsigned_abs()),
        pay_out: flow(amount.unsigned_abs() - fee),
        supply: flow(fee - vat),
        vat: flow(vat),
        sold_on: DAY.parse().unwrap(),
        ..lump(key, 1)
    }
}

async fn keep(fresh: &Fresh, rows: &[&SettlementRow]) {
    let rows = rows.iter().map(|row| ReceivedRow { row: (*row).clone(), received: "{}".to_owned() });
    fresh.writer.keep_settlement_rows(&rows.collect::<Vec<_>>()).await.unwrap();
}

async fn book(fresh: &Fresh, rows: &[&SettlementRow]) -> Booked {
    let booking = |row: &&SettlementRow| RowBooking {
        row: (*row).clone(),
        counter: Counter::Receivable,
        finding: None,
        run_id: "run-1".to_owned(),
    };
    let rows = rows.iter().map(booking).collect();
    fresh.writer.book_settlement_rows(SettlementBookings { rows, limits: RepairLimits::default() }).await.unwrap()
}

/// The entry of each row, in the order of the rows' keys.
async fn entries_of_rows(fresh: &Fresh) -> Vec<(String, Option<String>)> {
    let connection = fresh.database.connection();
    let sql = "SELECT transaction_key, entry_id FROM settlement_rows ORDER BY transaction_key";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| (row.try_get_by("transaction_key").unwrap(), row.try_get_by("entry_id").unwrap())).collect()
}

/// Debits less credits of the accounts that a settlement moves.
async fn balances(fresh: &Fresh) -> [i64; 4] {
    let mut balances = [0; 4];
    let accounts = [Account::PspPayoutBalance, Account::PspFees, Account::InputVat, Account::PspReceivable];
    for (balance, account) in balances.iter_mut().zip(accounts) {
        *balance = fresh.reader.debit_balance(&account, Krw).await.unwrap();
    }
    balances
}

async fn rows_of_a_day_are_booked_by_one_entry(fresh: Fresh) {
    let day = DAY.parse().unwrap();
    fresh.writer.begin_reconciliation(&NewRun { run_id: "run-1".to_owned(), day, as_of: day }).await.unwrap();
    let rows = [row("txr-1", 10_000), row("txr-2", 20_000), row("txr-3", -10_000), row("txr-4", 0)];
    let strange = lump("txr-5", 7_000);
    let all: Vec<&SettlementRow> = rows.iter().collect();
    keep(&fresh, &[&all[..], &[&strange]].concat()).await;
    // The first row was booked by a run before.
    assert_eq!(book(&fresh, &all[..1]).await, Booked::Now);
    let booking = |row: &SettlementRow, finding| RowBooking {
        row: row.clone(),
        counter: if finding { Counter::Suspense } else { Counter::Receivable },
        finding: finding.then(|| self::finding(row)),
        run_id: "run-1".to_owned(),
    };
    let mut bookings: Vec<RowBooking> = rows.iter().map(|row| booking(row, false)).collect();
    bookings.push(booking(&strange, true));
    let bookings = SettlementBookings { rows: bookings, limits: RepairLimits::default() };
    assert_eq!(fresh.writer.book_settlement_rows(bookings.clone()).await.unwrap(), Booked::Now);
    let after = balances(&fresh).await;
    assert_eq!(after, [19_400 + 7_000, 545, 55, -20_000]);

    let shared = "psp_settled:2023-11-20.txr-2.2";
    let expected = [
        ("txr-1", Some("psp_settled:txr-1")),
        ("txr-2", Some(shared)),
        ("txr-3", Some(shared)),
        ("txr-4", None),
        ("txr-5", Some("psp_settled:txr-5")),
    ];
    let expected = expected.map(|(row, entry)| (row.to_owned(), entry.map(str::to_owned)));
    assert_eq!(entries_of_rows(&fresh).await, expected);
    assert_eq!(fresh.reader.books_state().await.unwrap().sequence, 3);
    agrees(&fresh).await;

    // However often it is asked for, and in whatever company.
    assert_eq!(fresh.writer.book_settlement_rows(bookings).await.unwrap(), Booked::Before);
    assert_eq!(book(&fresh, &all).await, Booked::Before);
    assert_eq!((balances(&fresh).await, entries_of_rows(&fresh).await), (after, expected.to_vec()));
    agrees(&fresh).await;
}

async fn an_entry_of_many_rows_is_taken_back_as_a_whole(fresh: Fresh) {
    let rows = [row("txr-1", 10_000), row("txr-2", 20_000), row("txr-3", 5_000)];
    let all: Vec<&SettlementRow> = rows.iter().collect();
    keep(&fresh, &all).await;
    book(&fresh, &all[..2]).await;
    book(&fresh, &all[2..]).await;
    let (entry_key, other) = ("psp_settled:2023-11-20.txr-1.2", "psp_settled:txr-3");
    assert_eq!(fresh.reader.reversed_settlements(&[entry_key, other]).await.unwrap(), []);
    fresh.writer.reverse(entry_key, CREATED).await.unwrap();
    assert_eq!(balances(&fresh).await, [4_850, 136, 14, -5_000]);
    let reversed = ReversedSettlement {
        entry_key: entry_key.to_owned(),
        sold_on: DAY.parse().unwrap(),
        rows: 2,
        amount: Flow::In(won(30_000)),
    };
    assert_eq!(fresh.reader.reversed_settlements(&[entry_key, other]).await.unwrap(), [reversed]);
    assert_eq!(fresh.reader.reversed_settlements(&[other]).await.unwrap(), []);
    // The rows stay marked, so nothing books them again.
    assert_eq!(book(&fresh, &all).await, Booked::Before);
    agrees(&fresh).await;
}

async fn rows_that_are_not_their_entry_are_named(fresh: Fresh) {
    let rows = [row("txr-1", 10_000), row("txr-2", 20_000), row("txr-3", 5_000)];
    let all: Vec<&SettlementRow> = rows.iter().collect();
    keep(&fresh, &all).await;
    book(&fresh, &all[..2]).await;
    book(&fresh, &all[2..]).await;
    agrees(&fresh).await;
    let shared = "settlements: psp_settled:2023-11-20.txr-1.2: the settlement rows under it come to other sums than \
                  its postings";
    let alone = shared.replace("2023-11-20.txr-1.2", "txr-3");
    let nothing = shared.replace("psp_settled:2023-11-20.txr-1.2", "psp_settled:nothing");
    for (statement, expected) in [
        (
            "UPDATE settlement_rows SET supply = supply + 1, vat = vat - 1 WHERE transaction_key = 'txr-2'",
            &[shared][..],
        ),
        (
            "UPDATE settlement_rows SET entry_id = 'psp_settled:txr-3' WHERE transaction_key = 'txr-2'",
            &[shared, &alone],
        ),
        (
            "UPDATE settlement_rows SET entry_id = 'psp_settled:nothing' WHERE transaction_key = 'txr-3'",
            &[shared, &nothing, &alone],
        ),
    ] {
        fresh.database.connection().execute_unprepared(statement).await.unwrap();
        let named: Vec<String> = audit(&fresh).await.findings.named.iter().map(ToString::to_string).collect();
        assert_eq!(named, expected, "{statement}");
    }
}
