//! Settlement rows: recorded rows of Toss, and entries by the signs of the row.

use domain::{
    Currency::{Jpy, Krw, Usd},
    Money, Timestamp,
    calendar::Day,
    ledger::{Account, Entry, EntryError},
    settlement::{
        Counter, Exchange, FeeContract, FeeContracts, Flow, RowError, RowKind, SettlementRow, entry_of, vat_in,
    },
};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn row(kind: RowKind, [amount, pay_out, supply, vat]: [i64; 4]) -> SettlementRow {
    let flow = |minor| Flow::of_signed(minor, Krw).unwrap();
    SettlementRow {
        transaction_key: "txr-1".to_owned(),
        payment_key: "pay-1".to_owned(),
        order: "checkout-1".to_owned(),
        kind,
        amount: flow(amount),
        pay_out: flow(pay_out),
        supply: flow(supply),
        vat: flow(vat),
        exchange: None,
        sold_on: day("2023-11-25"),
        paid_out_on: day("2023-11-30"),
        approved_at: None,
        method: None,
        merchant_id: None,
    }
}

fn entry(rows: &[&SettlementRow], counter: Counter) -> Result<Option<Entry>, EntryError> {
    entry_of(rows, counter, Timestamp::from_epoch_ms(0))
}

fn postings(row: &SettlementRow, counter: Counter) -> Vec<(String, String, u64)> {
    let entry = entry(&[row], counter).unwrap().unwrap();
    assert_eq!((entry.fields().key.as_str(), &entry.fields().checkout_id), ("psp_settled:txr-1", &None));
    moved(&entry)
}

fn moved(entry: &Entry) -> Vec<(String, String, u64)> {
    let postings = entry.fields().postings.iter().map(|posting| posting.fields());
    postings.map(|of| (of.debit.to_string(), of.credit.to_string(), of.amount.minor())).collect()
}

/// The recorded cancellation of Toss, and its approval.
#[test]
fn a_row_is_booked_by_its_own_signs() {
    let approval = row(RowKind::Approval, [99_800, 97_550, 2_045, 205]);
    let receivable = Account::PspReceivable.to_string();
    let to = |account: &str, amount| (account.to_owned(), receivable.clone(), amount);
    let expected = [to("psp:payout_balance", 97_550), to("psp:fees", 2_045), to("vat:input", 205)];
    assert_eq!(postings(&approval, Counter::Receivable), expected);
    let cancel = row(RowKind::Cancel, [-99_800, -97_550, -2_045, -205]);
    let back = expected.map(|(debit, credit, amount)| (credit, debit, amount));
    assert_eq!(postings(&cancel, Counter::Receivable), back);
    assert_eq!((approval.check(), cancel.check(), cancel.fee()), (Ok(()), Ok(()), -2_250));
    // The PSP keeps its fee: payout and tax move in two directions.
    let kept = row(RowKind::Cancel, [-1_000, -1_000, 0, 0]);
    assert_eq!(postings(&kept, Counter::Suspense), [("suspense".to_owned(), "psp:payout_balance".to_owned(), 1_000)]);
    let nothing = row(RowKind::Approval, [0, 0, 0, 0]);
    assert_eq!((nothing.moves_nothing(), approval.moves_nothing()), (true, false));
    assert_eq!((entry(&[&nothing], Counter::Receivable), entry(&[], Counter::Receivable)), (Ok(None), Ok(None)));
}

