//! Buyers who register a card or an account, and the one-time keys that shops turn into billing keys.

use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::file::{Change, File, FileError};
use crate::method::Method;
use crate::shelf::{Saved, Shelf};
use crate::till::WayBack;
use crate::time::Instant;

/// Most registrations; past this, a new one is refused.
const MAX_REGISTRATIONS: usize = 100_000;

/// How far a registration has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    Open,
    /// The shop has the one-time key.
    Agreed {
        auth_key: String,
    },
    /// The one-time key has become a billing key.
    Used,
}

/// A buyer who registers a card or an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) id: String,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    pub(crate) customer_key: String,
    pub(crate) method: Method,
    /// The code of the card company that the shop asked for.
    pub(crate) issuer: Option<String>,
    pub(crate) way_back: WayBack,
    pub(crate) opened_at: Instant,
    pub(crate) stage: Stage,
}

/// The registrations there are.
#[derive(Debug)]
pub(crate) struct Registrations {
    kept: Shelf<u64, Registration>,
}

impl Default for Registrations {
    fn default() -> Self {
        Self { kept: Shelf::new("registration") }
    }
}

impl Saved for Registrations {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.kept.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.kept.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.kept.restore(file)
    }
}

impl Registrations {
    /// Keeps a new registration; says whether there was room.
    pub(crate) fn keep(&mut self, registration: Registration) -> bool {
        let has_room = self.kept.len() < MAX_REGISTRATIONS;
        if has_room {
            let number = self.kept.last_id().map_or(1, |last| last + 1);
            self.kept.insert(number, registration);
        }
        has_room
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Registration> {
        self.kept.iter().map(|(_, one)| one).find(|one| one.id == id)
    }

    fn number(&self, is_wanted: impl Fn(&Registration) -> bool) -> Option<u64> {
        self.kept.iter().find(|(_, one)| is_wanted(one)).map(|(number, _)| *number)
    }

    /// The buyer has agreed; says whether there is such a registration.
    pub(crate) fn agree(&mut self, id: &str, auth_key: String) -> bool {
        let Some(number) = self.number(|one| one.id == id) else { return false };
        let Some(registration) = self.kept.get_mut(&number) else { return false };
        registration.stage = Stage::Agreed { auth_key };
        true
    }

    /// Takes a one-time key of a merchant's buyer, which nobody can take again.
    ///
    /// # Errors
    /// `INVALID_BILLING_AUTH`: there is no such key, or it was taken before, or it is another buyer's.
    pub(crate) fn take(&mut self, merchant: usize, auth_key: &str, customer_key: &str) -> Result<Registration, Code> {
        let is_it = |one: &Registration| {
            let has_key = matches!(&one.stage, Stage::Agreed { auth_key: key } if key == auth_key);
            has_key && one.merchant == merchant && one.customer_key == customer_key
        };
        let number = self.number(is_it).ok_or(Code::InvalidBillingAuth)?;
        let taken = self.kept.get_mut(&number).ok_or(Code::InvalidBillingAuth)?;
        taken.stage = Stage::Used;
        Ok(taken.clone())
    }
}
