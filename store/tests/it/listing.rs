//! Whatever is asked of the books agrees with a recomputation from all entries: at every instant, through every
//! filter, in pages of every size, and while others book.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency::{self, Krw, Usd},
    Money, Timestamp,
    checkout::{Change, NewCheckout, Order, Payment, Plan, PlanFields, Status},
    commission::BasisPoints,
    id::{BuyerId, CheckoutId, HoldId, PaymentOrderId, SellerAccount},
    ledger::{Account, Entry, EntryFields, Hold, NormalSide, PayoutEnd, Posting, PostingFields, Reason},
};
use sea_orm::ConnectionTrait;
use store::{
    AccountBalance, AccountFilter, AccountPosition, AsOf, CheckoutFilter, CheckoutPosition, EntryFilter, EntryRecord,
    Flow, GENESIS, Movement, MovementPosition, Page, PastWallet, Side, StoreError, Window,
};

use crate::{
    books::{execute_refund, fail_refund, promise_refund},
    database::Fresh,
    on_both_databases,
    writing::{CREATED, begin, new_checkout, payment, plan, record},
};

on_both_databases!(
    entries_are_the_whole_chain,
    balances_and_wallets_are_right_at_every_instant,
    movements_are_the_postings_seen_from_an_account,
    accounts_are_listed_in_pages,
    a_list_neither_skips_nor_repeats_while_others_book,
    the_books_balance_at_every_moment,
    checkouts_are_listed_newest_first,
    a_seller_is_known_from_the_first_order_on,
    what_waits_is_counted_by_its_age,
);

const SELLERS: [&str; 3] = ["seller-a", "seller-b", "seller-c"];
/// More than any of these lists has.
const ALL: u64 = 10_000;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn seller(name: &str) -> SellerAccount {
    SellerAccount::parse(name).unwrap()
}

fn after(ms: u64) -> Timestamp {
    CREATED.plus_ms(ms)
}

/// A checkout that is paid, with its commission, and released at once when somebody looks.
async fn pay(fresh: &Fresh, name: &str, orders: &[(&str, &str, u64)], occurred_at: Timestamp) {
    let plan = plan(name, orders);
    assert!(record(fresh, name, &plan).await);
    begin(fresh, &plan).await.unwrap();
    let rates = vec![BasisPoints::try_new(1_000).unwrap(); orders.len()];
    let entry = Entry::of_captured_payment(&plan, &rates, occurred_at).unwrap();
    let payment = payment(&plan, 2, entry);
    let change = Change { occurred_at, ..payment.change.clone() };
    fresh.writer.post(&Payment { change, ..payment }, Some(occurred_at)).await.unwrap();
}

fn posting(debit: Account, credit: Account, minor: u64, currency: Currency) -> Posting {
    let amount = Money::try_from_minor(minor, currency).unwrap();
    Posting::try_new(PostingFields { debit, credit, amount, order: None }).unwrap()
}

fn by_hand(key: &str, occurred_at: Timestamp, postings: Vec<Posting>) -> Entry {
    let (key, reason) = (key.to_owned(), Reason::PspSettled);
    Entry::try_new(EntryFields { key, reason, checkout_id: None, reverses: None, occurred_at, postings }).unwrap()
}

/// An entry of two postings in dollars, which no checkout of these tests makes.
fn in_dollars(reference: &str, occurred_at: Timestamp) -> Entry {
    let postings = vec![
        posting(Account::Bank, Account::PspReceivable, 970, Usd),
        posting(Account::PspFees, Account::PspReceivable, 30, Usd),
    ];
    by_hand(&format!("psp_settled:{reference}"), occurred_at, postings)
}

