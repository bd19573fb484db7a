//! Webhook endpoints: where events are pushed to, what an attempt came to, and when the next one is.
//!
//! Source: Standard Webhooks 1.0.0.

mod address;
mod schedule;
mod target;

use core::fmt;

pub use address::is_public;
pub use schedule::{
    FAILING_LIMIT_MS, Jitter, MAX_PAUSE_MS, MAX_RETRY_AFTER_S, Next, STANDARD_SCHEDULE_S, Schedule, ScheduleError,
    is_failing_for_too_long, pause_of,
};
use serde::{Deserialize, Serialize};
pub use target::{MAX_URL_CHARS, Permitted, TargetUrl, UrlError};

/// The most endpoints. Each one keeps an activity of a worker occupied.
pub const MAX_ENDPOINTS: u64 = 100;
/// The most characters of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 200;
/// How long the secret before the current one signs along, in milliseconds: one day.
pub const PREVIOUS_SECRET_MS: u64 = 24 * 60 * 60 * 1_000;

/// Whether events are pushed to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointStatus {
    /// Events are pushed.
    Enabled,
    /// Nothing is pushed; the cursor stays where it is.
    Disabled,
}

impl EndpointStatus {
    /// Every status.
    pub const ALL: [Self; 2] = [Self::Enabled, Self::Disabled];

    /// Its name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A principal disabled it.
    Requested,
    /// The receiver answered 410.
    Gone,
    /// Nothing but failures for [`FAILING_LIMIT_MS`].
    Failing,
}

impl DisabledReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Gone, Self::Failing];

    /// Its name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What one attempt to deliver came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttemptOutcome {
    /// The receiver answered with a status from 200 to 299.
    Delivered,
    /// The receiver answered with another status.
    BadStatus,
    /// The receiver pointed elsewhere; a redirect is not followed.
    Redirect,
    /// The receiver answered 410: it wants no more events.
    Gone,
    /// No answer came in time.
    Timeout,
    /// No connection came about, or it broke off.
    Unreachable,
    /// The address of the receiver is not one that events are pushed to.
    AddressRefused,
    /// The answer is not HTTP.
    Unreadable,
    /// The event is not in the log any more.
    EventExpired,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Delivered,
        Self::BadStatus,
        Self::Redirect,
        Self::Gone,
        Self::Timeout,
        Self::Unreachable,
        Self::AddressRefused,
        Self::Unreadable,
        Self::EventExpired,
    ];

    /// Decides by the status of an answer.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            300..=399 => Self::Redirect,
            410 => Self::Gone,
            _ => Self::BadStatus,
        }
    }

    /// Its name on the wire, in the database and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::BadStatus => "bad_status",
            Self::Redirect => "redirect",
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::AddressRefused => "address_refused",
            Self::Unreadable => "unreadable",
            Self::EventExpired => "event_expired",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// Whether the receiver has the event.
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered)
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an event stands after an attempt to deliver it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The receiver has it.
    Delivered,
    /// The attempt failed, and another one follows.
    Failed,
    /// The attempt failed, and no other one follows by itself.
    Undelivered,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Undelivered];

    /// Its name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
            Self::Undelivered => "UNDELIVERED",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}
