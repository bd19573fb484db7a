//! Checkouts: recording them and moving them on.

use chrono::Utc;
use domain::{
    checkout::{Change, NewCheckout, Plan, Status, Withdrawn},
    commission::CommissionTerms,
    id::WorkflowId,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use crate::{
    StoreError, Writer,
    checkout::status::{NextStatus, WriteResult, append_history, is_written, set_account, write_status},
    commission::read::commission_terms,
    convert::{to_column_amount, to_column_revision, to_column_time},
    entities::{checkout_requests, declined_payments, payment_events, payment_ids, payment_orders},
    event,
    transaction::Transaction,
};

impl Writer {
    /// Records a new checkout with all its orders. Answers `false` when one of its ids is taken: by a checkout or a
    /// payment order of another workflow, or twice in the plan. The workflow id is the key: asked again, it answers
    /// the same.
    pub async fn record_checkout(&self, new: &NewCheckout) -> Result<bool, StoreError> {
        let request = |accepted| checkout_requests::ActiveModel {
            workflow_id: Set(new.workflow_id.to_string()),
            api_key_id: Set(new.api_key_id.to_string()),
            fingerprint: Set(new.fingerprint.clone()),
            checkout_id: Set(new.plan.checkout_id().to_string()),
            accepted: Set(accepted),
            recorded_at: Set(Utc::now()),
        };
        let transaction = self.begin().await?;
        if !insert_request(&transaction, request(true)).await? {
            return accepted_before(&transaction, &new.workflow_id).await;
        }
        if claim_ids(&transaction, &new.plan).await? && insert_checkout(&transaction, new).await? {
            append_history(&transaction, NextStatus::of(&new.recording()), Utc::now()).await?;
            event::append(&transaction, event::created(new)?).await?;
            transaction.commit().await?;
            return Ok(true);
        }
        transaction.rollback().await?;

        let transaction = self.begin().await?;
        insert_request(&transaction, request(false)).await?;
        let accepted = accepted_before(&transaction, &new.workflow_id).await?;
        transaction.commit().await?;
        Ok(accepted)
    }

    /// Moves a checkout, and each of its orders, to its next status, and writes the account that the buyer pays into.
    /// The revision is the key: asked again with the same one, it changes nothing. A failure with a payment key is kept
    /// as the answer to that payment, because another payment may begin after it.
    pub async fn advance(&self, change: &Change) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        if write_status(&transaction, NextStatus::of(change)).await? == WriteResult::Now {
            set_order_status(&transaction, change).await?;
            if change.status == Status::Failed {
                keep_decline(&transaction, change).await?;
            }
            set_account(&transaction, change).await?;
            event::append_checkouts(&transaction, &[change]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Writes that the payment of a checkout is being given back, and why; the status of the checkout stays. After this
    /// change no payment can be booked that was decided before it. Answers [`Withdrawn::Paid`] where the payment was
    /// booked under this revision. The revision is the key.
    pub async fn withdraw(&self, change: &Change) -> Result<Withdrawn, StoreError> {
        let transaction = self.begin().await?;
        match write_status(&transaction, NextStatus::of(change)).await {
            Ok(written) => {
                if written == WriteResult::Now {
                    event::append_checkouts(&transaction, &[change]).await?;
                }
                transaction.commit().await?;
                Ok(Withdrawn::Done)
            }
            Err(StoreError::OutOfStep { .. })
                if is_written(&transaction, &Change { status: Status::Success, ..change.clone() }).await? =>
            {
                Ok(Withdrawn::Paid)
            }
            Err(error) => Err(error),
        }
    }
}

async fn keep_decline(transaction: &Transaction, change: &Change) -> Result<(), StoreError> {
    let Some(payment_key) = &change.payment_key else { return Ok(()) };
    let line = declined_payments::ActiveModel {
        checkout_id: Set(change.checkout_id.to_string()),
        payment_key: Set(payment_key.to_string()),
        revision: Set(to_column_revision(change.revision)?),
        failure_code: Set(change.failure.as_ref().map(|failure| String::from(failure.code.clone()))),
        failure_message: Set(change.failure.as_ref().map(|failure| failure.message.clone())),
        failure_retry_at: Set(change.failure.as_ref().and_then(|failure| failure.retry_at).map(to_column_time)),
    };
    declined_payments::Entity::insert(line).exec_without_returning(transaction).await?;
    Ok(())
}

async fn set_order_status(transaction: &Transaction, change: &Change) -> Result<(), StoreError> {
    payment_orders::Entity::update_many()
        .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(change.status.as_str()))
        .filter(payment_orders::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Whether the row is new.
async fn insert_request(
    transaction: &Transaction,
    request: checkout_requests::ActiveModel,
) -> Result<bool, StoreError> {
    let rows = checkout_requests::Entity::insert(request)
        .on_conflict(OnConflict::column(checkout_requests::Column::WorkflowId).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(rows == 1)
}

async fn accepted_before(transaction: &Transaction, workflow_id: &WorkflowId) -> Result<bool, StoreError> {
    let request = checkout_requests::Entity::find_by_id(workflow_id.as_str()).one(transaction).await?;
    request
        .map(|request| request.accepted)
        .ok_or_else(|| StoreError::Corrupt { what: "no request", value: workflow_id.to_string() })
}

/// Claims the ids of a checkout and of its orders, in the order of their text, so that two checkouts that want the
/// same ones wait for each other and do not deadlock. Whether all of them were free; if not, the caller rolls back.
async fn claim_ids(transaction: &Transaction, plan: &Plan) -> Result<bool, StoreError> {
    let claim = |id: &str, kind: &str| payment_ids::Model { id: id.to_owned(), kind: kind.to_owned() };
    let mut claims = vec![claim(plan.checkout_id().as_str(), "checkout")];
    claims.extend(plan.orders().iter().map(|order| claim(order.id.as_str(), "payment_order")));
    claims.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let expected = claims.len() as u64;
    let row = |claim: payment_ids::Model| payment_ids::ActiveModel { id: Set(claim.id), kind: Set(claim.kind) };
    let rows = payment_ids::Entity::insert_many(claims.into_iter().map(row))
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(rows == expected)
}

/// Whether all rows are new; if not, the caller rolls back.
async fn insert_checkout(transaction: &Transaction, new: &NewCheckout) -> Result<bool, StoreError> {
    let rows = payment_events::Entity::insert(event_row(new)?)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    if rows != 1 {
        return Ok(false);
    }
    let sellers: Vec<_> = new.plan.orders().iter().map(|order| &order.seller).collect();
    let terms = commission_terms(transaction, &sellers, new.created_at).await?;
    let orders = order_rows(&new.plan, &terms)?;
    let expected = orders.len() as u64;
    let rows = payment_orders::Entity::insert_many(orders)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(rows == expected)
}

fn event_row(new: &NewCheckout) -> Result<payment_events::ActiveModel, StoreError> {
    let (plan, fields) = (&new.plan, new.plan.fields());
    Ok(payment_events::ActiveModel {
        checkout_id: Set(plan.checkout_id().to_string()),
        workflow_id: Set(new.workflow_id.to_string()),
        order_name: Set(fields.order_name.clone()),
        buyer_id: Set(fields.buyer_id.to_string()),
        amount: Set(to_column_amount(plan.total())?),
        currency: Set(plan.total().currency().code().to_owned()),
        status: Set(Status::NotStarted.to_string()),
        revision: Set(0),
        is_payment_done: Set(false),
        payment_key: Set(None),
        psp_method: Set(None),
        psp_approved_at: Set(None),
        psp_receipt_url: Set(None),
        approval_number: Set(None),
        cash_receipt_number: Set(None),
        failure_code: Set(None),
        failure_message: Set(None),
        failure_retryable: Set(false),
        failure_retry_at: Set(None),
        account_bank: Set(None),
        account_number: Set(None),
        account_due_at: Set(None),
        account_holder: Set(None),
        success_url: Set(fields.success_url.clone()),
        fail_url: Set(fields.fail_url.clone()),
        metadata: Set(fields.metadata.clone()),
        created_at: Set(to_column_time(new.created_at)),
        expires_at: Set(to_column_time(new.expires_at)),
        updated_at: Set(Utc::now()),
        confirm_token_hash: Set(fields.confirm_token_hash.as_ref().map(ToString::to_string)),
        saved_card_id: Set(new.saved_card.as_ref().map(ToString::to_string)),
        use_escrow: Set(fields.window.use_escrow),
        receipt_preset: Set(fields.window.cash_receipt.map(|preset| preset.as_str().to_owned())),
    })
}

/// The rows in the order of their ids, so that two checkouts that want the same ones wait for each other and
/// do not deadlock.
fn order_rows(plan: &Plan, terms: &[CommissionTerms]) -> Result<Vec<payment_orders::ActiveModel>, StoreError> {
    let row = |(line, order, terms): (i32, &domain::checkout::Order, &CommissionTerms)| {
        Ok(payment_orders::ActiveModel {
            payment_order_id: Set(order.id.to_string()),
            checkout_id: Set(plan.checkout_id().to_string()),
            line: Set(line),
            seller_account: Set(order.seller.to_string()),
            amount: Set(to_column_amount(order.amount)?),
            currency: Set(order.amount.currency().code().to_owned()),
            payment_order_status: Set(Status::NotStarted.to_string()),
            wallet_updated: Set(false),
            ledger_updated: Set(false),
            refunded_amount: Set(0),
            tax_free_amount: Set(order.tax_free.map_or(Ok(0), to_column_amount)?),
            item_name: Set(order.name.clone()),
            commission: Set(0),
            commission_vat: Set(0),
            commission_on_refund: Set(terms.on_refund.as_str().to_owned()),
            unreleased: Set(0),
            releases_at: Set(None),
            deposit_seen_at: Set(None),
        })
    };
    let lines = (0..).zip(plan.orders()).zip(terms);
    let mut orders: Vec<_> = lines.map(|((line, order), terms)| (line, order, terms)).collect();
    orders.sort_by(|(_, left, _), (_, right, _)| left.id.cmp(&right.id));
    orders.into_iter().map(row).collect()
}
