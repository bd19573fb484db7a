//! A break that grows too old is raised, step by step: it leaves the machine's queue, and its priority rises.

use alloc::vec::Vec;

use super::{BreakClass, BreakType, Deadline};
use crate::calendar::{Day, Holidays};

/// After how many business days behind its deadline a break reaches each step, unless an operator says otherwise.
const DEFAULT_STEPS: [u16; 3] = [1, 5, 20];
/// The most steps.
const MAX_STEPS: usize = 9;
/// The most business days behind a deadline that a step names.
const MAX_STEP_DAYS: u16 = 250;
/// After how many business days a type without a deadline counts as late.
const AGES_FOR: u16 = 5;
/// How many calendar days are looked back for the days that have reached a step.
const LOOK_BACK_DAYS: u32 = 800;

/// After how many business days behind its deadline a break reaches each step, the first step first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationSteps(Vec<u16>);

/// A list that is none of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the steps are at most {MAX_STEPS} numbers of business days from 1 to {MAX_STEP_DAYS}, and each is larger than the \
     one before"
)]
pub struct EscalationStepsError;

impl Default for EscalationSteps {
    fn default() -> Self {
        Self(DEFAULT_STEPS.to_vec())
    }
}

/// Breaks that have reached a step: those of some types whose fact was expected on a day or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEscalation {
    /// From 1.
    pub step: u16,
    pub types: Vec<BreakType>,
    pub expected_by: Day,
}

impl EscalationSteps {
    /// Steps that each come later than the one before. Without steps, nothing is escalated.
    pub fn try_new(days: Vec<u16>) -> Result<Self, EscalationStepsError> {
        let rises = days.windows(2).all(|pair| matches!(pair, [one, next] if one < next));
        let is_within = days.len() <= MAX_STEPS && days.iter().all(|days| (1..=MAX_STEP_DAYS).contains(days));
        if rises && is_within { Ok(Self(days)) } else { Err(EscalationStepsError) }
    }

    /// What has reached each step on a day, the last step first: a break that was found late reaches it at once.
    pub fn due(&self, today: Day, holidays: &Holidays) -> Vec<DueEscalation> {
        let mut due = Vec::new();
        let steps: Vec<(u16, &u16)> = (1..).zip(&self.0).collect();
        for (step, days) in steps.into_iter().rev() {
            let mut types: Vec<BreakType> = BreakType::ALL.to_vec();
            while let Some(deadline) = types.first().map(|first| first.deadline()) {
                let (same, others) = types.into_iter().partition(|one: &BreakType| one.deadline() == deadline);
                types = others;
                let expected_by = latest(today, |expected| lateness(deadline, expected, today, holidays) >= *days);
                due.extend(expected_by.map(|expected_by| DueEscalation { step, types: same, expected_by }));
            }
        }
        due
    }
}

/// How many business days have passed since the deadline.
fn lateness(deadline: Deadline, expected: Day, today: Day, holidays: &Holidays) -> u16 {
    let due_on = match deadline {
        Deadline::AtOnce => expected,
        Deadline::BusinessDays(days) => holidays.business_days_after(expected, days),
        Deadline::Ages => holidays.business_days_after(expected, AGES_FOR),
    };
    u16::try_from(holidays.business_days_between(due_on, today)).unwrap_or(u16::MAX)
}

/// The latest day of which something is true that stays true of every day before.
fn latest(today: Day, is_true: impl Fn(Day) -> bool) -> Option<Day> {
    let mut day = today;
    for _ in 0..LOOK_BACK_DAYS {
        if is_true(day) {
            return Some(day);
        }
        day = day.before();
    }
    None
}

impl BreakClass {
    /// The queue of a break that was escalated: what the machine did not bring to an end is finance's.
    pub const fn escalated(self) -> Self {
        match self {
            Self::Automatic | Self::Finance => Self::Finance,
            Self::Investigation => Self::Investigation,
        }
    }
}
