//! The second reading: checkout after checkout, each with its orders and the entries about it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    checkout::Status,
    ledger::{Account, Reason},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::Expr,
};

use crate::{
    BookedEntry, StoreError,
    books::audit::{
        findings::{Check, Findings, MAX_NAMED, OnReadProgress, ReadProgress},
        refunds, rows,
    },
    entities::{ledger_entries, payment_events, payment_orders},
};

/// How many checkouts are in memory at once, each with at most 100 orders.
const PAGE: u64 = 100;

/// What the postings say of one order, in minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Booked {
    unreleased: i128,
    commission: i128,
    commission_vat: i128,
    refunded: i128,
    /// What the PSP captured for it and no reversal took back.
    captured: i128,
}

/// What the entries about one checkout say.
#[derive(Debug, Default)]
struct About {
    /// The captures by their keys, with their numbers.
    payments: BTreeMap<String, u64>,
    /// The keys of the captures that were taken back: by a correction, or because the bank took a deposit back.
    reversed: BTreeSet<String>,
    orders: BTreeMap<String, Booked>,
    refunds: refunds::Booked,
}

/// How many rows there were.
#[derive(Debug, Default)]
struct Counts {
    checkouts: u64,
    orders: u64,
    entries: u64,
}

/// Compares checkouts and orders with the entries about them. Answers how many checkouts and orders there are.
pub(super) async fn compare(
    connection: &impl ConnectionTrait,
    findings: &mut Findings,
    progress: OnReadProgress<'_>,
) -> Result<(u64, u64), StoreError> {
    let total = payment_events::Entity::find().count(connection).await?;
    let mut counts = Counts::default();
    let mut after = String::new();
    loop {
        let page = payment_events::Entity::find()
            .filter(payment_events::Column::CheckoutId.gt(&after))
            .order_by_asc(payment_events::Column::CheckoutId)
            .limit(PAGE);
        let page = rows::rows::<_, String>(page, "checkout_id", connection).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        let ids: Vec<String> = page.iter().map(|row| row.key.clone()).collect();
        let mut about = entries_about(&ids, connection, &mut counts).await?;
        let mut orders = orders_of(&ids, connection, findings, &mut counts).await?;
        let mut refunds = refunds::of_checkouts(&ids, connection, findings).await?;
        counts.checkouts += page.len() as u64;
        for row in page {
            let (about, orders) =
                (about.remove(&row.key).unwrap_or_default(), orders.remove(&row.key).unwrap_or_default());
            let refunds = refunds.remove(&row.key).unwrap_or_default();
            if let Some(checkout) = row.or_name("checkout", findings) {
                compare_checkout(&checkout, &orders, &about, findings);
                refunds::compare(&checkout, &orders, &refunds, &about.refunds, findings);
            }
        }
        progress(ReadProgress { of: "checkouts", done: counts.checkouts, total });
    }
    name_strays(connection, &counts, findings).await?;
    Ok((counts.checkouts, counts.orders))
}

async fn entries_about(
    checkouts: &[String],
    connection: &impl ConnectionTrait,
    counts: &mut Counts,
) -> Result<HashMap<String, About>, StoreError> {
    let select = ledger_entries::Entity::find()
        .filter(ledger_entries::Column::CheckoutId.is_in(checkouts.iter().map(String::as_str)))
        .order_by_asc(ledger_entries::Column::Sequence);
    let mut found: HashMap<String, About> = HashMap::new();
    for row in rows::entries(select, connection).await? {
        counts.entries += 1;
        // What cannot be read was named by the first reading.
        let Ok(booked) = row.booked else { continue };
        let Some(checkout) = &booked.entry.fields().checkout_id else { continue };
        found.entry(checkout.to_string()).or_default().add(&booked);
    }
    Ok(found)
}

impl About {
    /// The numbers of the captures that stand.
    fn standing(&self) -> Vec<u64> {
        let standing = self.payments.iter().filter(|(key, _)| !self.reversed.contains(*key));
        standing.map(|(_, sequence)| *sequence).collect()
    }

