//! API keys: create, list, rotate, revoke. They work beside a running system.

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use clap::Subcommand;
use domain::{
    Money, Timestamp,
    id::{ApiKeyId, PersonId, SellerAccount},
};
use store::{ApiKey, Grant, Pepper, Peppered, Reader, Scope, Scopes, Secret, Writer};

use crate::{
    cli::{
        audit_log, out,
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::{self, now},
};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Create a key and print its secret, once, on the last line
    #[command(after_help = example!("daegeum keys create --scope checkout,refund --name shop"))]
    Create {
        /// What the key may do: read, checkout, refund, ops, finance; several with commas or by several flags. Each
        /// scope includes read; ops includes every scope except finance
        #[arg(long, value_parser = |text: &str| Scopes::parse(text))]
        scope: Vec<Scopes>,
        /// A name for people
        #[arg(long, default_value = "")]
        name: String,
        /// Limit the key to reading what is this seller's: registration, wallet, payouts and statements [default: all
        /// sellers]
        #[arg(long, value_parser = |text: &str| SellerAccount::parse(text))]
        seller: Option<SellerAccount>,
        /// The most that the key may refund in a day, in won or with a currency, such as 1000000 or "99.50 USD"
        /// [default: no limit]
        #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
        refund_limit: Option<Money>,
        /// When the key expires, counted from now, such as 24h or 90d [default: never]
        #[arg(long, value_name = "TIME", value_parser = values::length)]
        expires_in: Option<u64>,
    },
    /// List all keys, without their secrets
    #[command(after_help = example!("daegeum keys list"))]
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Replace a key by a new one; the old key stays valid for a while
    ///
    /// Both keys share their idempotency keys: a request that was sent under the old key may be repeated under the new
    /// key.
    #[command(after_help = example!("daegeum keys rotate 0a1b2c3d4e5f --overlap 24h"))]
    Rotate {
        /// The part between `dk_` and the next `_`
        id: String,
        /// How long the old key stays valid, such as 30m, 24h or 7d; 0m ends it at once
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = values::length)]
        overlap: u64,
    },
    /// Revoke a key at once
    #[command(after_help = example!("daegeum keys revoke 0a1b2c3d4e5f"))]
    Revoke {
        /// The part between `dk_` and the next `_`
        id: String,
    },
}

/// Random bytes in a key's id.
const ID_BYTES: usize = 6;
/// Random bytes in a key's secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: KeysAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    if let KeysAction::List { output } = action {
        return list(&compose::open_reader(&url).await?.api_keys().await?, output);
    }
    let (writer, _) = compose::open(&url).await?;
    let pepper = &settings.door.key_pepper;
    match action {
        KeysAction::Create { scope, name, seller, refund_limit, expires_in } => {
            let scopes = scopes_of(&scope, seller.as_ref())?;
            ensure!(
                refund_limit.is_none() || scopes.includes(Scope::Refund),
                "--refund-limit is for a key that may refund: --scope refund or ops"
            );
            let wanted = NewKey { name: &name, scopes, seller, refund_limit, expires_at: expires_in.map(from_now) };
            show(&create(&writer, wanted, pepper).await?)?;
        }
        KeysAction::List { .. } => {}
        KeysAction::Rotate { id, overlap } => show(&rotate(&writer, &id, from_now(overlap), pepper).await?)?,
        KeysAction::Revoke { id } => {
            let id = ApiKeyId::parse(id).context("this is no id of an API key")?;
            ensure!(writer.journal().revoke_api_key(&id, pepper).await?, "there is no unrevoked API key {id}");
            audit_log::record(&writer.journal(), "keys revoke", id.as_str(), "ok").await?;
            println!("Revoked {id}.");
        }
    }
    Ok(())
}

/// Advice for keys that are unusable under the pepper.
pub(crate) const MEND_PEPPER: &str =
    "set key_pepper (DAEGEUM_KEY_PEPPER) to what it was, or make new keys and revoke these with `daegeum keys`";

