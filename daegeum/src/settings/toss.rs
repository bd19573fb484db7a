//! The settings of Toss: where it is and which keys go there. Keys that cannot belong together are refused.

use anyhow::{Context as _, bail, ensure};
use domain::{Currency, payment_method::PaymentMethod};
use serde::Deserialize;

use crate::{
    settings::{
        Common,
        secret::{self, TOSS_JPY_SECRET_KEY, TOSS_SECRET_KEY, TOSS_SECURITY_KEY, TOSS_USD_SECRET_KEY},
    },
    values::{self, web_address},
};

/// Toss's API.
const BASE_URL: &str = "https://api.tosspayments.com";
/// The script that opens Toss's payment window.
const SCRIPT_URL: &str = "https://js.tosspayments.com/v2/standard";
/// How many calls of one operation may be under way at once.
const CONCURRENT_CALLS: std::ops::RangeInclusive<u32> = 1..=1_000;
const SECRET_KEY: &str = "TOSS_SECRET_KEY (toss.secret_key)";
const CLIENT_KEY: &str = "TOSS_CLIENT_KEY (toss.client_key)";
const TOSS_USD_CLIENT_KEY: &str = "TOSS_USD_CLIENT_KEY";
const TOSS_JPY_CLIENT_KEY: &str = "TOSS_JPY_CLIENT_KEY";

/// The length of the key that seals payouts. Source: Toss Payments, "ENCRYPTION 보안".
const SECURITY_KEY_HEX: usize = 64;

/// How to reach Toss.
#[derive(Debug, Clone)]
pub(crate) struct Toss {
    pub(crate) base_url: String,
    pub(crate) script_url: String,
    pub(crate) client_key: Option<String>,
    pub(crate) secret_key: Option<toss::SecretKey>,
    /// Seals what is said of sellers and payouts; a marketplace without payouts through Toss has none.
    pub(crate) security_key: Option<toss::SecurityKey>,
    /// What the payment page offers, where that is set; at least one method.
    pub(crate) methods: Option<Vec<PaymentMethod>>,
    /// The currency of these keys: Toss has a key set for each currency.
    pub(crate) currency: Currency,
    /// The key sets of other currencies.
    pub(crate) others: Vec<KeySet>,
    /// The most calls of one operation at once, where it is set.
    pub(crate) concurrent_calls: Option<u32>,
    /// Which of them are set, and not defaults.
    pub(crate) set: Vec<&'static str>,
}

/// The keys of a contract in another currency.
#[derive(Debug, Clone)]
pub(crate) struct KeySet {
    pub(crate) currency: Currency,
    pub(crate) client_key: String,
    /// A process that does not call Toss has none.
    pub(crate) secret_key: Option<toss::SecretKey>,
}

/// The settings `toss.usd` and `toss.jpy`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct KeySetFile {
    client_key: Option<String>,
    secret_key: Option<String>,
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
    methods: Option<Vec<String>>,
    currency: Option<String>,
    concurrent_calls: Option<u32>,
    usd: Option<KeySetFile>,
    jpy: Option<KeySetFile>,
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

impl Toss {
    /// What the payment page offers: cards, where nothing is set, for every contract has them.
    pub(crate) fn offered(&self) -> Vec<PaymentMethod> {
        self.methods.clone().unwrap_or_else(|| vec![PaymentMethod::Card])
    }
}

