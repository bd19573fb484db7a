//! API keys. The secret is seen once, by whoever creates the key; the database keeps a keyed hash.
//!
//! The hash covers the secret and what the key may do, under a pepper that the database does not hold. A second code
//! covers the key's end and its revocation. So a copy of the database opens nothing, and whoever can write to it can
//! neither make a key, nor give one more rights, nor prolong or revive one. A row that stood in the table before can be
//! put back whole by whoever has kept it. Without a pepper the first still holds, because a secret has 256 random bits;
//! the rest does not.
//!
//! A key whose secret a person saw at the console names that person: person and key are no two principals.
//!
//! Keys of format 1 were made before there was a scope `refund`: their hash covers what they were given then, their
//! `checkout` includes `refund`, and their end is not covered.

mod request;
mod scope;

use std::fmt;

use chrono::Utc;
use domain::{
    Money, Timestamp,
    id::{ApiKeyId, PersonId, SellerAccount},
    principal::Principal,
};
use ring::hmac;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};

pub use request::{
    KeyForm, KeyRefusal, KeyRequestRecord, KeyStanding, MAX_DECISION_MS, MAX_SHOWING_MS, NewKeyRequest, SHOWN_AGAIN_MS,
    ShownKey,
};
pub use scope::{Scope, Scopes, ScopesError};

use crate::{
    Journal, Reader, StoreError, Writer,
    clock::machine_time,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::api_keys,
    transaction::Transaction,
};

/// The fewest bytes of a pepper.
const MIN_PEPPER_BYTES: usize = 32;
/// How many characters of a pepper's hash tell it from others.
const PEPPER_ID_CHARS: usize = 8;
/// The most often that the use of a key is written down, in milliseconds.
const USE_WRITTEN_EVERY_MS: u64 = 60_000;

/// A secret of the servers that goes into the hash of every API key. It is never printed.
#[derive(Clone, Default)]
pub struct Pepper(Option<Vec<u8>>);

/// A text that is no pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {MIN_PEPPER_BYTES} characters; `openssl rand -hex 32` makes one")]
pub struct PepperError;

impl Pepper {
    /// Takes a pepper; refuses one that can be guessed.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let text = text.trim();
        if text.len() < MIN_PEPPER_BYTES { Err(PepperError) } else { Ok(Self(Some(text.as_bytes().to_vec()))) }
    }

    /// Tells it from others, and nothing else of it. `None` where none is set.
    pub fn id(&self) -> Option<String> {
        let pepper = self.0.as_ref()?;
        let hash = hex::encode(Sha256::new().chain_update(b"daegeum pepper id\0").chain_update(pepper).finalize());
        Some(hash[..PEPPER_ID_CHARS].to_owned())
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_deref().unwrap_or(b"daegeum without a pepper"))
    }

    /// A value that only servers with this pepper can make, for a purpose.
    pub(crate) fn derive(&self, purpose: &[u8], of: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key(), &[purpose, of].concat()).as_ref().to_vec()
    }

    /// The authentication code of a text, in lower-case hex.
    pub(crate) fn code(&self, text: &[u8]) -> String {
        hex::encode(hmac::sign(&self.key(), text))
    }

    /// Whether a code is that of a text. It takes as long whatever the text is.
    pub(crate) fn verifies(&self, text: &[u8], code: &str) -> bool {
        hex::decode(code).is_ok_and(|code| hmac::verify(&self.key(), text, &code).is_ok())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pepper").field(&self.id()).finish()
    }
}

/// What a key is, from its creation to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its public name.
    pub id: ApiKeyId,
    /// The first key of its line: itself, or the one that it replaces in the end. Requests are known by this one,
    /// so that one that was sent under the old key is the same under the new one.
    pub origin: ApiKeyId,
    /// What it may do.
    pub scopes: Scopes,
    /// The seller to whose wallet it is confined.
    pub seller: Option<SellerAccount>,
    /// The most that it gives back in a day, where it has a limit of its own.
    pub refund_limit: Option<Money>,
}

impl Grant {
    /// The principal that acts by this key.
    pub fn principal(&self) -> Principal {
        Principal::Key(self.origin.clone())
    }

    /// What the hash of a key covers. None of the parts holds a line end. The first line is no id, so that no key of
    /// one format is one of the other.
    fn with(&self, secret: &str) -> Vec<u8> {
        let scopes = self.scopes.to_text();
        let seller = self.seller.as_ref().map_or("", SellerAccount::as_str);
        let limit = self.refund_limit.map_or_else(String::new, |limit| limit.to_string());
        let parts = ["key format 2", self.id.as_str(), self.origin.as_str(), &scopes, seller, &limit, secret];
        parts.join("\n").into_bytes()
    }

