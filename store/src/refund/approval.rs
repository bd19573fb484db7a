//! What the door notes before a refund is handed on: what a principal asked back today, and what a second principal
//! has to say to it. Neither moves money.

use chrono::Utc;
use domain::{
    Money, Timestamp,
    calendar::Day,
    id::{CheckoutId, RefundId},
    principal::Principal,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Decision, Journal, Page, Reader, Sealed, StoreError, Window,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{refund_approvals, refund_days, refund_reservations},
};

/// A refund that counts against the day's limit of who asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Reservation<'a> {
    pub refund_id: &'a RefundId,
    /// The principal that asks.
    pub principal: &'a Principal,
    pub amount: Money,
    pub at: Timestamp,
}

/// Whether a refund is within the day's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// It is, and is counted once however often it is asked for.
    Within,
    /// It is not; nothing is counted.
    Beyond,
}

/// A refund that waits for a second principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApproval {
    pub refund_id: RefundId,
    pub checkout_id: CheckoutId,
    /// SHA-256 of the request.
    pub fingerprint: String,
    pub amount: Money,
    /// The principal that asks.
    pub requested_by: Principal,
    pub requested_at: Timestamp,
    /// The request, sealed: it may name an account of the buyer's.
    pub request: Sealed,
}

/// A refund that waits for a second principal, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// What was asked for.
    pub asked: NewApproval,
    /// What the second principal said; none while it waits.
    pub decision: Option<Decision>,
    /// The principal that decided.
    pub decided_by: Option<Principal>,
    pub decided_at: Option<Timestamp>,
}

/// Where a refund stands that needs a second principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalStanding {
    /// Nothing was said yet.
    Waiting,
    /// The second principal said so.
    Decided(Decision),
}

/// A place in the list of refunds that need, or needed, a second principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalPosition {
    /// When the refund was asked for.
    pub requested_at: Timestamp,
    /// The refund, for many may be asked for at one instant.
    pub refund_id: RefundId,
}

impl ApprovalStanding {
    /// Every standing there is.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Decided(Decision::Approved), Self::Decided(Decision::Rejected)];

    /// The standing as it is written: `WAITING`, `APPROVED`, `REJECTED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Decided(decision) => decision.as_str(),
        }
    }

    /// Reads a standing as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }
}

impl ApprovalRecord {
    pub fn standing(&self) -> ApprovalStanding {
        self.decision.map_or(ApprovalStanding::Waiting, ApprovalStanding::Decided)
    }
}

