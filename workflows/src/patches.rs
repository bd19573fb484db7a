//! Every patch id, with the date from which it may be removed.
//!
//! A change to the order of steps would lead the replay of a running checkout astray. Such a change asks
//! `ctx.patched(id)` and keeps the old order beside the new one until no checkout that began before it can
//! still run: the longest deadline of a checkout plus the retention of closed workflows. Write the id here
//! as a constant, with the date of that day, and delete both when it has come.
//!
//! How a change is deployed is in `docs/how-to/change-workflows.md`.

/// A booked deposit is written down each time that the PSP says that it holds it, and is released only then.
/// Removable from 2027-06-01: 95 days of a checkout and the retention of its workflow after the release.
pub(crate) const DEPOSIT_SEEN: &str = "deposit-seen";

/// A deposit that comes while its checkout is given up, and that could not be sent back, is booked.
/// Removable from 2027-06-01, as above.
pub(crate) const DEPOSIT_OF_GIVEN_UP: &str = "deposit-of-given-up";

/// A payout run begins no other batch in a history that Temporal calls long, and goes on in an empty one.
/// Removable from 2027-06-01: a run is over when the PSP has paid, and its workflow is kept for some time.
pub(crate) const PAYOUT_LANES_END: &str = "payout-lanes-end";

/// The daily reconciliation takes its day from the time of the schedule, not from the clock.
/// Removable from 2027-06-01: the workflow ends at once, and is kept for some time.
pub(crate) const NOMINAL_DAY: &str = "nominal-day";

/// Before a checkout expires, the PSP is asked for a payment that nobody confirmed.
/// Removable from 2027-06-01, as above.
pub(crate) const ASKED_BEFORE_EXPIRY: &str = "asked-before-expiry";

/// With the number of a signal: that signal could not be read when it came, and is ignored. It is no change of the
/// order of steps and is never removed.
pub(crate) const UNREADABLE_SIGNAL: &str = "unreadable-signal-";
