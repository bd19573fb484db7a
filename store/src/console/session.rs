//! Sessions at the console.
//!
//! A browser holds a token of 256 random bits. The database holds a code that covers the token, the person, the roles
//! and the end, under the pepper of the servers. So a copy of the database opens no session, and a writer to the
//! database can neither make a session nor give one more rights.

use std::fmt;

use domain::{
    Timestamp,
    id::{PersonId, SellerAccount},
    principal::Principal,
};
use ring::rand::{SecureRandom, SystemRandom};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::Roles;
use crate::{
    Journal, Pepper, Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_time},
    entities::console_sessions::{ActiveModel, Column, Entity, Model},
};

/// How long a session lasts, in milliseconds: eight hours.
pub const MAX_SESSION_MS: u64 = 8 * 60 * 60 * 1_000;
/// How long a session lasts without a request, in milliseconds: half an hour.
pub const MAX_IDLE_MS: u64 = 30 * 60 * 1_000;
/// The most often that the last request of a session is written down, in milliseconds.
const SEEN_WRITTEN_EVERY_MS: u64 = 30_000;
/// How long a session is kept after its end, in milliseconds: thirty days.
const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// How many random bytes an id and a secret have.
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// The most characters of a person's name that are kept.
const MAX_NAME_CHARS: usize = 100;

/// What a browser holds: the id of the session and its secret. It is never printed.
#[derive(Clone)]
pub struct SessionToken {
    id: String,
    secret: String,
}

/// How a person signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedInBy {
    /// By the identity provider.
    Provider,
    /// By a link in the terminal of `dev`.
    Link,
    /// By a link that the shop gave to a seller.
    ShopLink,
}

/// A session that begins.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The person, by the identity provider's name.
    pub person: PersonId,
    /// What the person is called.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// The seller that the session is confined to, where the person is one.
    pub seller: Option<SellerAccount>,
    /// How the person signed in.
    pub signed_in_by: SignedInBy,
    /// When.
    pub created_at: Timestamp,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its public name.
    pub session_id: String,
    /// The person.
    pub person: PersonId,
    /// What the person is called.
    pub name: String,
    /// What the person may do.
    pub roles: Roles,
    /// The seller that the session is confined to, where the person is one.
    pub seller: Option<SellerAccount>,
    /// How the person signed in.
    pub signed_in_by: SignedInBy,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to half a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended, if it was.
    pub ended_at: Option<Timestamp>,
    mac: String,
}

impl SessionToken {
    /// A new token; nothing where the machine gives no random bytes.
    pub fn generate() -> Option<Self> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        let random = SystemRandom::new();
        random.fill(&mut id).and_then(|()| random.fill(&mut secret)).ok()?;
        Some(Self { id: hex::encode(id), secret: hex::encode(secret) })
    }

    /// Reads a token as a browser sends it; nothing where it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let is_hex = |part: &str, bytes: usize| {
            part.len() == 2 * bytes && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES))
            .then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The token as a browser holds it.
    pub fn to_text(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// The public name of the session.
    pub fn session_id(&self) -> &str {
        &self.id
    }

    /// What every form of the session carries, so that no other site can send one.
    pub fn form_token(&self, pepper: &Pepper) -> String {
        hex::encode(pepper.derive(b"daegeum console form\0", self.to_text().as_bytes()))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SignedInBy {
    /// How it is written: `provider`, `link`, `shop_link`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Link => "link",
            Self::ShopLink => "shop_link",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Provider, Self::Link, Self::ShopLink].into_iter().find(|way| way.as_str() == text)
    }
}

impl SessionRecord {
    /// The person as a principal.
    pub fn principal(&self) -> Principal {
        Principal::Person(self.person.clone())
    }

    /// Whether the token is this session's, and the session goes on.
    pub fn opens_with(&self, token: &SessionToken, pepper: &Pepper, now: Timestamp) -> bool {
        pepper.verifies(&self.covered(token), &self.mac) && self.goes_on(now)
    }

    /// Whether the session has neither been ended nor run out.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        let idles = now.ms_since(self.seen_at) >= MAX_IDLE_MS;
        self.ended_at.is_none() && now < self.expires_at && !idles
    }

    /// What the code covers. None of the parts holds a line end.
    fn covered(&self, token: &SessionToken) -> Vec<u8> {
        let expires = self.expires_at.epoch_ms().to_string();
        let (roles, way) = (self.roles.to_text(), self.signed_in_by.as_str());
        let parts = ["console session", &self.session_id, self.person.as_str(), &roles, way, &expires, &token.secret];
        let seller = self.seller.as_ref().map(SellerAccount::as_str);
        parts.into_iter().chain(seller).collect::<Vec<_>>().join("\n").into_bytes()
    }
}

