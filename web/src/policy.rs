//! The content security policy of a page: what it may load, call and navigate to.
//!
//! A browser does not hold a script's navigation of the whole window against the policy, so the payment
//! window opens whichever address it has; `form-action` covers a script that gets there by a form.

use axum::http::HeaderValue;
use uuid::Uuid;

/// A policy, with the nonce of one answer.
#[derive(Debug, Clone)]
pub struct Policy {
    nonce: String,
    psp: Option<Psp>,
}

/// Where the PSP is, for a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Psp {
    /// Where its script comes from.
    script: String,
    /// Whom that script may call: its own origin and, for a real domain, the hosts beside it.
    sites: String,
}

impl Policy {
    /// A page that reaches nobody but us.
    pub fn own() -> Self {
        Self { nonce: Uuid::new_v4().simple().to_string(), psp: None }
    }

    /// A page that loads the PSP's script.
    pub fn with_psp(script_url: &str) -> Self {
        Self { psp: psp(script_url), ..Self::own() }
    }

    /// Marks what the page brings along itself. Drawn anew for every answer.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The header's value.
    pub fn header(&self) -> HeaderValue {
        let nonce = &self.nonce;
        let (script, sites, frames) = match &self.psp {
            Some(psp) => (format!(" {}", psp.script), format!(" {}", psp.sites), psp.sites.as_str()),
            None => (String::new(), String::new(), "'none'"),
        };
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'{script}; style-src 'nonce-{nonce}'; img-src data:; \
             connect-src 'self'{sites}; frame-src {frames}; form-action 'self'{sites}; frame-ancestors 'none'; \
             base-uri 'none'"
        );
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

fn psp(script_url: &str) -> Option<Psp> {
    let (scheme, rest) = script_url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if !matches!(scheme, "http" | "https") || authority.is_empty() || !authority.bytes().all(plain) {
        return None;
    }
    let script = format!("{scheme}://{authority}");
    let sites = match siblings(authority) {
        Some(siblings) => format!("{script} {scheme}://{siblings}"),
        None => script.clone(),
    };
    Some(Psp { script, sites })
}

/// `*.example.com` for `js.example.com`; nothing for an address, a single name or a domain by itself.
fn siblings(authority: &str) -> Option<String> {
    let (_, domain) = authority.split_once('.')?;
    let is_name = domain.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_name && domain.contains('.')).then(|| format!("*.{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(script_url: &str) -> Option<String> {
        psp(script_url).map(|psp| psp.sites)
    }

    #[test]
    fn the_script_may_call_its_own_hosts_only() {
        let real = sites("https://js.example.com/v2/standard");
        assert_eq!(real.as_deref(), Some("https://js.example.com https://*.example.com"));
        assert_eq!(sites("http://127.0.0.1:9090/v2/standard").as_deref(), Some("http://127.0.0.1:9090"));
        assert_eq!(sites("http://localhost:9090/v2").as_deref(), Some("http://localhost:9090"));
        assert_eq!(sites("https://example.com/v2").as_deref(), Some("https://example.com"));
    }

    #[test]
    fn what_could_break_out_of_the_header_is_no_origin() {
        for url in ["", "js.example.com", "ftp://a.example.com", "https://a;script-src *", "https:///v2"] {
            assert_eq!(psp(url), None, "{url}");
        }
    }

    #[test]
    fn a_page_without_the_psp_reaches_nobody_else() {
        let policy = Policy { nonce: "n".to_owned(), psp: None };
        assert_eq!(
            policy.header(),
            "default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'; img-src data:; connect-src 'self'; \
             frame-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_ne!(Policy::own().nonce(), Policy::own().nonce());
    }
}
