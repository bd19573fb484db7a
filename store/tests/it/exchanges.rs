//! Rows of sales in dollars that the PSP pays in won: two entries together, or none.

use domain::{
    Currency,
    Currency::{Krw, Usd},
    Limits, Money,
    calendar::Day,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
    reconciliation::{Actor, repair::RepairLimits},
    settlement::{Counter, Exchange, Flow, RowKind, SettlementRow},
};
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use store::{
    Booked, Check, InternalQuestion, ReceivedRow, Refusal, ReversalWord, RowBooking, SettlementBookings,
    SettlementCalendar, SettlementDay, StoreError,
};

use crate::{
    audit::{agrees, audit},
    database::Fresh,
    on_both_databases,
    writing::CREATED,
};

on_both_databases!(
    an_exchanged_row_is_two_entries_once,
    a_row_whose_second_key_is_taken_is_not_booked_at_all,
    both_entries_are_taken_back_and_booked_again_together,
    an_exchange_that_is_torn_is_found,
    the_schema_refuses_an_exchange_that_does_not_add_up,
);

fn day() -> Day {
    "2023-11-20".parse().unwrap()
}

/// A sale in cents, or its cancellation where it is below zero; and what came of it in won: the fee is taken after it.
fn exchanged(key: &str, cents: i64, won: i64, fee: i64) -> SettlementRow {
    let [dollars, of_won] = [Usd, Krw].map(|currency| move |minor| Flow::of_signed(minor, currency).unwrap());
    let vat = fee / 11;
    SettlementRow {
        transaction_key: key.to_owned(),
        payment_key: format!("key-{key}"),
        order: format!("checkout-{key}"),
        kind: if cents < 0 { RowKind::Cancel } else { RowKind::Approval },
        amount: dollars(cents),
        pay_out: dollars(cents),
        supply: dollars(0),
        vat: dollars(0),
        exchange: Some(Exchange {
            amount: of_won(won),
            pay_out: of_won(won - fee),
            supply: of_won(fee - vat),
            vat: of_won(vat),
        }),
        sold_on: day(),
        paid_out_on: day(),
        approved_at: None,
        method: None,
        merchant_id: None,
    }
}

async fn book(fresh: &Fresh, row: &SettlementRow) -> Result<Booked, StoreError> {
    let received = ReceivedRow { row: row.clone(), received: "{}".to_owned() };
    fresh.writer.keep_settlement_rows(&[received]).await?;
    let booking =
        RowBooking { row: row.clone(), counter: Counter::Receivable, finding: None, run_id: "run-1".to_owned() };
    let bookings = SettlementBookings { rows: vec![booking], limits: RepairLimits::default() };
    fresh.writer.book_settlement_rows(bookings).await
}

/// What stands in dollars and in won: on `fx:trading`, on the receivable and the payout balance, and of fee and tax.
async fn stands(fresh: &Fresh) -> [i64; 6] {
    let debit = async |account, currency| fresh.reader.debit_balance(&account, currency).await.unwrap();
    [
        debit(Account::FxTrading, Usd).await,
        debit(Account::FxTrading, Krw).await,
        debit(Account::PspReceivable, Usd).await,
        debit(Account::PspPayoutBalance, Krw).await,
        debit(Account::PspFees, Krw).await,
        debit(Account::InputVat, Krw).await,
    ]
}

const SALE: [i64; 6] = [10_000, -139_150, -10_000, 135_018, 3_757, 375];

fn sale() -> SettlementRow {
    exchanged("txr-1", 10_000, 139_150, 4_132)
}

async fn of_day(fresh: &Fresh, currency: Currency) -> SettlementDay {
    let days = fresh.reader.settlement_days(day(), day(), SettlementCalendar::PaidOut, day()).await.unwrap();
    days.get(&(day(), currency)).cloned().unwrap_or_default()
}

async fn differences(fresh: &Fresh) -> Vec<String> {
    let question = InternalQuestion { since: CREATED, now: CREATED };
    let found = fresh.reader.internal_differences(&question).await.unwrap();
    found.into_iter().map(|difference| difference.subject).collect()
}

