//! The principal of a command that needs two of them: an API key, or the person at the command line.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use domain::{principal::Principal, reconciliation::Actor};
use service::api_key::SecretKey;
use store::{Actor as AuditActor, Reader, Scope};

use crate::{
    cli::{api_request::KEY_VARIABLE, audit_log},
    settings::Settings,
    values::now,
};

/// The principal of a command.
#[derive(Debug, Args)]
pub(crate) struct PrincipalOptions {
    /// A file that holds an API key of scope finance, which is the principal [default: the variable DAEGEUM_API_KEY, or
    /// the person at the command line]
    #[arg(long, value_name = "PATH")]
    api_key_file: Option<PathBuf>,
}

impl PrincipalOptions {
    /// The principal. A key is proved by its secret; the name of a person is not, so all people are one principal.
    pub(crate) async fn actor(&self, settings: &Settings, reader: &Reader) -> anyhow::Result<Actor> {
        let key = match (&self.api_key_file, std::env::var(KEY_VARIABLE)) {
            (Some(path), _) => {
                std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?
            }
            (None, Ok(key)) => key,
            (None, Err(_)) => return Ok(Actor::parse(&format!("operator:{}", audit_log::operator()))?),
        };
        let (id, secret) = SecretKey::parse(key.trim()).context("what is given as API key is none")?;
        let known = reader.api_key(&id).await?;
        let Some(known) = known.filter(|known| known.opens_with(secret, &settings.door.key_pepper, now())) else {
            bail!("the API key {id} is unknown, has ended, or was made under another key_pepper");
        };
        let scopes = known.grant.scopes;
        ensure!(scopes.includes(Scope::Finance), "the API key {id} does not have the scope finance");
        Ok(Actor::Principal(known.grant.principal()))
    }
}

/// The same, as the audit log names it.
pub(crate) fn audited(actor: &Actor) -> AuditActor {
    match actor {
        Actor::Principal(Principal::Key(id)) => AuditActor::ApiKey(id.clone()),
        Actor::Principal(Principal::Person(id)) => AuditActor::Person(id.clone()),
        Actor::Operator(name) | Actor::Rule(name) => AuditActor::Operator(name.clone()),
    }
}
