//! What a carrier reads and writes: the run of the delivery that has an endpoint in its hands.

use domain::{
    Timestamp,
    event::{Event, EventData, EventType},
    id::WebhookEndpointId,
    webhook_endpoint::{AttemptOutcome, DeliveryStatus, DisabledReason, EndpointStatus},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::{
    DELIVERIES_KEPT_MS, EndpointRecord, MAX_WAITING, SealedSecrets, count, endpoint_of, small_count, to_small_count,
};
use crate::{
    StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_sequence, to_column_time},
    entities::{event_cursors, webhook_deliveries, webhook_endpoints, webhook_requests, webhook_retries},
    event,
    transaction::Transaction,
};

/// The most single deliveries that are taken up at once.
const MAX_REQUESTS: u64 = 20;

/// An endpoint in the hands of a carrier.
#[derive(Debug, Clone)]
pub struct Carrying {
    /// The endpoint as it stands.
    pub endpoint: EndpointRecord,
    /// What its messages are signed with.
    pub secrets: SealedSecrets,
}

/// An event that waits at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its position in the log.
    pub position: u64,
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// What it is about: `checkout:order-1`.
    pub object: String,
    /// How often it was tried; zero for one that waits for an earlier event of its object.
    pub attempts: u32,
    /// Not before this time, unless it is woken.
    pub due_at: Timestamp,
    /// Whether the receiver has come back, so that it is tried at once.
    pub woken: bool,
}

/// An event that waits from now on, or goes on waiting.
pub type Retry = Waiting;

/// A single delivery that a principal asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleRequest {
    /// Its id.
    pub request_id: String,
    /// The event in the log; a test event has none.
    pub position: Option<u64>,
    /// The event.
    pub event_id: String,
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The position of the event; a test event has none.
    pub position: Option<u64>,
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// What it is about: `checkout:order-1`.
    pub object: String,
    /// Which attempt, from 1.
    pub number: u32,
    /// When it began.
    pub attempted_at: Timestamp,
    /// How long it took, in milliseconds.
    pub latency_ms: u32,
    /// The status that the receiver answered with, if it answered.
    pub http_status: Option<u16>,
    /// What it came to.
    pub outcome: AttemptOutcome,
    /// Where the event stands after it.
    pub status: DeliveryStatus,
    /// The beginning of the answer of an attempt that failed.
    pub answer: Option<String>,
}

/// What became of the events that were taken up together.
#[derive(Debug, Clone)]
pub struct Round {
    /// The endpoint as it was read.
    pub endpoint: EndpointRecord,
    /// The number of the carrier.
    pub carrier: u32,
    /// Where the cursor stands now.
    pub position: u64,
    /// Every attempt that was made.
    pub attempts: Vec<Attempt>,
    /// Positions that wait no more.
    pub finished: Vec<u64>,
    /// Events that wait from now on, or go on waiting.
    pub waiting: Vec<Retry>,
    /// Single deliveries that were made.
    pub requests: Vec<String>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Until when nothing is sent.
    pub paused_until: Option<Timestamp>,
    /// Whether the receiver has come back: what waits is tried at once.
    pub wakes: bool,
    /// Why the endpoint is to be disabled.
    pub disable: Option<DisabledReason>,
    /// The time.
    pub now: Timestamp,
}

/// What came of writing a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is written.
    Written,
    /// Another carrier has the endpoint, a principal moved its cursor, or it is gone: nothing was written.
    Superseded,
}

impl Writer {
    /// Takes an endpoint into the hands of a new carrier, whose number is answered: one that had it before writes
    /// nothing more. Nothing where the endpoint is not enabled.
    pub async fn take_webhook_endpoint(&self, id: &WebhookEndpointId) -> Result<Option<u32>, StoreError> {
        let transaction = self.begin().await?;
        let taken = webhook_endpoints::Entity::update_many()
            .col_expr(webhook_endpoints::Column::Carrier, Expr::col(webhook_endpoints::Column::Carrier).add(1))
            .filter(webhook_endpoints::Column::EndpointId.eq(id.as_str()))
            .filter(webhook_endpoints::Column::Status.eq(EndpointStatus::Enabled.as_str()))
            .exec(&transaction)
            .await?;
        if taken.rows_affected == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        let row = webhook_endpoints::Entity::find_by_id(id.as_str()).one(&transaction).await?;
        transaction.commit().await?;
        row.map(|row| small_count(row.carrier)).transpose()
    }

    /// An endpoint with what its messages are signed with.
    pub async fn carried_webhook_endpoint(&self, id: &WebhookEndpointId) -> Result<Option<Carrying>, StoreError> {
        let row = webhook_endpoints::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let previous = row.previous_secret.clone().zip(row.previous_until.map(from_column_time));
        let secrets = SealedSecrets { endpoint_id: id.clone(), current: row.secret.clone(), previous };
        Ok(Some(Carrying { endpoint: endpoint_of(row)?, secrets }))
    }

