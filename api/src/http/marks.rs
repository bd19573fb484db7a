//! What a layer or a handler leaves with a request for the others.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use axum::http::HeaderValue;
use domain::{
    id::{ApiKeyId, CheckoutId, PersonId},
    principal::Principal,
};
use store::ApiKey;

use crate::http::problem::Problem;

/// The sender of a request, once it is proved: the API key itself, or the person of a console session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signature(Arc<OnceLock<Principal>>);

impl Signature {
    /// Names the key.
    pub(crate) fn sign(&self, key: &ApiKeyId) {
        // A request has one sender.
        let _ = self.0.set(Principal::Key(key.clone()));
    }

    /// Names the person.
    pub(crate) fn sign_person(&self, person: &PersonId) {
        // A request has one sender.
        let _ = self.0.set(Principal::Person(person.clone()));
    }

    /// The sender, once it is proved.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.0.get()
    }
}

/// Marks an answer to a request that could have changed something and did not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged;

/// Why a person acted, where nothing but the audit log keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Because(pub(crate) String);

/// The id of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(pub(crate) IpAddr);

/// The checkout that a request is about, where its path does not name the checkout.
#[derive(Debug, Clone, Default)]
pub(crate) struct About(Arc<OnceLock<CheckoutId>>);

impl About {
    /// The checkout, where a handler named one.
    pub(crate) fn checkout(&self) -> Option<&CheckoutId> {
        self.0.get()
    }

    /// Names the checkout.
    pub(crate) fn say(&self, checkout_id: &CheckoutId) {
        // A request is about one checkout.
        let _ = self.0.set(checkout_id.clone());
    }
}

/// What came of the key that a request was sent with. It is proved before the request is given a place, and once.
#[derive(Debug, Clone)]
pub(crate) struct Introduced(pub(crate) Result<ApiKey, Problem>);

impl Introduced {
    /// Whether the key is valid.
    pub(crate) const fn is_proved(&self) -> bool {
        self.0.is_ok()
    }

    /// Why the key is not taken, if it is not.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.0.as_ref().map(|_| ()).map_err(Problem::clone)
    }
}
