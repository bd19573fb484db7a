//! API keys that administrators ask for at the console.
//!
//! One administrator asks, another one approves, and the first one is shown the secret. The key is made in the
//! transaction that notes the showing, under an id that the request has named: a request makes one key at most. The
//! secret follows from a seed in the form, so that the same form sent twice shows one secret; the database never holds
//! it.
//!
//! What is asked for and what is decided have codes under the pepper. A writer to the database can neither widen what
//! was approved nor approve it.

use domain::{
    Money, Timestamp,
    id::{ApiKeyId, PersonId, SellerAccount},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{Grant, NewKey, Pepper, Replacement, Scopes, Secret, replace, row as key_row};
use crate::{
    Decision, Journal, Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{
        api_key_requests::{ActiveModel, Column, Entity, Model},
        api_keys,
    },
    transaction::Transaction,
};

/// How long a request waits for a decision, in milliseconds: seven days.
pub const MAX_DECISION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// How long after the approval the secret can be shown, in milliseconds: one day.
pub const MAX_SHOWING_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long the form that showed the secret shows it again, in milliseconds: five minutes.
pub const SHOWN_AGAIN_MS: u64 = 5 * 60 * 1_000;
/// How many characters a seed has: 256 random bits in hex.
const SEED_CHARS: usize = 64;

/// The form of a key that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyForm {
    /// A key of its own.
    New {
        /// How long the key lasts, where it ends.
        lifetime_ms: Option<u64>,
    },
    /// A key in the place of another one, with the same rights.
    Replacement {
        /// The key that ends.
        of: ApiKeyId,
        /// How long that key goes on.
        overlap_ms: u64,
    },
}

/// A key that an administrator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeyRequest {
    /// Names the request: asked twice, it is one.
    pub request_id: Uuid,
    /// The id of the key that is made.
    pub key_id: ApiKeyId,
    pub form: KeyForm,
    /// What the key is for.
    pub name: String,
    pub scopes: Scopes,
    /// The seller to whom the key is confined.
    pub seller: Option<SellerAccount>,
    /// The most that the key gives back in a day.
    pub refund_limit: Option<Money>,
    pub reason: String,
    pub requested_by: PersonId,
    pub requested_at: Timestamp,
}

/// A key that an administrator asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequestRecord {
    pub asked: NewKeyRequest,
    /// What was decided; nothing while the request waits.
    pub decision: Option<Decision>,
    /// The person who decided.
    pub decided_by: Option<PersonId>,
    pub decided_at: Option<Timestamp>,
    /// When the key was made and its secret shown.
    pub shown_at: Option<Timestamp>,
    request_mac: String,
    decision_mac: Option<String>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// Another administrator has to decide.
    Waiting,
    /// The secret can be shown.
    Approved,
    Rejected,
    /// Nobody decided, or nobody looked at the secret, in time.
    Expired,
    /// The key is made.
    Shown,
}

/// Why a request does not take an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no such request.
    #[error("no request for an API key has this id")]
    Unknown,
    /// The person who asked cannot approve.
    #[error("another administrator than the one who asked has to approve the key")]
    FourEyes,
    /// The secret is shown to the person who asked.
    #[error("the secret is shown to the administrator who asked for the key, and to nobody else")]
    OfAnother,
    /// There is nothing to decide or to show any more.
    #[error("the request is {} and does not take this", .0.as_str())]
    Stands(KeyStanding),
    /// The key that was to be replaced has ended.
    #[error("the API key that was to be replaced has ended: ask for a new one")]
    KeyEnded,
    /// The seed is none that a page gave.
    #[error("the form is not complete: open the page again")]
    Seed,
}

/// A key with the secret that was just shown.
#[derive(Clone)]
pub struct ShownKey {
    pub id: ApiKeyId,
    /// The secret, in lower-case hex.
    pub secret: String,
}

impl std::fmt::Debug for ShownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeyStanding {
    /// The standing as it is written: `WAITING`, `APPROVED`, `REJECTED`, `EXPIRED`, `SHOWN`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Shown => "SHOWN",
        }
    }
}