    /// What waits at an endpoint, positions ascending.
    pub async fn webhook_waiting(&self, id: &WebhookEndpointId) -> Result<Vec<Waiting>, StoreError> {
        let rows = webhook_retries::Entity::find()
            .filter(webhook_retries::Column::EndpointId.eq(id.as_str()))
            .order_by_asc(webhook_retries::Column::Position)
            .limit(2 * MAX_WAITING)
            .all(self.connection())
            .await?;
        rows.into_iter().map(waiting_of).collect()
    }

    /// The single deliveries that were asked for first.
    pub async fn webhook_requests(&self, id: &WebhookEndpointId) -> Result<Vec<SingleRequest>, StoreError> {
        let rows = webhook_requests::Entity::find()
            .filter(webhook_requests::Column::EndpointId.eq(id.as_str()))
            .order_by_asc(webhook_requests::Column::RequestedAt)
            .limit(MAX_REQUESTS)
            .all(self.connection())
            .await?;
        let request = |row: webhook_requests::Model| {
            let position = row.position.map(count).transpose()?;
            Ok(SingleRequest { request_id: row.request_id, position, event_id: row.event_id })
        };
        rows.into_iter().map(request).collect()
    }

    /// Writes what became of events, in one transaction, if the carrier still has the endpoint and nobody moved its
    /// cursor.
    pub async fn commit_webhook_round(&self, round: &Round) -> Result<Committed, StoreError> {
        let transaction = self.begin().await?;
        if !move_endpoint(&transaction, round).await? {
            transaction.rollback().await?;
            return Ok(Committed::Superseded);
        }
        let id = round.endpoint.endpoint_id.as_str();
        if !round.finished.is_empty() {
            let positions = round.finished.iter().map(|position| to_column_sequence(*position));
            webhook_retries::Entity::delete_many()
                .filter(webhook_retries::Column::EndpointId.eq(id))
                .filter(webhook_retries::Column::Position.is_in(positions))
                .exec(&transaction)
                .await?;
        }
        write_waiting(&transaction, id, &round.waiting).await?;
        if round.wakes {
            wake(&transaction, id).await?;
        }
        if !round.requests.is_empty() {
            webhook_requests::Entity::delete_many()
                .filter(webhook_requests::Column::RequestId.is_in(round.requests.iter().map(String::as_str)))
                .exec(&transaction)
                .await?;
        }
        write_attempts(&transaction, id, &round.attempts).await?;
        move_log_cursor(&transaction, round).await?;
        if let Some(reason) = round.disable {
            event::append(&transaction, disabled_event(round, reason)?).await?;
        }
        transaction.commit().await?;
        Ok(Committed::Written)
    }

    /// Removes attempts that are too old to keep, at most `portion`. Answers how many it removed.
    pub async fn forget_old_webhook_deliveries(&self, portion: u64) -> Result<u64, StoreError> {
        let before = self.time().await?.minus_ms(DELIVERIES_KEPT_MS);
        let old: Vec<i64> = webhook_deliveries::Entity::find()
            .select_only()
            .column(webhook_deliveries::Column::Number)
            .filter(webhook_deliveries::Column::AttemptedAt.lt(to_column_time(before)))
            .order_by_asc(webhook_deliveries::Column::AttemptedAt)
            .limit(portion)
            .into_tuple()
            .all(self.connection())
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let gone = webhook_deliveries::Entity::delete_many()
            .filter(webhook_deliveries::Column::Number.is_in(old))
            .exec(self.connection())
            .await?;
        Ok(gone.rows_affected)
    }
}

/// What waits is tried at once, whatever its time is.
pub(super) async fn wake(transaction: &Transaction, endpoint: &str) -> Result<(), StoreError> {
    webhook_retries::Entity::update_many()
        .col_expr(webhook_retries::Column::Woken, Expr::value(true))
        .filter(webhook_retries::Column::EndpointId.eq(endpoint))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Moves the cursor with what is known of the receiver. Answers whether the round may write.
async fn move_endpoint(transaction: &Transaction, round: &Round) -> Result<bool, StoreError> {
    use webhook_endpoints::Column;
    let Round { endpoint, .. } = round;
    let ended_replay = endpoint.replay.filter(|replay| round.position >= replay.until);
    let position = ended_replay.map_or(round.position, |replay| Ord::max(replay.resume_at, round.position));
    let mut update = webhook_endpoints::Entity::update_many()
        .col_expr(Column::Position, Expr::value(to_column_sequence(position)))
        .col_expr(Column::FailingSince, Expr::value(round.failing_since.map(to_column_time)))
        .col_expr(Column::PausedUntil, Expr::value(round.paused_until.map(to_column_time)));
    if ended_replay.is_some() {
        update = update
            .col_expr(Column::ReplayUntil, Expr::value(Option::<i64>::None))
            .col_expr(Column::ResumeAt, Expr::value(Option::<i64>::None));
    }
    if let Some(reason) = round.disable {
        update = update
            .col_expr(Column::Status, Expr::value(EndpointStatus::Disabled.as_str()))
            .col_expr(Column::DisabledReason, Expr::value(reason.as_str()))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .col_expr(Column::UpdatedAt, Expr::value(to_column_time(round.now)));
    }
    let moved = update
        .filter(Column::EndpointId.eq(endpoint.endpoint_id.as_str()))
        .filter(Column::Carrier.eq(to_small_count(round.carrier)))
        .filter(Column::Generation.eq(to_small_count(endpoint.generation)))
        .filter(Column::Status.eq(EndpointStatus::Enabled.as_str()))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected == 1)
}