/// Every kind of entry; some at one instant, some booked after what happened later.
async fn keep_books(fresh: &Fresh) {
    let writer = &fresh.writer;
    pay(fresh, "checkout-1", &[("o-1", "seller-a", 10_000), ("o-2", "seller-b", 7_000)], after(100)).await;
    // Happened first, booked second.
    pay(fresh, "checkout-2", &[("o-3", "seller-a", 20_000), ("o-4", "seller-a", 3_000)], after(0)).await;
    // The second of it, to the millisecond and without one: as texts these two sort by their next character.
    pay(fresh, "checkout-3", &[("o-5", "seller-c", 5_000)], after(1_000)).await;
    pay(fresh, "checkout-4", &[("o-6", "seller-c", 6_000)], after(1_001)).await;
    assert_eq!(writer.release_due(after(1_001), 100).await.unwrap(), 6);
    pay(fresh, "checkout-5", &[("o-7", "seller-a", 9_000)], after(1_001)).await;

    promise_refund(fresh, "r-1", "o-1", 4_000, after(2_000)).await.unwrap();
    execute_refund(fresh, "r-1", after(2_000)).await.unwrap();
    promise_refund(fresh, "r-2", "o-7", 9_000, after(1_500)).await.unwrap();

    let hold =
        |id: &str, name: &str, minor| Hold { id: HoldId::parse(id).unwrap(), seller: seller(name), amount: won(minor) };
    for (id, name, minor) in [("h-1", "seller-a", 8_000), ("h-2", "seller-a", 2_000), ("h-3", "seller-b", 6_300)] {
        writer.reserve(&hold(id, name, minor), None, after(3_000)).await.unwrap();
    }
    let id = |id: &str| HoldId::parse(id).unwrap();
    writer.release_hold(&id("h-2"), after(3_001)).await.unwrap();
    writer.capture_hold(&id("h-1"), won(5_000), after(3_001)).await.unwrap();
    writer.end_payout(&id("h-1"), PayoutEnd::Arrived, after(3_002)).await.unwrap();
    writer.capture_hold(&id("h-3"), won(6_300), after(3_002)).await.unwrap();
    writer.end_payout(&id("h-3"), PayoutEnd::Arrived, after(3_003)).await.unwrap();
    fail_refund(fresh, "r-2", after(3_004)).await.unwrap();
    // More is given back than the seller has: a debt.
    promise_refund(fresh, "r-3", "o-2", 7_000, after(4_000)).await.unwrap();
    // Dated before everything else, booked last.
    let early = Timestamp::from_epoch_ms(CREATED.epoch_ms() - 1);
    tokio::try_join!(writer.book(in_dollars("day-1", early)), writer.book(in_dollars("day-2", early))).unwrap();
}

/// All pages of a list, put together.
async fn in_pages<T, P: Clone>(
    limit: u64,
    read: impl AsyncFn(&Window<P>) -> Result<Page<T>, StoreError>,
    place: impl Fn(&T) -> P,
) -> Vec<T> {
    let mut window = Window { after: None, limit };
    let mut all = Vec::new();
    loop {
        let page = read(&window).await.unwrap();
        assert!(page.items.len() as u64 <= limit && !(page.more && page.items.is_empty()));
        window.after = page.items.last().map(&place);
        all.extend(page.items);
        if !page.more {
            return all;
        }
    }
}

async fn entries(fresh: &Fresh, filter: &EntryFilter, limit: u64) -> Vec<EntryRecord> {
    in_pages(limit, async |window| fresh.reader.entries(filter, window).await, |record| record.booked.sequence).await
}

async fn of_account(fresh: &Fresh, account: &Account, filter: &EntryFilter, limit: u64) -> Vec<Movement> {
    let read = async |window: &Window<_>| fresh.reader.movements_of_account(account, filter, window).await;
    in_pages(limit, read, |movement| movement.position).await
}

async fn of_wallet(fresh: &Fresh, name: &str, filter: &EntryFilter, limit: u64) -> Vec<Movement> {
    let seller = seller(name);
    let read = async |window: &Window<_>| fresh.reader.movements_of_wallet(&seller, filter, window).await;
    in_pages(limit, read, |movement| movement.position).await
}

/// Filters that leave in everything, something and nothing.
fn filters(all: &[EntryRecord]) -> Vec<EntryFilter> {
    let mut filters = vec![EntryFilter::default()];
    let times: BTreeSet<_> = all.iter().map(|record| record.booked.entry.fields().occurred_at).collect();
    for time in times {
        filters.push(EntryFilter { from: Some(time), ..EntryFilter::default() });
        filters.push(EntryFilter { to: Some(time), ..EntryFilter::default() });
        filters.push(EntryFilter { from: Some(time), to: Some(time.plus_ms(1)), ..EntryFilter::default() });
    }
    filters.extend(Reason::ALL.map(|reason| EntryFilter { reason: Some(reason), ..EntryFilter::default() }));
    filters.extend([Krw, Usd].map(|currency| EntryFilter { currency: Some(currency), ..EntryFilter::default() }));
    for id in ["checkout-1", "checkout-2", "nowhere"] {
        filters.push(EntryFilter { checkout_id: CheckoutId::parse(id).ok(), ..EntryFilter::default() });
    }
    for id in ["o-1", "o-4", "nowhere"] {
        let order = PaymentOrderId::parse(id).ok();
        filters.push(EntryFilter { order, ..EntryFilter::default() });
        filters.push(EntryFilter {
            order: PaymentOrderId::parse(id).ok(),
            reason: Some(Reason::RefundPromised),
            ..EntryFilter::default()
        });
    }
    filters
}

