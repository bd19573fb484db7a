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
use tracing::{Instrument as _, Span};

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

tokio::task_local! {
    /// What the request is about that this task answers.
    static ABOUT: About;
}

/// The checkout that a request is about. Its id stands in every line that is logged once it is known.
#[derive(Debug, Clone)]
pub(crate) struct About {
    checkout_id: Arc<OnceLock<CheckoutId>>,
    span: Span,
}

/// Names the checkout that the request is about which this task answers.
pub(crate) fn is_about(checkout_id: &CheckoutId) {
    // Outside of a request there is no line to name it in.
    let _ = ABOUT.try_with(|about| about.say(checkout_id));
}

impl About {
    /// Of a request that has just come.
    pub(crate) fn begin(request_id: &str) -> Self {
        let span = tracing::error_span!("request", request_id, checkout.id = tracing::field::Empty);
        Self { checkout_id: Arc::default(), span }
    }

    /// Answers the request: what the answer logs carries the id of the request, and that of its checkout.
    pub(crate) async fn answer<F: Future>(&self, answer: F) -> F::Output {
        ABOUT.scope(self.clone(), answer).instrument(self.span.clone()).await
    }

    /// The checkout, where a handler named one.
    pub(crate) fn checkout(&self) -> Option<&CheckoutId> {
        self.checkout_id.get()
    }

    /// Names the checkout.
    pub(crate) fn say(&self, checkout_id: &CheckoutId) {
        // A request is about one checkout.
        if self.checkout_id.set(checkout_id.clone()).is_ok() {
            self.span.record("checkout.id", checkout_id.as_str());
        }
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