impl NewKeyRequest {
    /// What the code of a request covers.
    fn covered(&self) -> Vec<u8> {
        let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
        let (lifetime, replaced, overlap) = match &self.form {
            KeyForm::New { lifetime_ms } => (number(*lifetime_ms), "", String::new()),
            KeyForm::Replacement { of, overlap_ms } => (String::new(), of.as_str(), number(Some(*overlap_ms))),
        };
        list(&[
            "api key request",
            &self.request_id.to_string(),
            self.key_id.as_str(),
            &lifetime,
            replaced,
            &overlap,
            &self.name,
            &self.scopes.to_text(),
            self.seller.as_ref().map_or("", SellerAccount::as_str),
            &self.refund_limit.map_or_else(String::new, |limit| limit.to_string()),
            &self.reason,
            self.requested_by.as_str(),
            &self.requested_at.epoch_ms().to_string(),
        ])
    }
}

/// Texts in a form in which no two lists are alike.
fn list(texts: &[&str]) -> Vec<u8> {
    serde_json::Value::from(texts).to_string().into_bytes()
}

/// What the code of a decision covers.
fn decision_text(request_mac: &str, decision: Decision, by: &PersonId, at: Timestamp) -> Vec<u8> {
    list(&["api key decision", request_mac, decision.as_str(), by.as_str(), &at.epoch_ms().to_string()])
}

impl KeyRequestRecord {
    /// Where the request stands.
    pub fn standing(&self, now: Timestamp) -> KeyStanding {
        match (self.decision, self.decided_at) {
            (Some(Decision::Rejected), _) => KeyStanding::Rejected,
            (Some(Decision::Approved), _) if self.shown_at.is_some() => KeyStanding::Shown,
            (Some(Decision::Approved), Some(at)) if now.ms_since(at) < MAX_SHOWING_MS => KeyStanding::Approved,
            (None, _) if now.ms_since(self.asked.requested_at) < MAX_DECISION_MS => KeyStanding::Waiting,
            (Some(Decision::Approved) | None, _) => KeyStanding::Expired,
        }
    }

    /// Whether what was asked for and decided is as somebody with the pepper wrote it.
    pub fn is_intact(&self, pepper: &Pepper) -> bool {
        let is_decision_intact = match (self.decision, &self.decided_by, self.decided_at, &self.decision_mac) {
            (None, ..) => true,
            (Some(decision), Some(by), Some(at), Some(mac)) => {
                pepper.verifies(&decision_text(&self.request_mac, decision, by, at), mac)
            }
            (Some(_), ..) => false,
        };
        pepper.verifies(&self.asked.covered(), &self.request_mac) && is_decision_intact
    }
}

/// The secret that follows from a seed. Without the pepper, a seed alone is no secret.
fn secret_of(request_id: Uuid, seed: &str, pepper: &Pepper) -> Option<String> {
    let is_seed = seed.len() == SEED_CHARS && seed.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let text = format!("{request_id}\n{seed}");
    is_seed.then(|| hex::encode(pepper.derive(b"daegeum api key\0", text.as_bytes())))
}

/// Stores the key that was asked for. `false` when the key that it replaces has ended.
async fn make(
    transaction: &Transaction,
    asked: &NewKeyRequest,
    at: Timestamp,
    secret: Secret<'_>,
) -> Result<bool, StoreError> {
    let (id, shown_to) = (&asked.key_id, Some(&asked.requested_by));
    match &asked.form {
        KeyForm::New { lifetime_ms } => {
            let NewKeyRequest { scopes, ref seller, refund_limit, .. } = *asked;
            let grant = Grant { id: id.clone(), origin: id.clone(), scopes, seller: seller.clone(), refund_limit };
            let expires_at = lifetime_ms.map(|lifetime| at.plus_ms(lifetime));
            let key = NewKey { grant: &grant, name: &asked.name, expires_at, shown_to };
            api_keys::Entity::insert(key_row(key, secret)?).exec_without_returning(transaction).await?;
            Ok(true)
        }
        KeyForm::Replacement { of, overlap_ms } => {
            let replacement = Replacement { old: of, new: id.clone(), overlap_ends: at.plus_ms(*overlap_ms), shown_to };
            Ok(replace(transaction, replacement, secret).await?.is_some())
        }
    }
}

