//! API keys. The secret is seen once, by whoever creates the key; the database keeps its hash.

use chrono::Utc;
use domain::{Timestamp, id::ApiKeyId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use sha2::{Digest, Sha256};

use crate::{
    Reader, StoreError, Writer,
    convert::{corrupt, from_column_time},
    entities::api_keys,
};

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

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: ApiKeyId,
    /// What it is for, in the words of who created it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// SHA-256 of its secret in lower-case hex. A plain hash is enough for 256 random bits.
    pub secret_hash: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// The hash that is stored in place of a secret.
    pub fn hash(secret: &str) -> String {
        hex::encode(Sha256::digest(secret.as_bytes()))
    }
}

impl Writer {
    /// Stores a new key.
    pub async fn create_api_key(
        &self,
        id: &ApiKeyId,
        name: &str,
        scope: Scope,
        secret_hash: &str,
    ) -> Result<(), StoreError> {
        let row = api_keys::ActiveModel {
            api_key_id: Set(id.to_string()),
            name: Set(name.to_owned()),
            scope: Set(scope.as_str().to_owned()),
            secret_hash: Set(secret_hash.to_owned()),
            created_at: Set(Utc::now()),
            revoked_at: Set(None),
        };
        api_keys::Entity::insert(row).exec_without_returning(self.connection()).await?;
        Ok(())
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

impl Reader {
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

fn api_key(row: api_keys::Model) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId::parse(row.api_key_id).map_err(|error| corrupt("an API key id", error))?,
        name: row.name,
        scope: Scope::parse(&row.scope).ok_or_else(|| corrupt("a scope", &row.scope))?,
        secret_hash: row.secret_hash,
        created_at: from_column_time(row.created_at),
        revoked_at: row.revoked_at.map(from_column_time),
    })
}