    /// Whether the orders are to say that they are paid; `None` where either may be: a checkout that is stuck may have
    /// been paid before.
    fn is_paid(&self, status: Status) -> Option<bool> {
        if !self.standing().is_empty() || self.payments.is_empty() {
            return Some(!self.payments.is_empty());
        }
        (status != Status::Stuck).then_some(false)
    }

    /// What the books say of the payment, where none stands.
    fn without_payment(&self) -> &'static str {
        if self.reversed.is_empty() { "no payment is booked" } else { "its payment was reversed" }
    }

    fn add(&mut self, booked: &BookedEntry) {
        let fields = booked.entry.fields();
        if fields.reason == Reason::PaymentCaptured {
            self.payments.insert(fields.key.clone(), booked.sequence);
        }
        self.refunds.add(&booked.entry);
        let payment = format!("{}:", Reason::PaymentCaptured.as_str());
        self.reversed.extend(fields.reverses.clone().filter(|key| key.starts_with(&payment)));
        for (order, change) in booked.entry.order_changes() {
            let sum = self.orders.entry(order.to_string()).or_default();
            sum.unreleased += i128::from(change.unreleased);
            sum.commission += i128::from(change.commission);
            sum.commission_vat += i128::from(change.commission_vat);
            sum.refunded += i128::from(change.refunded);
        }
        for posting in &fields.postings {
            let posting = posting.fields();
            let Some(order) = &posting.order else { continue };
            let sum = self.orders.entry(order.to_string()).or_default();
            let amount = i128::from(posting.amount.minor());
            match (&posting.debit, &posting.credit) {
                (
                    Account::PspReceivable,
                    Account::SellerPending(_) | Account::PlatformCommission | Account::OutputVat,
                ) => sum.captured += amount,
                (
                    Account::SellerPending(_) | Account::PlatformCommission | Account::OutputVat,
                    Account::PspReceivable,
                ) => sum.captured -= amount,
                _ => {}
            }
        }
    }
}

async fn orders_of(
    checkouts: &[String],
    connection: &impl ConnectionTrait,
    findings: &mut Findings,
    counts: &mut Counts,
) -> Result<HashMap<String, Vec<payment_orders::Model>>, StoreError> {
    let select = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.is_in(checkouts.iter().map(String::as_str)))
        .order_by_asc(payment_orders::Column::Line);
    let mut found: HashMap<String, Vec<payment_orders::Model>> = HashMap::new();
    for row in rows::rows::<_, String>(select, "payment_order_id", connection).await? {
        counts.orders += 1;
        if let Some(order) = row.or_name("order", findings) {
            found.entry(order.checkout_id.clone()).or_default().push(order);
        }
    }
    Ok(found)
}

fn compare_checkout(
    checkout: &payment_events::Model,
    orders: &[payment_orders::Model],
    about: &About,
    findings: &mut Findings,
) {
    let subject = format!("checkout {}", checkout.checkout_id);
    let Some(status) = Status::parse(&checkout.status) else {
        findings.add(Check::Reading, &subject, format_args!("{:?} is no status", checkout.status));
        return;
    };
    match (&about.standing()[..], status.is_payment_done(), status) {
        ([], true, _) => {
            findings.add(Check::Checkouts, &subject, format_args!("{status}, and {}", about.without_payment()));
        }
        // A checkout that is stuck may have been paid before.
        ([_], true, _) | ([], false, _) | ([_], false, Status::Stuck) => {}
        ([entry], false, _) => {
            findings.add(Check::Checkouts, &subject, format_args!("{status}, and entry {entry} books a payment"));
        }
        ([first, second, ..], _, _) => {
            let problem = format!("entries {first} and {second} both book its payment");
            findings.add(Check::Checkouts, &subject, problem);
        }
    }
    if checkout.is_payment_done != status.is_payment_done() {
        findings.add(Check::Checkouts, &subject, format_args!("is_payment_done does not go with {status}"));
    }
    let total: i128 = orders.iter().map(|order| i128::from(order.amount)).sum();
    if total != i128::from(checkout.amount) {
        findings.add(
            Check::Checkouts,
            &subject,
            format_args!("it is over {}, and its orders over {total}", checkout.amount),
        );
    }
    for order in orders {
        compare_order(order, about, status, findings);
    }
    for order in about.orders.keys().filter(|id| !orders.iter().any(|order| order.payment_order_id == **id)) {
        findings.add(Check::Orders, format_args!("order {order}"), "is booked, and its row is missing");
    }
}