/// What comes in and what goes out stays apart, so that debits and credits are those of the rows.
#[test]
fn rows_that_are_booked_together_are_one_entry() {
    let rows = [
        row(RowKind::Approval, [99_800, 97_550, 2_045, 205]),
        row(RowKind::Approval, [1_000, 1_000, 0, 0]),
        row(RowKind::Cancel, [-99_800, -97_550, -2_045, -205]),
    ];
    let all: Vec<&SettlementRow> = rows.iter().collect();
    let booked = entry(&all, Counter::Receivable).unwrap().unwrap();
    assert_eq!(booked.fields().key, "psp_settled:2023-11-25.txr-1.3");
    let receivable = "psp:receivable".to_owned();
    let both = |account: &str, [comes_in, goes_out]: [u64; 2]| {
        let account = account.to_owned();
        [(account.clone(), receivable.clone(), comes_in), (receivable.clone(), account, goes_out)]
    };
    let expected =
        [both("psp:payout_balance", [98_550, 97_550]), both("psp:fees", [2_045; 2]), both("vat:input", [205; 2])];
    assert_eq!(moved(&booked), expected.concat());
    let most = i64::try_from(domain::money::MAX_MINOR).unwrap();
    let too_much = [row(RowKind::Approval, [most, most, 0, 0]), row(RowKind::Approval, [1, 1, 0, 0])];
    assert_eq!(entry(&[&too_much[0], &too_much[1]], Counter::Receivable), Err(EntryError::TooLarge));
    let mut dollar = row(RowKind::Approval, [1, 1, 0, 0]);
    dollar.pay_out = Flow::In(Money::try_from_minor(1, domain::Currency::Usd).unwrap());
    assert_eq!(entry(&[&rows[0], &dollar], Counter::Receivable), Err(EntryError::MixedCurrencies));
}

#[test]
fn a_row_that_does_not_explain_its_amount_is_refused() {
    assert_eq!(row(RowKind::Approval, [99_800, 97_550, 2_045, 204]).check(), Err(RowError::DoesNotAddUp));
    let mut mixed = row(RowKind::Approval, [99_800, 97_550, 2_045, 205]);
    mixed.vat = Flow::In(Money::try_from_minor(205, domain::Currency::Usd).unwrap());
    assert_eq!(mixed.check(), Err(RowError::MixedCurrencies));
}

#[test]
fn the_tax_of_a_fee_is_an_eleventh_rounded_half_up() {
    for (fee, vat) in [(2_250, 205), (860, 78), (0, 0), (11, 1), (5, 0), (6, 1)] {
        assert_eq!(vat_in(fee), vat, "{fee}");
    }
}

#[test]
fn a_contract_explains_a_fee_to_the_won_of_rounding() {
    let contract = FeeContract { bps: 297 };
    let of = |fee: i64| row(RowKind::Approval, [23_000, 23_000 - fee, fee, 0]);
    for (fee, explained) in [(683, true), (682, true), (684, true), (681, false), (685, false), (1_683, false)] {
        assert_eq!(contract.explains(&of(fee)), explained, "{fee}");
    }
    assert!(contract.explains(&row(RowKind::Cancel, [-23_000, -22_317, -683, 0])));
    assert!(!contract.explains(&row(RowKind::Cancel, [-23_000, -23_000, 0, 0])), "the fee did not come back");
}

/// A sale of a hundred dollars at 1391.5 won.
fn exchanged(kind: RowKind, sale: [i64; 4], given: [i64; 4]) -> SettlementRow {
    let dollars = |minor| Flow::of_signed(minor, Usd).unwrap();
    let [amount, pay_out, supply, vat] = sale.map(dollars);
    let mut row = SettlementRow { amount, pay_out, supply, vat, ..row(kind, [0; 4]) };
    let won = |minor| Flow::of_signed(minor, Krw).unwrap();
    let [amount, pay_out, supply, vat] = given.map(won);
    row.exchange = Some(Exchange { amount, pay_out, supply, vat });
    row
}

/// The postings of both entries, by key.
fn both(row: &SettlementRow) -> [Vec<(String, String, String)>; 2] {
    let at = Timestamp::from_epoch_ms(0);
    let settled = entry(&[row], Counter::Receivable).unwrap().unwrap();
    let entries = [settled, row.exchange_entry(at).unwrap().unwrap()];
    assert_eq!(
        entries.each_ref().map(|entry| entry.fields().key.as_str()),
        ["psp_settled:txr-1", "psp_exchanged:txr-1"]
    );
    let [settled, given] = &entries;
    assert_eq!(settled.other_half().as_ref(), Some(&given.fields().key));
    assert_eq!(given.other_half().as_ref(), Some(&settled.fields().key));
    entries.map(|entry| {
        let postings = entry.fields().postings.iter().map(|posting| posting.fields());
        postings.map(|of| (of.debit.to_string(), of.credit.to_string(), of.amount.to_string())).collect()
    })
}

