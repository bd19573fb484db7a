//! What one run of a reconciliation found, and the identity and the age of the break that it is.

use alloc::{format, string::String};

use sha2::{Digest, Sha256};

use super::{BreakClass, BreakType, Deadline, Layer};
use crate::{
    Currency,
    calendar::{Day, Holidays},
    id::{BreakId, CheckoutId},
    settlement::Flow,
};

/// How many bytes of the hash stand in the id of a break.
const ID_BYTES: usize = 12;

/// The rows of both sides, as compact JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What our side says.
    pub ours: String,
    /// What the other side says, as it was received.
    pub theirs: String,
}

/// A difference as one run sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it was seen.
    pub layer: Layer,
    /// What it is.
    pub break_type: BreakType,
    /// How it is dealt with: the class of the type, or a stricter one.
    pub class: BreakClass,
    /// What it is about, such as an order or a transaction key: the same in every run.
    pub key: String,
    /// The day on which the fact was expected.
    pub day: Day,
    /// The currency of the amounts.
    pub currency: Currency,
    /// What our side says, where it says an amount.
    pub ours: Option<Flow>,
    /// What the other side says, where it says an amount.
    pub theirs: Option<Flow>,
    /// What of it is booked to suspense: towards us is a credit.
    pub suspense: Option<Flow>,
    /// The checkout that it is about.
    pub checkout_id: Option<CheckoutId>,
    /// The workflow that may look at the PSP again.
    pub workflow_id: Option<String>,
    /// The rows of both sides.
    pub evidence: Evidence,
}

/// The id of a break: the same for the same layer, key and type in every run.
pub fn break_id(layer: Layer, key: &str, break_type: BreakType) -> BreakId {
    let hash = Sha256::digest(format!("{}\n{key}\n{break_type}", layer.as_str()));
    let mut id = String::from("brk_");
    for byte in hash.iter().take(ID_BYTES) {
        id += &format!("{byte:02x}");
    }
    // Hexadecimal digits are in the alphabet of the id.
    BreakId::from_hash(id)
}

impl Finding {
    /// Whether it is closed as soon as it is seen: nothing is left to do, and it stays on record.
    pub fn closes_at_once(&self) -> bool {
        let is_name_alone = self.break_type == BreakType::AttributeDiffers && self.class == BreakClass::Automatic;
        self.break_type.closes_at_once() || is_name_alone
    }

    /// The id of the break that it is.
    pub fn break_id(&self) -> BreakId {
        break_id(self.layer, &self.key, self.break_type)
    }
}

/// How long a break has been expected to be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Business days since the fact was expected.
    pub business_days: u32,
    /// The last day on which it is in time, where it has a deadline.
    pub due_on: Option<Day>,
    /// Whether that day has passed.
    pub is_overdue: bool,
}

impl Age {
    /// The age on a day of a break whose fact was expected on another.
    pub fn of(break_type: BreakType, expected: Day, today: Day, holidays: &Holidays) -> Self {
        let due_on = match break_type.deadline() {
            Deadline::AtOnce => Some(expected),
            Deadline::BusinessDays(days) => Some(holidays.business_days_after(expected, days)),
            Deadline::Ages => None,
        };
        let business_days = if today > expected { holidays.business_days_between(expected, today) } else { 0 };
        Self { business_days, due_on, is_overdue: due_on.is_some_and(|due| today > due) }
    }
}
