//! The audit log: who changed what, when, from where, and what came of it. Append only.

use domain::{
    Timestamp,
    id::{ApiKeyId, PersonId},
    principal::Principal,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    Journal, Page, Reader, StoreError, Window,
    convert::{corrupt, from_column_time, to_column_sequence, to_column_time},
    entities::audit_log,
};

const API_KEY: &str = "api_key";
const OPERATOR: &str = "operator";
const PERSON: &str = "person";

/// The author of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The holder of this API key.
    ApiKey(ApiKeyId),
    /// A person who signed in to the console.
    Person(PersonId),
    /// A person at the command line, by name.
    Operator(String),
}

impl Actor {
    /// Which kind of actor it is: `api_key`, `person` or `operator`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => API_KEY,
            Self::Person(_) => PERSON,
            Self::Operator(_) => OPERATOR,
        }
    }

    /// The id of the key or of the person, or the name.
    pub fn name(&self) -> &str {
        match self {
            Self::ApiKey(id) => id.as_str(),
            Self::Person(id) => id.as_str(),
            Self::Operator(name) => name,
        }
    }
}

impl From<Principal> for Actor {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Key(id) => Self::ApiKey(id),
            Principal::Person(id) => Self::Person(id),
        }
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was done.
    pub occurred_at: Timestamp,
    /// The author of the act.
    pub actor: Actor,
    /// What was done: a method and a route, or a command.
    pub action: String,
    /// To what: an id, or nothing.
    pub object: String,
    /// What came of it: an HTTP status with the code of the problem, or `ok`.
    pub result: String,
    /// From where: the address of the other side.
    pub address: Option<String>,
    /// The request, as the log and the answer name it.
    pub request_id: Option<String>,
}

impl Journal {
    /// Appends a line. It is not repeated: each call is a line.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit_once(Uuid::new_v4(), entry).await
    }

    /// Appends a line under an id: once, however often it is called. A call whose answer was lost may be repeated.
    pub async fn audit_once(&self, line_id: Uuid, entry: &AuditEntry) -> Result<(), StoreError> {
        let row = audit_log::ActiveModel {
            sequence: NotSet,
            occurred_at: Set(to_column_time(entry.occurred_at)),
            actor_kind: Set(entry.actor.kind().to_owned()),
            actor: Set(entry.actor.name().to_owned()),
            action: Set(entry.action.clone()),
            object: Set(entry.object.clone()),
            result: Set(entry.result.clone()),
            address: Set(entry.address.clone()),
            request_id: Set(entry.request_id.clone()),
            line_id: Set(Some(line_id.to_string())),
        };
        audit_log::Entity::insert(row)
            .on_conflict(OnConflict::column(audit_log::Column::LineId).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }
}

impl Reader {
    /// Lines of the audit log about objects, the oldest first.
    pub async fn audit_log_of(&self, objects: &[String], limit: u64) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = audit_log::Entity::find()
            .filter(audit_log::Column::Object.is_in(objects))
            .order_by_asc(audit_log::Column::Sequence)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(|row| line(row).map(|(_, entry)| entry)).collect()
    }

    /// Lines of the audit log with their numbers, the newest first; of one actor, if one is named.
    pub async fn audit_log(
        &self,
        actor: Option<&str>,
        window: &Window<u64>,
    ) -> Result<Page<(u64, AuditEntry)>, StoreError> {
        let mut query = audit_log::Entity::find().order_by_desc(audit_log::Column::Sequence).limit(window.rows());
        if let Some(actor) = actor {
            query = query.filter(audit_log::Column::Actor.eq(actor));
        }
        if let Some(after) = window.after {
            query = query.filter(audit_log::Column::Sequence.lt(to_column_sequence(after)));
        }
        window.page(query.all(self.connection()).await?, line)
    }
}

fn line(row: audit_log::Model) -> Result<(u64, AuditEntry), StoreError> {
    let sequence = u64::try_from(row.sequence).map_err(|_| corrupt("a number", row.sequence))?;
    let actor = match row.actor_kind.as_str() {
        API_KEY => Actor::ApiKey(ApiKeyId::parse(row.actor).map_err(|error| corrupt("an API key id", error))?),
        PERSON => Actor::Person(PersonId::parse(row.actor).map_err(|error| corrupt("a person's id", error))?),
        OPERATOR => Actor::Operator(row.actor),
        other => return Err(corrupt("a kind of actor", other)),
    };
    let entry = AuditEntry {
        occurred_at: from_column_time(row.occurred_at),
        actor,
        action: row.action,
        object: row.object,
        result: row.result,
        address: row.address,
        request_id: row.request_id,
    };
    Ok((sequence, entry))
}