impl Journal {
    /// Writes down that a key is asked for. Answers the request that stands under the id: the first one stays.
    pub async fn ask_for_key(&self, asked: &NewKeyRequest, pepper: &Pepper) -> Result<KeyRequestRecord, StoreError> {
        Entity::insert(row(asked, pepper)?)
            .on_conflict(OnConflict::column(Column::RequestId).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        let kept = Entity::find_by_id(asked.request_id.to_string()).one(self.connection()).await?;
        record(kept.ok_or_else(|| corrupt("a request that was written", asked.request_id))?)
    }

    /// Decides on a request. The first decision stays; the same person who says it again gets it again.
    pub async fn decide_key_request(
        &self,
        request_id: Uuid,
        decision: Decision,
        (by, at): (&PersonId, Timestamp),
        pepper: &Pepper,
    ) -> Result<Result<KeyRequestRecord, KeyRefusal>, StoreError> {
        let Some(found) = self.key_request(request_id, pepper).await? else { return Ok(Err(KeyRefusal::Unknown)) };
        if decision == Decision::Approved && found.asked.requested_by == *by {
            return Ok(Err(KeyRefusal::FourEyes));
        }
        if found.standing(at) == KeyStanding::Waiting {
            let mac = pepper.code(&decision_text(&found.request_mac, decision, by, at));
            Entity::update_many()
                .col_expr(Column::Decision, Expr::value(decision.as_str()))
                .col_expr(Column::DecidedBy, Expr::value(by.as_str()))
                .col_expr(Column::DecidedAt, Expr::value(to_column_time(at)))
                .col_expr(Column::DecisionMac, Expr::value(mac))
                .filter(Column::RequestId.eq(request_id.to_string()))
                .filter(Column::Decision.is_null())
                .exec(self.connection())
                .await?;
        }
        let Some(stands) = self.key_request(request_id, pepper).await? else { return Ok(Err(KeyRefusal::Unknown)) };
        let is_own = stands.decision == Some(decision) && stands.decided_by.as_ref() == Some(by);
        Ok(if is_own { Ok(stands) } else { Err(KeyRefusal::Stands(stands.standing(at))) })
    }

    /// Makes the key of an approved request and answers its secret, to the person who asked. The same form shows the
    /// same secret again for [`SHOWN_AGAIN_MS`]; no other form does.
    pub async fn show_key(
        &self,
        request_id: Uuid,
        seed: &str,
        (by, at): (&PersonId, Timestamp),
        pepper: &Pepper,
    ) -> Result<Result<ShownKey, KeyRefusal>, StoreError> {
        let Some(secret) = secret_of(request_id, seed, pepper) else { return Ok(Err(KeyRefusal::Seed)) };
        let Some(found) = self.key_request(request_id, pepper).await? else { return Ok(Err(KeyRefusal::Unknown)) };
        if found.asked.requested_by != *by {
            return Ok(Err(KeyRefusal::OfAnother));
        }
        match found.standing(at) {
            KeyStanding::Approved => {}
            KeyStanding::Shown => return self.shown_again(&found, secret, at, pepper).await,
            standing @ (KeyStanding::Waiting | KeyStanding::Rejected | KeyStanding::Expired) => {
                return Ok(Err(KeyRefusal::Stands(standing)));
            }
        }
        let transaction = self.begin().await?;
        let taken = Entity::update_many()
            .col_expr(Column::ShownAt, Expr::value(to_column_time(at)))
            .filter(Column::RequestId.eq(request_id.to_string()))
            .filter(Column::Decision.eq(Decision::Approved.as_str()))
            .filter(Column::ShownAt.is_null())
            .exec(&transaction)
            .await?;
        if taken.rows_affected != 1 {
            transaction.rollback().await?;
            let stands = self.key_request(request_id, pepper).await?.unwrap_or(found);
            return self.shown_again(&stands, secret, at, pepper).await;
        }
        if !make(&transaction, &found.asked, at, Secret { text: &secret, pepper }).await? {
            transaction.rollback().await?;
            return Ok(Err(KeyRefusal::KeyEnded));
        }
        transaction.commit().await?;
        Ok(Ok(ShownKey { id: found.asked.key_id, secret }))
    }

    /// The secret once more, where the form is the one that made the key.
    async fn shown_again(
        &self,
        request: &KeyRequestRecord,
        secret: String,
        at: Timestamp,
        pepper: &Pepper,
    ) -> Result<Result<ShownKey, KeyRefusal>, StoreError> {
        let id = request.asked.key_id.clone();
        let key = api_keys::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        let key = key.map(super::api_key).transpose()?;
        let is_recent = request.shown_at.is_some_and(|shown_at| at.ms_since(shown_at) < SHOWN_AGAIN_MS);
        let is_it = key.is_some_and(|key| key.opens_with(&secret, pepper, at));
        let shown = ShownKey { id, secret };
        Ok(if is_recent && is_it { Ok(shown) } else { Err(KeyRefusal::Stands(request.standing(at))) })
    }

    /// A request. One that somebody without the pepper has written is an error.
    async fn key_request(&self, request_id: Uuid, pepper: &Pepper) -> Result<Option<KeyRequestRecord>, StoreError> {
        let row = Entity::find_by_id(request_id.to_string()).one(self.connection()).await?;
        let Some(found) = row.map(record).transpose()? else { return Ok(None) };
        if found.is_intact(pepper) { Ok(Some(found)) } else { Err(corrupt("a request for an API key", request_id)) }
    }
}

impl Reader {
    /// A request for a key.
    pub async fn key_request(&self, request_id: Uuid) -> Result<Option<KeyRequestRecord>, StoreError> {
        let row = Entity::find_by_id(request_id.to_string()).one(self.connection()).await?;
        row.map(record).transpose()
    }

