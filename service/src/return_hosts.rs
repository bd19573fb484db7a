//! The hosts that a buyer's browser may be led to after paying.
//!
//! A return address comes with the request for a checkout. Without a list, whoever holds an API key, or gets a shop to
//! pass an address on, leads buyers from our page to any site.

use std::str::FromStr;

/// The setting, as error messages name it.
const SETTING: &str = "return_hosts";

/// A host, every host below one, or every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnHost {
    /// `*`
    Any,
    /// `shop.example`
    Exactly(String),
    /// `*.shop.example`: every host below it, and not itself.
    Below(String),
}

/// A text that is no [`ReturnHost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a return host is written as shop.example, as *.shop.example for all hosts below it, or as * for any host")]
pub struct ReturnHostError;

impl FromStr for ReturnHost {
    type Err = ReturnHostError;

    fn from_str(text: &str) -> Result<Self, ReturnHostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let below = text.strip_prefix("*.");
        let host = below.unwrap_or(text);
        if host.is_empty() || host_of(&format!("https://{host}/")).as_deref() != Some(&host.to_ascii_lowercase()) {
            return Err(ReturnHostError);
        }
        let host = host.to_ascii_lowercase();
        Ok(if below.is_some() { Self::Below(host) } else { Self::Exactly(host) })
    }
}

impl ReturnHost {
    fn includes(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own == host,
            Self::Below(parent) => {
                host.strip_suffix(parent.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        }
    }
}

/// Which return addresses are taken.
#[derive(Debug, Clone)]
pub struct ReturnHosts {
    own: Option<String>,
    listed: Vec<ReturnHost>,
}

impl ReturnHosts {
    /// The host of the buyer's pages, and those that are listed.
    pub fn new(public_url: &str, listed: Vec<ReturnHost>) -> Self {
        Self { own: host_of(public_url), listed }
    }

    /// Whether a buyer may be led to an address; otherwise why not.
    pub fn check(&self, address: &str) -> Result<(), String> {
        let host = host_of(address).ok_or("is no plain http or https address with a host")?;
        if self.own.as_ref() == Some(&host) || self.listed.iter().any(|listed| listed.includes(&host)) {
            return Ok(());
        }
        Err(format!("leads to the host {host}, which is not in the setting {SETTING}; an operator adds it there"))
    }
}

/// The host of an address, in lower case; none of an address that browsers and we may read differently.
fn host_of(address: &str) -> Option<String> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    // A browser reads a backslash as a slash.
    if address.contains('\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(literal) => {
            let end = literal.find(']')? + 2;
            (authority.get(..end)?, authority.get(end..)?)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':')?.bytes().all(|byte| byte.is_ascii_digit());
    let is_literal =
        host.starts_with('[') && host.bytes().all(|byte| b"[]:.".contains(&byte) || byte.is_ascii_hexdigit());
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let host = host.strip_suffix('.').unwrap_or(host);
    (is_port && (is_literal || is_name) && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listed: &[&str]) -> ReturnHosts {
        ReturnHosts::new("https://pay.example:8443", listed.iter().map(|host| host.parse().unwrap()).collect())
    }

    #[test]
    fn without_a_list_only_our_own_host_is_taken() {
        hosts(&[]).check("https://pay.example/thanks").unwrap();
        hosts(&[]).check("http://PAY.example.:80?x#y").unwrap();
        let refused = hosts(&[]).check("https://shop.example/done").unwrap_err();
        assert!(refused.contains("shop.example") && refused.contains("return_hosts"), "{refused}");
    }

    #[test]
    fn a_listed_host_is_taken_and_nothing_that_looks_like_one() {
        let hosts = hosts(&["Shop.example", "*.mall.example", "[::1]"]);
        for address in
            ["https://shop.example/a", "http://shop.example:3000", "https://a.b.mall.example", "http://[::1]:3/x"]
        {
            hosts.check(address).unwrap();
        }
        for address in [
            "https://shop.example.evil.com/",
            "https://evil.com/shop.example",
            "https://shop.example@evil.com/",
            "https://evil.com\\@shop.example/",
            "https://evil.com#@shop.example",
            "https://shop.example:80@evil.com",
            "https://mall.example/",
            "https://evilmall.example/",
            "https://shop%2eexample/",
            "https://.mall.example/",
            "ftp://shop.example/",
            "//shop.example/",
            "https:///shop.example",
        ] {
            assert!(hosts.check(address).is_err(), "{address}");
        }
        self::hosts(&["*"]).check("https://anything.example:1/x").unwrap();
    }

    #[test]
    fn a_setting_names_hosts_and_nothing_else() {
        for wrong in ["", "*.", "https://shop.example", "shop.example/", "shop.example:80", "a b", "*.*.example", "a@b"]
        {
            assert!(wrong.parse::<ReturnHost>().is_err(), "{wrong}");
        }
    }
}
