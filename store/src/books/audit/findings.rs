//! What the comparisons of an audit share: the disagreements, the progress, and the sums of the postings.

use std::{collections::BTreeMap, fmt};

use domain::{
    Currency, Timestamp,
    id::SellerAccount,
    ledger::{Account, Checkpoint},
    merkle::Hash,
    wallet::Wallet,
};

/// How many disagreements are named; more are counted, but of rows without a parent no more are looked for.
pub const MAX_NAMED: usize = 100;

/// What disagrees with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// A row that daegeum cannot have written.
    Reading,
    /// Entries and their hashes: nothing changed, nothing missing.
    Chain,
    /// The row that says where the chain ends.
    Head,
    /// Signed checkpoints and the chain.
    Checkpoints,
    /// Debits and credits.
    Sums,
    /// Balances of accounts and the postings.
    Balances,
    /// Wallets and the postings.
    Wallets,
    /// Holds and the wallets.
    Holds,
    /// Checkouts and the payments that are booked.
    Checkouts,
    /// Payment orders and the postings.
    Orders,
    /// Refunds and what is booked of them.
    Refunds,
    /// Payouts, their statements and their holds.
    Payouts,
    /// Money in suspense and the open breaks that it is booked to.
    Suspense,
    /// Settlement rows and the entries that booked them.
    Settlements,
    /// What the PSP exchanged, and the account between currencies.
    Exchanges,
}

impl Check {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Chain => "chain",
            Self::Head => "head",
            Self::Checkpoints => "checkpoints",
            Self::Sums => "sums",
            Self::Balances => "balances",
            Self::Wallets => "wallets",
            Self::Holds => "holds",
            Self::Checkouts => "checkouts",
            Self::Orders => "orders",
            Self::Refunds => "refunds",
            Self::Payouts => "payouts",
            Self::Suspense => "suspense",
            Self::Settlements => "settlements",
            Self::Exchanges => "exchanges",
        }
    }
}

/// Something that is not as the postings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// What was compared.
    pub check: Check,
    /// What it is about: `entry 7`, `wallet seller-a KRW`.
    pub subject: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.check.as_str(), self.subject, self.problem)
    }
}

/// The disagreements: the first [`MAX_NAMED`] of them, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first ones.
    pub named: Vec<Disagreement>,
    /// All of them.
    pub count: u64,
}

impl Findings {
    pub(super) fn add(&mut self, check: Check, subject: impl fmt::Display, problem: impl fmt::Display) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(Disagreement { check, subject: subject.to_string(), problem: problem.to_string() });
        }
    }

    /// Two numbers that should be one.
    pub(super) fn compare(&mut self, check: Check, subject: impl fmt::Display, what: &str, found: i128, booked: i128) {
        if found != booked {
            self.add(check, subject, format_args!("{what} is {found}, and {booked} by the postings"));
        }
    }
}

/// How far an audit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadProgress {
    /// What is being read: `entries`, `checkouts`.
    pub of: &'static str,
    /// How many of them are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Told after each page.
pub type OnReadProgress<'a> = &'a mut (dyn FnMut(ReadProgress) + Send);

/// The end of the chain, recomputed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// The number of the last entry; 0 when there is none.
    pub sequence: u64,
    /// Its hash, in lower-case hex.
    pub head: String,
    /// The Merkle root over all hashes, in lower-case hex.
    pub root: String,
}

impl ChainEnd {
    /// A checkpoint of it, to be signed.
    pub fn checkpoint(&self, at: Timestamp) -> Checkpoint {
        let Self { sequence, head, root } = self.clone();
        Checkpoint { sequence, head, root, at, key_id: String::new() }
    }
}

/// What the postings add up to.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) postings: u64,
    /// Debits and credits.
    pub(super) accounts: BTreeMap<(Account, Currency), (i128, i128)>,
    pub(super) wallets: BTreeMap<(SellerAccount, Currency), Wallet>,
}

pub(super) fn hash_bytes(hash: &str) -> Option<Hash> {
    hex::decode(hash).ok()?.try_into().ok()
}