    /// The same of a key of format 1, as it was before there was a scope `refund`.
    fn with_format_1(&self, scope: Scope, secret: &str) -> Vec<u8> {
        let seller = self.seller.as_ref().map_or("", SellerAccount::as_str);
        [self.id.as_str(), self.origin.as_str(), scope.as_str(), seller, secret].join("\n").into_bytes()
    }
}

/// How a key was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// With one scope, before there was a scope `refund`.
    One(Scope),
    /// With all its scopes and its limit; its end and revocation have a code of their own.
    Two,
}

impl Format {
    const fn number(self) -> i32 {
        match self {
            Self::One(_) => 1,
            Self::Two => 2,
        }
    }

    /// What a key of a row may do. A key of format 1 goes on to do what it did when it was made.
    fn read(number: i32, scope: &str) -> Result<(Self, Scopes), StoreError> {
        let unknown = || corrupt("scopes", scope);
        match number {
            1 => {
                let scope = Scope::parse(scope).ok_or_else(unknown)?;
                let scopes = Scopes::only(scope);
                let scopes = if scope == Scope::Checkout { scopes.and(Scope::Refund) } else { scopes };
                Ok((Self::One(scope), scopes))
            }
            2 => Ok((Self::Two, Scopes::parse(scope).map_err(|_| unknown())?)),
            other => Err(corrupt("a format of API keys", other)),
        }
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is.
    pub grant: Grant,
    /// What it is for, in the words of who created it.
    pub name: String,
    format: Format,
    /// The hash of its secret, in lower-case hex.
    secret_hash: String,
    /// The code of its end and its revocation, in lower-case hex.
    row_mac: Option<String>,
    /// Under which pepper it was made.
    pub pepper_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The person who saw its secret at the console.
    pub shown_to: Option<PersonId>,
}

/// A key to store.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// What it is.
    pub grant: &'a Grant,
    /// What it is for.
    pub name: &'a str,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// The person who sees its secret at the console.
    pub shown_to: Option<&'a PersonId>,
}

impl ApiKey {
    /// Whether the secret is this key's, and the key is still good.
    pub fn opens_with(&self, secret: &str, pepper: &Pepper, now: Timestamp) -> bool {
        let covered = match self.format {
            Format::One(scope) => self.grant.with_format_1(scope, secret),
            Format::Two => self.grant.with(secret),
        };
        pepper.verifies(&covered, &self.secret_hash) && self.is_good(pepper, now)
    }

    /// Whether it was made under this pepper, or, like it, under none.
    pub fn is_under(&self, pepper: &Pepper) -> bool {
        self.pepper_id == pepper.id()
    }

    /// Whether it has not ended, and nobody without the pepper has moved its end.
    pub fn is_good(&self, pepper: &Pepper, now: Timestamp) -> bool {
        self.is_intact(pepper) && !self.has_ended(now)
    }

    /// Whether it is revoked or expired, as far as its row says.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether end, revocation and holder are as somebody with the pepper wrote them. Nothing is known of a key of
    /// format 1.
    pub fn is_intact(&self, pepper: &Pepper) -> bool {
        match self.format {
            Format::One(_) => true,
            Format::Two => {
                let row = self.row_text(self.expires_at, self.revoked_at);
                self.row_mac.as_ref().is_some_and(|code| pepper.verifies(&row, code))
            }
        }
    }

    /// Whether it was made before there was a scope `refund`, and may refund because its `checkout` included that.
    pub fn refunds_by_age(&self) -> bool {
        self.format == Format::One(Scope::Checkout)
    }

    /// The code of another end or a revocation of this key; none of a key of format 1.
    fn row_mac(&self, pepper: &Pepper, expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>) -> Option<String> {
        let row = self.row_text(expires_at, revoked_at);
        (self.format == Format::Two).then(|| pepper.code(&row))
    }

    fn row_text(&self, expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>) -> Vec<u8> {
        row_text(&self.grant.id, &self.secret_hash, self.shown_to.as_ref(), (expires_at, revoked_at))
    }
}

/// What the code of a row covers. None of the parts holds a line end.
fn row_text(
    id: &ApiKeyId,
    secret_hash: &str,
    shown_to: Option<&PersonId>,
    (expires_at, revoked_at): (Option<Timestamp>, Option<Timestamp>),
) -> Vec<u8> {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.epoch_ms().to_string());
    let parts = ["key row format 2", id.as_str(), secret_hash, &time(expires_at), &time(revoked_at)];
    // Keys of the command line are covered as they were before persons saw secrets.
    parts.into_iter().chain(shown_to.map(PersonId::as_str)).collect::<Vec<_>>().join("\n").into_bytes()
}

