//! The event log: what the world is told of.
//!
//! A fact is appended in the transaction that makes it true, without a position. PostgreSQL hands out the values of a
//! sequence before the commit, so a reader that asked for "later than the last id" would miss what commits late. The
//! [`Sequencer`] gives positions to facts that are committed, one after the other, without a gap; readers go by
//! positions alone.
//!
//! The events of one object have positions in the order of its versions. A writer changes the object's row before it
//! appends, and that row's lock is held until the commit: of two transactions on one object the second takes its
//! `append_id` after the first has committed, and the sequencer goes by `append_id`.

mod append;
mod cursors;
pub(crate) mod data;
mod lag;
mod log_row;
mod objects;
mod read;
mod retention;
mod sequencer;
mod signals;
mod tail;

pub(crate) use append::{append, append_all};
pub use cursors::{EventCursor, HeldCursor};
pub use lag::EventLag;
pub(crate) use objects::{
    ObjectFact, append_break, append_checkouts, append_letter, append_object, append_refund, append_saved_card,
    append_seller, created,
};
pub use read::{EventFigures, EventLogState, EventPage, EventQuery, EventRecord, EventsRead, MAX_EVENTS, Unsequenced};
pub use retention::EventRetention;
pub use sequencer::Sequencer;
pub(crate) use signals::{DueTime, Signals};
pub use tail::Tail;
