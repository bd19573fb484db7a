//! API keys. The secret is seen once, by whoever creates the key; the database keeps a keyed hash.
//!
//! The hash covers the secret and what the key may do, under a pepper that the database does not hold. So a copy of
//! the database opens nothing, and whoever can write to it can neither make a key nor give one more rights. Without
//! a pepper the first still holds, because a secret has 256 random bits; the second does not.

use std::fmt;

use chrono::Utc;
use domain::{
    Timestamp,
    id::{ApiKeyId, SellerAccount},
};
use ring::hmac;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use sha2::{Digest, Sha256};

use crate::{
    Journal, Reader, StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    entities::api_keys,
};

/// The fewest bytes of a pepper.
const MIN_PEPPER_BYTES: usize = 32;
/// How many characters of a pepper's hash tell it from others.
const PEPPER_ID_CHARS: usize = 8;
/// The most often that the use of a key is written down, in milliseconds.
const USE_WRITTEN_EVERY_MS: u64 = 60_000;

/// What a key may do. Each scope includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read checkouts, wallets and the books.
    Read,
    /// Create and cancel checkouts.
    Checkout,
    /// Look into workflows and act on stuck ones.
    Ops,
}

impl Scope {
    /// The scope as it is written: `read`, `checkout`, `ops`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Checkout => "checkout",
            Self::Ops => "ops",
        }
    }

    /// Reads a scope.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Checkout, Self::Ops].into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether a key of this scope may do what needs `needed`.
    pub fn includes(self, needed: Self) -> bool {
        self >= needed
    }
}

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

    /// The hash of a key's secret, bound to what the key may do; in lower-case hex.
    fn hash(&self, grant: &Grant, secret: &str) -> String {
        hex::encode(hmac::sign(&self.key(), &grant.with(secret)))
    }

    /// Whether a hash is that of a secret. It takes as long whatever the secret is.
    fn matches(&self, grant: &Grant, secret: &str, hash: &str) -> bool {
        hex::decode(hash).is_ok_and(|hash| hmac::verify(&self.key(), &grant.with(secret), &hash).is_ok())
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
    pub scope: Scope,
    /// The seller to whose wallet it is confined.
    pub seller: Option<SellerAccount>,
}

impl Grant {
    /// What is hashed. None of the parts holds a line end.
    fn with(&self, secret: &str) -> Vec<u8> {
        let seller = self.seller.as_ref().map_or("", SellerAccount::as_str);
        [self.id.as_str(), self.origin.as_str(), self.scope.as_str(), seller, secret].join("\n").into_bytes()
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is.
    pub grant: Grant,
    /// What it is for, in the words of who created it.
    pub name: String,
    /// The hash of its secret, in lower-case hex.
    secret_hash: String,
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
}

impl ApiKey {
    /// Whether the secret is this key's, and the key is still good.
    pub fn opens_with(&self, secret: &str, pepper: &Pepper, now: Timestamp) -> bool {
        pepper.matches(&self.grant, secret, &self.secret_hash) && self.is_good(now)
    }

    /// Whether it was made under this pepper, or, like it, under none.
    pub fn is_under(&self, pepper: &Pepper) -> bool {
        self.pepper_id == pepper.id()
    }

    /// Whether it is neither revoked nor expired.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
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
    pub async fn create_api_key(
        &self,
        grant: &Grant,
        name: &str,
        expires_at: Option<Timestamp>,
        secret: Secret<'_>,
    ) -> Result<(), StoreError> {
        api_keys::Entity::insert(row(grant, name, expires_at, secret))
            .exec_without_returning(self.connection())
            .await?;
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
        let found = api_keys::Entity::find_by_id(old.as_str()).one(&transaction).await?.map(api_key).transpose()?;
        let now = Timestamp::from_epoch_ms(Utc::now().timestamp_millis());
        let Some(found) = found.filter(|key| key.is_good(now)) else { return Ok(None) };
        let ends = found.expires_at.map_or(overlap_ends, |end| end.min(overlap_ends));
        api_keys::Entity::update_many()
            .col_expr(api_keys::Column::ExpiresAt, Expr::value(to_column_time(ends)))
            .filter(api_keys::Column::ApiKeyId.eq(old.as_str()))
            .exec(&transaction)
            .await?;
        let grant = Grant { id: new, ..found.grant };
        let row = row(&grant, &found.name, found.expires_at, secret);
        api_keys::Entity::insert(row).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(Some(grant))
    }

    /// Revokes a key at once. Answers `false` when there is no such key, or it is revoked already.
    pub async fn revoke_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let revoked = api_keys::Entity::update_many()
            .col_expr(api_keys::Column::RevokedAt, Expr::value(Utc::now()))
            .filter(api_keys::Column::ApiKeyId.eq(id.as_str()))
            .filter(api_keys::Column::RevokedAt.is_null())
            .exec(self.connection())
            .await?;
        Ok(revoked.rows_affected == 1)
    }
}

impl Journal {
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
        let now = Timestamp::from_epoch_ms(Utc::now().timestamp_millis());
        let mut keys = self.api_keys().await?;
        keys.retain(|key| key.is_good(now));
        let good = keys.len();
        keys.retain(|key| !key.is_under(pepper));
        Ok(Peppered { good, shut_out: keys.into_iter().map(|key| key.grant.id).collect() })
    }

    /// A key by its public name, revoked or not.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let row = api_keys::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        row.map(api_key).transpose()
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

fn row(grant: &Grant, name: &str, expires_at: Option<Timestamp>, secret: Secret<'_>) -> api_keys::ActiveModel {
    api_keys::ActiveModel {
        api_key_id: Set(grant.id.to_string()),
        name: Set(name.to_owned()),
        scope: Set(grant.scope.as_str().to_owned()),
        secret_hash: Set(secret.pepper.hash(grant, secret.text)),
        created_at: Set(Utc::now()),
        revoked_at: Set(None),
        seller_account: Set(grant.seller.as_ref().map(ToString::to_string)),
        origin: Set(Some(grant.origin.to_string())),
        pepper_id: Set(secret.pepper.id()),
        expires_at: Set(expires_at.map(to_column_time)),
        last_used_at: Set(None),
    }
}

fn api_key(row: api_keys::Model) -> Result<ApiKey, StoreError> {
    let id = |text: String| ApiKeyId::parse(text).map_err(|error| corrupt("an API key id", error));
    let seller = row.seller_account.map(SellerAccount::parse).transpose();
    Ok(ApiKey {
        grant: Grant {
            origin: id(row.origin.unwrap_or_else(|| row.api_key_id.clone()))?,
            id: id(row.api_key_id)?,
            scope: Scope::parse(&row.scope).ok_or_else(|| corrupt("a scope", &row.scope))?,
            seller: seller.map_err(|error| corrupt("a seller account", error))?,
        },
        name: row.name,
        secret_hash: row.secret_hash,
        pepper_id: row.pepper_id,
        created_at: from_column_time(row.created_at),
        expires_at: row.expires_at.map(from_column_time),
        last_used_at: row.last_used_at.map(from_column_time),
        revoked_at: row.revoked_at.map(from_column_time),
    })
}
