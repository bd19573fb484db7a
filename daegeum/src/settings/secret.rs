//! Secrets of the environment: by value, or in a file that a variable with `_FILE` at its end names.

use anyhow::{Context as _, bail, ensure};

/// The end of the name of a variable that names a file.
const FILE: &str = "_FILE";
/// The largest file that is read as a secret, in bytes: some encryption keys, or a URL.
const MAX_BYTES: usize = 64 * 1024;
/// The database's address, which holds a password.
pub(super) const DATABASE_URL: &str = "DAEGEUM_DATABASE_URL";
/// The keys that seal.
pub(super) const ENCRYPTION_KEYS: &str = "DAEGEUM_ENCRYPTION_KEYS";
/// The key of Temporal Cloud. The SDK reads the variable itself.
pub(super) const TEMPORAL_API_KEY: &str = "TEMPORAL_API_KEY";
/// The secret of the console's client at the OpenID Connect provider.
pub(super) const CONSOLE_CLIENT_SECRET: &str = "DAEGEUM_CONSOLE_CLIENT_SECRET";
/// The pepper of API keys.
pub(super) const KEY_PEPPER: &str = "DAEGEUM_KEY_PEPPER";
/// The secret with which the risk service proves itself.
pub(super) const RISK_HOOK_SECRET: &str = "DAEGEUM_RISK_HOOK_SECRET";
/// The secret key at Toss.
pub(super) const TOSS_SECRET_KEY: &str = "TOSS_SECRET_KEY";
/// The secret keys at Toss of contracts in dollars and yen.
pub(super) const TOSS_USD_SECRET_KEY: &str = "TOSS_USD_SECRET_KEY";
pub(super) const TOSS_JPY_SECRET_KEY: &str = "TOSS_JPY_SECRET_KEY";
/// The key at Toss that seals sellers and payouts.
pub(super) const TOSS_SECURITY_KEY: &str = "TOSS_SECURITY_KEY";
/// Every variable that holds a secret.
const SECRETS: [&str; 10] = [
    DATABASE_URL,
    ENCRYPTION_KEYS,
    CONSOLE_CLIENT_SECRET,
    KEY_PEPPER,
    RISK_HOOK_SECRET,
    TOSS_SECRET_KEY,
    TOSS_USD_SECRET_KEY,
    TOSS_JPY_SECRET_KEY,
    TOSS_SECURITY_KEY,
    TEMPORAL_API_KEY,
];

/// A secret of the environment.
pub(super) fn of_environment(name: &'static str) -> anyhow::Result<Option<String>> {
    let value = std::env::var(name).ok();
    let Some(secret) = of_file(name)? else { return Ok(value) };
    ensure!(value.is_none(), "{name} and {name}{FILE} are both set; set one of them");
    Ok(Some(secret))
}

/// A secret in the file that the environment names.
pub(super) fn of_file(name: &'static str) -> anyhow::Result<Option<String>> {
    let variable = format!("{name}{FILE}");
    let Some(path) = std::env::var_os(&variable) else { return Ok(None) };
    let told = || format!("{variable} names a file that cannot be read: {}", path.display());
    let text = std::fs::read_to_string(&path).with_context(told)?;
    ensure!(text.len() <= MAX_BYTES, "{variable} names a file that is too large for a secret: {}", path.display());
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        bail!("{variable} names a file that is empty: {}", path.display());
    }
    Ok(Some(secret.to_owned()))
}

/// Whether a variable names the file of a secret.
pub(super) fn is_file_of_secret(variable: &str) -> bool {
    variable.strip_suffix(FILE).is_some_and(|name| SECRETS.contains(&name))
}
