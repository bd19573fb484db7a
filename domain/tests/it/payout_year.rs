//! A seller's year: sales, releases, refunds, holds and runs in any order. Nothing is lost, and nothing is paid twice.

use std::collections::BTreeMap;

use domain::{
    Currency::Krw,
    Money, Timestamp,
    calendar::Day,
    commission::{BasisPoints, given_up, vat_in},
    hold::{HoldEvent, HoldState, HoldStatus},
    id::{CheckoutId, HoldId, PayoutId, PayoutRunId, RefundId, SellerAccount},
    ledger::{Account, Entry, Hold, HoldEnd, PayoutEnd, Refund, RefundPart, Release},
    payout::{
        digest::sha256,
        plan::{Candidate, DayText, PlanRules, Standing, plan},
        statement::{HoldRole, Net, Remainder, Statement, StatementFields, activity},
    },
    plan::{Order, PlanFields},
    wallet::Wallet,
};
use proptest::prelude::*;

use crate::checkout::{fields, order};

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

#[derive(Debug, Clone)]
enum Act {
    Sell(u64),
    Release(usize),
    Refund(usize, u64),
    Hold(u64),
    Free,
    Run,
    Arrive(usize),
    Fail(usize),
    TakeBack(usize),
    Return(usize),
    Retry(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (100_u64..3_000_000).prop_map(Act::Sell),
        4 => (0_usize..40).prop_map(Act::Release),
        2 => (0_usize..40, 1_u64..100).prop_map(|(index, share)| Act::Refund(index, share)),
        1 => (1_u64..500_000).prop_map(Act::Hold),
        1 => Just(Act::Free),
        3 => Just(Act::Run),
        3 => (0_usize..20).prop_map(Act::Arrive),
        1 => (0_usize..20).prop_map(Act::Fail),
        1 => (0_usize..20).prop_map(Act::TakeBack),
        1 => (0_usize..20).prop_map(Act::Return),
        1 => (0_usize..20).prop_map(Act::Retry),
    ]
}

struct Sale {
    order: Order,
    checkout: CheckoutId,
    /// What we keep of it, and the tax in that.
    commission: Money,
    commission_vat: Money,
    refunded: u64,
    unreleased: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Held,
    InTransit,
    Paid,
    Free,
    Returned,
}

struct Paying {
    id: PayoutId,
    amount: Money,
    attempt: u32,
    stands: Stands,
}

struct Year {
    seller: SellerAccount,
    wallet: Wallet,
    entries: Vec<Entry>,
    sales: Vec<Sale>,
    holds: Vec<Hold>,
    payouts: Vec<Paying>,
    roles: BTreeMap<String, HoldRole>,
    statements: Vec<Statement>,
    covered: usize,
    number: u32,
}