fn is_chosen(record: &EntryRecord, posting: &PostingFields, filter: &EntryFilter) -> bool {
    let fields = record.booked.entry.fields();
    filter.from.is_none_or(|from| from <= fields.occurred_at)
        && filter.to.is_none_or(|to| fields.occurred_at < to)
        && filter.checkout_id.as_ref().is_none_or(|id| Some(id) == fields.checkout_id.as_ref())
        && filter.order.as_ref().is_none_or(|id| Some(id) == posting.order.as_ref())
        && filter.reason.is_none_or(|reason| reason == fields.reason)
        && filter.currency.is_none_or(|currency| currency == posting.amount.currency())
}

fn postings(record: &EntryRecord) -> impl Iterator<Item = &PostingFields> {
    record.booked.entry.fields().postings.iter().map(Posting::fields)
}

async fn entries_are_the_whole_chain(fresh: Fresh) {
    assert!(entries(&fresh, &EntryFilter::default(), 1).await.is_empty());
    keep_books(&fresh).await;
    let all = entries(&fresh, &EntryFilter::default(), ALL).await;
    assert!(all.iter().rev().map(|record| record.booked.sequence).eq(1..=all.len() as u64));
    let mut previous = GENESIS;
    for record in all.iter().rev() {
        assert_eq!(record.previous_hash, previous);
        assert_eq!(record.booked.hash_after(previous), record.booked.hash);
        previous = &record.booked.hash;
        let key = &record.booked.entry.fields().key;
        assert_eq!(fresh.reader.entry(key).await.unwrap().as_ref(), Some(record));
        let reversal = (key == "refund_promised:r-2").then(|| format!("reversed:{key}"));
        assert_eq!(record.reversed_by, reversal, "{key}");
    }
    assert_eq!(fresh.reader.entry("reversed").await.unwrap(), None);
    for filter in filters(&all) {
        let expected: Vec<_> = all
            .iter()
            .filter(|record| postings(record).any(|posting| is_chosen(record, posting, &filter)))
            .cloned()
            .collect();
        assert_eq!(entries(&fresh, &filter, ALL).await, expected, "{filter:?}");
        assert_eq!(entries(&fresh, &filter, 2).await, expected, "{filter:?}");
    }
    for limit in 1..=all.len() as u64 + 1 {
        assert_eq!(entries(&fresh, &EntryFilter::default(), limit).await, all, "pages of {limit}");
    }
}

/// Debits and credits by account and currency.
type Balances = BTreeMap<(Account, Currency), (u64, u64)>;

fn balances<'e>(entries: impl IntoIterator<Item = &'e EntryRecord>) -> Balances {
    let mut balances = Balances::new();
    for posting in entries.into_iter().flat_map(postings) {
        let (amount, currency) = (posting.amount.minor(), posting.amount.currency());
        balances.entry((posting.debit.clone(), currency)).or_default().0 += amount;
        balances.entry((posting.credit.clone(), currency)).or_default().1 += amount;
    }
    balances
}

fn counted(balances: &[AccountBalance]) -> Balances {
    let line = |balance: &AccountBalance| {
        let currency = balance.debits.currency();
        ((balance.account.clone(), currency), (balance.debits.minor(), balance.credits.minor()))
    };
    balances.iter().map(line).collect()
}

fn wallet<'e>(name: &str, entries: impl IntoIterator<Item = &'e EntryRecord> + Clone) -> PastWallet {
    let all = balances(entries.clone());
    let part = |account: Account| {
        let (debits, credits) = all.get(&(account.clone(), Krw)).copied().unwrap_or_default();
        match account.normal_side() {
            NormalSide::Debit => Flow { added: won(debits), taken: won(credits) },
            NormalSide::Credit => Flow { added: won(credits), taken: won(debits) },
        }
    };
    let in_transit = Account::PayoutInTransit(seller(name));
    let between = |debit: &Account, credit: &Account| {
        let postings = entries.clone().into_iter().flat_map(postings);
        won(postings.filter(|p| (&p.debit, &p.credit) == (debit, credit)).map(|p| p.amount.minor()).sum())
    };
    PastWallet {
        pending: part(Account::SellerPending(seller(name))),
        available: part(Account::SellerAvailable(seller(name))),
        held: part(Account::SellerHeld(seller(name))),
        in_transit: part(in_transit.clone()),
        paid_out: Flow { added: between(&in_transit, &Account::Bank), taken: between(&Account::Bank, &in_transit) },
        debt: part(Account::SellerDebt(seller(name))),
    }
}

