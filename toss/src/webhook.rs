//! What Toss sends by itself.
//!
//! Payment webhooks are **not signed**: anybody who knows the address can send one. They are hints,
//! so nothing here returns an amount to act on without the caller looking the payment up. What can
//! be compared is the `secret` ([`Webhook::secret`]) with the one stored at confirm. Only
//! `payout.changed` and `seller.changed` carry a signature: see [`signature`].
//!
//! A hint is read with more patience than an answer: an odd time or an unreadable Payment leaves the
//! keys, which is all that a look-up needs.
//!
//! Source: docs.tosspayments.com/reference/using-api/webhook-events.

pub mod signature;

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

use crate::amounts::Currency;
use crate::object::{self, Fields, object};
use crate::payment::Payment;
use crate::payout::Payout;
use crate::private::Private;
use crate::seller::Seller;
use crate::shape::ShapeError;
use crate::times;
use crate::words::{CancelStatus, PaymentStatus};

/// Header with the name of this sending, to tell deliveries apart. Whether a resend keeps it is not
/// documented.
pub const ID_HEADER: &str = "tosspayments-webhook-transmission-id";
/// Header with how often this event was sent before: `0` to `7`, over not quite four days.
pub const RETRIED_COUNT_HEADER: &str = "tosspayments-webhook-transmission-retried-count";
/// Bytes of a webhook that are read. The largest is a Payment, a few thousand.
pub const WEBHOOK_LIMIT_BYTES: usize = 1024 * 1024;

/// The content of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Webhook {
    /// `PAYMENT_STATUS_CHANGED`. Not sent for billing charges nor for a closed window.
    PaymentStatusChanged {
        /// When the event was made; a resend keeps it. `None` if unreadable.
        created_at: Option<DateTime<FixedOffset>>,
        /// Which payment.
        news: PaymentNews,
    },
    /// The deposit callback of a virtual account, which has neither an event type nor a payment
    /// key.
    DepositCallback {
        /// When the event was made; a resend keeps it. `None` if unreadable.
        created_at: Option<DateTime<FixedOffset>>,
        /// Compares with `Payment.secret`; null in some that are recorded.
        secret: Option<Private>,
        /// Where the payment now stands.
        status: PaymentStatus,
        /// The transaction of the deposit.
        transaction_key: Option<String>,
        /// The merchant's name for the order.
        order_id: String,
    },
    /// `CANCEL_STATUS_CHANGED`: a foreign wallet's cancellation moved on.
    CancelStatusChanged {
        /// When the event was made; a resend keeps it. `None` if unreadable.
        created_at: Option<DateTime<FixedOffset>>,
        /// Which cancellation.
        news: CancelNews,
    },
    /// `BILLING_DELETED`: a billing key was deleted, by API or by the card's issuer.
    BillingDeleted {
        /// When the event was made; a resend keeps it. `None` if unreadable.
        created_at: Option<DateTime<FixedOffset>>,
        /// The key that no longer charges.
        billing_key: Private,
        /// Why.
        reason: Option<String>,
    },
    /// `payout.changed`, signed.
    PayoutChanged(Entity),
    /// `seller.changed`, signed.
    SellerChanged(Entity),
    /// An event this version does not know, or does not read.
    Other {
        /// Toss's name of the event.
        event_type: String,
        /// The whole document.
        body: Private<Value>,
    },
}

/// What a `PAYMENT_STATUS_CHANGED` says of the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentNews {
    /// The whole payment.
    Full(Box<Payment>),
    /// Its names and status: the form of 2022, or a Payment this version cannot read.
    Brief {
        /// Toss's name for the payment.
        payment_key: String,
        /// The merchant's name for the order.
        order_id: String,
        /// Where it stands.
        status: PaymentStatus,
        /// Compares with `Payment.secret`.
        secret: Option<Private>,
    },
}

object! {
    /// What a `CANCEL_STATUS_CHANGED` says. Its amounts name no currency and are therefore not read.
    CancelNews {
        /// How the cancellation stands.
        cancel_status: CancelStatus = required "cancelStatus",
        /// Key of the cancellation.
        transaction_key: Option<String> = loose "transactionKey",
        /// The merchant's name for the cancellation.
        cancel_request_id: Option<String> = loose "cancelRequestId",
        /// Toss's name for the payment; absent from the documented sample.
        payment_key: Option<String> = loose "paymentKey",
        /// The merchant's name for the order; absent from the documented sample.
        order_id: Option<String> = loose "orderId",
    }
}

