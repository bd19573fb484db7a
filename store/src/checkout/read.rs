//! Checkouts, their orders, their history and the requests that made them.

use domain::{
    Currency, Money, Timestamp,
    cash_receipt::ReceiptPreset,
    charge::{ReceiptNumbers, VirtualAccount, is_virtual_account},
    checkout::{Order, Status, WindowTerms},
    failure::Failure,
    id::{
        BuyerId, CheckoutId, ConfirmTokenHash, IdError, PaymentKey, PaymentOrderId, SavedCardId, SellerAccount,
        WorkflowId,
    },
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    Reader, RefundRecord, StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_revision, from_column_status, from_column_time,
    },
    entities::{checkout_requests, declined_payments, payment_events, payment_orders, payment_status_history},
    refund::refunds_in,
};

/// The request that created a checkout, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// SHA-256 of its body in lower-case hex.
    pub fingerprint: String,
    /// The checkout it named.
    pub checkout_id: CheckoutId,
    /// Whether it was recorded; if not, one of its ids was taken.
    pub accepted: bool,
}

/// A checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRecord {
    pub checkout_id: CheckoutId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// What the buyer reads.
    pub order_name: String,
    /// The buyer.
    pub buyer_id: BuyerId,
    /// What the buyer pays.
    pub total: Money,
    pub status: Status,
    /// How many changes were written since it was recorded.
    pub revision: u32,
    /// Its payment orders, in the order of the request.
    pub orders: Vec<OrderRecord>,
    /// Why it went wrong, if it did.
    pub failure: Option<Failure>,
    /// What is known of it at the PSP, once the buyer has come back.
    pub psp: Option<PspRecord>,
    /// Where the buyer's browser goes after paying.
    pub success_url: Option<String>,
    /// Where it goes when the payment did not happen.
    pub fail_url: Option<String>,
    /// The marketplace's own notes, as compact JSON.
    pub metadata: Option<String>,
    /// The hash of what its buyer proves to confirm; none where it was made before there were tokens.
    pub confirm_token_hash: Option<ConfirmTokenHash>,
    /// The saved card that it was made with, which is charged first.
    pub saved_card: Option<SavedCardId>,
    /// What the payment window is asked for besides the amount.
    pub window: WindowTerms,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires unless the buyer has paid.
    pub expires_at: Timestamp,
}

/// A payment order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// What was ordered.
    pub order: Order,
    pub status: Status,
    /// Whether the seller's wallet was credited.
    pub wallet_updated: bool,
    /// Whether the books have it.
    pub ledger_updated: bool,
    /// The refunded amount.
    pub refunded: Money,
}

/// What is known of a payment at the PSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspRecord {
    /// What the PSP calls the buyer's attempt.
    pub payment_key: PaymentKey,
    /// How the buyer paid, in the PSP's words.
    pub method: Option<String>,
    /// When the PSP captured the money.
    pub approved_at: Option<Timestamp>,
    /// The buyer's receipt.
    pub receipt_url: Option<String>,
    /// What stands on the buyer's receipts.
    pub receipt_numbers: ReceiptNumbers,
    /// Where the buyer pays, or has paid, if it is by a virtual account.
    pub virtual_account: Option<VirtualAccount>,
}

/// A payment that was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclineRecord {
    /// What the PSP calls it.
    pub payment_key: PaymentKey,
    /// The change of the checkout that wrote the decline.
    pub revision: u32,
    /// Why.
    pub failure: Option<Failure>,
}

impl CheckoutRecord {
    /// Whether it failed and the buyer may try again.
    pub fn takes_retry(&self, now: Timestamp) -> bool {
        let is_retryable = self.failure.as_ref().is_some_and(|failure| failure.retryable);
        self.status == Status::Failed && is_retryable && now < self.expires_at
    }

    /// Whether its workflow asks the PSP when the PSP nudges it. The bank may take a deposit back.
    pub fn follows_psp(&self) -> bool {
        self.status.phase().follows_psp() || self.status.is_payment_done() && self.is_by_deposit()
    }

    /// Whether it is paid into a virtual account.
    pub fn is_by_deposit(&self) -> bool {
        // Of an account that nobody knew of before it was paid into, only the method tells.
        self.psp.as_ref().is_some_and(|psp| psp.virtual_account.is_some() || is_virtual_account(psp.method.as_deref()))
    }
}