/// Describes the keys that are unusable under the pepper; `None` if there is none.
pub(crate) fn shut_out(peppered: &Peppered, pepper: &Pepper) -> Option<String> {
    let (first, all) = (peppered.shut_out.first()?, peppered.shut_out.len());
    let set = pepper.id().map_or_else(|| "none is set".to_owned(), |id| format!("{id} is set"));
    let good = peppered.good;
    Some(format!("{all} of {good} API keys were made under another key_pepper than now, when {set}; {first} for one"))
}

/// Checks that the API keys were created under the pepper that is set. Fails if every key is unusable: then the pepper
/// was lost, or belongs to another database.
pub(crate) async fn check_pepper(reader: &Reader, pepper: &Pepper) -> anyhow::Result<()> {
    let peppered = reader.peppered(pepper).await?;
    let Some(told) = shut_out(&peppered, pepper) else { return Ok(()) };
    ensure!(peppered.shut_out.len() < peppered.good, "{told}; {MEND_PEPPER}");
    tracing::warn!("{told}; {MEND_PEPPER}");
    Ok(())
}

/// A key to create.
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) scopes: Scopes,
    pub(crate) seller: Option<SellerAccount>,
    /// The most that it gives back in a day.
    pub(crate) refund_limit: Option<Money>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Creates a key and stores its hash. The secret exists only in what this returns.
pub(crate) async fn create(writer: &Writer, wanted: NewKey<'_>, pepper: &Pepper) -> anyhow::Result<(ApiKeyId, String)> {
    let (id, secret) = mint()?;
    let NewKey { scopes, seller, refund_limit, .. } = wanted;
    let grant = Grant { id: id.clone(), origin: id.clone(), scopes, seller, refund_limit };
    let key = store::NewKey { grant: &grant, name: wanted.name, expires_at: wanted.expires_at, shown_to: None };
    writer.create_api_key(key, Secret { text: &secret, pepper }).await?;
    let limit = refund_limit.map_or_else(String::new, |limit| format!(" --refund-limit {limit}"));
    let action = format!("keys create --scope {}{limit}", scopes.to_text());
    audit_log::record(&writer.journal(), &action, id.as_str(), "ok").await?;
    Ok((id.clone(), service::api_key::SecretKey::mint(&id, &secret)))
}

async fn rotate(
    writer: &Writer,
    old: &str,
    overlap_ends: Timestamp,
    pepper: &Pepper,
) -> anyhow::Result<(ApiKeyId, String)> {
    let old = ApiKeyId::parse(old).context("this is no id of an API key")?;
    let (id, secret) = mint()?;
    let rotated = writer.rotate_api_key(&old, id.clone(), overlap_ends, Secret { text: &secret, pepper }).await?;
    ensure!(
        rotated.is_some(),
        "there is no API key {old} that is neither revoked nor expired, and that was made under this key_pepper"
    );
    audit_log::record(&writer.journal(), "keys rotate", &format!("{old}/{id}"), "ok").await?;
    eprintln!("The API key {old} goes on until {}.", text(overlap_ends));
    Ok((id.clone(), service::api_key::SecretKey::mint(&id, &secret)))
}

fn mint() -> anyhow::Result<(ApiKeyId, String)> {
    let id = ApiKeyId::parse(hex::encode(rand::random::<[u8; ID_BYTES]>()))?;
    Ok((id, hex::encode(rand::random::<[u8; SECRET_BYTES]>())))
}

fn show((id, secret): &(ApiKeyId, String)) -> anyhow::Result<()> {
    eprintln!("Created the API key {id}. This is the only time its secret is shown:");
    println!("{secret}");
    ensure!(
        out::ended_early().is_none(),
        "the API key {id} was created, and its secret could not be printed: revoke it with `daegeum keys revoke {id}`"
    );
    Ok(())
}