/// The v2 envelope around a payout or a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// When the event was made; a resend keeps it. `None` if unreadable.
    pub created_at: Option<DateTime<FixedOffset>>,
    /// API version that wrote it.
    pub version: Option<String>,
    /// The event's own name.
    pub event_id: Option<String>,
    /// `payout` or `seller`.
    pub entity_type: Option<String>,
    /// The payout or seller, as written: [`Entity::payout`] and [`Entity::seller`] read it.
    pub entity_body: Private<Value>,
}

impl Entity {
    /// The payout of a `payout.changed`, which is sent when one is completed or has failed.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when the envelope names another type, or the entity is not one.
    pub fn payout(&self) -> Result<Payout, ShapeError> {
        self.is("payout")?;
        Payout::from_value(self.entity_body.expose().clone())
    }

    /// The seller of a `seller.changed`, which is sent when one may be paid more or less than before.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when the envelope names another type, or the entity is not one.
    pub fn seller(&self) -> Result<Seller, ShapeError> {
        self.is("seller")?;
        Seller::from_value(self.entity_body.expose().clone())
    }

    /// An envelope that names no type is taken by its event.
    fn is(&self, entity_type: &str) -> Result<(), ShapeError> {
        match &self.entity_type {
            Some(named) if named != entity_type => Err(ShapeError::OtherThings),
            Some(_) | None => Ok(()),
        }
    }
}

/// Why a body is not a webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is longer than [`WEBHOOK_LIMIT_BYTES`].
    #[error("the webhook is longer than {WEBHOOK_LIMIT_BYTES} bytes")]
    TooLarge,
    /// It is not JSON.
    #[error("the webhook is not JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON but neither names an event nor looks like a deposit callback.
    #[error("the webhook names no event")]
    NoEvent,
    /// It names an event and lacks what that event must say.
    #[error("the webhook {event_type} lacks its fields")]
    Fields {
        /// Which event.
        event_type: &'static str,
        /// What is missing.
        source: ShapeError,
    },
}

impl Webhook {
    /// The merchant's name for the order it is about, if it says.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::PaymentStatusChanged { news, .. } => Some(match news {
                PaymentNews::Full(payment) => &payment.order_id,
                PaymentNews::Brief { order_id, .. } => order_id,
            }),
            Self::DepositCallback { order_id, .. } => Some(order_id),
            Self::CancelStatusChanged { news, .. } => news.order_id.as_deref(),
            Self::BillingDeleted { .. } | Self::PayoutChanged(_) | Self::SellerChanged(_) | Self::Other { .. } => None,
        }
    }

    /// Toss's name for the payment it is about, if it says.
    pub fn payment_key(&self) -> Option<&str> {
        match self {
            Self::PaymentStatusChanged { news, .. } => Some(match news {
                PaymentNews::Full(payment) => &payment.payment_key,
                PaymentNews::Brief { payment_key, .. } => payment_key,
            }),
            Self::CancelStatusChanged { news, .. } => news.payment_key.as_deref(),
            Self::DepositCallback { .. }
            | Self::BillingDeleted { .. }
            | Self::PayoutChanged(_)
            | Self::SellerChanged(_)
            | Self::Other { .. } => None,
        }
    }

    /// What to compare with the `secret` stored at confirm, by [`Private::matches`].
    pub fn secret(&self) -> Option<&Private> {
        match self {
            Self::PaymentStatusChanged { news, .. } => match news {
                PaymentNews::Full(payment) => payment.secret.as_ref(),
                PaymentNews::Brief { secret, .. } => secret.as_ref(),
            },
            Self::DepositCallback { secret, .. } => secret.as_ref(),
            Self::CancelStatusChanged { .. }
            | Self::BillingDeleted { .. }
            | Self::PayoutChanged(_)
            | Self::SellerChanged(_)
            | Self::Other { .. } => None,
        }
    }
}

/// Reads the body of a webhook, in any of Toss's dialects.
///
/// # Errors
///
/// [`WebhookError`]; no bytes make it panic. An event of an unknown name is no error.
pub fn parse(body: &[u8]) -> Result<Webhook, WebhookError> {
    if body.len() > WEBHOOK_LIMIT_BYTES {
        return Err(WebhookError::TooLarge);
    }
    let document: Value = serde_json::from_slice(body).map_err(WebhookError::Json)?;
    let Value::Object(fields) = document else {
        return Err(WebhookError::NoEvent);
    };
    let Some(Value::String(event_type)) = fields.get("eventType") else {
        return deposit_callback(fields);
    };
    match event_type.as_str() {
        "PAYMENT_STATUS_CHANGED" => payment_status_changed(fields),
        "DEPOSIT_CALLBACK" => deposit_callback(fields),
        "CANCEL_STATUS_CHANGED" => cancel_status_changed(&fields),
        "BILLING_DELETED" => billing_deleted(&fields),
        "payout.changed" => Ok(Webhook::PayoutChanged(entity("payout.changed", fields)?)),
        "seller.changed" => Ok(Webhook::SellerChanged(entity("seller.changed", fields)?)),
        _ => Ok(Webhook::Other { event_type: event_type.clone(), body: Private::new(Value::Object(fields)) }),
    }
}