fn compare_order(order: &payment_orders::Model, about: &About, status: Status, findings: &mut Findings) {
    let subject = format!("order {}", order.payment_order_id);
    let booked = about.orders.get(&order.payment_order_id).copied().unwrap_or_default();
    for (what, found, booked) in [
        ("what is unreleased", order.unreleased, booked.unreleased),
        ("the commission", order.commission, booked.commission),
        ("the tax in the commission", order.commission_vat, booked.commission_vat),
        ("what is refunded", order.refunded_amount, booked.refunded),
    ] {
        findings.compare(Check::Orders, &subject, what, found.into(), booked);
    }
    let paid = about.is_paid(status);
    for (what, flag) in [("ledger_updated", order.ledger_updated), ("wallet_updated", order.wallet_updated)] {
        if let Some(paid) = paid.filter(|paid| *paid != flag) {
            let books = if paid { "its payment is booked" } else { about.without_payment() };
            findings.add(Check::Orders, &subject, format_args!("{what} is {flag}, and {books}"));
        }
    }
    match Status::parse(&order.payment_order_status) {
        None => findings.add(Check::Reading, &subject, format_args!("{:?} is no status", order.payment_order_status)),
        Some(stands) => {
            if let Some(paid) = paid.filter(|paid| *paid != stands.is_payment_done() && stands != Status::Stuck) {
                let books = if paid { "its payment is booked" } else { about.without_payment() };
                findings.add(Check::Orders, &subject, format_args!("{stands}, and {books}"));
            }
        }
    }
    if !about.standing().is_empty() {
        findings.compare(Check::Orders, &subject, "its amount", order.amount.into(), booked.captured);
    }
}

/// Orders and entries whose checkout is gone. Looked for only where the counts say that there are some.
async fn name_strays(
    connection: &impl ConnectionTrait,
    counts: &Counts,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let checkout_of = |theirs: Expr| {
        let same = theirs.equals((payment_events::Entity, payment_events::Column::CheckoutId));
        Expr::exists(payment_events::Entity::find().select_only().expr(Expr::value(1)).filter(same).into_query())
    };
    let orders = payment_orders::Entity::find();
    if orders.clone().count(connection).await? != counts.orders {
        let column = Expr::col((payment_orders::Entity, payment_orders::Column::CheckoutId));
        let strays = orders.filter(checkout_of(column).not()).order_by_asc(payment_orders::Column::PaymentOrderId);
        let strays = strays.limit(MAX_NAMED as u64);
        for stray in rows::rows::<_, String>(strays, "payment_order_id", connection).await? {
            findings.add(Check::Orders, format_args!("order {}", stray.key), "its checkout is missing");
        }
    }
    let entries = ledger_entries::Entity::find().filter(ledger_entries::Column::CheckoutId.is_not_null());
    if entries.clone().count(connection).await? != counts.entries {
        let column = Expr::col((ledger_entries::Entity, ledger_entries::Column::CheckoutId));
        let strays = entries.filter(checkout_of(column).not()).order_by_asc(ledger_entries::Column::Sequence);
        let strays = strays.limit(MAX_NAMED as u64);
        for stray in rows::rows::<_, i64>(strays, "sequence", connection).await? {
            findings.add(Check::Checkouts, format_args!("entry {}", stray.key), "the checkout it names is missing");
        }
    }
    Ok(())
}