/// A seller's key reads; `read` is what it gets when nothing is said.
fn scopes_of(named: &[Scopes], seller: Option<&SellerAccount>) -> anyhow::Result<Scopes> {
    let scopes = named.iter().copied().reduce(Scopes::with);
    match (scopes, seller) {
        (Some(scopes), None) => Ok(scopes),
        (None, Some(_)) => Ok(Scopes::only(Scope::Read)),
        (Some(scopes), Some(_)) => {
            ensure!(scopes == Scopes::only(Scope::Read), "a key of a seller has --scope read");
            Ok(scopes)
        }
        (None, None) => anyhow::bail!("say what the key may do: --scope read, checkout, refund, ops or finance"),
    }
}

/// Says which good keys refund because their `checkout` once included that. They go on; whoever made them decides.
pub(crate) async fn warn_of_old_scopes(reader: &Reader) -> anyhow::Result<()> {
    let now = now();
    let keys = reader.api_keys().await?;
    let old: Vec<&str> = keys
        .iter()
        .filter(|key| key.refunds_by_age() && !key.has_ended(now))
        .map(|key| key.grant.id.as_str())
        .collect();
    if !old.is_empty() {
        tracing::warn!(
            "{} API keys of scope checkout were made before there was a scope refund and still refund: {}; where that \
             is not meant, make new ones with `daegeum keys create --scope checkout` and revoke these",
            old.len(),
            old.join(", ")
        );
    }
    Ok(())
}

fn from_now(ms: u64) -> Timestamp {
    now().plus_ms(ms)
}

fn list(keys: &[ApiKey], output: Output) -> anyhow::Result<()> {
    if output.json {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "id": key.grant.id.as_str(),
                    "name": key.name,
                    "scope": key.grant.scopes.to_text(),
                    "scopes": key.grant.scopes.given().map(Scope::as_str).collect::<Vec<_>>(),
                    "refund_limit": key.grant.refund_limit.map(|limit| limit.to_string()),
                    "refunds_by_age": key.refunds_by_age(),
                    "seller_account": key.grant.seller.as_ref().map(SellerAccount::as_str),
                    "origin": key.grant.origin.as_str(),
                    "created_at": text(key.created_at),
                    "expires_at": key.expires_at.map(text),
                    "last_used_at": key.last_used_at.map(text),
                    "shown_to": key.shown_to.as_ref().map(PersonId::as_str),
                    "revoked_at": key.revoked_at.map(text),
                })
            })
            .collect();
        return print_json(&rows);
    }
    println!("{:<14} {:<16} {:<12} {:<21} {:<21} {:<21} name", "id", "scope", "seller", "created", "ends", "last used");
    for key in keys {
        println!(
            "{:<14} {:<16} {:<12} {:<21} {:<21} {:<21} {}",
            key.grant.id.as_str(),
            key.grant.scopes.to_text(),
            key.grant.seller.as_ref().map_or("-", SellerAccount::as_str),
            text(key.created_at),
            end(key),
            key.last_used_at.map_or_else(|| "-".to_owned(), text),
            key.name
        );
    }
    Ok(())
}

/// When a key ends, or that it has.
fn end(key: &ApiKey) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(_)) if key.has_ended(now()) => "expired".to_owned(),
        (None, Some(end)) => text(end),
        (None, None) => "-".to_owned(),
    }
}

fn text(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.epoch_ms())
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::scopes_of;

    #[test]
    fn scopes_are_named_once_or_often() {
        let parse = |texts: &[&str]| {
            let named: Vec<_> = texts.iter().map(|text| store::Scopes::parse(text).unwrap()).collect();
            scopes_of(&named, None).map(store::Scopes::to_text)
        };
        assert_eq!(parse(&["checkout,refund"]).unwrap(), "checkout,refund");
        assert_eq!(parse(&["refund", "checkout", "read,refund"]).unwrap(), "read,checkout,refund");
        assert!(parse(&[]).is_err());
    }
}
