//! What was decided about the risk of an attempt to pay, and what such decisions are counted from.

use domain::{
    Timestamp,
    checkout::Plan,
    id::CardFingerprint,
    risk::{Assessment, PaymentsBefore, RiskVerdict, Subject, Velocity},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict, Query},
};

use crate::{
    Keyring, StoreError, Writer,
    convert::{corrupt, to_column_amount, to_column_revision, to_column_time},
    entities::risk_decisions,
};

/// What was decided about an attempt.
#[derive(Debug, Clone, Copy)]
pub struct RiskDecision<'a> {
    pub plan: &'a Plan,
    /// Which attempt to pay it.
    pub attempt: u32,
    /// What the card is called, where one is named.
    pub card: Option<&'a CardNames>,
    /// The person who decided; `None` if the rules decided.
    pub by: Option<&'a str>,
    /// What was decided.
    pub assessment: &'a Assessment,
    pub decided_at: Timestamp,
}

/// What the rows call a card: its digest under each encryption key, the newest first. Without keys, the hash that the
/// checkout holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardNames(Vec<String>);

impl CardNames {
    /// The names of a card. The plain hash is the last of them: rows from before keys were set have it.
    pub fn of(card: &CardFingerprint, keys: Option<&Keyring>) -> Result<Self, StoreError> {
        let digests = keys.map(|keys| keys.digests(card.as_str().as_bytes())).transpose();
        let mut names = digests.map_err(|error| corrupt("a card", error))?.unwrap_or_default();
        names.push(card.to_string());
        Ok(Self(names))
    }

    /// The name of a new row.
    fn newest(&self) -> Option<String> {
        self.0.first().cloned()
    }
}

/// The author of a decision that no person made.
pub(super) const BY_RULES: &str = "rules";
/// The columns of what is counted.
const PAYMENTS: &str = "payments";
const MINOR: &str = "minor";

impl Writer {
    /// What was decided about an attempt before, if anything was.
    pub async fn assessed(&self, plan: &Plan, attempt: u32) -> Result<Option<Assessment>, StoreError> {
        let key = (plan.checkout_id().to_string(), to_column_revision(attempt)?, BY_RULES.to_owned());
        let row = risk_decisions::Entity::find_by_id(key).one(self.connection()).await?;
        row.map(|row| {
            let verdict = RiskVerdict::parse(&row.verdict).ok_or_else(|| corrupt("a verdict", &row.verdict))?;
            let reasons = serde_json::from_str(&row.reasons).map_err(|error| corrupt("reasons", error))?;
            Ok(Assessment { verdict, reasons })
        })
        .transpose()
    }

    /// What was let through of a velocity's subject in its window, in other checkouts than this one; `None` without a
    /// subject. What is decided at the same moment is not seen.
    pub async fn counted(
        &self,
        velocity: &Velocity,
        plan: &Plan,
        card: Option<&CardNames>,
        now: Timestamp,
    ) -> Result<Option<PaymentsBefore>, StoreError> {
        use risk_decisions::Column;
        let fields = plan.fields();
        let of_subject = match velocity.of {
            Subject::Buyer => Column::BuyerId.eq(fields.buyer_id.as_str()),
            Subject::Card => match card {
                Some(CardNames(names)) => Column::Card.is_in(names),
                None => return Ok(None),
            },
        };
        let began = now.minus_ms(velocity.window_ms);
        // Once per checkout: who knows of one can make attempts at it with invented payment keys.
        let checkouts = risk_decisions::Entity::find()
            .select_only()
            .columns([Column::CheckoutId, Column::Amount, Column::Currency])
            .distinct()
            .filter(of_subject)
            .filter(Column::DecidedAt.gt(to_column_time(began)))
            .filter(Column::DecidedBy.eq(BY_RULES))
            .filter(Column::Verdict.ne(RiskVerdict::Deny.as_str()))
            .filter(Column::CheckoutId.ne(plan.checkout_id().as_str()))
            .into_query();
        let of_currency =
            Expr::case(Expr::col(Column::Currency).eq(plan.total().currency().code()), Expr::col(Column::Amount));
        let statement = Query::select()
            .expr_as(Expr::col(Column::CheckoutId).count(), PAYMENTS)
            .expr_as(of_currency.finally(0).sum().cast_as("bigint"), MINOR)
            .from_subquery(checkouts, "checkouts")
            .to_owned();
        let row = self.connection().query_one(&statement).await?;
        let Some(row) = row else { return Err(corrupt("no counts", plan.checkout_id())) };
        let (payments, minor): (i64, Option<i64>) = (row.try_get("", PAYMENTS)?, row.try_get("", MINOR)?);
        let unsigned = |count: i64| u64::try_from(count).map_err(|_| corrupt("a count", count));
        Ok(Some(PaymentsBefore { payments: unsigned(payments)?, minor: unsigned(minor.unwrap_or_default())? }))
    }

    /// Writes what was decided about an attempt, by the rules or by a person. The checkout, the attempt and who decided
    /// are the key: the first decision stays.
    pub async fn record_risk(&self, decision: RiskDecision<'_>) -> Result<(), StoreError> {
        let RiskDecision { plan, attempt, card, by, assessment, decided_at } = decision;
        let fields = plan.fields();
        let reasons = serde_json::to_string(&assessment.reasons).map_err(|error| corrupt("reasons", error))?;
        let decision = risk_decisions::ActiveModel {
            checkout_id: Set(plan.checkout_id().to_string()),
            attempt: Set(to_column_revision(attempt)?),
            decided_by: Set(by.map_or_else(|| BY_RULES.to_owned(), |by| format!("person:{by}"))),
            verdict: Set(assessment.verdict.as_str().to_owned()),
            reasons: Set(reasons),
            buyer_id: Set(fields.buyer_id.to_string()),
            card: Set(card.and_then(CardNames::newest)),
            amount: Set(to_column_amount(plan.total())?),
            currency: Set(plan.total().currency().code().to_owned()),
            decided_at: Set(to_column_time(decided_at)),
        };
        risk_decisions::Entity::insert(decision)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }
}
