//! The settings of the console: the provider that people sign in by, and how its claims are read.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use service::console::{
    SignInLinks,
    provider::{Provider, Settings},
};
use store::console::Role;

use crate::{
    settings::{Common, secret},
    values::web_address,
};

/// The claim that holds the roles, unless it is set.
const ROLES_CLAIM: &str = "roles";
/// The claim that holds the account of a seller, unless it is set.
const SELLER_CLAIM: &str = "seller_account";

/// The table `[console]`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct ConsoleFile {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    url: Option<String>,
    roles_claim: Option<String>,
    name_claim: Option<String>,
    seller_claim: Option<String>,
    role_names: Option<BTreeMap<String, Vec<String>>>,
}

/// How people sign in to the console.
#[derive(Clone, Default)]
pub(crate) struct ConsoleSettings {
    provider: Option<ProviderSettings>,
    /// The address that people reach the console by, where it is not the public one.
    url: Option<String>,
}

#[derive(Clone)]
struct ProviderSettings {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    roles_claim: String,
    name_claim: Option<String>,
    seller_claim: String,
    role_names: BTreeMap<Role, Vec<String>>,
}

impl std::fmt::Debug for ConsoleSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let issuer = self.provider.as_ref().map(|provider| &provider.issuer);
        f.debug_struct("ConsoleSettings").field("issuer", &issuer).field("url", &self.url).finish_non_exhaustive()
    }
}

/// Reads the settings; names what is missing.
pub(super) fn console(flags: &Common, file: ConsoleFile) -> anyhow::Result<ConsoleSettings> {
    let url = flags.console_url.clone().or(file.url).map(|url| web_address("console.url", url)).transpose()?;
    let issuer = flags.console_issuer.clone().or(file.issuer);
    let client_id = flags.console_client_id.clone().or(file.client_id);
    let (issuer, client_id) = match (issuer, client_id) {
        (None, None) => return Ok(ConsoleSettings { provider: None, url }),
        (Some(issuer), Some(client_id)) => (issuer, client_id),
        (Some(_), None) => bail!("the setting console.client_id is missing beside console.issuer"),
        (None, Some(_)) => bail!("the setting console.issuer is missing beside console.client_id"),
    };
    // The issuer is compared letter by letter with what id tokens say, so a slash at its end stays.
    web_address("console.issuer", issuer.clone())?;
    let provider = ProviderSettings {
        issuer,
        client_id,
        client_secret: secret::of_environment(secret::CONSOLE_CLIENT_SECRET)?
            .or(file.client_secret)
            .filter(|secret| !secret.is_empty()),
        roles_claim: flags.console_roles_claim.clone().or(file.roles_claim).unwrap_or_else(|| ROLES_CLAIM.to_owned()),
        name_claim: flags.console_name_claim.clone().or(file.name_claim),
        seller_claim: flags
            .console_seller_claim
            .clone()
            .or(file.seller_claim)
            .unwrap_or_else(|| SELLER_CLAIM.to_owned()),
        role_names: role_names(file.role_names.unwrap_or_default())?,
    };
    Ok(ConsoleSettings { provider: Some(provider), url })
}

fn role_names(names: BTreeMap<String, Vec<String>>) -> anyhow::Result<BTreeMap<Role, Vec<String>>> {
    names
        .into_iter()
        .map(|(role, names)| {
            let known = Role::parse(&role).with_context(|| {
                let roles = Role::ALL.map(Role::as_str).join(", ");
                format!("the setting console.role_names holds {role:?}; roles are {roles}")
            })?;
            ensure!(!names.is_empty(), "the setting console.role_names gives {role} no name");
            Ok((known, names))
        })
        .collect()
}

impl ConsoleSettings {
    /// The console of an API that is reached by an address.
    pub(crate) fn console(&self, public_url: &str, links: Option<SignInLinks>) -> anyhow::Result<api::Console> {
        let url = self.url.as_deref().unwrap_or(public_url);
        let callback = format!("{url}{}", api::SIGN_IN_CALLBACK);
        let provider = self.provider.clone().map(|set| {
            Provider::try_new(Settings {
                issuer: set.issuer,
                client_id: set.client_id,
                client_secret: set.client_secret,
                redirect_url: callback.clone(),
                roles_claim: set.roles_claim,
                name_claim: set.name_claim,
                seller_claim: set.seller_claim,
                role_names: set.role_names,
            })
        });
        let provider = provider.transpose().context("the settings of console cannot be used")?;
        let is_https = url.starts_with("https://");
        Ok(api::Console { provider, links, is_https, callback, past_days: api::PastDays::default() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn read(text: &str) -> anyhow::Result<ConsoleSettings> {
        let cli = <crate::cli::Cli as clap::Parser>::try_parse_from(["daegeum", "doctor"]).unwrap();
        console(&cli.common, toml::from_str(text)?)
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, named) in [
            ("issuer = \"https://id.example\"", "console.client_id"),
            ("client_id = \"daegeum\"", "console.issuer"),
            ("issuer = \"id.example\"\nclient_id = \"daegeum\"", "console.issuer"),
            ("issuer = \"https://id.example\"\nclient_id = \"d\"\nrole_names = { root = [\"r\"] }", "role_names"),
            ("issuer = \"https://id.example\"\nclient_id = \"d\"\nrole_names = { admin = [] }", "role_names"),
            ("url = \"pay.example\"", "console.url"),
            ("audience = \"x\"", "audience"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(read("").unwrap().provider.is_none());
        let whole = "issuer = \"https://id.example/\"\nclient_id = \"daegeum\"\nclient_secret = \"not-to-be-told\"";
        let told = format!("{:?}", read(whole).unwrap());
        assert!(told.contains("id.example") && !told.contains("not-to-be-told"), "{told}");
    }
}