fn posted(debit: &str, credit: &str, amount: &str) -> (String, String, String) {
    (debit.to_owned(), credit.to_owned(), amount.to_owned())
}

/// The fee is booked in the currency in which the PSP takes it.
#[test]
fn a_sale_that_is_paid_in_another_currency_is_two_entries() {
    let after = exchanged(RowKind::Approval, [10_000, 10_000, 0, 0], [139_150, 135_018, 3_756, 376]);
    assert_eq!(after.check(), Ok(()));
    let [settled, given] = both(&after);
    assert_eq!(settled, [posted("fx:trading", "psp:receivable", "100.00 USD")]);
    let of_won = [
        posted("psp:payout_balance", "fx:trading", "135018 KRW"),
        posted("psp:fees", "fx:trading", "3756 KRW"),
        posted("vat:input", "fx:trading", "376 KRW"),
    ];
    assert_eq!(given, of_won);
    assert_eq!((after.fee(), after.taken_fee().minor, after.taken_fee().of.signed()), (0, 4_132, 139_150));
    assert!(FeeContract { bps: 297 }.explains(&after) && !FeeContract { bps: 300 }.explains(&after));

    let before = exchanged(RowKind::Approval, [10_000, 9_703, 270, 27], [135_017, 135_017, 0, 0]);
    assert_eq!(before.check(), Ok(()));
    let [settled, given] = both(&before);
    let of_dollars = [
        posted("fx:trading", "psp:receivable", "97.03 USD"),
        posted("psp:fees", "psp:receivable", "2.70 USD"),
        posted("vat:input", "psp:receivable", "0.27 USD"),
    ];
    assert_eq!(settled, of_dollars);
    assert_eq!(given, [posted("psp:payout_balance", "fx:trading", "135017 KRW")]);
    assert!(FeeContract { bps: 297 }.explains(&before));

    // A cancellation at another rate goes the other way, and leaves the difference of the rates.
    let back = exchanged(RowKind::Cancel, [-10_000, -9_703, -270, -27], [-140_000, -140_000, 0, 0]);
    let [settled, given] = both(&back);
    assert_eq!(settled, of_dollars.map(|(debit, credit, amount)| (credit, debit, amount)));
    assert_eq!(given, [posted("fx:trading", "psp:payout_balance", "140000 KRW")]);
    assert_eq!(row(RowKind::Approval, [1, 1, 0, 0]).exchange_entry(Timestamp::from_epoch_ms(0)), Ok(None));
}

#[test]
fn an_exchange_that_does_not_explain_its_amounts_is_refused() {
    let check = |sale, given| exchanged(RowKind::Approval, sale, given).check();
    assert_eq!(check([100, 100, 0, 0], [1_391, 1_390, 0, 0]), Err(RowError::DoesNotAddUp));
    assert_eq!(check([100, 99, 0, 0], [1_391, 1_391, 0, 0]), Err(RowError::DoesNotAddUp));
    assert_eq!(check([100, 100, 0, 0], [-1_391, -1_391, 0, 0]), Err(RowError::OneSidedExchange));
    assert_eq!(check([0, 0, 0, 0], [1_391, 1_391, 0, 0]), Err(RowError::OneSidedExchange));
    assert_eq!(check([100, 97, 3, 0], [1_391, 1_390, 1, 0]), Err(RowError::FeeTwice));
    assert_eq!(check([1, 1, 0, 0], [0, 0, 0, 0]), Ok(()), "rounded to nothing");
    let mut same = row(RowKind::Approval, [100, 100, 0, 0]);
    let won = Flow::of_signed(100, Krw).unwrap();
    let none = Flow::of_signed(0, Krw).unwrap();
    same.exchange = Some(Exchange { amount: won, pay_out: won, supply: none, vat: none });
    assert_eq!(same.check(), Err(RowError::ExchangedForItself));
}

#[test]
fn a_contract_is_of_one_currency() {
    let contracts = FeeContracts::default().with(Krw, FeeContract { bps: 297 }).with(Usd, FeeContract { bps: 385 });
    assert_eq!([Krw, Usd, Jpy].map(|of| contracts.of(of).map(|contract| contract.bps)), [Some(297), Some(385), None]);
}
