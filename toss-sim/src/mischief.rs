//! Mischief: what the simulator has been asked to do wrong, in the order it was asked.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};

/// Most mischiefs that may wait at once.
pub(crate) const MAX_MISCHIEFS: usize = 1_000;
/// How long a delaying fault waits unless the request names a time.
pub(crate) const DEFAULT_DELAY_MS: u64 = 60_000;
/// Longest a webhook is late by chance.
const CHANCE_DELAY_MS: u64 = 2_000;
/// Longest a mischief may wait: one day.
pub(crate) const MAX_DELAY_MS: u64 = 86_400_000;

/// What a mischief is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    Confirm,
    Cancel,
    /// Both look-ups: by paymentKey and by orderId.
    Lookup,
    Transactions,
    Settlements,
    VirtualAccounts,
    Billing,
    KeyIn,
    CashReceipts,
    Balances,
    Sellers,
    Payouts,
    Webhook,
}

impl Subject {
    /// Whether it is a list that comes in pages and can lose some of its rows.
    pub(crate) fn has_pages(self) -> bool {
        match self {
            Self::Transactions | Self::Settlements | Self::Payouts => true,
            Self::Confirm
            | Self::Cancel
            | Self::Lookup
            | Self::VirtualAccounts
            | Self::Billing
            | Self::KeyIn
            | Self::CashReceipts
            | Self::Balances
            | Self::Sellers
            | Self::Webhook => false,
        }
    }
}

/// Which pages of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pages {
    First,
    /// All but the first.
    Later,
}

/// A request, as far as mischief looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) on: Subject,
    pub(crate) order_id: Option<&'a str>,
    /// Of a list, the pages to which the asked one belongs.
    pub(crate) page: Option<Pages>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The connection is closed before anything is executed, without a byte of answer.
    RefuseConnection,
    /// The request is held, never executed, and the connection is closed.
    StallBefore,
    /// The request is executed at once and its answer is held.
    ExecuteAndStall,
    /// An error is answered and nothing is executed; a decline code declines the payment.
    ErrorBefore,
    /// The request is executed and an error is answered.
    ExecuteAndError,
    /// The request is executed and the answer is a 200 that is not JSON.
    GarbageAfter,
    /// 429, nothing executed.
    RateLimit,
    /// A webhook is sent twice.
    Duplicate,
    /// A webhook is sent after the next one of its order.
    Reorder,
    /// A webhook is never sent. A page of a list is left out: the next one is answered in its place.
    Drop,
    /// A request is executed later; a webhook is sent later.
    Delay,
    /// Another amount than was asked: charged by a confirm, shown by every other answer.
    WrongAmount,
    /// The request is executed, and its answer has an unknown field.
    UnknownField,
    /// The request is executed and its answer has a value where there was a closed list.
    UnknownEnum,
    /// A page of a list ends after half of its rows.
    CutList,
    /// The request is executed and the text of its answer ends in the middle.
    CutBody,
    /// One row of a list has a word where its amount belongs.
    UnreadableRow,
}

impl Kind {
    /// Whether this kind can be done to that subject.
    pub(crate) fn applies_to(self, subject: Subject) -> bool {
        let is_webhook = subject == Subject::Webhook;
        match self {
            Self::RefuseConnection
            | Self::StallBefore
            | Self::ExecuteAndStall
            | Self::ErrorBefore
            | Self::ExecuteAndError
            | Self::GarbageAfter
            | Self::RateLimit
            | Self::WrongAmount
            | Self::UnknownField
            | Self::UnknownEnum
            | Self::CutBody => !is_webhook,
            Self::Duplicate | Self::Reorder => is_webhook,
            Self::Drop => is_webhook || subject.has_pages(),
            Self::CutList | Self::UnreadableRow => subject.has_pages(),
            Self::Delay => true,
        }
    }

    /// Whether it can be done to a list alone, of all that has the same subject.
    fn is_of_a_list(self, subject: Subject) -> bool {
        match self {
            Self::CutList | Self::UnreadableRow => true,
            Self::Drop => subject.has_pages(),
            Self::RefuseConnection
            | Self::StallBefore
            | Self::ExecuteAndStall
            | Self::ErrorBefore
            | Self::ExecuteAndError
            | Self::GarbageAfter
            | Self::RateLimit
            | Self::Duplicate
            | Self::Reorder
            | Self::Delay
            | Self::WrongAmount
            | Self::UnknownField
            | Self::UnknownEnum
            | Self::CutBody => false,
        }
    }

