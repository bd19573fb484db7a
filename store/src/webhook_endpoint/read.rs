//! Reading endpoints and attempts.

use chrono::{DateTime, Utc};
use domain::{
    Timestamp,
    id::WebhookEndpointId,
    webhook_endpoint::{DeliveryStatus, EndpointStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use super::{DeliveryRecord, EndpointRecord, count, delivery_of, endpoint_of};
use crate::{
    Page, Reader, StoreError, Window,
    convert::{corrupt, from_column_time, to_column_sequence},
    entities::{events, webhook_deliveries, webhook_endpoints, webhook_retries},
};

/// Everything that a carrier has to hear of, as numbers that change with it.
const CHANGES: &str = "SELECT (SELECT COUNT(*) FROM webhook_endpoints) AS endpoints, \
     (SELECT COALESCE(SUM(version), 0) FROM webhook_endpoints) AS versions, \
     (SELECT COUNT(*) FROM webhook_requests) AS requests, \
     (SELECT last_position FROM event_log) AS last_position";

/// Which attempts are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Where the event stands after the attempt.
    pub status: Option<DeliveryStatus>,
    /// Of one event.
    pub event_id: Option<String>,
}

/// What has changed for the carriers of endpoints: two that are equal say that nothing has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookChanges {
    /// How many endpoints there are.
    pub endpoints: u64,
    /// The sum of their versions.
    pub versions: u64,
    /// How many single deliveries wait.
    pub requests: u64,
    /// The end of the log.
    pub last_position: u64,
}

/// How far behind an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookHealth {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Whether events are sent.
    pub status: EndpointStatus,
    /// How many positions lie between its cursor and the end of the log.
    pub lag: u64,
    /// How many events wait.
    pub waiting: u64,
    /// When the oldest event was written that it does not have.
    pub oldest_at: Option<Timestamp>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
}

impl Reader {
    /// Every endpoint, the oldest first.
    pub async fn webhook_endpoints(&self) -> Result<Vec<EndpointRecord>, StoreError> {
        let rows = webhook_endpoints::Entity::find()
            .order_by_asc(webhook_endpoints::Column::CreatedAt)
            .order_by_asc(webhook_endpoints::Column::EndpointId)
            .all(self.connection())
            .await?;
        rows.into_iter().map(endpoint_of).collect()
    }

    /// An endpoint.
    pub async fn webhook_endpoint(&self, id: &WebhookEndpointId) -> Result<Option<EndpointRecord>, StoreError> {
        let row = webhook_endpoints::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        row.map(endpoint_of).transpose()
    }

    /// How many events wait at an endpoint.
    pub async fn webhook_waiting_count(&self, id: &WebhookEndpointId) -> Result<u64, StoreError> {
        let waiting = webhook_retries::Entity::find().filter(webhook_retries::Column::EndpointId.eq(id.as_str()));
        Ok(waiting.count(self.connection()).await?)
    }

    /// Attempts, the newest first.
    pub async fn webhook_deliveries(
        &self,
        filter: &DeliveryFilter,
        window: &Window<u64>,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let mut query = webhook_deliveries::Entity::find()
            .filter(webhook_deliveries::Column::EndpointId.eq(filter.endpoint_id.as_str()))
            .order_by_desc(webhook_deliveries::Column::Number)
            .limit(window.rows());
        if let Some(status) = filter.status {
            query = query.filter(webhook_deliveries::Column::Status.eq(status.as_str()));
        }
        if let Some(event_id) = &filter.event_id {
            query = query.filter(webhook_deliveries::Column::EventId.eq(event_id));
        }
        if let Some(after) = window.after {
            query = query.filter(webhook_deliveries::Column::Number.lt(to_column_sequence(after)));
        }
        window.page(query.all(self.connection()).await?, delivery_of)
    }

    /// Attempts to deliver events, the oldest first.
    pub async fn deliveries_of_events(
        &self,
        event_ids: &[String],
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let rows = webhook_deliveries::Entity::find()
            .filter(webhook_deliveries::Column::EventId.is_in(event_ids))
            .order_by_asc(webhook_deliveries::Column::Number)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(delivery_of).collect()
    }

    /// An attempt of an endpoint.
    pub async fn webhook_delivery(
        &self,
        id: &WebhookEndpointId,
        number: u64,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let row = webhook_deliveries::Entity::find_by_id(to_column_sequence(number))
            .filter(webhook_deliveries::Column::EndpointId.eq(id.as_str()))
            .one(self.connection())
            .await?;
        row.map(delivery_of).transpose()
    }

    /// What has changed for the carriers of endpoints.
    pub async fn webhook_changes(&self) -> Result<WebhookChanges, StoreError> {
        let question = Statement::from_string(self.connection().backend(), CHANGES);
        let row = self.connection().query_one_raw(question).await?.ok_or_else(|| corrupt("no answer to", CHANGES))?;
        let number = |column| count(row.try_get("", column)?);
        Ok(WebhookChanges {
            endpoints: number("endpoints")?,
            versions: number("versions")?,
            requests: number("requests")?,
            last_position: number("last_position")?,
        })
    }

    /// How far behind each endpoint is.
    pub async fn webhook_health(&self) -> Result<Vec<WebhookHealth>, StoreError> {
        let endpoints = self.webhook_endpoints().await?;
        let last_position = if endpoints.is_empty() { 0 } else { self.webhook_changes().await?.last_position };
        let mut health = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let first = self.first_undelivered(&endpoint).await?;
            let oldest_at = match first.filter(|first| *first <= last_position) {
                Some(position) => self.written_at(position).await?,
                None => None,
            };
            health.push(WebhookHealth {
                lag: last_position.saturating_sub(endpoint.position),
                waiting: self.webhook_waiting_count(&endpoint.endpoint_id).await?,
                oldest_at,
                status: endpoint.status,
                failing_since: endpoint.failing_since,
                endpoint_id: endpoint.endpoint_id,
            });
        }
        Ok(health)
    }

    /// The first position that an endpoint does not have: of what waits, or the one after its cursor.
    async fn first_undelivered(&self, endpoint: &EndpointRecord) -> Result<Option<u64>, StoreError> {
        let waiting: Option<i64> = webhook_retries::Entity::find()
            .select_only()
            .column(webhook_retries::Column::Position)
            .filter(webhook_retries::Column::EndpointId.eq(endpoint.endpoint_id.as_str()))
            .order_by_asc(webhook_retries::Column::Position)
            .into_tuple()
            .one(self.connection())
            .await?;
        let next = endpoint.position.saturating_add(1);
        Ok(Some(waiting.map(count).transpose()?.map_or(next, |waiting| waiting.min(next))))
    }

    async fn written_at(&self, position: u64) -> Result<Option<Timestamp>, StoreError> {
        let written: Option<DateTime<Utc>> = events::Entity::find()
            .select_only()
            .column(events::Column::RecordedAt)
            .filter(events::Column::Position.eq(to_column_sequence(position)))
            .into_tuple()
            .one(self.connection())
            .await?;
        Ok(written.map(from_column_time))
    }
}
