//! API keys: create, list, rotate, revoke. They work beside a running system.

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use domain::{
    Currency, Money, Timestamp,
    id::{ApiKeyId, SellerAccount},
};
use store::{ApiKey, Grant, Pepper, Peppered, Reader, Scope, Scopes, Secret, Writer};

use crate::{
    cli::{KeysAction, audit_log, ledger::now, out},
    compose,
    settings::Settings,
};

/// Random bytes in a key's id.
const ID_BYTES: usize = 6;
/// Random bytes in a key's secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: KeysAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    if let KeysAction::List { json } = action {
        return list(&compose::open_reader(&url).await?.api_keys().await?, json);
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
            let wanted = Wanted { name: &name, scopes, seller, refund_limit, expires_at: expires_in.map(from_now) };
            show(&create(&writer, wanted, pepper).await?)?;
        }
        KeysAction::List { .. } => {}
        KeysAction::Rotate { id, overlap } => show(&rotate(&writer, &id, from_now(overlap), pepper).await?)?,
        KeysAction::Revoke { id } => {
            let id = ApiKeyId::parse(id).context("this is no id of an API key")?;
            ensure!(writer.revoke_api_key(&id, pepper).await?, "there is no unrevoked API key {id}");
            audit_log::record(&writer.journal(), "keys revoke", id.as_str(), "ok").await?;
            println!("Revoked {id}.");
        }
    }
    Ok(())
}

/// What to do about keys that the pepper shuts out.
pub(crate) const MEND_PEPPER: &str =
    "set key_pepper (DAEGEUM_KEY_PEPPER) to what it was, or make new keys and revoke these with `daegeum keys`";

/// Says which keys the pepper shuts out; none of them, where all is well.
pub(crate) fn shut_out(peppered: &Peppered, pepper: &Pepper) -> Option<String> {
    let (first, all) = (peppered.shut_out.first()?, peppered.shut_out.len());
    let set = pepper.id().map_or_else(|| "none is set".to_owned(), |id| format!("{id} is set"));
    let good = peppered.good;
    Some(format!("{all} of {good} API keys were made under another key_pepper than now, when {set}; {first} for one"))
}

/// Looks whether the API keys were made under the pepper that is set. Refuses to serve nobody: where none was, the
/// pepper was lost or is another database's.
pub(crate) async fn check_pepper(reader: &Reader, pepper: &Pepper) -> anyhow::Result<()> {
    let peppered = reader.peppered(pepper).await?;
    let Some(told) = shut_out(&peppered, pepper) else { return Ok(()) };
    ensure!(peppered.shut_out.len() < peppered.good, "{told}; {MEND_PEPPER}");
    tracing::warn!("{told}; {MEND_PEPPER}");
    Ok(())
}

/// A key that somebody asks for.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) scopes: Scopes,
    pub(crate) seller: Option<SellerAccount>,
    /// The most that it gives back in a day.
    pub(crate) refund_limit: Option<Money>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Creates a key and stores its hash. The secret exists only in what this returns.
pub(crate) async fn create(writer: &Writer, wanted: Wanted<'_>, pepper: &Pepper) -> anyhow::Result<(ApiKeyId, String)> {
    let (id, secret) = mint()?;
    let Wanted { scopes, seller, refund_limit, .. } = wanted;
    let grant = Grant { id: id.clone(), origin: id.clone(), scopes, seller, refund_limit };
    let text = secret.as_str();
    writer.create_api_key(&grant, wanted.name, wanted.expires_at, Secret { text, pepper }).await?;
    let limit = refund_limit.map_or_else(String::new, |limit| format!(" --refund-limit {limit}"));
    let action = format!("keys create --scope {}{limit}", scopes.to_text());
    audit_log::record(&writer.journal(), &action, id.as_str(), "ok").await?;
    Ok((id.clone(), api::keys::SecretKey::mint(&id, &secret)))
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
    Ok((id.clone(), api::keys::SecretKey::mint(&id, &secret)))
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

/// Reads an amount in won, or in another currency that stands behind it: `1000000`, `99.50 USD`.
pub(crate) fn amount(text: &str) -> Result<Money, String> {
    let (amount, currency) = text.trim().split_once(' ').unwrap_or((text.trim(), "KRW"));
    let currency = currency.trim().parse::<Currency>().map_err(|error| error.to_string())?;
    Money::parse(amount, currency).map_err(|error| error.to_string())
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
            "{} API keys of scope checkout were made before there was a scope refund and still refund: {}; where that is \
             not meant, make new ones with `daegeum keys create --scope checkout` and revoke these",
            old.len(),
            old.join(", ")
        );
    }
    Ok(())
}

fn from_now(ms: u64) -> Timestamp {
    now().plus_ms(ms)
}

/// Reads a length of time, such as `90d`, `24h` or `30m`; in milliseconds.
pub(crate) fn length(text: &str) -> Result<u64, String> {
    let unit_ms = match text.chars().last() {
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(number) if unit_ms > 0 => Ok(u64::from(number) * unit_ms),
        _ => Err("must be a whole number of minutes, hours or days, such as 30m, 24h or 90d".to_owned()),
    }
}

fn list(keys: &[ApiKey], json: bool) -> anyhow::Result<()> {
    if json {
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
                    "revoked_at": key.revoked_at.map(text),
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
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

    use super::{amount, length, scopes_of};

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

    #[test]
    fn an_amount_is_in_won_unless_it_says_otherwise() {
        assert_eq!(amount("1000000").unwrap().to_string(), "1000000 KRW");
        assert_eq!(amount("99.50 USD").unwrap().to_string(), "99.50 USD");
        for wrong in ["", "x", "1.5", "5 XXX", "-1"] {
            assert!(amount(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        assert_eq!(length("90d"), Ok(90 * 86_400_000));
        assert_eq!(length("24h"), Ok(86_400_000));
        assert_eq!(length("0m"), Ok(0));
        for wrong in ["", "d", "90", "-1d", "1.5h", "90days", "9일"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