    /// Whether it happens at the front door, before the idempotency key is looked at.
    pub(crate) fn is_at_the_door(self) -> bool {
        match self {
            Self::RefuseConnection | Self::RateLimit => true,
            Self::StallBefore
            | Self::ExecuteAndStall
            | Self::ErrorBefore
            | Self::ExecuteAndError
            | Self::GarbageAfter
            | Self::Duplicate
            | Self::Reorder
            | Self::Drop
            | Self::Delay
            | Self::WrongAmount
            | Self::UnknownField
            | Self::UnknownEnum
            | Self::CutList
            | Self::CutBody
            | Self::UnreadableRow => false,
        }
    }

    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RefuseConnection => "refuse_connection",
            Self::StallBefore => "stall_before",
            Self::ExecuteAndStall => "execute_and_stall",
            Self::ErrorBefore => "error_before",
            Self::ExecuteAndError => "execute_and_error",
            Self::GarbageAfter => "garbage_after",
            Self::RateLimit => "rate_limit",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Drop => "drop",
            Self::Delay => "delay",
            Self::WrongAmount => "wrong_amount",
            Self::UnknownField => "unknown_field",
            Self::UnknownEnum => "unknown_enum",
            Self::CutList => "cut_list",
            Self::CutBody => "cut_body",
            Self::UnreadableRow => "unreadable_row",
        }
    }
}

/// One thing to do wrong, some number of times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mischief {
    pub(crate) on: Subject,
    pub(crate) kind: Kind,
    /// Times left; `None` until cleared.
    pub(crate) times: Option<u64>,
    pub(crate) delay_ms: u64,
    pub(crate) code: Code,
    /// Only for this order; for every order when absent.
    pub(crate) order_id: Option<String>,
    /// Only for these pages of a list; for every page, and for what is no list, when absent.
    #[serde(default)]
    pub(crate) pages: Option<Pages>,
}

impl Mischief {
    fn concerns(&self, target: Target<'_>) -> bool {
        let is_of_its_kind = target.page.is_some() || !self.kind.is_of_a_list(self.on);
        self.on == target.on
            && is_of_its_kind
            && self.order_id.as_deref().is_none_or(|wanted| Some(wanted) == target.order_id)
            && self.pages.is_none_or(|pages| Some(pages) == target.page)
    }
}

/// The mischiefs that wait, first asked first done.
#[derive(Debug)]
pub(crate) struct MischiefQueue {
    waiting: Shelf<u64, Mischief>,
    chance: Shelf<u8, Chance>,
}

/// The only chance there is.
const THE_CHANCE: u8 = 0;
/// A share of all, in ten-thousandths.
pub(crate) const CERTAIN_BPS: u16 = 10_000;

/// Faults without a request for them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Chance {
    rate_bps: u16,
    seed: u64,
    drawn: u64,
}

impl Chance {
    /// A chance of that many in ten thousand; `None` when that is more than certain.
    pub(crate) fn new(seed: u64, rate_bps: u16) -> Option<Self> {
        (rate_bps <= CERTAIN_BPS).then_some(Self { rate_bps, seed, drawn: 0 })
    }

    /// What happens to the next request: the same in every run with the same seed and the same requests.
    fn draw(&mut self, on: Subject) -> Option<Mischief> {
        self.drawn = self.drawn.wrapping_add(1);
        let mut random = crate::mint::nth(self.seed, self.drawn);
        if random.random_range(0..CERTAIN_BPS) >= self.rate_bps {
            return None;
        }
        let kinds: &[Kind] = if on == Subject::Webhook {
            &[Kind::Duplicate, Kind::Drop, Kind::Delay, Kind::Reorder]
        } else {
            &[Kind::StallBefore, Kind::ErrorBefore, Kind::ExecuteAndError, Kind::GarbageAfter]
        };
        let kind = *kinds.get(random.random_range(0..kinds.len()))?;
        let code = Code::FailedInternalSystemProcessing;
        // Nothing is held for long: a stalled request is closed at once, a delayed webhook follows soon.
        let delay_ms = if on == Subject::Webhook { random.random_range(0..CHANCE_DELAY_MS) } else { 0 };
        Some(Mischief { on, kind, times: Some(1), delay_ms, code, order_id: None, pages: None })
    }
}

impl Default for MischiefQueue {
    fn default() -> Self {
        Self { waiting: Shelf::new("mischief"), chance: Shelf::new("chance") }
    }
}

impl Saved for MischiefQueue {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.waiting.take_changes(into)?;
        self.chance.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.waiting.forget_changes();
        self.chance.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.waiting.restore(file)?;
        self.chance.restore(file)
    }
}

impl MischiefQueue {
    /// Adds one at the end; says whether there was room.
    pub(crate) fn push(&mut self, mischief: Mischief) -> bool {
        let has_room = self.waiting.len() < MAX_MISCHIEFS;
        if has_room {
            let last = self.waiting.last_id().copied().unwrap_or_default();
            self.waiting.insert(last + 1, mischief);
        }
        has_room
    }

