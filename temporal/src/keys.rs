//! API keys: create, list, revoke. They work beside a running system.

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use domain::{Timestamp, id::ApiKeyId};
use store::{ApiKey, Scope, Writer};

use crate::{
    audit,
    cli::{KeyScope, KeysAction},
    compose,
    settings::Settings,
};

/// Random bytes in a key's id.
const ID_BYTES: usize = 6;
/// Random bytes in a key's secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: KeysAction) -> anyhow::Result<()> {
    let (writer, reader) = compose::open(&settings.database()?).await?;
    match action {
        KeysAction::Create { scope, name } => {
            let (id, secret) = create(&writer, &name, scope_of(scope)).await?;
            eprintln!("Created the API key {id}. This is the only time its secret is shown:");
            println!("{secret}");
        }
        KeysAction::List { json } => list(&reader.api_keys().await?, json)?,
        KeysAction::Revoke { id } => {
            let id = ApiKeyId::parse(id).context("this is no id of an API key")?;
            ensure!(writer.revoke_api_key(&id).await?, "there is no unrevoked API key {id}");
            audit::record(&writer.journal(), "keys revoke", id.as_str(), "ok").await?;
            println!("Revoked {id}.");
        }
    }
    Ok(())
}

/// Creates a key and stores its hash. The secret exists only in what this returns.
pub(crate) async fn create(writer: &Writer, name: &str, scope: Scope) -> anyhow::Result<(ApiKeyId, String)> {
    let id = ApiKeyId::parse(hex::encode(rand::random::<[u8; ID_BYTES]>()))?;
    let secret = hex::encode(rand::random::<[u8; SECRET_BYTES]>());
    writer.create_api_key(&id, name, scope, &ApiKey::hash(&secret)).await?;
    audit::record(&writer.journal(), &format!("keys create --scope {}", scope.as_str()), id.as_str(), "ok").await?;
    let whole = api::keys::SecretKey::mint(&id, &secret);
    Ok((id, whole))
}

const fn scope_of(scope: KeyScope) -> Scope {
    match scope {
        KeyScope::Checkout => Scope::Checkout,
        KeyScope::Read => Scope::Read,
        KeyScope::Ops => Scope::Ops,
    }
}

fn list(keys: &[ApiKey], json: bool) -> anyhow::Result<()> {
    if json {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "id": key.id.as_str(),
                    "name": key.name,
                    "scope": key.scope.as_str(),
                    "created_at": text(key.created_at),
                    "revoked_at": key.revoked_at.map(text),
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{:<14} {:<9} {:<25} {:<25} name", "id", "scope", "created", "revoked");
    for key in keys {
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), text);
        println!(
            "{:<14} {:<9} {:<25} {revoked:<25} {}",
            key.id.as_str(),
            key.scope.as_str(),
            text(key.created_at),
            key.name
        );
    }
    Ok(())
}

fn text(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.epoch_ms())
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .unwrap_or_default()
}
