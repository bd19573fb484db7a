//! What other tables know of the steps in a checkout's history: who asked, who decided, and how much went back.

use std::collections::HashSet;

use domain::{
    Money, Timestamp,
    dead_letter::DeclaredOutcome,
    id::{ApiKeyId, CheckoutId, WorkflowId},
    principal::Principal,
    refund::RefundStatus,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    Actor, Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time},
    dead_letter::record,
    entities::{api_keys, checkout_requests, dead_letter_actions, dead_letters, refunds},
};

/// What is known of the steps of a checkout besides its history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistorySources {
    /// The API key that created the checkout.
    pub created_by: Option<ApiKeyId>,
    /// What was given back, in the order in which it was booked: one for each step to a refunded status.
    pub paid_back: Vec<PaidBack>,
    /// What operators declared about the checkout's own dead letters, oldest first.
    pub decisions: Vec<OperatorDecision>,
    /// Whether the checkout ever wrote a dead letter of its own: an operator may have answered it by a signal, of which
    /// no table knows.
    pub needed_operator: bool,
}

/// Money that went back to the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBack {
    pub amount: Money,
    /// The principal that asked for it.
    pub requested_by: Principal,
}

/// What an operator declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorDecision {
    /// Who.
    pub by: Actor,
    /// What.
    pub outcome: DeclaredOutcome,
    pub decided_at: Timestamp,
}

impl Reader {
    /// What is known of the steps of a checkout. Read it after the history: each step to a refunded status has its
    /// refund then.
    pub async fn history_sources(
        &self,
        checkout_id: &CheckoutId,
        workflow_id: &WorkflowId,
    ) -> Result<HistorySources, StoreError> {
        let request = checkout_requests::Entity::find_by_id(workflow_id.as_str()).one(self.connection()).await?;
        let created_by =
            request.filter(|request| request.accepted).map(|request| key(request.api_key_id)).transpose()?;
        let letters = dead_letters::Entity::find()
            .filter(dead_letters::Column::CheckoutId.eq(checkout_id.as_str()))
            .filter(dead_letters::Column::WorkflowId.eq(workflow_id.as_str()))
            .all(self.connection())
            .await?;
        let letters: Vec<_> = letters.into_iter().map(|letter| letter.letter_id).collect();
        Ok(HistorySources {
            created_by,
            paid_back: self.paid_back(checkout_id).await?,
            needed_operator: !letters.is_empty(),
            decisions: if letters.is_empty() { Vec::new() } else { self.decisions(letters).await? },
        })
    }

    /// A refund ends in the transaction of its step, and the refunds of a checkout run one after the other.
    async fn paid_back(&self, checkout_id: &CheckoutId) -> Result<Vec<PaidBack>, StoreError> {
        let rows = refunds::Entity::find()
            .filter(refunds::Column::CheckoutId.eq(checkout_id.as_str()))
            .filter(refunds::Column::Status.eq(RefundStatus::Succeeded.as_str()))
            .order_by_asc(refunds::Column::UpdatedAt)
            .all(self.connection())
            .await?;
        let paid_back = |row: refunds::Model| {
            let amount = row.amount.ok_or_else(|| corrupt("an executed refund without amount", &row.refund_id))?;
            let amount = from_column_amount(amount, from_column_currency(&row.currency)?)?;
            let requested_by = Principal::parse_bare(&row.api_key_id).map_err(|error| corrupt("a principal", error))?;
            Ok(PaidBack { amount, requested_by })
        };
        rows.into_iter().map(paid_back).collect()
    }

    async fn decisions(&self, letters: Vec<String>) -> Result<Vec<OperatorDecision>, StoreError> {
        let rows = dead_letter_actions::Entity::find()
            .filter(dead_letter_actions::Column::LetterId.is_in(letters))
            .filter(dead_letter_actions::Column::Outcome.is_not_null())
            .order_by_asc(dead_letter_actions::Column::ActedAt)
            .all(self.connection())
            .await?;
        // An action names an API key by its id, and a person by a name.
        let keys = api_keys::Entity::find()
            .filter(api_keys::Column::ApiKeyId.is_in(rows.iter().map(|row| row.actor.as_str())))
            .all(self.connection())
            .await?;
        let keys: HashSet<String> = keys.into_iter().map(|key| key.api_key_id).collect();
        let mut decisions = Vec::with_capacity(rows.len());
        for row in rows {
            let (actor, acted_at) = (row.actor.clone(), from_column_time(row.acted_at));
            let Some(outcome) = record::action(row)?.outcome else { continue };
            let by = match Principal::parse_bare(&actor) {
                Ok(Principal::Person(person)) => Actor::Person(person),
                Ok(Principal::Key(id)) if keys.contains(&actor) => Actor::ApiKey(id),
                Ok(Principal::Key(_)) | Err(_) => Actor::Operator(actor),
            };
            decisions.push(OperatorDecision { by, outcome, decided_at: acted_at });
        }
        Ok(decisions)
    }
}

fn key(id: String) -> Result<ApiKeyId, StoreError> {
    ApiKeyId::parse(id).map_err(|error| corrupt("an id", error))
}