    /// The next mischief for this request, if it satisfies `ready`; it is used up once.
    ///
    /// Only the first that concerns the request is looked at: a later one never overtakes it.
    pub(crate) fn take_if(&mut self, target: Target<'_>, ready: impl Fn(Kind) -> bool) -> Option<Mischief> {
        let (number, found) = self.waiting.iter().find(|(_, mischief)| mischief.concerns(target))?;
        if !ready(found.kind) {
            return None;
        }
        let (number, taken) = (*number, found.clone());
        match taken.times {
            Some(0 | 1) => drop(self.waiting.remove(&number)),
            Some(times) => {
                self.waiting.get_mut(&number)?.times = Some(times - 1);
            }
            None => {}
        }
        Some(taken)
    }

    /// The next mischief for this request, asked for or by chance.
    pub(crate) fn take(&mut self, target: Target<'_>) -> Option<Mischief> {
        self.take_if(target, |_| true).or_else(|| self.chance.get_mut(&THE_CHANCE)?.draw(target.on))
    }

    /// From now on chance decides wherever nothing waits.
    pub(crate) fn leave_to(&mut self, chance: Chance) {
        self.chance.insert(THE_CHANCE, chance);
    }

    /// Forgets all of them, chance too, and says how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        self.chance.clear();
        self.waiting.clear()
    }

    /// Those that wait, first first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mischief> {
        self.waiting.iter().map(|(_, mischief)| mischief)
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Kind, Mischief, MischiefQueue, Pages, Subject, Target};
    use crate::codes::Code;

    fn mischief(kind: Kind, times: Option<u64>, order_id: Option<&str>) -> Mischief {
        Mischief {
            on: Subject::Confirm,
            kind,
            times,
            delay_ms: 0,
            code: Code::CommonError,
            order_id: order_id.map(str::to_owned),
            pages: None,
        }
    }

    fn on(on: Subject) -> Target<'static> {
        Target { on, order_id: None, page: None }
    }

    fn kinds(queue: &mut MischiefQueue, orders: &[&str]) -> Vec<Option<Kind>> {
        orders
            .iter()
            .map(|order| {
                let target = Target { order_id: Some(order), ..on(Subject::Confirm) };
                queue.take_if(target, |_| true).map(|taken| taken.kind)
            })
            .collect()
    }

    #[test]
    fn they_are_done_in_order_and_as_often_as_asked() {
        let mut queue = MischiefQueue::default();
        queue.push(mischief(Kind::RateLimit, Some(2), None));
        queue.push(mischief(Kind::StallBefore, Some(1), Some("order-b")));
        queue.push(mischief(Kind::GarbageAfter, None, None));
        let done = kinds(&mut queue, &["order-a", "order-a", "order-a", "order-b", "order-b"]);
        let garbage = Some(Kind::GarbageAfter);
        assert_eq!(done, [Some(Kind::RateLimit), Some(Kind::RateLimit), garbage, Some(Kind::StallBefore), garbage]);
        assert_eq!(queue.clear(), 1);
    }

    #[test]
    fn chance_is_the_same_with_the_same_seed_and_as_frequent_as_asked() {
        let draws = |seed, rate_bps| {
            let mut queue = MischiefQueue::default();
            queue.leave_to(Chance::new(seed, rate_bps).unwrap());
            let take = |_| queue.take(on(Subject::Confirm)).map(|taken| taken.kind);
            (0..1_000).map(take).collect::<Vec<_>>()
        };
        let some = draws(1, 500);
        assert_eq!(some, draws(1, 500));
        assert_ne!(some, draws(2, 500));
        assert!((20..100).contains(&some.iter().flatten().count()));
        assert_eq!(draws(1, 0).iter().flatten().count(), 0);
        assert_eq!(draws(1, 10_000).iter().flatten().count(), 1_000);
        assert!(Chance::new(1, 10_001).is_none());
    }

    #[test]
    fn a_later_mischief_never_overtakes_an_earlier_one() {
        let mut queue = MischiefQueue::default();
        queue.push(mischief(Kind::GarbageAfter, Some(1), None));
        queue.push(mischief(Kind::RateLimit, Some(1), None));
        assert!(queue.take_if(on(Subject::Confirm), Kind::is_at_the_door).is_none());
        assert!(queue.take_if(on(Subject::Lookup), |_| true).is_none());
    }

    #[test]
    fn a_fault_of_a_list_waits_for_its_pages() {
        let mut queue = MischiefQueue::default();
        queue.push(Mischief { on: Subject::Payouts, ..mischief(Kind::Drop, Some(1), None) });
        assert!(queue.take(on(Subject::Payouts)).is_none(), "a request for payouts has no pages");
        queue.clear();
        let of_later = Mischief { on: Subject::Payouts, ..mischief(Kind::ErrorBefore, Some(1), None) };
        queue.push(Mischief { pages: Some(Pages::Later), ..of_later });
        let asked = |page| Target { page: Some(page), ..on(Subject::Payouts) };
        assert!(queue.take(asked(Pages::First)).is_none());
        assert!(queue.take(asked(Pages::Later)).is_some());
    }
}