/// One line of a checkout's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Its number, from 0.
    pub revision: u32,
    /// Where the checkout stood from then on.
    pub status: Status,
    /// Why, where it went wrong.
    pub failure: Option<Failure>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was written.
    pub recorded_at: Timestamp,
}

impl Reader {
    /// The request behind a workflow, once it has been recorded.
    pub async fn request(&self, workflow_id: &WorkflowId) -> Result<Option<RequestRecord>, StoreError> {
        let row = checkout_requests::Entity::find_by_id(workflow_id.as_str()).one(self.connection()).await?;
        row.map(|row| {
            Ok(RequestRecord {
                fingerprint: row.fingerprint,
                checkout_id: id(CheckoutId::parse(row.checkout_id))?,
                accepted: row.accepted,
            })
        })
        .transpose()
    }

    /// A checkout with its orders.
    pub async fn checkout(&self, checkout_id: &CheckoutId) -> Result<Option<CheckoutRecord>, StoreError> {
        checkout_in(self.connection(), checkout_id).await
    }

    /// A checkout with its orders and refunds, as they were together at one instant.
    pub async fn checkout_and_refunds(
        &self,
        checkout_id: &CheckoutId,
    ) -> Result<Option<(CheckoutRecord, Vec<RefundRecord>)>, StoreError> {
        let snapshot = self.snapshot().await?;
        let found = checkout_in(&snapshot, checkout_id).await?;
        let refunds = refunds_in(&snapshot, checkout_id).await?;
        snapshot.rollback().await?;
        Ok(found.map(|checkout| (checkout, refunds)))
    }

    /// When the last change of a checkout was written.
    pub async fn changed_at(&self, checkout_id: &CheckoutId) -> Result<Option<Timestamp>, StoreError> {
        let event = payment_events::Entity::find_by_id(checkout_id.as_str()).one(self.connection()).await?;
        Ok(event.map(|event| from_column_time(event.updated_at)))
    }

    /// Why a payment was declined that a checkout has tried; `None` if it has declined none of this key.
    pub async fn decline(
        &self,
        checkout_id: &CheckoutId,
        payment_key: &PaymentKey,
    ) -> Result<Option<Failure>, StoreError> {
        let key = (checkout_id.to_string(), payment_key.to_string());
        let row = declined_payments::Entity::find_by_id(key).one(self.connection()).await?;
        Ok(row.map(|row| Failure {
            retry_at: row.failure_retry_at.map(from_column_time),
            ..Failure::new(row.failure_code.unwrap_or_default(), row.failure_message.unwrap_or_default())
        }))
    }

    /// Every payment that a checkout has tried and that was declined, in their order.
    pub async fn declines(&self, checkout_id: &CheckoutId) -> Result<Vec<DeclineRecord>, StoreError> {
        let rows = declined_payments::Entity::find()
            .filter(declined_payments::Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(declined_payments::Column::Revision)
            .all(self.connection())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(DeclineRecord {
                    payment_key: id(PaymentKey::parse(row.payment_key))?,
                    revision: from_column_revision(row.revision)?,
                    failure: failure(row.failure_code, row.failure_message),
                })
            })
            .collect()
    }

    /// The checkout that a payment order belongs to.
    pub async fn checkout_of_order(&self, order: &PaymentOrderId) -> Result<Option<CheckoutId>, StoreError> {
        let row = payment_orders::Entity::find_by_id(order.as_str()).one(self.connection()).await?;
        row.map(|row| id(CheckoutId::parse(row.checkout_id))).transpose()
    }

    /// The workflow of a checkout.
    pub async fn workflow_of(&self, checkout_id: &CheckoutId) -> Result<Option<WorkflowId>, StoreError> {
        let row = payment_events::Entity::find_by_id(checkout_id.as_str()).one(self.connection()).await?;
        row.map(|row| id(WorkflowId::parse(row.workflow_id))).transpose()
    }

    /// Every status a checkout has had, oldest first. Empty when there is no such checkout.
    pub async fn history(&self, checkout_id: &CheckoutId) -> Result<Vec<StatusChange>, StoreError> {
        let rows = payment_status_history::Entity::find()
            .filter(payment_status_history::Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(payment_status_history::Column::Revision)
            .all(self.connection())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(StatusChange {
                    revision: from_column_revision(row.revision)?,
                    status: from_column_status(&row.status)?,
                    failure: failure(row.failure_code, row.failure_message),
                    occurred_at: from_column_time(row.occurred_at),
                    recorded_at: from_column_time(row.recorded_at),
                })
            })
            .collect()
    }
}