impl Journal {
    /// Begins a session under a fresh token, and forgets those that ended long ago.
    pub async fn begin_session(
        &self,
        token: &SessionToken,
        new: NewSession,
        pepper: &Pepper,
    ) -> Result<SessionRecord, StoreError> {
        let mut record = SessionRecord {
            session_id: token.id.clone(),
            person: new.person,
            name: new.name.chars().filter(|char| !char.is_control()).take(MAX_NAME_CHARS).collect(),
            roles: new.roles,
            seller: new.seller,
            signed_in_by: new.signed_in_by,
            created_at: new.created_at,
            seen_at: new.created_at,
            expires_at: new.created_at.plus_ms(MAX_SESSION_MS),
            ended_at: None,
            mac: String::new(),
        };
        record.mac = pepper.code(&record.covered(token));
        Entity::insert(row(&record)).exec_without_returning(self.connection()).await?;
        let long_ago = to_column_time(new.created_at.minus_ms(KEPT_MS));
        Entity::delete_many().filter(Column::ExpiresAt.lt(long_ago)).exec(self.connection()).await?;
        Ok(record)
    }

    /// Writes down that a session was used, unless that was written a moment ago. A session that was ended stays so.
    pub async fn session_seen(&self, session: &SessionRecord, at: Timestamp) -> Result<(), StoreError> {
        if at.ms_since(session.seen_at) < SEEN_WRITTEN_EVERY_MS {
            return Ok(());
        }
        Entity::update_many()
            .col_expr(Column::SeenAt, Expr::value(to_column_time(at)))
            .filter(Column::SessionId.eq(&session.session_id))
            .filter(Column::SeenAt.lt(to_column_time(at)))
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a session. Answers whether it went on until then.
    pub async fn end_session(&self, session_id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let ended = Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(to_column_time(at)))
            .filter(Column::SessionId.eq(session_id))
            .filter(Column::EndedAt.is_null())
            .exec(self.connection())
            .await?;
        Ok(ended.rows_affected == 1)
    }
}

impl Reader {
    /// A session by its public name, ended or not.
    pub async fn session(&self, session_id: &str) -> Result<Option<SessionRecord>, StoreError> {
        let row = Entity::find_by_id(session_id).one(self.connection()).await?;
        row.map(record).transpose()
    }

    /// Sessions, the last begun first.
    pub async fn sessions(&self, limit: u64) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = Entity::find().order_by_desc(Column::CreatedAt).limit(limit).all(self.connection()).await?;
        rows.into_iter().map(record).collect()
    }
}

fn row(record: &SessionRecord) -> ActiveModel {
    ActiveModel {
        session_id: Set(record.session_id.clone()),
        mac: Set(record.mac.clone()),
        person: Set(record.person.to_string()),
        name: Set(record.name.clone()),
        roles: Set(record.roles.to_text()),
        signed_in_by: Set(record.signed_in_by.as_str().to_owned()),
        created_at: Set(to_column_time(record.created_at)),
        seen_at: Set(to_column_time(record.seen_at)),
        expires_at: Set(to_column_time(record.expires_at)),
        ended_at: Set(None),
        seller_account: Set(record.seller.as_ref().map(ToString::to_string)),
    }
}

fn record(row: Model) -> Result<SessionRecord, StoreError> {
    let seller = row.seller_account.map(SellerAccount::parse);
    Ok(SessionRecord {
        session_id: row.session_id,
        person: PersonId::parse(row.person).map_err(|error| corrupt("a person's id", error))?,
        name: row.name,
        roles: Roles::parse(&row.roles).ok_or_else(|| corrupt("roles", row.roles))?,
        signed_in_by: SignedInBy::parse(&row.signed_in_by).ok_or_else(|| corrupt("a sign-in", row.signed_in_by))?,
        created_at: from_column_time(row.created_at),
        seen_at: from_column_time(row.seen_at),
        expires_at: from_column_time(row.expires_at),
        ended_at: row.ended_at.map(from_column_time),
        seller: seller.transpose().map_err(|error| corrupt("a seller", error))?,
        mac: row.mac,
    })
}
