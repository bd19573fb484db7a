//! Whether the PSP's list of transactions holds what the PSP tells of a payment.

use std::ops::Range;

use domain::Timestamp;
use futures::TryStreamExt as _;
use toss::{Payment, PaymentStatus};

use super::{
    source::{StepError, incomplete, patiently, to_toss_time},
    step::StepRun,
};
use crate::psp::to_timestamp;

const MINUTE_MS: u64 = 60 * 1_000;
/// How far from its time a movement may be listed: a few minutes, as around midnight; then more than a day.
const AROUND_MS: [u64; 2] = [10 * MINUTE_MS, 26 * 60 * MINUTE_MS];

/// What the PSP tells of an order: its payments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) order: &'a str,
    pub(super) payments: &'a [Payment],
}

/// A list with fewer rows of an order than its payments have movements in that time is not whole, unless the list has
/// the movement under another date.
pub(super) async fn check(
    run: &StepRun<'_>,
    told: Told<'_>,
    slice: Range<Timestamp>,
    listed: usize,
) -> Result<(), StepError> {
    let settled_by = run.request.run.settled_by;
    let moved: Vec<Timestamp> = told.moved_in(&slice).filter(|at| *at <= settled_by).collect();
    let (Some(first), Some(last)) = (moved.iter().min(), moved.iter().max()) else { return Ok(()) };
    if moved.len() <= listed {
        return Ok(());
    }
    for around_ms in AROUND_MS {
        let wider = first.minus_ms(around_ms)..last.plus_ms(around_ms);
        if told.moved_in(&wider).count() <= listed_in(run, told.order, wider).await? {
            return Ok(());
        }
    }
    let order = told.order;
    Err(incomplete(format!("the PSP's list of transactions lacks a movement that the PSP tells of the order {order}")))
}

impl Told<'_> {
    /// When money moved, in a slice of time. Of an account that nobody paid into nothing moved.
    fn moved_in(self, slice: &Range<Timestamp>) -> impl Iterator<Item = Timestamp> {
        let taken = |payment: &&Payment| match &payment.status {
            PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled => true,
            PaymentStatus::Ready
            | PaymentStatus::InProgress
            | PaymentStatus::WaitingForDeposit
            | PaymentStatus::Aborted
            | PaymentStatus::Expired
            | PaymentStatus::Other(_) => false,
        };
        let captured = self.payments.iter().filter(taken).filter(|payment| payment.approved_at.is_some());
        let moved = captured.flat_map(|payment| {
            let given_back = payment.cancels.iter().map(|cancel| cancel.canceled_at);
            std::iter::once(payment.approved_at).chain(given_back).flatten().map(to_timestamp)
        });
        moved.filter(|at| slice.contains(at))
    }
}

/// How many movements of an order the PSP lists in a slice of time.
async fn listed_in(run: &StepRun<'_>, order: &str, slice: Range<Timestamp>) -> Result<usize, StepError> {
    let (start, end) = (to_toss_time(slice.start), to_toss_time(slice.end));
    let mut listed = 0;
    for toss in run.of.toss.contracts() {
        let counted = patiently(|| async {
            run.alive().await;
            let mut count = 0;
            let mut rows = std::pin::pin!(toss.transactions(start, end));
            while let Some(row) = rows.try_next().await? {
                count += usize::from(row.order_id == order && row.amount != 0);
            }
            Ok(count)
        });
        listed += counted.await?;
    }
    Ok(listed)
}
