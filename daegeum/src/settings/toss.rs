//! The settings of Toss: where it is and which keys go there. Keys that cannot belong together are refused.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::{settings::Common, values::web_address};

/// Toss's API.
const BASE_URL: &str = "https://api.tosspayments.com";
/// The script that opens Toss's payment window.
const SCRIPT_URL: &str = "https://js.tosspayments.com/v2/standard";
/// The variable of the secret key, which is no flag.
pub(super) const SECRET_KEY_VARIABLE: &str = "TOSS_SECRET_KEY";
/// The variable of the security key, which is no flag.
pub(super) const SECURITY_KEY_VARIABLE: &str = "TOSS_SECURITY_KEY";
/// The characters of a security key, all hexadecimal.
const SECURITY_KEY_CHARS: usize = 64;
const SECRET_KEY: &str = "TOSS_SECRET_KEY (toss.secret_key)";
const CLIENT_KEY: &str = "TOSS_CLIENT_KEY (toss.client_key)";

/// How to reach Toss.
#[derive(Debug, Clone)]
pub(crate) struct Toss {
    pub(crate) base_url: String,
    pub(crate) script_url: String,
    pub(crate) client_key: Option<String>,
    pub(crate) secret_key: Option<toss::SecretKey>,
    /// Seals what is sent of sellers and payouts.
    pub(crate) security_key: Option<toss::SecurityKey>,
    /// Which of them are set, and not defaults.
    pub(crate) set: Vec<&'static str>,
}

/// The table `[toss]`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct TossFile {
    base_url: Option<String>,
    script_url: Option<String>,
    client_key: Option<String>,
    secret_key: Option<String>,
    security_key: Option<String>,
}

/// Whose money a key moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    Test,
    Live,
}

/// Which of Toss's products a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    /// The payment window: `ck` and `sk`.
    Window,
    /// The payment widget: `gck` and `gsk`.
    Widget,
}

/// What a key says of itself by its first letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    money: Money,
    product: Product,
}

/// The two forms of a key's second part, by product.
struct Forms {
    window: &'static str,
    widget: &'static str,
}

const SECRET: Forms = Forms { window: "sk", widget: "gsk" };
const CLIENT: Forms = Forms { window: "ck", widget: "gck" };

pub(super) fn toss(flags: &Common, file: TossFile) -> anyhow::Result<Toss> {
    let secret_key = std::env::var(SECRET_KEY_VARIABLE).ok().or(file.secret_key);
    let security_key = std::env::var(SECURITY_KEY_VARIABLE).ok().or(file.security_key);
    let base_url = flags.toss_base_url.clone().or(file.base_url);
    let script_url = flags.toss_script_url.clone().or(file.script_url);
    let client_key = flags.toss_client_key.clone().or(file.client_key);
    let named = [
        ("TOSS_BASE_URL", base_url.is_some()),
        ("TOSS_SCRIPT_URL", script_url.is_some()),
        ("TOSS_CLIENT_KEY", client_key.is_some()),
        (SECRET_KEY_VARIABLE, secret_key.is_some()),
        (SECURITY_KEY_VARIABLE, security_key.is_some()),
    ];
    let set = named.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect();
    let base_url = web_address("toss.base_url", base_url.unwrap_or_else(|| BASE_URL.to_owned()))?;
    let script_url = web_address("toss.script_url", script_url.unwrap_or_else(|| SCRIPT_URL.to_owned()))?;
    check_keys(
        secret_key.as_deref(),
        client_key.as_deref(),
        &[("TOSS_BASE_URL", &base_url), ("TOSS_SCRIPT_URL", &script_url)],
    )?;
    let is_security_key =
        |key: &String| key.len() == SECURITY_KEY_CHARS && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(
        security_key.as_ref().is_none_or(is_security_key),
        "the setting {SECURITY_KEY_VARIABLE} (toss.security_key) must have {SECURITY_KEY_CHARS} hexadecimal digits; \
         copy it from Toss's developer centre"
    );
    Ok(Toss {
        base_url,
        script_url,
        client_key,
        secret_key: secret_key.map(toss::SecretKey::from),
        security_key: security_key.map(toss::SecurityKey::from),
        set,
    })
}