impl Year {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(1_795_000_000_000 + i64::from(self.number) * 86_400_000)
    }

    fn book(&mut self, entry: Result<Entry, domain::ledger::EntryError>) -> bool {
        let Ok(entry) = entry else { return false };
        let Ok(after) = self.wallet.after(&self.seller, &entry) else { return false };
        self.wallet = after;
        self.entries.push(entry);
        true
    }

    fn apply(&mut self, act: &Act) {
        self.number += 1;
        let now = self.now();
        match *act {
            Act::Sell(amount) => self.sell(amount),
            Act::Release(index) => {
                let Some(index) = index.checked_rem(self.sales.len()) else { return };
                let sale = &self.sales[index];
                if sale.unreleased.is_zero() {
                    return;
                }
                let release = Release {
                    seller: &self.seller,
                    order: &sale.order.id,
                    checkout_id: &sale.checkout,
                    round: self.number,
                    amount: sale.unreleased,
                    debt: self.wallet.debt,
                    released_at: now,
                };
                let entry = Entry::of_release(&release);
                assert!(self.book(entry));
                self.sales[index].unreleased = won(0);
            }
            Act::Refund(index, share) => self.refund(index, share),
            Act::Hold(amount) => {
                let amount = won(amount.min(self.wallet.available.minor()));
                let id = HoldId::parse(format!("h-{}", self.number)).unwrap();
                let hold = Hold { id, seller: self.seller.clone(), amount };
                if self.book(Entry::of_hold(&hold, now)) {
                    self.holds.push(hold);
                }
            }
            Act::Free => {
                if let Some(hold) = self.holds.pop() {
                    assert!(self.book(Entry::of_hold_ended(&hold, HoldEnd::Released, now)));
                }
            }
            Act::Run => self.run(),
            Act::Arrive(index) => self.end(index, Stands::Paid),
            Act::Fail(index) => self.end(index, Stands::Free),
            Act::TakeBack(index) => self.take_back(index),
            Act::Return(index) => self.end(index, Stands::Returned),
            Act::Retry(index) => self.retry(index),
        }
    }

    fn sell(&mut self, amount: u64) {
        let (checkout, id) = (format!("checkout-{}", self.number), format!("o-{}", self.number));
        let checkout_id = CheckoutId::parse(checkout).unwrap();
        let order = order(&id, self.seller.as_str(), amount);
        let plan = domain::checkout::Plan::try_new(PlanFields { checkout_id, ..fields(vec![order.clone()]) }).unwrap();
        let rate = BasisPoints::try_new(337).unwrap();
        assert!(self.book(Entry::of_captured_payment(&plan, &[rate], self.now())));
        let commission = rate.of(order.amount);
        let unreleased = order.amount.minus(commission).unwrap();
        let checkout = plan.checkout_id().clone();
        let commission_vat = vat_in(commission);
        self.sales.push(Sale { order, checkout, commission, commission_vat, refunded: 0, unreleased });
    }

    fn refund(&mut self, index: usize, share: u64) {
        let Some(index) = index.checked_rem(self.sales.len()) else { return };
        let (number, now, available) = (self.number, self.now(), self.wallet.available);
        let sale = &mut self.sales[index];
        let left = sale.order.amount.minor() - sale.refunded;
        let amount = (left * share / 100).max(1).min(left);
        if amount == 0 {
            return;
        }
        let given = |kept| given_up(kept, won(amount), won(left));
        let (commission, commission_vat) = (given(sale.commission), given(sale.commission_vat));
        let by_seller = won(amount).minus(commission).unwrap();
        let part = RefundPart {
            order: sale.order.clone(),
            amount: won(amount),
            commission,
            commission_vat,
            unreleased: sale.unreleased,
        };
        let checkout_id = sale.checkout.clone();
        sale.unreleased = sale.unreleased.minus(sale.unreleased.least(by_seller)).unwrap();
        sale.refunded += amount;
        sale.commission = sale.commission.minus(commission).unwrap();
        sale.commission_vat = sale.commission_vat.minus(commission_vat).unwrap();
        let refund = Refund { id: RefundId::parse(format!("r-{number}")).unwrap(), checkout_id, parts: vec![part] };
        let available = BTreeMap::from([(self.seller.clone(), available)]);
        assert!(self.book(Entry::of_refund_promised(&refund, available, now)));
    }

    fn run(&mut self) {
        let now = self.now();
        let sum = |stands| -> u64 {
            self.payouts.iter().filter(|payout| payout.stands == stands).map(|payout| payout.amount.minor()).sum()
        };
        let candidate = Candidate {
            seller: self.seller.clone(),
            available: self.wallet.available,
            released: self.wallet.available,
            debt: self.wallet.debt,
            standing: Standing::Approved,
            destination: Some("seller_1".to_owned()),
            account_changed_at: None,
            is_blocked: false,
            minimum: won(20_000),
            this_week: won(0),
            is_paid_already: false,
        };
        let planned = plan(vec![candidate], &PlanRules::default(), now);
        let Some(planned) = planned.payouts.first() else { return };
        let roles = &self.roles;
        let role = |hold: &HoldId| roles.get(hold.as_str()).copied().unwrap_or(HoldRole::Other);
        let said = activity(&self.seller, &self.entries[self.covered..], role);
        let held = self.wallet.held.minor() - sum(Stands::Held);
        assert_eq!(self.wallet.in_transit.minor(), sum(Stands::InTransit));
        let carried_over = self.wallet.available.minus(planned.amount).unwrap();
        let stays = self.wallet.pending.plus(carried_over).unwrap().plus(won(held)).unwrap();
        let last = self.statements.last().map(Statement::fields);
        let statement = Statement::try_new(StatementFields {
            run_id: PayoutRunId::parse(format!("run-{:06}", self.number)).unwrap(),
            seller: self.seller.clone(),
            period: DayText(Day::of(now)),
            previous: None,
            from: last.map(|fields| fields.to),
            to: now,
            opening: last.map_or_else(Net::default, |fields| fields.closing),
            lines: said.lines,
            debt_recovered: said.debt_recovered,
            payout: planned.amount,
            remainder: Remainder {
                pending: self.wallet.pending,
                carried_over,
                held: won(held),
                debt: self.wallet.debt,
            },
            closing: Net::of(stays, self.wallet.debt),
        });
        let statement = statement.unwrap_or_else(|error| panic!("{error}"));
        self.covered = self.entries.len();
        let hash = sha256(serde_json::to_string(&statement).unwrap().as_bytes());
        let id = PayoutId::of_statement(&hash);
        let hold = Hold { id: id.attempt(1), seller: self.seller.clone(), amount: planned.amount };
        self.roles.insert(hold.id.to_string(), HoldRole::FirstAttempt);
        let amount = planned.amount;
        assert!(self.book(Entry::of_hold(&hold, now)));
        self.payouts.push(Paying { id, amount, attempt: 1, stands: Stands::Held });
        self.statements.push(statement);
    }

    fn state(&self, index: usize) -> Option<(usize, HoldState)> {
        let index = index.checked_rem(self.payouts.len())?;
        let payout = &self.payouts[index];
        let (captured, status) = match payout.stands {
            Stands::Held => (won(0), HoldStatus::Reserved),
            Stands::InTransit => (payout.amount, HoldStatus::InTransit),
            Stands::Paid => (payout.amount, HoldStatus::PaidOut),
            Stands::Free | Stands::Returned => (won(0), HoldStatus::Released),
        };
        let hold = Hold { id: payout.id.attempt(payout.attempt), seller: self.seller.clone(), amount: payout.amount };
        Some((index, HoldState { hold, captured, status }))
    }

    fn event(&mut self, index: usize, event: HoldEvent, stands: Stands) {
        let (index, state) = self.state(index).unwrap();
        assert!(self.book(state.entry(event, self.now())));
        self.payouts[index].stands = stands;
    }

    fn end(&mut self, index: usize, end: Stands) {
        let Some((index, state)) = self.state(index) else { return };
        if self.payouts[index].stands == Stands::Held && end != Stands::Returned {
            self.event(index, HoldEvent::Captured(state.hold.amount), Stands::InTransit);
        }
        match (self.payouts[index].stands, end) {
            (Stands::InTransit, Stands::Paid) => {
                self.event(index, HoldEvent::PayoutEnded(PayoutEnd::ArrivedFromPsp), end);
            }
            (Stands::InTransit, Stands::Free) => self.event(index, HoldEvent::PayoutEnded(PayoutEnd::CameBack), end),
            (Stands::Paid, Stands::Returned) => self.event(index, HoldEvent::PayoutEnded(PayoutEnd::Returned), end),
            _ => {}
        }
    }

    fn take_back(&mut self, index: usize) {
        let Some((index, _)) = self.state(index) else { return };
        if self.payouts[index].stands == Stands::Held {
            self.event(index, HoldEvent::Ended(HoldEnd::Released), Stands::Free);
        }
    }

    fn retry(&mut self, index: usize) {
        let Some((index, _)) = self.state(index) else { return };
        let payout = &self.payouts[index];
        if payout.stands != Stands::Free {
            return;
        }
        let (attempt, amount) = (payout.attempt + 1, payout.amount);
        let hold = Hold { id: payout.id.attempt(attempt), seller: self.seller.clone(), amount };
        if self.book(Entry::of_hold(&hold, self.now())) {
            self.roles.insert(hold.id.to_string(), HoldRole::LaterAttempt);
            self.payouts[index].attempt = attempt;
            self.payouts[index].stands = Stands::Held;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn twelve_months_lose_nothing(acts in prop::collection::vec(act(), 1..150)) {
        let seller = SellerAccount::parse("seller-a").unwrap();
        let mut year = Year {
            wallet: Wallet::empty(Krw),
            seller,
            entries: Vec::new(),
            sales: Vec::new(),
            holds: Vec::new(),
            payouts: Vec::new(),
            roles: BTreeMap::new(),
            statements: Vec::new(),
            covered: 0,
            number: 0,
        };
        for act in &acts {
            // A statement that does not add up fails the run that makes it.
            year.apply(act);
        }
        let paid = |stands| -> u64 {
            year.payouts.iter().filter(|payout| payout.stands == stands).map(|payout| payout.amount.minor()).sum()
        };
        prop_assert_eq!(year.wallet.paid_out.minor(), paid(Stands::Paid));
        prop_assert_eq!(year.wallet.in_transit.minor(), paid(Stands::InTransit));
        // What the seller earned and did not give back is with us, on its way, or paid.
        let earned: i128 = year.sales.iter().map(|sale| {
            let kept = sale.commission.minor();
            i128::from(sale.order.amount.minor()) - i128::from(sale.refunded) - i128::from(kept)
        }).sum();
        // The tax office gets the tax in what we kept.
        let booked: i128 = year.entries.iter().flat_map(|entry| &entry.fields().postings).map(|posting| {
            let posting = posting.fields();
            let amount = i128::from(posting.amount.minor());
            match (&posting.debit, &posting.credit) {
                (Account::OutputVat, _) => -amount,
                (_, Account::OutputVat) => amount,
                _ => 0,
            }
        }).sum();
        prop_assert_eq!(booked, year.sales.iter().map(|sale| i128::from(sale.commission_vat.minor())).sum::<i128>());
        let Wallet { pending, available, held, in_transit, paid_out, debt } = year.wallet;
        let parts = [pending, available, held, in_transit, paid_out];
        let there: i128 = parts.map(|part| i128::from(part.minor())).iter().sum();
        prop_assert_eq!(there - i128::from(debt.minor()), earned);
        // Each statement begins where the one before ended.
        for pair in year.statements.windows(2) {
            prop_assert_eq!(pair[0].fields().closing, pair[1].fields().opening);
        }
    }
}
