//! What goes wrong at a sign-in.

use std::error::Error;

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The answer is not of the attempt that this browser began.
    #[error("the answer is not of the sign-in that this browser began")]
    OtherAttempt,
    /// The provider, or the person, said no.
    #[error("the identity provider answered {0}")]
    Refused(String),
    /// The provider cannot be reached.
    #[error("the identity provider cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The provider's answer cannot be used.
    #[error("the answer of the identity provider cannot be used: {0}")]
    Unusable(&'static str),
    /// The id token is not to be trusted.
    #[error("the id token is not to be trusted")]
    Untrusted(#[source] Box<dyn Error + Send + Sync>),
    /// A defect of ours, or of this machine.
    #[error("a sign-in cannot be begun")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}
