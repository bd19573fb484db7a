//! What principals do with endpoints.

use domain::{
    Timestamp,
    event::EventType,
    id::WebhookEndpointId,
    webhook_endpoint::{DisabledReason, EndpointStatus, MAX_ENDPOINTS, PREVIOUS_SECRET_MS},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, UpdateMany,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};
use uuid::Uuid;

use super::{DeliveryRecord, EndpointRecord, WebhookSecret, carrying::wake, cursor_name, endpoint_of, seal_secret};
use crate::{
    Journal, Keyring, StoreError,
    convert::{corrupt, to_column_sequence, to_column_time},
    entities::{event_cursors, event_log, webhook_endpoints, webhook_requests, webhook_retries},
    transaction::Transaction,
};

/// The type of a test event, which is in no log.
pub const TEST_EVENT_TYPE: &str = "webhook_endpoint.test";
/// The most single deliveries that wait at one endpoint.
pub const MAX_OPEN_REQUESTS: u64 = 100;

/// An endpoint to create.
#[derive(Debug, Clone, Copy)]
pub struct NewEndpoint<'a> {
    /// Its id.
    pub endpoint_id: &'a WebhookEndpointId,
    /// Where events are sent.
    pub url: &'a str,
    /// The types that are sent; all of them where there is no list.
    pub types: Option<&'a [EventType]>,
    /// What a person calls it.
    pub description: &'a str,
    /// What signs its messages.
    pub secret: &'a WebhookSecret,
}

/// What is to change about an endpoint; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Where events are sent.
    pub url: Option<String>,
    /// The types that are sent; an empty list stands for all of them.
    pub types: Option<Vec<EventType>>,
    /// What a person calls it.
    pub description: Option<String>,
    /// Whether events are sent.
    pub status: Option<EndpointStatus>,
}

/// A part of the log to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// The first position.
    pub from: u64,
    /// The last position; the end of the log where there is none.
    pub to: Option<u64>,
}

/// What came of moving a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It is moved.
    Moved(Box<EndpointRecord>),
    /// There is no such endpoint.
    NoSuchEndpoint,
    /// The log does not reach to the first or the last position.
    Beyond {
        /// Where it ends.
        last_position: u64,
    },
    /// The log does not hold the first position any more.
    Expired {
        /// Where it begins.
        floor: u64,
    },
}

/// What came of asking for a single delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The event is sent soon.
    Soon {
        /// The event.
        event_id: String,
    },
    /// There is no such endpoint.
    NoSuchEndpoint,
    /// Nothing is sent to a disabled endpoint.
    Disabled,
    /// Too many wait already.
    TooMany,
}

/// The event of a single delivery.
struct EventToSend {
    position: Option<u64>,
    event_id: String,
}

impl Journal {
    /// Creates an endpoint whose cursor stands at the end of the log. Nothing where there are too many.
    pub async fn create_webhook_endpoint(
        &self,
        new: NewEndpoint<'_>,
        keys: &Keyring,
    ) -> Result<Option<EndpointRecord>, StoreError> {
        let secret = seal(keys, new.endpoint_id, new.secret)?;
        let transaction = self.begin().await?;
        let log = event_log::Entity::find().one(&transaction).await?;
        let log = log.ok_or_else(|| corrupt("no row in event_log", 0))?;
        if webhook_endpoints::Entity::find().count(&transaction).await? >= MAX_ENDPOINTS {
            transaction.rollback().await?;
            return Ok(None);
        }
        let now = to_column_time(self.clock().time(&transaction).await?);
        let row = webhook_endpoints::ActiveModel {
            endpoint_id: Set(new.endpoint_id.to_string()),
            url: Set(new.url.to_owned()),
            types: Set(new.types.and_then(types_text)),
            description: Set(new.description.to_owned()),
            secret: Set(secret),
            status: Set(EndpointStatus::Enabled.as_str().to_owned()),
            position: Set(log.last_position),
            generation: Set(0),
            carrier: Set(0),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        webhook_endpoints::Entity::insert(row).exec_without_returning(&transaction).await?;
        let cursor = event_cursors::ActiveModel {
            name: Set(cursor_name(new.endpoint_id)),
            position: Set(log.last_position),
            updated_at: Set(now),
            ..Default::default()
        };
        event_cursors::Entity::insert(cursor).exec_without_returning(&transaction).await?;
        committed(transaction, new.endpoint_id).await
    }

    /// Changes an endpoint. One that is enabled goes on where it stood, and what waits there is tried at once.
    pub async fn change_webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        change: &Change,
    ) -> Result<Option<EndpointRecord>, StoreError> {
        use webhook_endpoints::Column;
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        let mut update = changed(id, now);
        if let Some(url) = &change.url {
            update = update.col_expr(Column::Url, Expr::value(url.as_str()));
        }
        if let Some(types) = &change.types {
            update = update.col_expr(Column::Types, Expr::value(types_text(types)));
        }
        if let Some(description) = &change.description {
            update = update.col_expr(Column::Description, Expr::value(description.as_str()));
        }
        if let Some(status) = change.status {
            let reason = (status == EndpointStatus::Disabled).then(|| DisabledReason::Requested.as_str());
            update = update
                .col_expr(Column::Status, Expr::value(status.as_str()))
                .col_expr(Column::DisabledReason, Expr::value(reason));
        }
        let revives = change.url.is_some() || change.status == Some(EndpointStatus::Enabled);
        if revives {
            // Another receiver, or a mended one: what the former did says nothing of it.
            update = update
                .col_expr(Column::FailingSince, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
                .col_expr(Column::PausedUntil, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None));
        }
        if update.exec(&transaction).await?.rows_affected == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        if revives {
            wake(&transaction, id.as_str()).await?;
        }
        committed(transaction, id).await
    }