/// The secret of a new key, and where it belongs.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    /// The secret itself.
    pub text: &'a str,
    /// The pepper of the servers.
    pub pepper: &'a Pepper,
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl Writer {
    /// Stores a new key.
    pub async fn create_api_key(&self, key: NewKey<'_>, secret: Secret<'_>) -> Result<(), StoreError> {
        api_keys::Entity::insert(row(key, secret)?).exec_without_returning(self.connection()).await?;
        Ok(())
    }

    /// Stores a key in the place of another one that is good and goes on until `overlap_ends`, or until its own end
    /// if that is sooner. Answers what the new key is; `None` when there is no such key.
    pub async fn rotate_api_key(
        &self,
        old: &ApiKeyId,
        new: ApiKeyId,
        overlap_ends: Timestamp,
        secret: Secret<'_>,
    ) -> Result<Option<Grant>, StoreError> {
        let transaction = self.begin().await?;
        let replaced = replace(&transaction, Replacement { old, new, overlap_ends, shown_to: None }, secret).await?;
        if replaced.is_some() {
            transaction.commit().await?;
        }
        Ok(replaced)
    }
}

/// A key in the place of another one.
#[derive(Debug)]
struct Replacement<'a> {
    old: &'a ApiKeyId,
    new: ApiKeyId,
    /// The end of the old key.
    overlap_ends: Timestamp,
    /// The person who sees the secret of the new key at the console.
    shown_to: Option<&'a PersonId>,
}

/// Stores a key in the place of another one. `None` when there is no such key that is good: then the transaction is to
/// be dropped.
async fn replace(
    transaction: &Transaction,
    Replacement { old, new, overlap_ends, shown_to }: Replacement<'_>,
    secret: Secret<'_>,
) -> Result<Option<Grant>, StoreError> {
    let found = api_keys::Entity::find_by_id(old.as_str()).one(transaction).await?.map(api_key).transpose()?;
    let Some(found) = found.filter(|key| key.is_good(secret.pepper, machine_time())) else { return Ok(None) };
    let ends = found.expires_at.map_or(overlap_ends, |end| end.min(overlap_ends));
    let ended = api_keys::Entity::update_many()
        .col_expr(api_keys::Column::ExpiresAt, Expr::value(to_column_time(ends)))
        .col_expr(api_keys::Column::RowMac, Expr::value(found.row_mac(secret.pepper, Some(ends), None)))
        .filter(api_keys::Column::ApiKeyId.eq(old.as_str()))
        .filter(api_keys::Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    if ended.rows_affected != 1 {
        return Ok(None);
    }
    let grant = Grant { id: new, ..found.grant };
    let key = NewKey { grant: &grant, name: &found.name, expires_at: found.expires_at, shown_to };
    api_keys::Entity::insert(row(key, secret)?).exec_without_returning(transaction).await?;
    Ok(Some(grant))
}

impl Journal {
    /// Revokes a key at once. Answers `false` when there is no such key, or it is revoked already.
    pub async fn revoke_api_key(&self, id: &ApiKeyId, pepper: &Pepper) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let found = api_keys::Entity::find_by_id(id.as_str()).one(&transaction).await?.map(api_key).transpose()?;
        let Some(found) = found else { return Ok(false) };
        let revoked_at = machine_time();
        let code = found.row_mac(pepper, found.expires_at, Some(revoked_at));
        let revoked = api_keys::Entity::update_many()
            .col_expr(api_keys::Column::RevokedAt, Expr::value(to_column_time(revoked_at)))
            .col_expr(api_keys::Column::RowMac, Expr::value(code))
            .filter(api_keys::Column::ApiKeyId.eq(id.as_str()))
            .filter(api_keys::Column::RevokedAt.is_null())
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(revoked.rows_affected == 1)
    }

    /// Writes down that a key was used, unless that was written within the last minute.
    pub async fn api_key_used(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let long_ago = to_column_time(at.minus_ms(USE_WRITTEN_EVERY_MS));
        let last = api_keys::Column::LastUsedAt;
        api_keys::Entity::update_many()
            .col_expr(last, Expr::value(to_column_time(at)))
            .filter(api_keys::Column::ApiKeyId.eq(id.as_str()))
            .filter(Condition::any().add(last.is_null()).add(last.lte(long_ago)))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

/// How many good keys there are, and which of them a pepper shuts out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peppered {
    /// Keys that are neither revoked nor expired.
    pub good: usize,
    /// Those of them that were made under another pepper, or under none, or while there was one.
    pub shut_out: Vec<ApiKeyId>,
}

impl Reader {
    /// Which good keys a pepper shuts out.
    pub async fn peppered(&self, pepper: &Pepper) -> Result<Peppered, StoreError> {
        let now = machine_time();
        let mut keys = self.api_keys().await?;
        keys.retain(|key| !key.has_ended(now));
        let good = keys.len();
        keys.retain(|key| !key.is_under(pepper));
        Ok(Peppered { good, shut_out: keys.into_iter().map(|key| key.grant.id).collect() })
    }

    /// A key by its public name, revoked or not.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let row = api_keys::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        row.map(api_key).transpose()
    }

    /// The persons who saw a secret of a line of keys at the console. The line is named by its first key.
    pub async fn holders_of_line(&self, origin: &ApiKeyId) -> Result<Vec<PersonId>, StoreError> {
        let holders: Vec<Option<String>> = api_keys::Entity::find()
            .select_only()
            .column(api_keys::Column::ShownTo)
            .filter(api_keys::Column::Origin.eq(origin.as_str()))
            .filter(api_keys::Column::ShownTo.is_not_null())
            .into_tuple()
            .all(self.connection())
            .await?;
        holders.into_iter().flatten().map(person).collect()
    }

    /// Every key, oldest first.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = api_keys::Entity::find()
            .order_by_asc(api_keys::Column::CreatedAt)
            .order_by_asc(api_keys::Column::ApiKeyId)
            .all(self.connection())
            .await?;
        rows.into_iter().map(api_key).collect()
    }
}

