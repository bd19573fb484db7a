//! The settlement statement of a payout: every posting of the seller since the statement before, by the line.
//!
//! A statement is about the balance that the seller has with us: pending, available and held money, less debt, and less
//! what is being paid out. A payout leaves the balance with its own statement. If it comes to nothing, the next
//! statement has a line for that.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{plan::DayText, status::written};
use crate::{
    Currency, Money, Timestamp,
    id::{CheckoutId, HoldId, PaymentOrderId, PayoutId, PayoutRunId, SellerAccount},
    ledger::{Account, Entry, Reason},
    wallet::{Effect, Part, effects},
};

/// An amount of won that may be below zero: what was added less what was taken. It is written as a decimal text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Net(i64);

/// A text that is no [`Net`], or a sum beyond all money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of won")]
pub struct NoNet;

impl Net {
    /// What was added less what was taken.
    pub fn of(added: Money, taken: Money) -> Self {
        Self(signed(added).saturating_sub(signed(taken)))
    }

    /// Won; below zero where more was taken.
    pub const fn minor(self) -> i64 {
        self.0
    }

    fn plus(self, other: Self) -> Result<Self, NoNet> {
        self.0.checked_add(other.0).map(Self).ok_or(NoNet)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TryFrom<String> for Net {
    type Error = NoNet;

    fn try_from(text: String) -> Result<Self, NoNet> {
        text.parse().map(Self).map_err(|_| NoNet)
    }
}

impl From<Net> for String {
    fn from(net: Net) -> Self {
        net.to_string()
    }
}

written! {
    /// What a line is about.
    LineKind {
        /// An order was sold.
        Sale = "sale",
        /// A buyer was promised money of an order back.
        Refund = "refund",
        /// A payout of an earlier statement was not made, or came back.
        PayoutNotMade = "payout_not_made",
        /// A payout of an earlier statement is made after all.
        PayoutAgain = "payout_again",
        /// Anything else.
        Adjustment = "adjustment",
    }
}

/// A line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is about.
    pub kind: LineKind,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The key of the entry in the ledger.
    pub entry: String,
    /// The checkout.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The payment order.
    #[serde(default)]
    pub order: Option<PaymentOrderId>,
    /// What the buyer paid, or got back with a minus.
    pub gross: Net,
    /// What we keep of it, value-added tax included; what we give back of it, with a minus.
    pub commission: Net,
    /// The value-added tax in the commission, as it is booked.
    pub commission_vat: Net,
    /// What it does to the seller's balance: gross less commission.
    pub amount: Net,
}

/// What the seller has with us after the statement, by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// Earned, and not released yet.
    pub pending: Money,
    /// Released, and carried over to a later run.
    pub carried_over: Money,
    /// Kept back by holds.
    pub held: Money,
    /// What the seller owes us.
    pub debt: Money,
}

impl Remainder {
    fn net(&self) -> Result<Net, NoNet> {
        let parts = [self.pending, self.carried_over, self.held].map(|part| Net(signed(part)));
        parts.into_iter().try_fold(Net(0), Net::plus)?.plus(Net(-signed(self.debt)))
    }
}

/// The parts of a [`Statement`], not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementFields {
    /// The run.
    pub run_id: PayoutRunId,
    /// The seller.
    pub seller: SellerAccount,
    /// The day of the run: one statement for each seller and day.
    pub period: DayText,
    /// The payout of the statement before, whose closing balance is the opening balance.
    #[serde(default)]
    pub previous: Option<PayoutId>,
    /// When the statement before was made.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// When it was made.
    pub to: Timestamp,
    /// The balance before the lines.
    pub opening: Net,
    /// The lines, oldest first.
    pub lines: Vec<Line>,
    /// How much of earned money paid debt, instead of becoming available. Both are in the balance, so it is no line.
    pub debt_recovered: Money,
    /// What is paid out.
    pub payout: Money,
    /// What stays.
    pub remainder: Remainder,
    /// The balance after the payout.
    pub closing: Net,
}

/// A statement that adds up: opening + lines = payout + closing, and closing is what stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StatementFields", into = "StatementFields")]
pub struct Statement(StatementFields);

/// Numbers that do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A line of which gross less commission is not the amount.
    #[error("the line of {0} does not add up")]
    Line(String),
    /// The lines do not lead from the opening balance to the payout and the closing balance.
    #[error("opening and lines are {found}, and payout and closing are {expected}")]
    Sum {
        /// Opening and lines.
        found: Net,
        /// Payout and closing.
        expected: Net,
    },
    /// What stays is not the closing balance.
    #[error("what stays is {found}, and the closing balance {closing}")]
    Remainder {
        /// What stays.
        found: Net,
        /// The closing balance.
        closing: Net,
    },
    /// A sum beyond all money.
    #[error(transparent)]
    TooLarge(#[from] NoNet),
}