pub(super) fn toss(flags: &Common, file: TossFile) -> anyhow::Result<Toss> {
    let secret_key = secret::of_environment(TOSS_SECRET_KEY)?.or(file.secret_key);
    let security_key = secret::of_environment(TOSS_SECURITY_KEY)?.or(file.security_key);
    check_security_key(security_key.as_deref())?;
    let base_url = flags.toss_base_url.clone().or(file.base_url);
    let script_url = flags.toss_script_url.clone().or(file.script_url);
    let client_key = flags.toss_client_key.clone().or(file.client_key);
    let named = [
        ("TOSS_BASE_URL", base_url.is_some()),
        ("TOSS_SCRIPT_URL", script_url.is_some()),
        ("TOSS_CLIENT_KEY", client_key.is_some()),
        (TOSS_SECRET_KEY, secret_key.is_some()),
    ];
    let mut set: Vec<&str> = named.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect();
    let base_url = web_address("toss.base_url", base_url.unwrap_or_else(|| BASE_URL.to_owned()))?;
    let script_url = web_address("toss.script_url", script_url.unwrap_or_else(|| SCRIPT_URL.to_owned()))?;
    check_keys(
        &Named { name: SECRET_KEY, key: secret_key.as_deref() },
        &Named { name: CLIENT_KEY, key: client_key.as_deref() },
        &[("TOSS_BASE_URL", &base_url), ("TOSS_SCRIPT_URL", &script_url)],
    )?;
    let currency = match flags.toss_currency {
        Some(currency) => currency,
        None => file.currency.as_deref().map_or(Ok(Currency::Krw), in_file("toss.currency", values::currency))?,
    };
    let addresses = [("TOSS_BASE_URL", &base_url), ("TOSS_SCRIPT_URL", &script_url)];
    let mut others = Vec::new();
    for (names, of_file) in [(&USD, file.usd), (&JPY, file.jpy)] {
        let Some(keys) = key_set(names, of_file.unwrap_or_default(), &addresses)? else { continue };
        let code = keys.currency;
        ensure!(
            code != currency,
            "the setting {} holds keys for {code}, and so does TOSS_SECRET_KEY with TOSS_CURRENCY={code}; set one of \
             them",
            names.secret_key
        );
        set.push(names.client_key);
        others.push(keys);
    }
    let concurrent_calls = file.concurrent_calls;
    ensure!(
        concurrent_calls.is_none_or(|calls| CONCURRENT_CALLS.contains(&calls)),
        "the setting toss.concurrent_calls must be {} to {}",
        CONCURRENT_CALLS.start(),
        CONCURRENT_CALLS.end()
    );
    Ok(Toss {
        base_url,
        script_url,
        client_key,
        secret_key: secret_key.map(toss::SecretKey::from),
        security_key: security_key.as_deref().map(toss::SecurityKey::from),
        methods: methods(flags, file.methods)?,
        currency,
        others,
        concurrent_calls,
        set,
    })
}

/// The variables of a key set.
struct KeySetNames {
    currency: Currency,
    client_key: &'static str,
    secret_key: &'static str,
}

const USD: KeySetNames =
    KeySetNames { currency: Currency::Usd, client_key: TOSS_USD_CLIENT_KEY, secret_key: TOSS_USD_SECRET_KEY };
const JPY: KeySetNames =
    KeySetNames { currency: Currency::Jpy, client_key: TOSS_JPY_CLIENT_KEY, secret_key: TOSS_JPY_SECRET_KEY };

/// The keys of a currency besides the first, where they are set. The client key says that there is a contract.
fn key_set(names: &KeySetNames, file: KeySetFile, addresses: &[(&str, &String)]) -> anyhow::Result<Option<KeySet>> {
    let secret_key = secret::of_environment(names.secret_key)?.or(file.secret_key);
    let client_key = std::env::var(names.client_key).ok().or(file.client_key);
    let Some(client_key) = client_key else {
        ensure!(secret_key.is_none(), "the setting {} is set without {}", names.secret_key, names.client_key);
        return Ok(None);
    };
    let (secret_name, client_name) = (names.secret_key, names.client_key);
    check_keys(
        &Named { name: secret_name, key: secret_key.as_deref() },
        &Named { name: client_name, key: Some(&client_key) },
        addresses,
    )?;
    Ok(Some(KeySet { currency: names.currency, client_key, secret_key: secret_key.map(toss::SecretKey::from) }))
}

/// A key, and the setting that holds it.
struct Named<'a> {
    name: &'a str,
    key: Option<&'a str>,
}