pub(crate) async fn checkout_in(
    connection: &impl ConnectionTrait,
    checkout_id: &CheckoutId,
) -> Result<Option<CheckoutRecord>, StoreError> {
    let Some(event) = payment_events::Entity::find_by_id(checkout_id.as_str()).one(connection).await? else {
        return Ok(None);
    };
    let orders = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.eq(checkout_id.as_str()))
        .order_by_asc(payment_orders::Column::Line)
        .all(connection)
        .await?;
    let orders = orders.into_iter().map(order_record).collect::<Result<_, _>>()?;
    checkout_record(event, orders).map(Some)
}

/// The part of an order without tax, where there is one.
pub(crate) fn tax_free(minor: i64, currency: Currency) -> Result<Option<Money>, StoreError> {
    from_column_amount(minor, currency).map(|part| Some(part).filter(|part| !part.is_zero()))
}

pub(crate) fn order_record(row: payment_orders::Model) -> Result<OrderRecord, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    Ok(OrderRecord {
        order: Order {
            id: id(PaymentOrderId::parse(row.payment_order_id))?,
            seller: id(SellerAccount::parse(row.seller_account))?,
            amount: from_column_amount(row.amount, currency)?,
            tax_free: tax_free(row.tax_free_amount, currency)?,
            name: row.item_name,
        },
        status: from_column_status(&row.payment_order_status)?,
        wallet_updated: row.wallet_updated,
        ledger_updated: row.ledger_updated,
        refunded: from_column_amount(row.refunded_amount, currency)?,
    })
}

pub(crate) fn checkout_record(
    event: payment_events::Model,
    orders: Vec<OrderRecord>,
) -> Result<CheckoutRecord, StoreError> {
    let virtual_account = event.account_bank.zip(event.account_number).map(|(bank, account_number)| VirtualAccount {
        bank,
        account_number,
        due_date: event.account_due_at.map(from_column_time),
        sealed_holder: event.account_holder,
    });
    let failure = failure(event.failure_code, event.failure_message).map(|failure| Failure {
        retryable: event.failure_retryable,
        retry_at: event.failure_retry_at.map(from_column_time),
        ..failure
    });
    let psp = match event.payment_key {
        None => None,
        Some(payment_key) => Some(PspRecord {
            payment_key: id(PaymentKey::parse(payment_key))?,
            method: event.psp_method,
            approved_at: event.psp_approved_at.map(from_column_time),
            receipt_url: event.psp_receipt_url,
            receipt_numbers: ReceiptNumbers {
                approval: event.approval_number,
                cash_receipt: event.cash_receipt_number,
            },
            virtual_account,
        }),
    };
    Ok(CheckoutRecord {
        checkout_id: id(CheckoutId::parse(event.checkout_id))?,
        workflow_id: id(WorkflowId::parse(event.workflow_id))?,
        order_name: event.order_name,
        buyer_id: id(BuyerId::parse(event.buyer_id))?,
        total: from_column_amount(event.amount, from_column_currency(&event.currency)?)?,
        status: from_column_status(&event.status)?,
        revision: from_column_revision(event.revision)?,
        orders,
        failure,
        psp,
        success_url: event.success_url,
        fail_url: event.fail_url,
        metadata: event.metadata,
        confirm_token_hash: event.confirm_token_hash.map(ConfirmTokenHash::parse).transpose().map_err(bad_id)?,
        saved_card: event.saved_card_id.map(SavedCardId::parse).transpose().map_err(bad_id)?,
        window: WindowTerms {
            use_escrow: event.use_escrow,
            cash_receipt: event.receipt_preset.as_deref().map(receipt_preset).transpose()?,
        },
        created_at: from_column_time(event.created_at),
        expires_at: from_column_time(event.expires_at),
    })
}

fn receipt_preset(text: &str) -> Result<ReceiptPreset, StoreError> {
    ReceiptPreset::parse(text).ok_or_else(|| corrupt("a preset of a receipt", text))
}

fn failure(code: Option<String>, message: Option<String>) -> Option<Failure> {
    Some(Failure::new(code?, message?))
}

fn id<T>(parsed: Result<T, IdError>) -> Result<T, StoreError> {
    parsed.map_err(bad_id)
}

fn bad_id(error: IdError) -> StoreError {
    corrupt("an id", error)
}
