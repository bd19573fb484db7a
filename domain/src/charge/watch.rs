//! The watch over a booked deposit: the bank may take the deposit back.

use super::{Charge, Knowledge, VirtualAccount, deposit_pause_ms};
use crate::{Timestamp, inquiry::pause_ms};

/// How long a deposit is watched after it was booked, in milliseconds: the bank may take the deposit back, and the PSP
/// repeats a webhook for up to 3 days and 19 hours.
pub const DEPOSIT_WATCH_MS: u64 = 4 * 24 * 60 * 60 * 1_000;
/// The first pauses between two questions about a watched deposit, in milliseconds: most deposits that are taken back
/// are taken back within minutes.
pub const WATCH_PAUSES_MS: [u64; 6] = [10_000, 30_000, 60_000, 5 * 60_000, 15 * 60_000, 30 * 60_000];
/// The pause between two questions about a watched deposit after those, in milliseconds.
pub const LONGEST_WATCH_PAUSE_MS: u64 = 60 * 60 * 1_000;

/// How far the watch over a booked deposit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Until when the bank may take the deposit back.
    pub until: Timestamp,
    /// How many questions the PSP has answered.
    pub answered: u32,
    /// How many questions since then were not answered.
    pub untold: u32,
}

/// What to do next about a deposit that is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchStep {
    /// Ask the PSP after a pause, in milliseconds, or when it nudges us.
    Ask {
        /// How long to wait.
        pause_ms: u64,
    },
    /// Take back what was booked: the deposit is awaited again.
    TakeBack(Option<VirtualAccount>),
    /// Nothing is watched any more.
    End,
}

impl Watch {
    /// A watch that begins.
    pub const fn new(now: Timestamp) -> Self {
        Self { until: now.plus_ms(DEPOSIT_WATCH_MS), answered: 0, untold: 0 }
    }

    /// A watch that goes on after a time of which nothing is known: it begins with a question. `captured_at` is when
    /// the deposit came.
    pub const fn resumed(captured_at: Timestamp) -> Self {
        Self { until: captured_at.plus_ms(DEPOSIT_WATCH_MS), answered: 0, untold: 1 }
    }

    /// Something was learned.
    pub const fn learn(&mut self, knowledge: &Knowledge) {
        if is_told(knowledge) {
            self.answered = self.answered.saturating_add(1);
            self.untold = 0;
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// Decides what to do next. The watch has learned `knowledge` already; there is none at its beginning.
    pub fn next_step(&self, knowledge: Option<&Knowledge>, now: Timestamp) -> WatchStep {
        if let Some(
            Knowledge::Answered(Charge::AwaitingDeposit { account, .. })
            | Knowledge::Reported(Charge::AwaitingDeposit { account, .. }),
        ) = knowledge
        {
            return WatchStep::TakeBack(account.clone());
        }
        let left_ms = self.until.ms_since(now);
        if left_ms == 0 && self.untold == 0 {
            return WatchStep::End;
        }
        let regular_ms = usize::try_from(self.answered)
            .ok()
            .and_then(|answered| WATCH_PAUSES_MS.get(answered).copied())
            .unwrap_or(LONGEST_WATCH_PAUSE_MS);
        let pause_ms = match self.untold {
            0 => regular_ms.min(left_ms),
            // After the end the last question is still to be answered.
            untold if left_ms == 0 => deposit_pause_ms(untold),
            untold => pause_ms(untold, LONGEST_WATCH_PAUSE_MS).min(left_ms),
        };
        WatchStep::Ask { pause_ms }
    }
}

/// Whether the PSP told something of a deposit that was booked.
const fn is_told(knowledge: &Knowledge) -> bool {
    match knowledge {
        Knowledge::Answered(charge) | Knowledge::Reported(charge) => match charge {
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Returned => true,
            Charge::Refused(_) | Charge::Open | Charge::Absent | Charge::NotOurs(_) => false,
        },
        Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => false,
    }
}
