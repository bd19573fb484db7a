//! What is said of the schedules of a namespace.

use std::time::SystemTime;

use domain::calendar::KoreanTime;
use temporal::{NeededSchedule, ScheduleStanding, ScheduleState};

use crate::values;

/// Whether each schedule is there, and is as this version needs it.
pub(crate) fn are_as_needed(needed: &[NeededSchedule]) -> bool {
    needed.iter().all(|schedule| match &schedule.standing {
        ScheduleStanding::Missing | ScheduleStanding::Differs(_) => false,
        ScheduleStanding::AsNeeded(_) => true,
    })
}

/// Whether a person paused one of the schedules.
pub(crate) fn is_any_paused(needed: &[NeededSchedule]) -> bool {
    needed.iter().any(|schedule| match &schedule.standing {
        ScheduleStanding::Missing => false,
        ScheduleStanding::Differs(state) | ScheduleStanding::AsNeeded(state) => state.is_paused,
    })
}

/// One line for each schedule: when it last acted, and when it acts next.
pub(crate) fn told(needed: &[NeededSchedule]) -> String {
    let lines: Vec<String> = needed.iter().map(line).collect();
    lines.join("\n")
}

fn line(schedule: &NeededSchedule) -> String {
    let id = schedule.id;
    match &schedule.standing {
        ScheduleStanding::Missing => format!("{id} is missing; a worker that starts creates it"),
        ScheduleStanding::Differs(state) => format!("{id} is of another version; {}", times(state)),
        ScheduleStanding::AsNeeded(state) if state.is_paused => format!("{id} is paused; {}", times(state)),
        ScheduleStanding::AsNeeded(state) => format!("{id}: {}", times(state)),
    }
}

fn times(state: &ScheduleState) -> String {
    let last =
        state.last.map_or_else(|| "it has not acted yet".to_owned(), |last| format!("it last acted {}", at(last)));
    let next = state.next.filter(|_| !state.is_paused).map(|next| format!(", acts next {}", at(next)));
    format!("{last}{}", next.unwrap_or_default())
}

fn at(time: SystemTime) -> String {
    KoreanTime(values::instant(time)).to_string()
}