async fn an_exchanged_row_is_two_entries_once(fresh: Fresh) {
    let row = sale();
    // Three workers at once, and once more.
    let booked = join_all([book(&fresh, &row), book(&fresh, &row), book(&fresh, &row)]).await;
    let now = booked.into_iter().filter(|booked| matches!(booked, Ok(Booked::Now))).count();
    assert_eq!((now, book(&fresh, &row).await.unwrap()), (1, Booked::Before));
    assert_eq!(stands(&fresh).await, SALE);
    agrees(&fresh).await;
    assert_eq!(differences(&fresh).await, Vec::<String>::new());

    // Each currency by itself: what was sold is in dollars, what is paid in won.
    let (dollars, won) = (of_day(&fresh, Usd).await, of_day(&fresh, Krw).await);
    let sums = |of: &SettlementDay| [of.gross, of.fee, of.vat, of.exchanged, of.net, of.booked, of.received];
    assert_eq!(sums(&dollars), [10_000, 0, 0, -10_000, 0, 0, 0]);
    assert_eq!(sums(&won), [0, 4_132, 375, 139_150, 135_018, 135_018, 135_018]);
    assert_eq!((dollars.rows, won.rows), (1, 0), "a row counts once");
    assert_eq!(fresh.reader.paid_out_on(day(), Krw).await.unwrap().1, 135_018);
    let fees = fresh.reader.psp_fees(day(), day()).await.unwrap();
    let fees: Vec<_> = fees.iter().map(|fees| (fees.sold_in, fees.currency, fees.gross, fees.fee, fees.vat)).collect();
    assert_eq!(fees, [(Usd, Krw, 139_150, 4_132, 375)], "in the currency in which the fee was taken");

    // The PSP writes a booked row with another exchange: the row is a finding and stays.
    let other = exchanged("txr-1", 10_000, 139_151, 4_132);
    let received = ReceivedRow { row: other, received: "{}".to_owned() };
    assert_eq!(fresh.writer.keep_settlement_rows(&[received]).await.unwrap().changed, ["txr-1"]);
    assert_eq!(fresh.reader.settlement_rows(day(), None, 10).await.unwrap().rows[0].row, row);

    // All is given back at another rate: no dollar is left, and what is left in won is the loss.
    book(&fresh, &exchanged("txr-2", -10_000, -140_000, -4_158)).await.unwrap();
    assert_eq!(stands(&fresh).await[..3], [0, 850, 0]);
    agrees(&fresh).await;
    assert_eq!(differences(&fresh).await, Vec::<String>::new());
}

async fn a_row_whose_second_key_is_taken_is_not_booked_at_all(fresh: Fresh) {
    let amount = Money::try_from_minor(1, Krw).unwrap();
    let (debit, credit) = (Account::Bank, Account::PspFees);
    let posting = Posting::try_new(PostingFields { debit, credit, amount, order: None }).unwrap();
    let taken = Entry::try_new(EntryFields {
        key: Reason::PspExchanged.key("txr-1"),
        reason: Reason::PspExchanged,
        checkout_id: None,
        reverses: None,
        occurred_at: CREATED,
        postings: vec![posting],
    });
    fresh.writer.book(taken.unwrap()).await.unwrap();
    let before = stands(&fresh).await;
    let refused = book(&fresh, &sale()).await;
    assert!(matches!(refused, Err(StoreError::Refused(Refusal::KeyReused { .. }))), "{refused:?}");
    assert_eq!(stands(&fresh).await, before);
    assert_eq!(fresh.reader.booked_entry("psp_settled:txr-1").await.unwrap(), None);
    let kept = fresh.reader.settlement_rows(day(), None, 10).await.unwrap().rows;
    assert_eq!((kept.len(), kept[0].counter), (1, None), "the row waits unbooked");
}

fn word(by: &str) -> ReversalWord {
    let by = Actor::parse(by).unwrap();
    ReversalWord { key: "psp_settled:txr-1".to_owned(), by, reason: "the row of another shop".to_owned() }
}