fn methods(flags: &Common, file: Option<Vec<String>>) -> anyhow::Result<Option<Vec<PaymentMethod>>> {
    let in_file =
        |texts: Vec<String>| texts.iter().map(|text| in_file("toss.methods", values::payment_method)(text)).collect();
    let listed: Option<Vec<PaymentMethod>> = match flags.payment_methods.clone() {
        Some(methods) => Some(methods),
        None => file.map(in_file).transpose()?,
    };
    let Some(listed) = listed else { return Ok(None) };
    ensure!(!listed.is_empty(), "the setting toss.methods (DAEGEUM_PAYMENT_METHODS) is empty; a buyer could not pay");
    Ok(Some(PaymentMethod::in_order(&listed)))
}

/// Reads a value of the file; the error names the setting.
fn in_file<T>(name: &str, read: fn(&str) -> Result<T, String>) -> impl Fn(&str) -> anyhow::Result<T> {
    move |text| read(text).map_err(|error| anyhow::anyhow!("the setting {name} holds {text:?}: {error}"))
}

/// The message never holds the key.
fn check_security_key(key: Option<&str>) -> anyhow::Result<()> {
    let Some(key) = key else { return Ok(()) };
    ensure!(
        key.len() == SECURITY_KEY_HEX && key.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "the setting {TOSS_SECURITY_KEY} (toss.security_key) must be {SECURITY_KEY_HEX} hexadecimal characters; copy \
         it from Toss's developer centre"
    );
    Ok(())
}

/// Refuses keys that Toss would refuse, that belong to different contracts, or that would travel in the clear. The
/// message never holds a key.
fn check_keys(secret: &Named<'_>, client: &Named<'_>, addresses: &[(&str, &String)]) -> anyhow::Result<()> {
    let (secret_name, client_name) = (secret.name, client.name);
    let secret = secret.key.map(|key| kind(secret_name, key, &SECRET)).transpose()?;
    let client = client.key.map(|key| kind(client_name, key, &CLIENT)).transpose()?;
    if let (Some(secret), Some(client)) = (secret, client) {
        ensure!(
            secret.money == client.money,
            "the settings {secret_name} and {client_name} do not belong together: one is a test key, the other a live \
             key"
        );
        ensure!(
            secret.product == client.product,
            "the settings {secret_name} and {client_name} do not belong together: one is of the payment widget (gsk, \
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
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn refused(secret: &str, client: &str, base_url: &str) -> String {
        let [secret, client] = [secret, client].map(|key| (!key.is_empty()).then_some(key));
        let (secret, client) = (Named { name: SECRET_KEY, key: secret }, Named { name: CLIENT_KEY, key: client });
        let checked = check_keys(&secret, &client, &[("TOSS_BASE_URL", &base_url.to_owned())]);
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_contract_in_another_currency_has_keys_of_its_own() {
        let base_url = BASE_URL.to_owned();
        let read = |client: Option<&str>, secret: Option<&str>| {
            let [client_key, secret_key] = [client, secret].map(|key| key.map(str::to_owned));
            let read = key_set(&USD, KeySetFile { client_key, secret_key }, &[("TOSS_BASE_URL", &base_url)]);
            read.map_err(|error| error.to_string())
        };
        let keys = read(Some("test_ck_usd"), Some("test_sk_usd")).unwrap().unwrap();
        assert_eq!((keys.currency, keys.client_key.as_str()), (Currency::Usd, "test_ck_usd"));
        // A process that does not call Toss has no secret key.
        assert!(read(Some("test_ck_usd"), None).unwrap().unwrap().secret_key.is_none());
        assert!(read(None, None).unwrap().is_none());
        for (client, secret, named) in [
            (None, Some("test_sk_hidden"), "TOSS_USD_SECRET_KEY is set without TOSS_USD_CLIENT_KEY"),
            (Some("test_ck_usd"), Some("live_sk_hidden"), "TOSS_USD_SECRET_KEY and TOSS_USD_CLIENT_KEY do not belong"),
            (Some("test_sk_hidden"), None, "TOSS_USD_CLIENT_KEY must be test_ck_"),
        ] {
            let told = read(client, secret).unwrap_err();
            assert!(told.contains(named) && !told.contains("hidden"), "{told}");
        }
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
