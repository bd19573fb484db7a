//! Signals that may not be readable.
//!
//! Anybody who reaches the Temporal server can send a signal: sealed under a key that this worker does not have, or in
//! a shape that the workflow does not know. Such a signal must not stop the workflow, so a handler takes a [`Received`]
//! and ignores what cannot be read.
//!
//! # Invariants
//!
//! * A signal that was ignored once stays ignored when another worker, which could read it, replays the history: the
//!   history holds a marker for it. A signal that can be read costs no event.
//! * A worker that cannot read a signal which the history shows as taken fails its task and decides nothing.

use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext,
    common::{
        data_converters::{
            GenericPayloadConverter as _, PayloadConversionError, SerializationContext, TemporalDeserializable,
            TemporalSerializable,
        },
        protos::temporal::api::common::v1::Payload,
    },
};

use crate::{patches::UNREADABLE_SIGNAL, task};

/// A signal as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<T> {
    /// The signal can be read.
    Readable(T),
    /// The signal is sealed under a key that this worker does not have, or has another shape.
    Unreadable,
}

impl<T> From<T> for Received<T> {
    fn from(signal: T) -> Self {
        Self::Readable(signal)
    }
}

impl<T: TemporalSerializable + 'static> TemporalSerializable for Received<T> {
    fn to_payload(&self, context: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        match self {
            Self::Readable(signal) => context.converter.to_payload(context, signal),
            Self::Unreadable => Err(PayloadConversionError::WrongEncoding),
        }
    }
}

impl<T: TemporalDeserializable + 'static> TemporalDeserializable for Received<T> {
    fn from_payload(context: &SerializationContext<'_>, payload: Payload) -> Result<Self, PayloadConversionError> {
        Ok(context.converter.from_payload::<T>(context, payload).map_or(Self::Unreadable, Self::Readable))
    }

    fn from_payloads(
        context: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        match <[Payload; 1]>::try_from(payloads) {
            Ok([payload]) => Self::from_payload(context, payload),
            Err(_) => Ok(Self::Unreadable),
        }
    }
}

/// How many signals a workflow was sent: the same on every replay.
#[derive(Debug, Default)]
pub struct SignalCount(u32);

/// What a workflow's context tells of its history.
pub(crate) trait History {
    /// Whether what happens now stands in the history.
    fn is_replaying(&self) -> bool;
    /// Writes a marker into the history, or answers whether it is there.
    fn patched(&self, id: &str) -> bool;
}

impl<W> History for SyncWorkflowContext<W> {
    fn is_replaying(&self) -> bool {
        self.is_replaying()
    }

    fn patched(&self, id: &str) -> bool {
        self.patched(id)
    }
}

impl<W> History for WorkflowContext<W> {
    fn is_replaying(&self) -> bool {
        self.is_replaying()
    }

    fn patched(&self, id: &str) -> bool {
        self.patched(id)
    }
}

/// What a signal says; `None` where it cannot be read, or could not when it came.
pub(crate) fn read_signal<T>(history: &impl History, count: &mut SignalCount, received: Received<T>) -> Option<T> {
    count.0 = count.0.saturating_add(1);
    let marker = format!("{UNREADABLE_SIGNAL}{}", count.0);
    match received {
        Received::Readable(signal) => {
            let was_ignored = history.is_replaying() && history.patched(&marker);
            (!was_ignored).then_some(signal)
        }
        Received::Unreadable if history.patched(&marker) => None,
        Received::Unreadable => task::fail("this worker cannot read a signal that the history shows as taken"),
    }
}