async fn both_entries_are_taken_back_and_booked_again_together(fresh: Fresh) {
    book(&fresh, &sale()).await.unwrap();
    for round in 1..=2 {
        // By either key: the other half goes with it.
        let key = if round == 1 { "psp_settled:txr-1" } else { "psp_settled:txr-1:2" };
        let preview = fresh.reader.reversal_preview(key, CREATED).await.unwrap().unwrap();
        let other = key.replace("settled", "exchanged");
        assert_eq!((preview.refusal, preview.other_half), (None, Some(other)));
        if round == 2 {
            assert_eq!(fresh.writer.reverse("psp_exchanged:txr-1:2", CREATED).await.unwrap(), Booked::Now);
            assert_eq!(fresh.writer.reverse(key, CREATED).await.unwrap(), Booked::Before);
            continue;
        }
        fresh.writer.propose_reversal(&word("key:aaaa"), &preview.digest).await.unwrap();
        for booked in [Booked::Now, Booked::Before] {
            assert_eq!(fresh.writer.approve_reversal(&word("key:bbbb"), &preview.digest).await.unwrap(), booked);
        }
        assert_eq!(stands(&fresh).await, [0; 6]);
        agrees(&fresh).await;
        assert_eq!(fresh.reader.reversed_settlements(&["psp_settled:txr-1"]).await.unwrap().len(), 1);
        for booked in [Booked::Now, Booked::Before] {
            assert_eq!(fresh.writer.undo_reversal(&word("key:cccc")).await.unwrap(), booked);
        }
        assert_eq!(stands(&fresh).await, SALE);
        assert!(fresh.reader.reversed_settlements(&["psp_settled:txr-1:2"]).await.unwrap().is_empty());
        agrees(&fresh).await;
    }
    assert_eq!(stands(&fresh).await, [0; 6]);
    agrees(&fresh).await;
    assert_eq!(book(&fresh, &sale()).await.unwrap(), Booked::Before, "what a person took back stays so");
}

/// No writer of ours takes back one half; somebody who writes to the database may.
async fn an_exchange_that_is_torn_is_found(fresh: Fresh) {
    book(&fresh, &sale()).await.unwrap();
    let half = fresh.reader.booked_entry("psp_exchanged:txr-1").await.unwrap().unwrap();
    fresh.writer.book(Entry::of_reversal(&half.entry, CREATED).unwrap()).await.unwrap();
    let found = audit(&fresh).await.findings;
    let named: Vec<_> = found.named.iter().map(|found| (found.check, found.subject.as_str())).collect();
    assert_eq!(named, [(Check::Exchanges, "fx:trading KRW"), (Check::Exchanges, "settlement row txr-1")]);
    assert_eq!(differences(&fresh).await, ["fx:trading KRW"]);
}

async fn the_schema_refuses_an_exchange_that_does_not_add_up(fresh: Fresh) {
    book(&fresh, &sale()).await.unwrap();
    for wrong in ["exchange_vat = 1", "exchange_currency = 'USD'", "exchange_amount = NULL", "exchange_currency = NULL"]
    {
        let sql = format!("UPDATE settlement_rows SET {wrong}");
        assert!(fresh.database.connection().execute_unprepared(&sql).await.is_err(), "{wrong}");
    }
    let none = RepairLimits { settlement_limit: Limits::of_minor(u64::MAX, 9_999, 0), ..RepairLimits::default() };
    let row = exchanged("txr-3", 10_000, 139_150, 0);
    let received = ReceivedRow { row: row.clone(), received: "{}".to_owned() };
    fresh.writer.keep_settlement_rows(&[received]).await.unwrap();
    let booking = RowBooking { row, counter: Counter::Receivable, finding: None, run_id: "run-1".to_owned() };
    let refused = fresh.writer.book_settlement_rows(SettlementBookings { rows: vec![booking], limits: none }).await;
    let is_limit = matches!(refused, Err(StoreError::Refused(Refusal::RuleLimit { .. })));
    assert!(is_limit, "a hundred dollars are measured in dollars: {refused:?}");
}