fn payment_status_changed(fields: Map<String, Value>) -> Result<Webhook, WebhookError> {
    let lacks = lacks("PAYMENT_STATUS_CHANGED");
    let created_at = created_at(&fields);
    let data = fields.get("data").cloned().unwrap_or_default();
    let mut names = fields_of(&data).map_err(lacks)?;
    let brief = PaymentNews::Brief {
        payment_key: names.required("paymentKey").map_err(lacks)?,
        order_id: names.required("orderId").map_err(lacks)?,
        status: names.required("status").map_err(lacks)?,
        secret: names.loose("secret").map_err(lacks)?,
    };
    let payment = Payment::from_value(data);
    let news = payment.map_or(brief, |payment| PaymentNews::Full(Box::new(payment)));
    Ok(Webhook::PaymentStatusChanged { created_at, news })
}

/// The one webhook that is recognised by its shape: a secret, a status and an order at the top level.
fn deposit_callback(fields: Map<String, Value>) -> Result<Webhook, WebhookError> {
    let lacks = lacks("DEPOSIT_CALLBACK");
    let created_at = created_at(&fields);
    let looks_like_one = ["secret", "status", "orderId"].iter().all(|name| fields.contains_key(*name));
    if !looks_like_one {
        return Err(WebhookError::NoEvent);
    }
    let document = Value::Object(fields);
    let mut deposit = fields_of(&document).map_err(lacks)?;
    Ok(Webhook::DepositCallback {
        created_at,
        secret: deposit.loose("secret").map_err(lacks)?,
        status: deposit.required("status").map_err(lacks)?,
        transaction_key: deposit.loose("transactionKey").map_err(lacks)?,
        order_id: deposit.required("orderId").map_err(lacks)?,
    })
}

fn cancel_status_changed(fields: &Map<String, Value>) -> Result<Webhook, WebhookError> {
    let news = object::in_won(fields.get("data").unwrap_or(&Value::Null)).map_err(lacks("CANCEL_STATUS_CHANGED"))?;
    Ok(Webhook::CancelStatusChanged { created_at: created_at(fields), news })
}

fn billing_deleted(fields: &Map<String, Value>) -> Result<Webhook, WebhookError> {
    let lacks = lacks("BILLING_DELETED");
    let mut deleted = fields_of(fields.get("data").unwrap_or(&Value::Null)).map_err(lacks)?;
    Ok(Webhook::BillingDeleted {
        created_at: created_at(fields),
        billing_key: deleted.required("billingKey").map_err(lacks)?,
        reason: deleted.loose("reason").map_err(lacks)?,
    })
}

fn entity(event_type: &'static str, fields: Map<String, Value>) -> Result<Entity, WebhookError> {
    let lacks = lacks(event_type);
    let created_at = created_at(&fields);
    let document = Value::Object(fields);
    let mut envelope = fields_of(&document).map_err(lacks)?;
    let body: Map<String, Value> = envelope.required("entityBody").map_err(lacks)?;
    Ok(Entity {
        created_at,
        version: envelope.loose("version").map_err(lacks)?,
        event_id: envelope.loose("eventId").map_err(lacks)?,
        entity_type: envelope.loose("entityType").map_err(lacks)?,
        entity_body: Private::new(Value::Object(body)),
    })
}

/// No webhook is read for its amounts, so any currency will do.
fn fields_of(value: &Value) -> Result<Fields<'_>, ShapeError> {
    Fields::of(value, Currency::Krw).map_err(|_| ShapeError::NotAnObject)
}

fn lacks(event_type: &'static str) -> impl Fn(ShapeError) -> WebhookError + Copy {
    move |source| WebhookError::Fields { event_type, source }
}

fn created_at(fields: &Map<String, Value>) -> Option<DateTime<FixedOffset>> {
    times::parse(fields.get("createdAt")?.as_str()?)
}