async fn balances_and_wallets_are_right_at_every_instant(fresh: Fresh) {
    keep_books(&fresh).await;
    let all = entries(&fresh, &EntryFilter::default(), ALL).await;
    assert_eq!(counted(&fresh.reader.trial_balance().await.unwrap()), balances(&all));
    let mut instants = Vec::new();
    for record in &all {
        for around in [-1, 0, 1] {
            let near = |time: Timestamp| Timestamp::from_epoch_ms(time.epoch_ms() + around);
            instants.push(AsOf::Occurred(near(record.booked.entry.fields().occurred_at)));
            instants.push(AsOf::Booked(near(record.booked.booked_at)));
        }
    }
    for as_of in instants {
        let past: Vec<_> = all
            .iter()
            .filter(|record| match as_of {
                AsOf::Occurred(at) => record.booked.entry.fields().occurred_at <= at,
                AsOf::Booked(at) => record.booked.booked_at <= at,
            })
            .collect();
        let expected = balances(past.iter().copied());
        assert_eq!(counted(&fresh.reader.trial_balance_as_of(as_of).await.unwrap()), expected, "{as_of:?}");
        for account in [Account::PspReceivable, Account::Bank, Account::SellerAvailable(seller("seller-a"))] {
            let mut expected = expected.clone();
            expected.retain(|(other, _), _| *other == account);
            assert_eq!(counted(&fresh.reader.account(&account, Some(as_of)).await.unwrap()), expected, "{as_of:?}");
        }
        for name in SELLERS {
            let wallets = fresh.reader.wallets_as_of(&seller(name), as_of).await.unwrap();
            let expected = wallet(name, past.iter().copied());
            let read = wallets.first().copied().unwrap_or(PastWallet::empty(Krw));
            assert_eq!(read, expected, "{name} {as_of:?}");
        }
    }
    for name in SELLERS {
        let present = fresh.reader.wallets(&seller(name)).await.unwrap()[0].wallet;
        let end = fresh.reader.wallets_as_of(&seller(name), AsOf::Booked(all[0].booked.booked_at)).await.unwrap()[0];
        let balance = |flow: Flow| flow.added.minus(flow.taken).unwrap();
        assert_eq!(
            [present.pending, present.available, present.held, present.in_transit, present.paid_out, present.debt],
            [end.pending, end.available, end.held, end.in_transit, end.paid_out, end.debt].map(balance),
        );
    }
    let debt = fresh.reader.wallets(&seller("seller-b")).await.unwrap()[0].wallet.debt;
    assert!(!debt.is_zero(), "the story has a debt");
}

/// What the postings do to some accounts, newest first.
fn seen_from(accounts: &[Account], all: &[EntryRecord], filter: &EntryFilter) -> Vec<Movement> {
    let mut movements = Vec::new();
    for record in all {
        for (line, posting) in (0..).zip(postings(record)) {
            let sides =
                [(Side::Debit, &posting.debit, &posting.credit), (Side::Credit, &posting.credit, &posting.debit)];
            for (side, account, counter) in sides {
                if !accounts.contains(account) || !is_chosen(record, posting, filter) {
                    continue;
                }
                let fields = record.booked.entry.fields();
                movements.push(Movement {
                    position: MovementPosition { sequence: record.booked.sequence, line, side },
                    account: account.clone(),
                    counter: counter.clone(),
                    amount: posting.amount,
                    key: fields.key.clone(),
                    reason: fields.reason,
                    checkout_id: fields.checkout_id.clone(),
                    order: posting.order.clone(),
                    occurred_at: fields.occurred_at,
                    booked_at: record.booked.booked_at,
                });
            }
        }
    }
    movements.sort_by_key(|movement| std::cmp::Reverse(movement.position));
    movements
}

