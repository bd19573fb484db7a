//! What people do about a break: comment on it, assign it, wait, resolve it by a template, and undo the last of these.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{BreakStatus, BreakType};
use crate::{
    Limits, Money, Timestamp,
    calendar::Day,
    id::BreakId,
    ledger::{Account, Entry, EntryError, EntryFields, Posting, PostingFields, Reason},
    principal::Principal,
    settlement::Flow,
};

/// How the text of an operator begins.
const OPERATOR: &str = "operator:";
/// How the text of a rule begins.
const RULE: &str = "rule:";
/// The most characters of the name of an operator or a rule.
const MAX_NAME_CHARS: usize = 64;

/// The author of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A principal of the API.
    Principal(Principal),
    /// A person at the command line. All of them count as one principal: the name is not proved.
    Operator(String),
    /// A rule of the machine, with its version.
    Rule(String),
}

/// A text that names no author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an author is a key, `{OPERATOR}` and a name, or `{RULE}` and a rule")]
pub struct ActorError;

impl Actor {
    /// Reads an author as it is written.
    pub fn parse(text: &str) -> Result<Self, ActorError> {
        let name = |rest: &str| {
            let is_name = !rest.is_empty() && rest.chars().count() <= MAX_NAME_CHARS;
            (is_name && !rest.chars().any(char::is_control)).then(|| rest.to_owned()).ok_or(ActorError)
        };
        if let Some(rest) = text.strip_prefix(OPERATOR) {
            return name(rest).map(Self::Operator);
        }
        if let Some(rest) = text.strip_prefix(RULE) {
            return name(rest).map(Self::Rule);
        }
        Principal::parse(text).map(Self::Principal).map_err(|_| ActorError)
    }

    /// The author in fields that were made for keys and names alone.
    pub fn bare(&self) -> String {
        match self {
            Self::Principal(principal) => principal.bare(),
            Self::Operator(name) => name.clone(),
            Self::Rule(_) => self.to_string(),
        }
    }

    /// Whether two authors are two pairs of eyes.
    pub fn is_another_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Principal(one), Self::Principal(two)) => one != two,
            (Self::Principal(_), Self::Operator(_)) | (Self::Operator(_), Self::Principal(_)) => true,
            (Self::Operator(_), Self::Operator(_)) | (Self::Rule(_), _) | (_, Self::Rule(_)) => false,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::Operator(name) => write!(f, "{OPERATOR}{name}"),
            Self::Rule(name) => write!(f, "{RULE}{name}"),
        }
    }
}

impl TryFrom<String> for Actor {
    type Error = ActorError;

    fn try_from(text: String) -> Result<Self, ActorError> {
        Self::parse(&text)
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

/// How a break is resolved. There is no free posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Nothing is booked: the difference is explained.
    Accept,
    /// Suspense is a correction of the PSP's fees.
    PspFee,
    /// Suspense is income of the marketplace.
    PlatformIncome,
    /// Suspense belongs to a payment that was booked meanwhile.
    Receivable,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 4] = [Self::Accept, Self::PspFee, Self::PlatformIncome, Self::Receivable];

    /// The template as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::PspFee => "psp_fee",
            Self::PlatformIncome => "platform_income",
            Self::Receivable => "receivable",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == text)
    }

    /// The account that suspense moves to.
    const fn account(self) -> Option<Account> {
        match self {
            Self::Accept => None,
            Self::PspFee => Some(Account::PspFees),
            Self::PlatformIncome => Some(Account::PlatformCommission),
            Self::Receivable => Some(Account::PspReceivable),
        }
    }

    /// The entry that moves what is in suspense for a break. `number` is the number of the act.
    pub fn entry(self, id: &BreakId, number: u32, suspense: Flow, at: Timestamp) -> Result<Option<Entry>, EntryError> {
        let Some(account) = self.account().filter(|_| !suspense.amount().is_zero()) else { return Ok(None) };
        let (debit, credit) = match suspense {
            Flow::In(_) => (Account::Suspense, account),
            Flow::Out(_) => (account, Account::Suspense),
        };
        let posting = Posting::try_new(PostingFields { debit, credit, amount: suspense.amount(), order: None })?;
        let entry = Entry::try_new(EntryFields {
            key: Reason::SuspenseCleared.key(format_args!("{id}:{number}")),
            reason: Reason::SuspenseCleared,
            checkout_id: None,
            reverses: None,
            occurred_at: at,
            postings: alloc::vec![posting],
        })?;
        Ok(Some(entry))
    }
}

/// A resolution that waits for a second principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its author.
    pub by: Actor,
    /// How the break would be resolved.
    pub template: Template,
}

/// What an act needs to know of a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakState {
    pub break_type: BreakType,
    pub status: BreakStatus,
    /// The person that sees to it.
    pub assignee: Option<String>,
    /// How far the two sides are apart.
    pub gap: Money,
    /// What is booked to suspense for it now.
    pub suspense: Option<Flow>,
    /// A resolution that waits for a second principal.
    pub proposal: Option<Proposal>,
    /// Whether a rule did something about it that nobody has undone.
    pub is_repaired: bool,
}