    /// Requests for keys, the newest first.
    pub async fn key_requests(&self, limit: u64) -> Result<Vec<KeyRequestRecord>, StoreError> {
        let newest = Entity::find().order_by_desc(Column::RequestedAt).order_by_desc(Column::RequestId);
        let rows = newest.limit(limit).all(self.connection()).await?;
        rows.into_iter().map(record).collect()
    }
}

fn row(asked: &NewKeyRequest, pepper: &Pepper) -> Result<ActiveModel, StoreError> {
    let time = |ms: u64| i64::try_from(ms).map_err(|_| StoreError::Amount);
    let (lifetime_ms, replaces, overlap_ms) = match &asked.form {
        KeyForm::New { lifetime_ms } => (lifetime_ms.map(time).transpose()?, None, None),
        KeyForm::Replacement { of, overlap_ms } => (None, Some(of.to_string()), Some(time(*overlap_ms)?)),
    };
    Ok(ActiveModel {
        request_id: Set(asked.request_id.to_string()),
        api_key_id: Set(asked.key_id.to_string()),
        name: Set(asked.name.clone()),
        scope: Set(asked.scopes.to_text()),
        seller_account: Set(asked.seller.as_ref().map(ToString::to_string)),
        refund_limit: Set(asked.refund_limit.map(to_column_amount).transpose()?),
        refund_currency: Set(asked.refund_limit.map(|limit| limit.currency().code().to_owned())),
        lifetime_ms: Set(lifetime_ms),
        replaces: Set(replaces),
        overlap_ms: Set(overlap_ms),
        reason: Set(asked.reason.clone()),
        requested_by: Set(asked.requested_by.to_string()),
        requested_at: Set(to_column_time(asked.requested_at)),
        request_mac: Set(pepper.code(&asked.covered())),
        decision: Set(None),
        decided_by: Set(None),
        decided_at: Set(None),
        decision_mac: Set(None),
        shown_at: Set(None),
    })
}

fn record(row: Model) -> Result<KeyRequestRecord, StoreError> {
    let key = |text: String| ApiKeyId::parse(text).map_err(|error| corrupt("an API key id", error));
    let time = |ms: i64| u64::try_from(ms).map_err(|error| corrupt("a length of time", error));
    let form = match (row.replaces, row.overlap_ms) {
        (Some(of), Some(overlap)) => KeyForm::Replacement { of: key(of)?, overlap_ms: time(overlap)? },
        (None, None) => KeyForm::New { lifetime_ms: row.lifetime_ms.map(time).transpose()? },
        (Some(_), None) | (None, Some(_)) => return Err(corrupt("a request for an API key", row.request_id)),
    };
    let seller = row.seller_account.map(SellerAccount::parse).transpose();
    let limit = row.refund_limit.zip(row.refund_currency);
    let limit = limit.map(|(minor, currency)| from_column_amount(minor, from_column_currency(&currency)?));
    let decision = |text: String| Decision::parse(&text).ok_or_else(|| corrupt("a decision", text));
    Ok(KeyRequestRecord {
        asked: NewKeyRequest {
            request_id: row.request_id.parse().map_err(|error| corrupt("the id of a request", error))?,
            key_id: key(row.api_key_id)?,
            form,
            name: row.name,
            scopes: Scopes::parse(&row.scope).map_err(|_| corrupt("scopes", row.scope))?,
            seller: seller.map_err(|error| corrupt("a seller account", error))?,
            refund_limit: limit.transpose()?,
            reason: row.reason,
            requested_by: super::person(row.requested_by)?,
            requested_at: from_column_time(row.requested_at),
        },
        decision: row.decision.map(decision).transpose()?,
        decided_by: row.decided_by.map(super::person).transpose()?,
        decided_at: row.decided_at.map(from_column_time),
        shown_at: row.shown_at.map(from_column_time),
        request_mac: row.request_mac,
        decision_mac: row.decision_mac,
    })
}
