//! Booking the money that moved.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{sync::Arc, time::Duration};

use domain::calendar::ReleaseRule;
use store::{Began, SeenDeposit, StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{
    Change, DepositReturned, DepositSeen, Post, Posted, SeeDeposit, SeenDuring, TakeBack, TakenBack,
};

use crate::{failure::store_failure, paid::PaidTimes};

/// The activities that write the books.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Where they are written.
    pub writer: Writer,
    /// When what a seller has earned may be paid out.
    pub release_rule: ReleaseRule,
    /// Where it is counted how long buyers waited.
    pub paid: PaidTimes,
}

#[activities]
impl Ledger {
    /// Books a captured payment and what it brings about, in one transaction. The revision is the key.
    #[activity(definition = Post)]
    pub async fn post(self: Arc<Self>, _ctx: ActivityContext, posted: Posted) -> Result<(), ActivityError> {
        let began = posted.began.and_then(|change| {
            let Change { revision, status, occurred_at, payment_key, .. } = change;
            Some(Began { revision, status, occurred_at, payment_key: payment_key? })
        });
        let (checkout_id, began, at) = (&posted.change.checkout_id, began.as_ref(), posted.change.occurred_at);
        let step = (posted.change.revision, posted.change.status);
        let releases_at = self.release_rule.releases_at(posted.entry.fields().occurred_at);
        let booked = (&posted.entry, Some(releases_at));
        let paid = (posted.method.as_deref(), posted.receipt_url.as_deref());
        let posting = if posted.is_watched {
            self.writer.post_watched_deposit(checkout_id, began, step, at, booked, paid).await
        } else {
            self.writer.post(checkout_id, began, step, at, booked, paid).await
        };
        posting.map_err(store_failure)?;
        if let Some(confirmed_at) = posted.confirmed_at {
            self.paid.count(Duration::from_millis(posted.change.occurred_at.ms_since(confirmed_at)));
        }
        Ok(())
    }

    /// Writes that the PSP holds a booked deposit. Only a later word changes anything.
    #[activity(definition = SeeDeposit)]
    pub async fn see_deposit(self: Arc<Self>, _ctx: ActivityContext, seen: DepositSeen) -> Result<(), ActivityError> {
        let DepositSeen { checkout_id, seen_at, watch } = seen;
        let is_last = match watch {
            SeenDuring::Watch => false,
            SeenDuring::End => true,
        };
        self.writer.see_deposit(&SeenDeposit { checkout_id, seen_at, is_last }).await.map_err(store_failure)
    }

    /// Takes back what was booked of a deposit, in one transaction with the status. What the books refuse is for a
    /// person to mend; so is a checkout that was moved on meanwhile.
    #[activity(definition = TakeBack)]
    pub async fn take_back(
        self: Arc<Self>,
        _ctx: ActivityContext,
        returned: DepositReturned,
    ) -> Result<TakenBack, ActivityError> {
        let change = &returned.change;
        let step = (change.revision, change.status);
        let (key, account) = (returned.key.as_str(), change.virtual_account.as_ref());
        match self.writer.take_deposit_back(&change.checkout_id, step, change.occurred_at, (key, account)).await {
            Ok(()) => Ok(TakenBack::Done),
            Err(error @ (StoreError::Refused(_) | StoreError::OutOfStep { .. })) => {
                Ok(TakenBack::Refused { reason: error.to_string() })
            }
            Err(error) => Err(store_failure(error)),
        }
    }
}
