//! Why a payout does not take what somebody asks of it.

use domain::{
    id::PayoutId,
    payout::{PayoutStatus, sweep::SweepRefusal},
};
use sea_orm::EntityTrait;

use super::record::{self, PayoutRecord};
use crate::{StoreError, entities::payouts, transaction::Transaction};

/// Why a payout does not take a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayoutRefusal {
    /// There is none of this id.
    #[error("there is no such payout")]
    Unknown,
    /// Its status does not allow the request.
    #[error("the payout is {0}")]
    Status(PayoutStatus),
    /// The request was for another attempt than this one, which is the present one.
    #[error("the present attempt of the payout is number {0}")]
    OtherAttempt(u32),
    /// Its run was not approved, or was taken back.
    #[error("the run of the payout is not approved")]
    NotApproved,
    /// The seller or the account changed: a new run pays, and a second principal approves it.
    #[error("the seller changed since the approval; the money is in the next run")]
    SellerChanged,
    /// The seller has less available.
    #[error("the seller has less available than the payout")]
    NotEnough,
    /// Our own company has less at the PSP by now, or is not paid.
    #[error("{0}")]
    Sweep(SweepRefusal),
    /// A payout to a seller, whose bank we do not see.
    #[error("the payout is no sweep")]
    NoSweep,
    /// The PSP pays it, and tells what came of it.
    #[error("the payout is not paid by bank file")]
    ByPsp,
    /// The sweep is in our bank account by the books.
    #[error("the sweep was received")]
    Received,
}

pub(super) async fn payout_of(transaction: &Transaction, id: &PayoutId) -> Result<Option<PayoutRecord>, StoreError> {
    payouts::Entity::find_by_id(id.as_str()).one(transaction).await?.map(record::payout).transpose()
}
