//! Refunds: their records and bookings. The calls that give money back are the PSP's (`psp_refund.rs`).
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use domain::{
    failure::{Failure, OurCode},
    refund::Unrefundable,
};
use store::{Refusal, StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{
    AdvanceRefund, ExecuteRefund, FailRefund, NewRefund, Promise, PromiseRefund, RecordRefund, RefundChange,
    RefundExecution, RefundFailure, RefundPromise, RefundRecorded,
};

use crate::failure::store_failure;

/// The activities of refunds.
#[derive(Debug, Clone)]
pub struct Refunds {
    /// Where they are written.
    pub writer: Writer,
}

#[activities]
impl Refunds {
    /// Records that a refund was asked for. The refund's id is the key.
    #[activity(definition = RecordRefund)]
    pub async fn record(
        self: Arc<Self>,
        _ctx: ActivityContext,
        new: NewRefund,
    ) -> Result<RefundRecorded, ActivityError> {
        self.writer.record_refund(&new).await.map_err(store_failure)
    }

    /// Books the promise, or says why there is none. The refund's id is the key.
    #[activity(definition = PromiseRefund)]
    pub async fn promise(self: Arc<Self>, _ctx: ActivityContext, new: RefundPromise) -> Result<Promise, ActivityError> {
        match self.writer.promise_refund(&new).await {
            Ok(promised) => Ok(Promise::Given(promised)),
            Err(StoreError::Refused(refusal)) => Ok(Promise::Refused(refused(&refusal))),
            Err(error) => Err(store_failure(error)),
        }
    }

    /// Moves a refund to a status that moves no money.
    #[activity(definition = AdvanceRefund)]
    pub async fn advance(self: Arc<Self>, _ctx: ActivityContext, change: RefundChange) -> Result<(), ActivityError> {
        self.writer.advance_refund(&change).await.map_err(store_failure)
    }

    /// Books that the money went back, and what it brings about, in one transaction. The refund's id is the key.
    #[activity(definition = ExecuteRefund)]
    pub async fn execute(self: Arc<Self>, _ctx: ActivityContext, done: RefundExecution) -> Result<(), ActivityError> {
        self.writer.execute_refund(&done).await.map(|_| ()).map_err(store_failure)
    }

    /// Writes that the money does not go back. The refund's id is the key.
    #[activity(definition = FailRefund)]
    pub async fn fail(self: Arc<Self>, _ctx: ActivityContext, failed: RefundFailure) -> Result<(), ActivityError> {
        self.writer.fail_refund(&failed).await.map(|_| ()).map_err(store_failure)
    }
}

/// Why nothing was promised, for whoever asked.
fn refused(refusal: &Refusal) -> Failure {
    let code = match refusal.unrefundable() {
        Some(Unrefundable::Exceeds(_)) => OurCode::RefundExceedsPayment,
        Some(Unrefundable::NothingLeft) => OurCode::NothingLeftToRefund,
        Some(Unrefundable::Amount | Unrefundable::NoSuchOrder) | None => OurCode::NotRefundable,
    };
    let mut message = refusal.to_string();
    message.push('.');
    Failure::new(code, message)
}
