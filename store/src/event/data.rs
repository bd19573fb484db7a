//! The data of events: an object as JSON of bounded size.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::event::EventData;
use serde::Serialize;

use crate::{StoreError, convert::corrupt};

/// The most bytes of a word of the PSP's: a code, a way of paying, a bank.
const MAX_WORD_BYTES: usize = 100;

/// The data of an object that fits into an event.
pub(crate) fn data_of(object: &impl Serialize) -> Result<EventData, StoreError> {
    EventData::try_new(json(object)?).map_err(|error| corrupt("the data of an event", error.bytes))
}

/// An object as JSON, of any size.
pub(crate) fn json(object: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(object).map_err(|error| corrupt("an object without JSON", error))
}

/// A time of a column, in UTC and to the millisecond.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The beginning of a word of the PSP's: whatever the PSP says, the event is written.
pub(crate) fn clipped(word: &str) -> String {
    let end = (0..=MAX_WORD_BYTES.min(word.len())).rev().find(|end| word.is_char_boundary(*end));
    word.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}