impl Statement {
    /// Checks the parts.
    pub fn try_new(fields: StatementFields) -> Result<Self, StatementError> {
        let mut found = fields.opening;
        for line in &fields.lines {
            if line.amount.plus(line.commission)? != line.gross {
                return Err(StatementError::Line(line.entry.clone()));
            }
            found = found.plus(line.amount)?;
        }
        let expected = fields.closing.plus(Net(signed(fields.payout)))?;
        if found != expected {
            return Err(StatementError::Sum { found, expected });
        }
        let stays = fields.remainder.net()?;
        if stays != fields.closing {
            return Err(StatementError::Remainder { found: stays, closing: fields.closing });
        }
        Ok(Self(fields))
    }

    /// Its parts.
    pub const fn fields(&self) -> &StatementFields {
        &self.0
    }

    /// The sum of the amounts of one kind of line.
    pub fn sum(&self, kind: LineKind) -> Net {
        let of_kind = self.0.lines.iter().filter(|line| line.kind == kind);
        of_kind.fold(Net(0), |sum, line| Net(sum.0.saturating_add(line.amount.0)))
    }
}

impl TryFrom<StatementFields> for Statement {
    type Error = StatementError;

    fn try_from(fields: StatementFields) -> Result<Self, StatementError> {
        Self::try_new(fields)
    }
}

impl From<Statement> for StatementFields {
    fn from(statement: Statement) -> Self {
        statement.0
    }
}

/// What a hold is to a seller's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldRole {
    /// A hold that is no payout of a statement.
    Other,
    /// The first attempt of a payout: it left the balance with its own statement.
    FirstAttempt,
    /// A later attempt of a payout.
    LaterAttempt,
}

/// What the entries of a period say of one seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The lines.
    pub lines: Vec<Line>,
    /// How much of earned money paid debt.
    pub debt_recovered: Money,
}

/// The lines of a seller, from the entries about the seller in their order. Moves within the balance make no line.
pub fn activity<'e>(
    seller: &SellerAccount,
    entries: impl IntoIterator<Item = &'e Entry>,
    role: impl Fn(&HoldId) -> HoldRole,
) -> Activity {
    let mut activity = Activity { lines: Vec::new(), debt_recovered: Money::zero(Currency::Krw) };
    for entry in entries {
        activity.debt_recovered =
            activity.debt_recovered.plus(recovered(seller, entry)).unwrap_or(activity.debt_recovered);
        let outside = outside_of_postings(entry, &role);
        let mut groups: BTreeMap<Option<&PaymentOrderId>, Group> = BTreeMap::new();
        for posting in entry.fields().postings.iter().map(|posting| posting.fields()) {
            let group = groups.entry(posting.order.as_ref()).or_default();
            let amount = signed(posting.amount);
            for effect in effects(&posting.debit, &posting.credit, seller) {
                group.is_ours = true;
                group.amount = group.amount.saturating_add(balance_effect(effect, amount));
            }
            group.add_commission(&posting.credit, amount);
            group.add_commission(&posting.debit, amount.saturating_neg());
        }
        let mut groups: Vec<_> = groups.into_iter().filter(|(_, group)| group.is_ours).collect();
        if let Some((_, group)) = groups.first_mut() {
            group.amount = group.amount.saturating_add(outside);
        }
        activity.lines.extend(groups.into_iter().filter_map(|(order, group)| group.line(entry, order)));
    }
    activity
}

/// What the postings about one order say.
#[derive(Debug, Default)]
struct Group {
    is_ours: bool,
    amount: i64,
    commission: i64,
    commission_vat: i64,
}

impl Group {
    fn add_commission(&mut self, account: &Account, amount: i64) {
        if !matches!(account, Account::PlatformCommission | Account::OutputVat) {
            return;
        }
        self.commission = self.commission.saturating_add(amount);
        if *account == Account::OutputVat {
            self.commission_vat = self.commission_vat.saturating_add(amount);
        }
    }

    fn line(self, entry: &Entry, order: Option<&PaymentOrderId>) -> Option<Line> {
        let fields = entry.fields();
        let kind = kind_of(entry);
        if self.amount == 0 && self.commission == 0 {
            return None;
        }
        Some(Line {
            kind,
            occurred_at: fields.occurred_at,
            entry: fields.key.clone(),
            checkout_id: fields.checkout_id.clone(),
            order: order.cloned(),
            gross: Net(self.amount.saturating_add(self.commission)),
            commission: Net(self.commission),
            commission_vat: Net(self.commission_vat),
            amount: Net(self.amount),
        })
    }
}