async fn write_waiting(transaction: &Transaction, endpoint: &str, waiting: &[Retry]) -> Result<(), StoreError> {
    use webhook_retries::Column;
    if waiting.is_empty() {
        return Ok(());
    }
    let rows = waiting.iter().map(|retry| webhook_retries::ActiveModel {
        endpoint_id: Set(endpoint.to_owned()),
        position: Set(to_column_sequence(retry.position)),
        event_id: Set(retry.event_id.clone()),
        event_type: Set(retry.event_type.clone()),
        object: Set(retry.object.clone()),
        attempts: Set(to_small_count(retry.attempts)),
        due_at: Set(to_column_time(retry.due_at)),
        woken: Set(retry.woken),
    });
    let key = OnConflict::columns([Column::EndpointId, Column::Position])
        .update_columns([Column::Attempts, Column::DueAt, Column::Woken])
        .to_owned();
    webhook_retries::Entity::insert_many(rows).on_conflict(key).exec_without_returning(transaction).await?;
    Ok(())
}

async fn write_attempts(transaction: &Transaction, endpoint: &str, attempts: &[Attempt]) -> Result<(), StoreError> {
    if attempts.is_empty() {
        return Ok(());
    }
    let rows = attempts.iter().map(|attempt| webhook_deliveries::ActiveModel {
        number: NotSet,
        endpoint_id: Set(endpoint.to_owned()),
        position: Set(attempt.position.map(to_column_sequence)),
        event_id: Set(attempt.event_id.clone()),
        event_type: Set(attempt.event_type.clone()),
        object: Set(attempt.object.clone()),
        attempt: Set(to_small_count(attempt.number)),
        attempted_at: Set(to_column_time(attempt.attempted_at)),
        latency_ms: Set(to_small_count(attempt.latency_ms)),
        http_status: Set(attempt.http_status.map(i32::from)),
        outcome: Set(attempt.outcome.as_str().to_owned()),
        status: Set(attempt.status.as_str().to_owned()),
        answer: Set(attempt.answer.clone()),
    });
    webhook_deliveries::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    Ok(())
}

/// Retention of the log heeds what the endpoint still needs: what waits, and what comes after its cursor.
async fn move_log_cursor(transaction: &Transaction, round: &Round) -> Result<(), StoreError> {
    let id = &round.endpoint.endpoint_id;
    let first: Option<i64> = webhook_retries::Entity::find()
        .select_only()
        .column(webhook_retries::Column::Position)
        .filter(webhook_retries::Column::EndpointId.eq(id.as_str()))
        .order_by_asc(webhook_retries::Column::Position)
        .into_tuple()
        .one(transaction)
        .await?;
    let position = to_column_sequence(round.position);
    let needed = first.map_or(position, |first| Ord::min(position, first - 1));
    event_cursors::Entity::update_many()
        .col_expr(event_cursors::Column::Position, Expr::value(needed))
        .col_expr(event_cursors::Column::UpdatedAt, Expr::value(to_column_time(round.now)))
        .filter(event_cursors::Column::Name.eq(super::cursor_name(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

fn disabled_event(round: &Round, reason: DisabledReason) -> Result<Event, StoreError> {
    let Round { endpoint, .. } = round;
    let data = serde_json::json!({
        "webhook_endpoint_id": endpoint.endpoint_id.as_str(),
        "status": EndpointStatus::Disabled.as_str(),
        "disabled_reason": reason.as_str(),
        "failing_since_ms": round.failing_since.map(Timestamp::epoch_ms),
        "position": round.position,
    });
    Ok(Event {
        event_type: EventType::WebhookEndpointDisabled,
        object_id: endpoint.endpoint_id.to_string(),
        version: endpoint.version.saturating_add(1),
        occurred_at: round.now,
        data: EventData::try_new(data.to_string()).map_err(|error| corrupt("data of an event", error))?,
    })
}

fn waiting_of(row: webhook_retries::Model) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        position: count(row.position)?,
        event_id: row.event_id,
        event_type: row.event_type,
        object: row.object,
        attempts: small_count(row.attempts)?,
        due_at: from_column_time(row.due_at),
        woken: row.woken,
    })
}