    /// Removes an endpoint with what waits there. Its attempts stay until they are old. Answers whether there was one.
    pub async fn remove_webhook_endpoint(&self, id: &WebhookEndpointId) -> Result<bool, StoreError> {
        use webhook_endpoints::Column;
        let transaction = self.begin().await?;
        // The endpoint's row first, as a carrier's round locks it: in another order the two would wait for each other.
        webhook_endpoints::Entity::update_many()
            .col_expr(Column::Carrier, Expr::col(Column::Carrier).add(1))
            .filter(Column::EndpointId.eq(id.as_str()))
            .exec(&transaction)
            .await?;
        webhook_retries::Entity::delete_many()
            .filter(webhook_retries::Column::EndpointId.eq(id.as_str()))
            .exec(&transaction)
            .await?;
        webhook_requests::Entity::delete_many()
            .filter(webhook_requests::Column::EndpointId.eq(id.as_str()))
            .exec(&transaction)
            .await?;
        event_cursors::Entity::delete_by_id(cursor_name(id)).exec(&transaction).await?;
        let gone = webhook_endpoints::Entity::delete_by_id(id.as_str()).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected == 1)
    }

    /// Gives an endpoint a new secret. The current one signs along for a day; one before it signs no more.
    pub async fn rotate_webhook_secret(
        &self,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        keys: &Keyring,
    ) -> Result<Option<EndpointRecord>, StoreError> {
        use webhook_endpoints::Column;
        let sealed = seal(keys, id, secret)?;
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        let rotated = changed(id, now)
            .col_expr(Column::PreviousSecret, Expr::col(Column::Secret))
            .col_expr(Column::PreviousUntil, Expr::value(to_column_time(now.plus_ms(PREVIOUS_SECRET_MS))))
            .col_expr(Column::Secret, Expr::value(sealed))
            .exec(&transaction)
            .await?;
        if rotated.rows_affected == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        committed(transaction, id).await
    }

    /// Moves the cursor of an endpoint back, or forward, so that the log is sent from there on. With an end, the
    /// cursor goes on afterwards where it stood.
    pub async fn replay_webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        replay: Replay,
    ) -> Result<Replayed, StoreError> {
        use webhook_endpoints::Column;
        let transaction = self.begin().await?;
        let log = event_log::Entity::find().one(&transaction).await?;
        let log = log.ok_or_else(|| corrupt("no row in event_log", 0))?;
        let Some(row) = webhook_endpoints::Entity::find_by_id(id.as_str()).one(&transaction).await? else {
            return Ok(Replayed::NoSuchEndpoint);
        };
        let [last_position, floor] = [super::count(log.last_position)?, super::count(log.floor)?];
        if replay.from > last_position.saturating_add(1) || replay.to.is_some_and(|to| to > last_position) {
            return Ok(Replayed::Beyond { last_position });
        }
        if replay.from < floor {
            return Ok(Replayed::Expired { floor });
        }
        let resume_at = Ord::max(row.resume_at.unwrap_or(row.position), row.position);
        let until = replay.to.map(to_column_sequence).filter(|until| *until < resume_at);
        let first = to_column_sequence(replay.from);
        let now = self.clock().time(&transaction).await?;
        changed(id, now)
            .col_expr(Column::Position, Expr::value(first - 1))
            .col_expr(Column::ReplayUntil, Expr::value(until))
            .col_expr(Column::ResumeAt, Expr::value(until.map(|_| resume_at)))
            .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
            .exec(&transaction)
            .await?;
        // What is read again from the log waits no more beside it.
        let mut again = webhook_retries::Entity::delete_many()
            .filter(webhook_retries::Column::EndpointId.eq(id.as_str()))
            .filter(webhook_retries::Column::Position.gte(first));
        if let Some(until) = until {
            again = again.filter(webhook_retries::Column::Position.lte(until));
        }
        again.exec(&transaction).await?;
        match committed(transaction, id).await? {
            Some(endpoint) => Ok(Replayed::Moved(Box::new(endpoint))),
            None => Ok(Replayed::NoSuchEndpoint),
        }
    }

    /// Asks for a test event.
    pub async fn ask_for_webhook_test(&self, id: &WebhookEndpointId) -> Result<Asked, StoreError> {
        let unique = Uuid::new_v4().simple().to_string();
        let event = EventToSend { position: None, event_id: format!("evt_test_{unique}") };
        self.ask(id, event, unique).await
    }

    /// Asks for an event of an earlier attempt once more; a test event is made anew.
    pub async fn ask_for_redelivery(&self, delivery: &DeliveryRecord) -> Result<Asked, StoreError> {
        self.ask_for_redelivery_as(delivery, Uuid::new_v4()).await
    }

    /// The same under a name: asking again while the request waits changes nothing.
    pub async fn ask_for_redelivery_as(&self, delivery: &DeliveryRecord, name: Uuid) -> Result<Asked, StoreError> {
        let attempt = &delivery.attempt;
        let event = EventToSend { position: attempt.position, event_id: attempt.event_id.clone() };
        self.ask(&delivery.endpoint_id, event, name.simple().to_string()).await
    }

    async fn ask(&self, id: &WebhookEndpointId, event: EventToSend, request_id: String) -> Result<Asked, StoreError> {
        let EventToSend { position, event_id } = event;
        let transaction = self.begin().await?;
        let Some(row) = webhook_endpoints::Entity::find_by_id(id.as_str()).one(&transaction).await? else {
            return Ok(Asked::NoSuchEndpoint);
        };
        if row.status != EndpointStatus::Enabled.as_str() {
            return Ok(Asked::Disabled);
        }
        let open = webhook_requests::Entity::find().filter(webhook_requests::Column::EndpointId.eq(id.as_str()));
        if open.count(&transaction).await? >= MAX_OPEN_REQUESTS {
            return Ok(Asked::TooMany);
        }
        let now = self.clock().time(&transaction).await?;
        let request = webhook_requests::ActiveModel {
            request_id: Set(request_id),
            endpoint_id: Set(id.to_string()),
            position: Set(position.map(to_column_sequence)),
            event_id: Set(event_id.clone()),
            requested_at: Set(to_column_time(now)),
        };
        webhook_requests::Entity::insert(request)
            .on_conflict(OnConflict::column(webhook_requests::Column::RequestId).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(Asked::Soon { event_id })
    }
}

/// A change of an endpoint by a principal.
fn changed(id: &WebhookEndpointId, now: Timestamp) -> UpdateMany<webhook_endpoints::Entity> {
    use webhook_endpoints::Column;
    webhook_endpoints::Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(to_column_time(now)))
        .filter(Column::EndpointId.eq(id.as_str()))
}

/// Commits, and answers the endpoint as it is then.
async fn committed(transaction: Transaction, id: &WebhookEndpointId) -> Result<Option<EndpointRecord>, StoreError> {
    let row = webhook_endpoints::Entity::find_by_id(id.as_str()).one(&transaction).await?;
    transaction.commit().await?;
    row.map(endpoint_of).transpose()
}

/// A list of types as it is kept; an empty one stands for all.
fn types_text(types: &[EventType]) -> Option<String> {
    let names: Vec<&str> = types.iter().map(|event_type| event_type.as_str()).collect();
    (!names.is_empty()).then(|| serde_json::json!(names).to_string())
}

fn seal(keys: &Keyring, id: &WebhookEndpointId, secret: &WebhookSecret) -> Result<String, StoreError> {
    seal_secret(keys, id, secret)
        .map_err(|error| StoreError::Corrupt { what: "an encryption key", value: error.to_string() })
}