fn kind_of(entry: &Entry) -> LineKind {
    let fields = entry.fields();
    let reversed = fields.reverses.as_deref().and_then(|key| key.split_once(':'));
    let reason = reversed.and_then(|(reason, _)| Reason::parse(reason)).unwrap_or(fields.reason);
    match reason {
        Reason::PaymentCaptured => LineKind::Sale,
        Reason::RefundPromised | Reason::RefundExecuted => LineKind::Refund,
        Reason::HoldReserved => LineKind::PayoutAgain,
        Reason::HoldReleased | Reason::HoldExpired | Reason::PayoutFailed | Reason::PayoutReturned => {
            LineKind::PayoutNotMade
        }
        Reason::PayoutSent
        | Reason::PayoutArrived
        | Reason::PendingReleased
        | Reason::PspSettled
        | Reason::PspExchanged
        | Reason::SuspenseCleared
        | Reason::RoundingBooked
        | Reason::SweepPaid
        | Reason::SweepReturned
        | Reason::SweepReceived
        | Reason::PspDeposited
        | Reason::Reversed => LineKind::Adjustment,
    }
}

/// What an entry about a payout of an earlier statement does to the balance besides its postings: the payout left the
/// balance with its statement, and comes back if it comes to nothing.
fn outside_of_postings(entry: &Entry, role: &impl Fn(&HoldId) -> HoldRole) -> i64 {
    let fields = entry.fields();
    let Some((_, hold)) = fields.key.split_once(':') else { return 0 };
    let Ok(hold) = HoldId::parse(hold) else { return 0 };
    let amount =
        || fields.postings.iter().fold(0_i64, |sum, posting| sum.saturating_add(signed(posting.fields().amount)));
    match (fields.reason, role(&hold)) {
        (_, HoldRole::Other) | (Reason::HoldReserved, HoldRole::FirstAttempt) => 0,
        (Reason::HoldReserved, HoldRole::LaterAttempt) => -amount(),
        (
            Reason::HoldReleased | Reason::HoldExpired | Reason::PayoutArrived | Reason::PayoutFailed,
            HoldRole::FirstAttempt | HoldRole::LaterAttempt,
        ) => amount(),
        (
            Reason::PaymentCaptured
            | Reason::PendingReleased
            | Reason::RefundPromised
            | Reason::RefundExecuted
            | Reason::PayoutSent
            | Reason::PayoutReturned
            | Reason::PspSettled
            | Reason::PspExchanged
            | Reason::SuspenseCleared
            | Reason::RoundingBooked
            | Reason::SweepPaid
            | Reason::SweepReturned
            | Reason::SweepReceived
            | Reason::PspDeposited
            | Reason::Reversed,
            HoldRole::FirstAttempt | HoldRole::LaterAttempt,
        ) => 0,
    }
}

fn recovered(seller: &SellerAccount, entry: &Entry) -> Money {
    let mut sum = Money::zero(entry.currency());
    for posting in entry.fields().postings.iter().map(|posting| posting.fields()) {
        let pays_debt = posting.debit == Account::SellerPending(seller.clone())
            && posting.credit == Account::SellerDebt(seller.clone());
        if pays_debt {
            sum = sum.plus(posting.amount).unwrap_or(sum);
        }
    }
    sum
}

const fn balance_effect(effect: Effect, amount: i64) -> i64 {
    match effect {
        Effect::Add(Part::Pending | Part::Available | Part::Held | Part::InTransit) => amount,
        Effect::Take(Part::Pending | Part::Available | Part::Held | Part::InTransit) => -amount,
        Effect::Add(Part::Debt) => -amount,
        Effect::Take(Part::Debt) => amount,
        Effect::Add(Part::PaidOut) | Effect::Take(Part::PaidOut) => 0,
    }
}

fn signed(money: Money) -> i64 {
    i64::try_from(money.minor()).unwrap_or(i64::MAX)
}

impl Statement {
    /// The lines as a table of comma-separated values, with the balances and sums as lines of their own.
    pub fn csv(&self) -> String {
        let fields = self.fields();
        let mut text =
            String::from("kind,occurred_at,checkout_id,payment_order_id,gross,commission,commission_vat,amount\r\n");
        let mut total = |name: &str, amount: &dyn fmt::Display| {
            text += &format!("{name},,,,,,,{amount}\r\n");
        };
        total("opening", &fields.opening);
        for line in &fields.lines {
            let id = |id: Option<&str>| id.unwrap_or_default().to_string();
            text += &format!(
                "{},{},{},{},{},{},{},{}\r\n",
                line.kind,
                crate::calendar::Day::of(line.occurred_at),
                id(line.checkout_id.as_ref().map(CheckoutId::as_str)),
                id(line.order.as_ref().map(PaymentOrderId::as_str)),
                line.gross,
                line.commission,
                line.commission_vat,
                line.amount
            );
        }
        let mut total = |name: &str, amount: &dyn fmt::Display| {
            text += &format!("{name},,,,,,,{amount}\r\n");
        };
        total("debt_recovered", &fields.debt_recovered.minor());
        total("payout", &fields.payout.minor());
        total("pending", &fields.remainder.pending.minor());
        total("carried_over", &fields.remainder.carried_over.minor());
        total("held", &fields.remainder.held.minor());
        total("debt", &fields.remainder.debt.minor());
        total("closing", &fields.closing);
        text
    }
}
