//! The address of a webhook endpoint.

use alloc::string::String;
use core::{fmt, net::IpAddr};

use url::{Host, Url};

use super::is_public;

/// The most characters of an address.
pub const MAX_URL_CHARS: usize = 1_000;

/// What a marketplace permits of the addresses of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permitted {
    /// Addresses of this machine and of its network.
    pub private: bool,
    /// Plain HTTP.
    pub http: bool,
}

/// An address that events may be pushed to. A name may still lead to an address that is not permitted; that shows
/// only when it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

/// Why a text is no address of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Too long.
    #[error("has at most {MAX_URL_CHARS} characters")]
    TooLong,
    /// Not an address.
    #[error("is no absolute address such as https://shop.example/webhooks")]
    Malformed,
    /// Another scheme.
    #[error("must begin with https://")]
    NotHttps,
    /// User name or password.
    #[error("must hold no user name and no password")]
    Userinfo,
    /// A fragment, which no server sees.
    #[error("must hold no fragment (#…)")]
    Fragment,
    /// A port on which no web server is.
    #[error("names a port that no webhook is sent to: use 443, 80 or a port from 1024")]
    Port,
    /// An address that is not public.
    #[error("names an address that is not public")]
    Private,
}

impl TargetUrl {
    /// Reads an address and refuses what is not permitted.
    pub fn parse(text: &str, permitted: Permitted) -> Result<Self, UrlError> {
        if text.chars().count() > MAX_URL_CHARS {
            return Err(UrlError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if permitted.http => {}
            "http" => return Err(UrlError::NotHttps),
            _ => return Err(UrlError::Malformed),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        if !matches!(url.port_or_known_default(), Some(443 | 80 | 1024..)) {
            return Err(UrlError::Port);
        }
        match url.host() {
            None => return Err(UrlError::Malformed),
            Some(Host::Domain(name)) if !permitted.private && is_local_name(name) => return Err(UrlError::Private),
            Some(Host::Domain(_)) => {}
            Some(Host::Ipv4(address)) => check(address.into(), permitted)?,
            Some(Host::Ipv6(address)) => check(address.into(), permitted)?,
        }
        Ok(Self(url))
    }

    /// The address in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host and the port, for people: without the path, which may hold a secret.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn check(address: IpAddr, permitted: Permitted) -> Result<(), UrlError> {
    if permitted.private || is_public(address) { Ok(()) } else { Err(UrlError::Private) }
}

/// Names that are never resolved beyond this machine or its network (RFC 6761, RFC 6762, RFC 8375).
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_below = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    !name.contains('.') || ["localhost", "local", "internal", "home.arpa"].into_iter().any(is_below)
}