/// An act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A person says something about it; the text is the reason of the act. Nothing else changes.
    Comment,
    /// A person sees to it.
    Assign {
        /// The person.
        to: String,
    },
    /// Nothing is done until a day, `2026-12-01`.
    Wait {
        /// The day.
        until: String,
    },
    /// It is closed by a template.
    Resolve {
        /// The template.
        template: Template,
    },
    /// The last act is taken back.
    Undo,
}

impl Act {
    /// The act as it is written.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Assign { .. } => "assign",
            Self::Wait { .. } => "wait",
            Self::Resolve { .. } => "resolve",
            Self::Undo => "undo",
        }
    }
}

/// What an act does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActOutcome {
    /// The comment is written down, and the break stays as it is.
    Commented,
    /// A person sees to it.
    Assigned(String),
    /// It waits until a day.
    Waits(Day),
    /// A second principal has to resolve it in the same way.
    Proposed(Template),
    /// It is resolved.
    Resolved(Template),
    /// The proposal is gone.
    ProposalDropped,
    /// It is open again.
    Reopened,
    /// Nobody sees to it any more.
    Unassigned,
    /// What rules did about it is undone, and they leave it alone.
    RepairUndone,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// It is resolved.
    #[error("the break is resolved; undo that first")]
    Resolved,
    /// The same principal cannot decide twice.
    #[error("a second principal has to resolve it")]
    FourEyes,
    /// Another template waits for its second principal.
    #[error("another resolution waits for its second principal; undo that first")]
    OtherProposal,
    /// What is in suspense needs an account.
    #[error("money of the break is in suspense: choose a template that says whose it is")]
    InSuspense,
    /// Nothing is in suspense that could be moved.
    #[error("no money of the break is in suspense: choose the template `accept`")]
    NothingInSuspense,
    /// There is no act to take back.
    #[error("there is no act to undo")]
    NothingToUndo,
    /// The day is no date, or has passed.
    #[error("the day to wait for is a date after today, such as 2026-12-01")]
    Day,
}

impl BreakState {
    /// What an act does to the break, or why it is refused. Above `alone_up_to`, two principals resolve it.
    pub fn after(&self, act: &Act, by: &Actor, today: Day, alone_up_to: Limits) -> Result<ActOutcome, ActRefusal> {
        let is_closed = self.status == BreakStatus::Resolved;
        match act {
            Act::Comment => Ok(ActOutcome::Commented),
            Act::Undo => self.undo(),
            Act::Assign { .. } | Act::Wait { .. } | Act::Resolve { .. } if is_closed => Err(ActRefusal::Resolved),
            Act::Assign { to } => Ok(ActOutcome::Assigned(to.clone())),
            Act::Wait { until } => {
                let until = until.parse::<Day>().ok().filter(|until| *until > today).ok_or(ActRefusal::Day)?;
                Ok(ActOutcome::Waits(until))
            }
            Act::Resolve { template } => self.resolve(*template, by, alone_up_to),
        }
    }

    fn undo(&self) -> Result<ActOutcome, ActRefusal> {
        if self.proposal.is_some() {
            return Ok(ActOutcome::ProposalDropped);
        }
        match self.status {
            BreakStatus::Resolved | BreakStatus::Waiting => Ok(ActOutcome::Reopened),
            BreakStatus::Open if self.assignee.is_some() => Ok(ActOutcome::Unassigned),
            BreakStatus::Open if self.is_repaired => Ok(ActOutcome::RepairUndone),
            BreakStatus::Open => Err(ActRefusal::NothingToUndo),
        }
    }

    fn resolve(&self, template: Template, by: &Actor, alone_up_to: Limits) -> Result<ActOutcome, ActRefusal> {
        let in_suspense = self.suspense.is_some_and(|suspense| !suspense.amount().is_zero());
        match template {
            Template::Accept if in_suspense => return Err(ActRefusal::InSuspense),
            Template::PspFee | Template::PlatformIncome | Template::Receivable if !in_suspense => {
                return Err(ActRefusal::NothingInSuspense);
            }
            Template::Accept | Template::PspFee | Template::PlatformIncome | Template::Receivable => {}
        }
        let is_for_one = |amount: Money| alone_up_to.allow(amount);
        if is_for_one(self.gap) && self.suspense.is_none_or(|suspense| is_for_one(suspense.amount())) {
            return Ok(ActOutcome::Resolved(template));
        }
        match &self.proposal {
            None => Ok(ActOutcome::Proposed(template)),
            Some(proposal) if !proposal.by.is_another_than(by) => Err(ActRefusal::FourEyes),
            Some(proposal) if proposal.template != template => Err(ActRefusal::OtherProposal),
            Some(_) => Ok(ActOutcome::Resolved(template)),
        }
    }
}
