//! Signing in by an identity provider: OpenID Connect, the authorization code flow with PKCE.
//!
//! What belongs to one attempt (`state`, `nonce`, the verifier) travels in a cookie of the browser that began it, so an
//! answer that another browser was given signs nobody in.
//!
//! Source: OpenID Connect Core 1.0 (section 3.1), OpenID Connect Discovery 1.0, RFC 7636, RFC 9207.

mod answers;
mod attempt;
mod client;
mod discovery;
mod error;
mod identity;
mod settings;
mod verifier;

pub use attempt::Attempt;
pub use client::{Answer, Begun, Provider};
pub use error::ProviderError;
pub use identity::Identity;
pub use settings::Settings;