async fn movements_are_the_postings_seen_from_an_account(fresh: Fresh) {
    keep_books(&fresh).await;
    let all = entries(&fresh, &EntryFilter::default(), ALL).await;
    let everything = EntryFilter::default();
    for (account, _) in balances(&all).into_keys() {
        let expected = seen_from(std::slice::from_ref(&account), &all, &everything);
        for limit in 1..=expected.len() as u64 + 1 {
            assert_eq!(of_account(&fresh, &account, &everything, limit).await, expected, "{account} by {limit}");
        }
    }
    for name in SELLERS {
        let of_seller = |account: &Account| account.seller() == Some(&seller(name));
        let accounts: Vec<_> = balances(&all).into_keys().map(|(account, _)| account).filter(of_seller).collect();
        let expected = seen_from(&accounts, &all, &everything);
        for limit in 1..=expected.len() as u64 + 1 {
            assert_eq!(of_wallet(&fresh, name, &everything, limit).await, expected, "{name} by {limit}");
        }
        for filter in filters(&all) {
            let expected = seen_from(&accounts, &all, &filter);
            assert_eq!(of_wallet(&fresh, name, &filter, 3).await, expected, "{name} {filter:?}");
        }
    }
    for filter in filters(&all) {
        let expected = seen_from(&[Account::PspReceivable], &all, &filter);
        assert_eq!(of_account(&fresh, &Account::PspReceivable, &filter, 2).await, expected, "{filter:?}");
    }
}

async fn accounts_are_listed_in_pages(fresh: Fresh) {
    keep_books(&fresh).await;
    let trial = counted(&fresh.reader.trial_balance().await.unwrap());
    let place = |balance: &AccountBalance| AccountPosition {
        account: balance.account.clone(),
        currency: balance.debits.currency(),
    };
    let list = async |filter: AccountFilter, limit| {
        in_pages(limit, async |window| fresh.reader.accounts(&filter, window).await, place).await
    };
    let all = list(AccountFilter::default(), ALL).await;
    assert_eq!(counted(&all), trial);
    assert!(all.is_sorted_by_key(|balance| (balance.account.to_string(), balance.debits.currency().code())));
    for limit in 1..=all.len() as u64 + 1 {
        assert_eq!(list(AccountFilter::default(), limit).await, all, "pages of {limit}");
    }
    for currency in [None, Some(Krw), Some(Usd)] {
        for name in [None, Some("seller-a"), Some("seller-b"), Some("nobody")] {
            let filter = AccountFilter { seller: name.map(seller), currency };
            let mut expected = all.clone();
            expected.retain(|balance| currency.is_none_or(|currency| balance.debits.currency() == currency));
            expected.retain(|balance| name.is_none_or(|name| balance.account.seller() == Some(&seller(name))));
            assert_eq!(list(filter, 2).await, expected, "{currency:?} {name:?}");
        }
    }
}

async fn a_list_neither_skips_nor_repeats_while_others_book(fresh: Fresh) {
    keep_books(&fresh).await;
    let everything = EntryFilter::default();
    let (entries_before, movements_before, wallet_before) = (
        entries(&fresh, &everything, ALL).await,
        of_account(&fresh, &Account::PspReceivable, &everything, ALL).await,
        of_wallet(&fresh, "seller-a", &everything, ALL).await,
    );
    let booked = std::cell::Cell::new(0);
    let book_one = async || {
        booked.set(booked.get() + 1);
        let name = format!("meanwhile-{}", booked.get());
        let order = (format!("{name}-1"), format!("{name}-2"));
        // Into the past, where the list has been already and where it is yet to come.
        pay(&fresh, &name, &[(&order.0, "seller-a", 1_000), (&order.1, "seller-a", 500)], after(1_000)).await;
    };
    let read = async |window: &Window<u64>| {
        let page = fresh.reader.entries(&everything, window).await;
        book_one().await;
        page
    };
    assert_eq!(in_pages(4, read, |record| record.booked.sequence).await, entries_before);
    assert!(booked.get() > 3);

    let movements_before = {
        let newer = of_account(&fresh, &Account::PspReceivable, &everything, ALL).await;
        assert!(newer.ends_with(&movements_before));
        newer
    };
    let read = async |window: &Window<MovementPosition>| {
        let page = fresh.reader.movements_of_account(&Account::PspReceivable, &everything, window).await;
        book_one().await;
        page
    };
    assert_eq!(in_pages(3, read, |movement| movement.position).await, movements_before);
    let newer = of_wallet(&fresh, "seller-a", &everything, ALL).await;
    assert!(newer.ends_with(&wallet_before));
    let seller = seller("seller-a");
    let read = async |window: &Window<MovementPosition>| {
        let page = fresh.reader.movements_of_wallet(&seller, &everything, window).await;
        book_one().await;
        page
    };
    assert_eq!(in_pages(7, read, |movement| movement.position).await, newer);
}