impl Journal {
    /// Counts a refund against a limit of the day, in Korea, on which it is first asked for. The refund's id is the
    /// key. Two that come at once are counted one after the other: the row of the day holds the second up.
    pub async fn reserve_refund(&self, refund: Reservation<'_>, limit: Money) -> Result<Reserved, StoreError> {
        let (principal, day) = (refund.principal.to_string(), Day::of(refund.at).to_string());
        let (amount, most) = (to_column_amount(refund.amount)?, to_column_amount(limit)?);
        let currency = refund.amount.currency();
        let transaction = self.begin().await?;
        let row = refund_reservations::ActiveModel {
            refund_id: Set(refund.refund_id.to_string()),
            principal: Set(principal.clone()),
            day: Set(day.clone()),
            currency: Set(currency.code().to_owned()),
            amount: Set(amount),
            reserved_at: Set(to_column_time(refund.at)),
        };
        let is_new = refund_reservations::Entity::insert(row)
            .on_conflict(OnConflict::column(refund_reservations::Column::RefundId).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        if is_new == 0 {
            return Ok(Reserved::Within);
        }
        if limit.currency() != currency {
            return Ok(Reserved::Beyond);
        }
        let empty = refund_days::ActiveModel {
            principal: Set(principal.clone()),
            day: Set(day.clone()),
            currency: Set(currency.code().to_owned()),
            amount: Set(0),
        };
        refund_days::Entity::insert(empty)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        let counted = refund_days::Entity::update_many()
            .col_expr(refund_days::Column::Amount, Expr::col(refund_days::Column::Amount).add(amount))
            .filter(refund_days::Column::Principal.eq(principal))
            .filter(refund_days::Column::Day.eq(day))
            .filter(refund_days::Column::Currency.eq(currency.code()))
            .filter(refund_days::Column::Amount.lte(most - amount))
            .exec(&transaction)
            .await?;
        if counted.rows_affected != 1 {
            // Dropped, the transaction counts nothing.
            return Ok(Reserved::Beyond);
        }
        transaction.commit().await?;
        Ok(Reserved::Within)
    }

    /// Notes that a refund waits for a second principal. The refund's id is the key: the first request stays.
    pub async fn await_approval(&self, asked: &NewApproval) -> Result<(), StoreError> {
        let row = refund_approvals::ActiveModel {
            refund_id: Set(asked.refund_id.to_string()),
            checkout_id: Set(asked.checkout_id.to_string()),
            fingerprint: Set(asked.fingerprint.clone()),
            amount: Set(to_column_amount(asked.amount)?),
            currency: Set(asked.amount.currency().code().to_owned()),
            requested_by: Set(asked.requested_by.to_string()),
            requested_at: Set(to_column_time(asked.requested_at)),
            key_name: Set(asked.request.key_name.clone()),
            sealed: Set(asked.request.bytes.clone()),
            decision: Set(None),
            decided_by: Set(None),
            decided_at: Set(None),
        };
        refund_approvals::Entity::insert(row)
            .on_conflict(OnConflict::column(refund_approvals::Column::RefundId).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }

    /// Writes what a second principal said. The first word stays, and the statement itself refuses that of the
    /// principal who asked. Answers whether it was written now.
    pub async fn decide_refund(
        &self,
        refund_id: &RefundId,
        decision: Decision,
        by: &Principal,
    ) -> Result<bool, StoreError> {
        let decided = refund_approvals::Entity::update_many()
            .col_expr(refund_approvals::Column::Decision, Expr::value(decision.as_str()))
            .col_expr(refund_approvals::Column::DecidedBy, Expr::value(by.to_string()))
            .col_expr(refund_approvals::Column::DecidedAt, Expr::value(Utc::now()))
            .filter(refund_approvals::Column::RefundId.eq(refund_id.as_str()))
            .filter(refund_approvals::Column::Decision.is_null())
            .filter(refund_approvals::Column::RequestedBy.ne(by.to_string()))
            .exec(self.connection())
            .await?;
        Ok(decided.rows_affected == 1)
    }
}

impl Reader {
    /// A refund that waits for a second principal, or waited; none where nobody's word is needed.
    pub async fn approval(&self, refund_id: &RefundId) -> Result<Option<ApprovalRecord>, StoreError> {
        let row = refund_approvals::Entity::find_by_id(refund_id.as_str()).one(self.connection()).await?;
        row.map(approval).transpose()
    }

    /// Refunds of a checkout that need, or needed, a second principal, in the order in which they were asked for.
    pub async fn approvals_of(&self, checkout_id: &CheckoutId) -> Result<Vec<ApprovalRecord>, StoreError> {
        let rows = refund_approvals::Entity::find()
            .filter(refund_approvals::Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(refund_approvals::Column::RequestedAt)
            .all(self.connection())
            .await?;
        rows.into_iter().map(approval).collect()
    }

    /// Refunds that need, or needed, a second principal, the last asked for first. All of them, or those that stand
    /// there.
    pub async fn approvals(
        &self,
        standing: Option<ApprovalStanding>,
        window: &Window<ApprovalPosition>,
    ) -> Result<Page<ApprovalRecord>, StoreError> {
        use refund_approvals::Column;
        let stands_there = standing.map(|standing| match standing {
            ApprovalStanding::Waiting => Column::Decision.is_null(),
            ApprovalStanding::Decided(decision) => Column::Decision.eq(decision.as_str()),
        });
        let rows = refund_approvals::Entity::find()
            .filter(Condition::all().add_option(stands_there).add_option(window.after.as_ref().map(behind)))
            .order_by_desc(Column::RequestedAt)
            .order_by_desc(Column::RefundId)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, approval)
    }
}

/// Asked for before a place in the list; at one instant, with a smaller id.
fn behind(position: &ApprovalPosition) -> Condition {
    use refund_approvals::Column;
    let at = to_column_time(position.requested_at);
    let same_instant =
        Condition::all().add(Column::RequestedAt.eq(at)).add(Column::RefundId.lt(position.refund_id.as_str()));
    Condition::any().add(Column::RequestedAt.lt(at)).add(same_instant)
}

fn approval(row: refund_approvals::Model) -> Result<ApprovalRecord, StoreError> {
    let principal = |text: String| Principal::parse(&text).map_err(|_| corrupt("a principal", text));
    let decision = |text: String| Decision::parse(&text).ok_or_else(|| corrupt("a decision", text));
    Ok(ApprovalRecord {
        asked: NewApproval {
            refund_id: RefundId::parse(row.refund_id).map_err(|error| corrupt("an id", error))?,
            checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
            fingerprint: row.fingerprint,
            amount: from_column_amount(row.amount, from_column_currency(&row.currency)?)?,
            requested_by: principal(row.requested_by)?,
            requested_at: from_column_time(row.requested_at),
            request: Sealed { key_name: row.key_name, bytes: row.sealed },
        },
        decision: row.decision.map(decision).transpose()?,
        decided_by: row.decided_by.map(principal).transpose()?,
        decided_at: row.decided_at.map(from_column_time),
    })
}
