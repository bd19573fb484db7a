//! What an operator may read of an activity's input.

use std::collections::BTreeMap;

/// What of an activity's input an operator may read: ids, amounts, statuses; no secret, no personal data.
pub type Facts = BTreeMap<String, String>;

/// An input of which an operator may read something.
pub trait HasFacts {
    /// What may be read.
    fn facts(&self) -> Facts;
}

/// Names the facts of an input.
pub fn facts_of<const N: usize>(named: [(&str, &dyn ToString); N]) -> Facts {
    named.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}