async fn the_books_balance_at_every_moment(fresh: Fresh) {
    const ENTRIES: usize = 150;
    let writer = fresh.writer.clone();
    let (pending, available) =
        (Account::SellerPending(seller("seller-a")), Account::SellerAvailable(seller("seller-a")));
    let funds = posting(Account::Suspense, pending.clone(), 1_000_000, Usd);
    writer.book(by_hand("funds", after(0), vec![funds])).await.unwrap();
    let booking = tokio::spawn(async move {
        for index in 0..ENTRIES {
            // Half of it as if it had happened in the future: "until now" cuts through what is being booked.
            let occurred_at = if index % 2 == 0 { after(0) } else { after(1 << 41) };
            let mut postings = in_dollars("any", occurred_at).fields().postings.clone();
            postings.push(posting(pending.clone(), available.clone(), 1_000, Usd));
            writer.book(by_hand(&format!("n-{index}"), occurred_at, postings)).await.unwrap();
        }
    });
    let everything = EntryFilter::default();
    let mut seen = BTreeSet::new();
    loop {
        let done = booking.is_finished();
        let now = Timestamp::from_epoch_ms(now_ms());
        let readings = [
            fresh.reader.trial_balance().await.unwrap(),
            fresh.reader.trial_balance_as_of(AsOf::Occurred(after(0))).await.unwrap(),
            fresh.reader.trial_balance_as_of(AsOf::Booked(now)).await.unwrap(),
            fresh.reader.trial_balance_as_of(AsOf::Booked(now.plus_ms(3))).await.unwrap(),
        ];
        for balances in readings {
            let debits: u64 = balances.iter().map(|balance| balance.debits.minor()).sum();
            let credits: u64 = balances.iter().map(|balance| balance.credits.minor()).sum();
            assert_eq!(debits, credits);
            assert_eq!(debits % 2_000, 0, "a part of an entry was counted");
            seen.insert(debits);
        }
        // Two movements per entry after the first, and never an entry above a gap.
        let window = Window { after: None, limit: ALL };
        let of_account =
            fresh.reader.movements_of_account(&Account::PspReceivable, &everything, &window).await.unwrap();
        let of_wallet = fresh.reader.movements_of_wallet(&seller("seller-a"), &everything, &window).await.unwrap();
        let numbers = |movements: &[Movement]| -> Vec<u64> {
            movements.iter().rev().map(|movement| movement.position.sequence).collect()
        };
        let pairs = |count: usize| (4..).map(|number| number / 2).take(count);
        assert_eq!(numbers(&of_account.items), pairs(of_account.items.len()).collect::<Vec<_>>());
        let expected: Vec<_> = std::iter::once(1).chain(pairs(of_wallet.items.len() - 1)).collect();
        assert_eq!(numbers(&of_wallet.items), expected);
        if done {
            break;
        }
    }
    booking.await.unwrap();
    assert!(seen.len() > 2, "nothing was read while others booked: {seen:?}");
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

async fn checkouts_are_listed_newest_first(fresh: Fresh) {
    // Two at one instant, and one that was created first and recorded last.
    let recorded = [
        ("checkout-b", "buyer-1", "seller-a", 1_000),
        ("checkout-c", "buyer-2", "seller-b", 1_000),
        ("checkout-a", "buyer-1", "seller-b", 1_001),
        ("checkout-d", "buyer-1", "seller-a", 0),
    ];
    for (name, buyer, seller_name, ms) in recorded {
        let orders = ["1", "2"].map(|line| Order {
            id: PaymentOrderId::parse(format!("{name}-{line}")).unwrap(),
            seller: seller(seller_name),
            amount: won(1_000),
            tax_free: None,
            name: None,
        });
        let base = plan(name, &[("x", "seller-a", 1)]);
        let buyer_id = BuyerId::parse(buyer).unwrap();
        let plan = Plan::try_new(PlanFields { buyer_id, orders: orders.to_vec(), ..base.fields().clone() }).unwrap();
        let new = NewCheckout { created_at: after(ms), ..new_checkout(name, &plan) };
        assert!(fresh.writer.record_checkout(&new).await.unwrap());
        if buyer == "buyer-2" {
            begin(&fresh, &plan).await.unwrap();
        }
    }
    let list = async |filter: CheckoutFilter, limit| {
        let read = async |window: &Window<_>| fresh.reader.checkouts(&filter, window).await;
        let place = |record: &store::CheckoutRecord| CheckoutPosition {
            created_at: record.created_at,
            checkout_id: record.checkout_id.clone(),
        };
        in_pages(limit, read, place).await
    };
    let names = |records: &[store::CheckoutRecord]| -> Vec<String> {
        records.iter().map(|record| record.checkout_id.to_string().replace("checkout-", "")).collect()
    };
    let all = list(CheckoutFilter::default(), ALL).await;
    assert_eq!(names(&all), ["a", "c", "b", "d"]);
    for record in &all {
        assert_eq!(fresh.reader.checkout(&record.checkout_id).await.unwrap().as_ref(), Some(record));
    }
    for limit in 1..=5 {
        assert_eq!(list(CheckoutFilter::default(), limit).await, all, "pages of {limit}");
    }
    let none = CheckoutFilter::default;
    let (seller_b, buyer_1) = (Some(seller("seller-b")), BuyerId::parse("buyer-1").ok());
    for (filter, expected) in [
        (CheckoutFilter { status: Some(Status::Executing), ..none() }, "c"),
        (CheckoutFilter { status: Some(Status::NotStarted), ..none() }, "a b d"),
        (CheckoutFilter { seller: seller_b.clone(), ..none() }, "a c"),
        (CheckoutFilter { buyer: buyer_1.clone(), ..none() }, "a b d"),
        (CheckoutFilter { buyer: buyer_1, seller: seller_b, ..none() }, "a"),
        (CheckoutFilter { created_from: Some(after(1_000)), ..none() }, "a c b"),
        (CheckoutFilter { created_to: Some(after(1_000)), ..none() }, "d"),
        (CheckoutFilter { created_from: Some(after(1_000)), created_to: Some(after(1_001)), ..none() }, "c b"),
    ] {
        assert_eq!(names(&list(filter.clone(), 1).await).join(" "), expected, "{filter:?}");
    }
}

async fn a_seller_is_known_from_the_first_order_on(fresh: Fresh) {
    let known = async |name| fresh.reader.knows_seller(&seller(name)).await.unwrap();
    assert!(!known("seller-a").await);
    record(&fresh, "key", &plan("checkout-1", &[("o-1", "seller-a", 1)])).await;
    assert!(known("seller-a").await);
    assert!(!known("seller-").await);
    let credit = Account::SellerAvailable(seller("by-hand"));
    let entry = by_hand("by-hand", after(0), vec![posting(Account::Suspense, credit, 1, Krw)]);
    fresh.writer.book(entry).await.unwrap();
    assert!(known("by-hand").await);
}

async fn what_waits_is_counted_by_its_age(fresh: Fresh) {
    let day_ms = 24 * 60 * 60 * 1_000;
    let now = after(30 * day_ms);
    let rows = [
        ("unknown-new", "UNKNOWN", 0),
        ("stuck-new", "STUCK", day_ms - 60_000),
        ("stuck-day", "STUCK", day_ms + 60_000),
        ("stuck-days", "STUCK", 3 * day_ms - 60_000),
        ("unknown-week", "UNKNOWN", 3 * day_ms + 60_000),
        ("stuck-old", "STUCK", 7 * day_ms + 60_000),
        ("paid-old", "SUCCESS", 7 * day_ms + 60_000),
    ];
    for (name, status, age_ms) in rows {
        assert!(record(&fresh, name, &plan(name, &[(&format!("order-of-{name}"), "seller-a", 1_000)])).await);
        let at = chrono::DateTime::from_timestamp_millis(now.minus_ms(age_ms).epoch_ms()).unwrap();
        let at = at.to_rfc3339();
        let update =
            format!("UPDATE payment_events SET status = '{status}', updated_at = '{at}' WHERE checkout_id = '{name}'");
        fresh.database.connection().execute_unprepared(&update).await.unwrap();
    }
    let ages = fresh.reader.waiting_ages(now).await.unwrap();
    assert_eq!((ages.unknown, ages.stuck, ages.breaks), ([1, 0, 1, 0], [1, 2, 0, 1], [0; 4]));
}