/// Refuses keys that Toss would refuse, that belong to different contracts, or that would travel in the clear. The
/// message never holds a key.
fn check_keys(secret: Option<&str>, client: Option<&str>, addresses: &[(&str, &String)]) -> anyhow::Result<()> {
    let secret = secret.map(|key| kind(SECRET_KEY, key, &SECRET)).transpose()?;
    let client = client.map(|key| kind(CLIENT_KEY, key, &CLIENT)).transpose()?;
    if let (Some(secret), Some(client)) = (secret, client) {
        ensure!(
            secret.money == client.money,
            "the settings {SECRET_KEY} and {CLIENT_KEY} do not belong together: one is a test key, the other a live key"
        );
        ensure!(
            secret.product == client.product,
            "the settings {SECRET_KEY} and {CLIENT_KEY} do not belong together: one is of the payment widget (gsk, \
             gck), the other of the payment window (sk, ck)"
        );
    }
    let is_live = [secret, client].into_iter().flatten().any(|kind| kind.money == Money::Live);
    let in_the_clear = addresses.iter().find(|(_, url)| is_live && url.starts_with("http://"));
    if let Some((name, _)) = in_the_clear {
        bail!("the setting {name} is a plain http:// address, over which no live key goes; set an https:// address");
    }
    Ok(())
}

fn kind(name: &str, key: &str, forms: &Forms) -> anyhow::Result<Kind> {
    let parts = key.split_once('_').and_then(|(money, rest)| {
        let (form, rest) = rest.split_once('_')?;
        let is_key =
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        is_key.then_some((money, form))
    });
    let expected = format!(
        "the setting {name} must be test_{window}_… or live_{window}_…, or of the payment widget test_{widget}_… or \
         live_{widget}_…; copy it from Toss's developer centre",
        window = forms.window,
        widget = forms.widget
    );
    let (money, form) = parts.context(expected.clone())?;
    let money = match money {
        "test" => Money::Test,
        "live" => Money::Live,
        _ => bail!(expected),
    };
    let product = match form {
        form if form == forms.window => Product::Window,
        form if form == forms.widget => Product::Widget,
        _ => bail!(expected),
    };
    Ok(Kind { money, product })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(secret: &str, client: &str, base_url: &str) -> String {
        let [secret, client] = [secret, client].map(|key| (!key.is_empty()).then_some(key));
        let checked = check_keys(secret, client, &[("TOSS_BASE_URL", &base_url.to_owned())]);
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn keys_that_belong_together_are_taken() {
        const HTTPS: &str = "https://api.tosspayments.com";
        for (secret, client, url) in [
            ("test_sk_daegeum", "test_ck_daegeum", "http://127.0.0.1:9090"),
            ("test_gsk_daegeum", "test_gck_daegeum", HTTPS),
            ("live_sk_zXLkKEypNArWmo50nX3lmeaxYG5R", "live_ck_D5GePWvyJnrK0W0k6q8gLzN97Eoq", HTTPS),
            ("live_sk_x", "", HTTPS),
            ("", "", "http://127.0.0.1:9090"),
        ] {
            assert_eq!(refused(secret, client, url), "", "{secret} {client} {url}");
        }
    }

    #[test]
    fn other_keys_are_refused_by_the_setting_and_never_shown() {
        const HTTPS: &str = "https://api.tosspayments.com";
        for (secret, client, url, named) in [
            ("live_sk_hidden", "test_ck_x", HTTPS, "one is a test key, the other a live key"),
            ("test_sk_hidden", "live_ck_x", HTTPS, "one is a test key, the other a live key"),
            ("test_gsk_hidden", "test_ck_x", HTTPS, "one is of the payment widget"),
            ("test_sk_hidden", "test_gck_x", HTTPS, "one is of the payment widget"),
            ("test_ck_hidden", "test_ck_x", HTTPS, "TOSS_SECRET_KEY (toss.secret_key) must be test_sk_"),
            ("test_sk_x", "test_sk_hidden", HTTPS, "TOSS_CLIENT_KEY (toss.client_key) must be test_ck_"),
            ("hidden", "", HTTPS, "TOSS_SECRET_KEY"),
            ("test_sk_", "", HTTPS, "TOSS_SECRET_KEY"),
            ("test_sk_hidden hidden", "", HTTPS, "TOSS_SECRET_KEY"),
            ("prod_sk_hidden", "", HTTPS, "TOSS_SECRET_KEY"),
            ("live_sk_hidden", "live_ck_x", "http://api.example.com", "TOSS_BASE_URL is a plain http:// address"),
            ("live_sk_hidden", "", "http://127.0.0.1:9090", "TOSS_BASE_URL is a plain http:// address"),
        ] {
            let told = refused(secret, client, url);
            assert!(told.contains(named), "{secret} {client} {url}: {told}");
            assert!(!told.contains("hidden"), "{told}");
        }
    }
}