fn row(
    NewKey { grant, name, expires_at, shown_to }: NewKey<'_>,
    secret: Secret<'_>,
) -> Result<api_keys::ActiveModel, StoreError> {
    let secret_hash = secret.pepper.code(&grant.with(secret.text));
    let row_mac = secret.pepper.code(&row_text(&grant.id, &secret_hash, shown_to, (expires_at, None)));
    Ok(api_keys::ActiveModel {
        api_key_id: Set(grant.id.to_string()),
        name: Set(name.to_owned()),
        scope: Set(grant.scopes.to_text()),
        secret_hash: Set(secret_hash),
        created_at: Set(Utc::now()),
        revoked_at: Set(None),
        seller_account: Set(grant.seller.as_ref().map(ToString::to_string)),
        origin: Set(Some(grant.origin.to_string())),
        pepper_id: Set(secret.pepper.id()),
        expires_at: Set(expires_at.map(to_column_time)),
        last_used_at: Set(None),
        format: Set(Format::Two.number()),
        refund_limit: Set(grant.refund_limit.map(to_column_amount).transpose()?),
        refund_currency: Set(grant.refund_limit.map(|limit| limit.currency().code().to_owned())),
        row_mac: Set(Some(row_mac)),
        shown_to: Set(shown_to.map(ToString::to_string)),
    })
}

fn person(text: String) -> Result<PersonId, StoreError> {
    PersonId::parse(text).map_err(|error| corrupt("a person's id", error))
}

fn api_key(row: api_keys::Model) -> Result<ApiKey, StoreError> {
    let id = |text: String| ApiKeyId::parse(text).map_err(|error| corrupt("an API key id", error));
    let seller = row.seller_account.map(SellerAccount::parse).transpose();
    let (format, scopes) = Format::read(row.format, &row.scope)?;
    let limit = row.refund_limit.zip(row.refund_currency);
    let limit = limit.map(|(minor, currency)| from_column_amount(minor, from_column_currency(&currency)?));
    Ok(ApiKey {
        grant: Grant {
            origin: id(row.origin.unwrap_or_else(|| row.api_key_id.clone()))?,
            id: id(row.api_key_id)?,
            scopes,
            seller: seller.map_err(|error| corrupt("a seller account", error))?,
            refund_limit: limit.transpose()?,
        },
        name: row.name,
        format,
        secret_hash: row.secret_hash,
        row_mac: row.row_mac,
        pepper_id: row.pepper_id,
        created_at: from_column_time(row.created_at),
        expires_at: row.expires_at.map(from_column_time),
        last_used_at: row.last_used_at.map(from_column_time),
        revoked_at: row.revoked_at.map(from_column_time),
        shown_to: row.shown_to.map(person).transpose()?,
    })
}
