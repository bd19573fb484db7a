//! Making a checkout: start its workflow, then read what it recorded.
//!
//! Start, then read; not update-with-start. A workflow that a worker of the same process takes at once (an
//! eager start) cannot be started together with an update, and that is the quickest start there is. The
//! workflow's first act is to record the checkout, and reading that row costs the Temporal server nothing.
//!
//! The row tells also what to answer a repeated request. Temporal would refuse a second start only for as
//! long as it keeps the closed workflow; the row stays.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    checkout::{Plan, Status},
    id::{ApiKeyId, WorkflowId},
};
use store::{CheckoutRecord, RequestRecord};
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions, errors::WorkflowStartError,
};
use temporalio_common::search_attributes::SearchAttributes;
use tokio::time::{Instant, sleep, timeout_at};
use workflows::{
    TASK_QUEUE, attributes,
    checkout::{CheckoutInput, CheckoutWorkflow},
};

use super::request::Wanted;
use service::{Histories, temporal};

use crate::{
    Api,
    http::problem::{Code, Problem},
    routes::buyer,
};

/// The first pause between two looks for the row; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between two looks for the row.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// When to ask whether there is a worker at all. A worker that runs records within milliseconds; one that is being
/// replaced is back by then.
const WORKER_LOOK: Duration = Duration::from_secs(3);
/// The most bytes of an order name in a workflow's summary, for which Temporal takes 400 bytes.
const SUMMARY_NAME_BYTES: usize = 300;
/// The most bytes of seller accounts among the search attributes, of which Temporal takes 2,048 each.
const SELLERS_BYTES: usize = 1800;

/// A checkout that was made.
#[derive(Debug)]
pub(super) enum Made {
    /// By this request.
    Now(CheckoutRecord),
    /// By an earlier request with the same key and body.
    Before(CheckoutRecord),
}

impl Made {
    /// The checkout.
    pub(super) const fn record(&self) -> &CheckoutRecord {
        match self {
            Self::Now(record) | Self::Before(record) => record,
        }
    }
}

/// Whether a workflow was started.
enum Started {
    Now,
    Before,
}

/// Makes checkouts.
pub(super) struct Checkouts<'a> {
    api: &'a Api,
}

impl<'a> Checkouts<'a> {
    /// With everything that it reaches.
    pub(super) const fn new(api: &'a Api) -> Self {
        Self { api }
    }

    /// Makes the checkout that is wanted, once for each workflow id however often this is called.
    pub(super) async fn make(
        &self,
        workflow_id: &WorkflowId,
        api_key_id: ApiKeyId,
        wanted: Wanted,
    ) -> Result<Made, Problem> {
        let deadline = Instant::now() + self.api.settings.record_wait;
        let fingerprint = wanted.fingerprint.clone();
        let prepared = timeout_at(deadline, self.prepare(workflow_id, &wanted));
        if let Some(first) = prepared.await.map_err(|elapsed| Problem::database(&elapsed))?? {
            return self.replay(&first, &fingerprint).await;
        }
        let started = timeout_at(deadline, self.start(workflow_id, api_key_id, wanted));
        match started.await.map_err(|elapsed| Problem::temporal(&elapsed))?? {
            Started::Now => {
                let request = self.recorded_by(deadline, workflow_id).await?;
                if !request.accepted {
                    return Err(taken());
                }
                self.checkout(&request).await.map(Made::Now)
            }
            Started::Before => match self.api.reader.request(workflow_id).await? {
                Some(request) => self.replay(&request, &fingerprint).await,
                None => Err(self.unrecorded().await),
            },
        }
    }

    /// Finds the request that used this key before. Without one, keeps what was said of the buyer.
    async fn prepare(&self, workflow_id: &WorkflowId, wanted: &Wanted) -> Result<Option<RequestRecord>, Problem> {
        let first = self.api.reader.request(workflow_id).await?;
        if first.is_none() {
            let (request, buyer_id) = ((workflow_id, wanted.fingerprint.as_str()), &wanted.plan.fields().buyer_id);
            buyer::keep(self.api, request, buyer_id, wanted.buyer.as_ref()).await?;
        }
        Ok(first)
    }

    /// Answers a request whose key was used before.
    async fn replay(&self, first: &RequestRecord, fingerprint: &str) -> Result<Made, Problem> {
        if first.fingerprint != fingerprint {
            let detail = "This idempotency key came with another body before. Use a new key for a new checkout.";
            return Err(Problem::new(Code::IdempotencyKeyReused, detail));
        }
        if !first.accepted {
            return Err(taken().replayed());
        }
        self.checkout(first).await.map(Made::Before)
    }

    async fn checkout(&self, request: &RequestRecord) -> Result<CheckoutRecord, Problem> {
        let record = self.api.reader.checkout(&request.checkout_id).await?;
        record.ok_or_else(|| Problem::internal(&Vanished))
    }

    async fn start(&self, workflow_id: &WorkflowId, api_key_id: ApiKeyId, wanted: Wanted) -> Result<Started, Problem> {
        let Wanted { plan, fingerprint, buyer: _ } = wanted;
        let token = self.api.confirm_tokens.token(plan.checkout_id(), workflow_id);
        // The history is not told the token itself.
        let plan = plan.with_confirm_token_hash(token.hash());
        let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id.as_str())
            .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .enable_eager_workflow_start(self.api.settings.eager_start)
            .static_summary(summary(&plan, self.api.settings.histories))
            .search_attributes(search_attributes(&plan))
            .rpc_options(temporal::rpc_options())
            .build();
        let deadline_ms = u64::try_from(self.api.settings.checkout_deadline.as_millis()).unwrap_or(u64::MAX);
        let input = CheckoutInput { plan, api_key_id, fingerprint, deadline_ms };
        match self.api.temporal.start_workflow(CheckoutWorkflow::run, input, options).await {
            Ok(_) => Ok(Started::Now),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Started::Before),
            Err(error @ WorkflowStartError::PayloadConversion(_)) => Err(Problem::internal(&error)),
            Err(error) => Err(Problem::temporal(&error)),
        }
    }

    /// Why a request that was taken before is not recorded.
    async fn unrecorded(&self) -> Problem {
        if self.api.readiness.has_no_worker().await { no_worker() } else { in_progress() }
    }

    /// Waits until the workflow has recorded the request, for as long as a worker may do so.
    async fn recorded_by(&self, deadline: Instant, workflow_id: &WorkflowId) -> Result<RequestRecord, Problem> {
        let (mut pause, look) = (FIRST_PAUSE, Instant::now() + WORKER_LOOK);
        loop {
            if let Some(request) = self.api.reader.request(workflow_id).await? {
                return Ok(request);
            }
            let next = Instant::now() + pause;
            if next > deadline {
                return Err(in_progress());
            }
            if next > look && self.api.readiness.has_no_worker().await {
                return Err(no_worker());
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// A request that was taken, and that nobody records before a worker comes.
fn no_worker() -> Problem {
    let detail = "No worker serves the task queue. The request is kept: send it again with the same key.";
    Problem::new(Code::NoWorker, detail)
}

/// A request that was taken and will be recorded.
fn in_progress() -> Problem {
    let detail = "The request is being recorded. Send it again with the same key.";
    Problem::new(Code::RequestInProgress, detail)
}

/// A request that asked for an id of another checkout.
fn taken() -> Problem {
    let detail = "The `checkout_id` or a `payment_order_id` is taken. Checkouts and payment orders share one set of ids: \
                  each id names one checkout or one payment order.";
    Problem::new(Code::CheckoutExists, detail)
}

/// A request that was accepted, and whose checkout is not there.
#[derive(Debug, thiserror::Error)]
#[error("an accepted request has no checkout")]
struct Vanished;

/// One line for the list of workflows: `토스 티셔츠 외 2건 · 15000 KRW · 2 sellers`. The client does not seal it, so with
/// sealed histories it says nothing that the search attributes do not say: `15000 KRW · 2 sellers`.
fn summary(plan: &Plan, histories: Histories) -> String {
    let sellers = sellers(plan).len();
    let plural = if sellers == 1 { "" } else { "s" };
    let amount = format!("{} · {sellers} seller{plural}", plan.total());
    match histories {
        Histories::Sealed => amount,
        Histories::InTheClear => format!("{} · {amount}", summary_name(plan)),
    }
}

fn summary_name(plan: &Plan) -> &str {
    let name = plan.fields().order_name.as_str();
    let mut bytes = name.len().min(SUMMARY_NAME_BYTES);
    while !name.is_char_boundary(bytes) {
        bytes -= 1;
    }
    &name[..bytes]
}

fn sellers(plan: &Plan) -> BTreeSet<&str> {
    plan.orders().iter().map(|order| order.seller.as_str()).collect()
}

fn search_attributes(plan: &Plan) -> SearchAttributes {
    SearchAttributes::new([
        attributes::PAYMENT_STATUS.value_set(Status::NotStarted.to_string()),
        attributes::ORDER_ID.value_set(plan.checkout_id().to_string()),
        attributes::SELLER_ACCOUNTS.value_set(indexed_sellers(plan)),
        attributes::AMOUNT.value_set(i64::try_from(plan.total().minor()).unwrap_or(i64::MAX)),
    ])
}

/// The sellers that fit the index; the rest of a very long list is found by the order id.
fn indexed_sellers(plan: &Plan) -> Vec<String> {
    // Quotes and a comma stand around each.
    const AROUND_BYTES: usize = 3;
    let fits = |used: &mut usize, seller: &str| {
        *used += seller.len() + AROUND_BYTES;
        *used <= SELLERS_BYTES
    };
    sellers(plan).into_iter().scan(0, |used, seller| fits(used, seller).then(|| seller.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use domain::{
        Currency, Money,
        checkout::{Order, PlanFields},
        id::{BuyerId, CheckoutId, PaymentOrderId, SellerAccount},
    };

    use super::*;

    fn plan(order_name: &str, sellers: &[String]) -> Plan {
        let order = |(index, seller): (usize, &String)| Order {
            id: PaymentOrderId::parse(format!("o-{index}")).unwrap(),
            seller: SellerAccount::parse(seller.as_str()).unwrap(),
            amount: Money::try_from_minor(5_000, Currency::Krw).unwrap(),
        };
        Plan::try_new(PlanFields {
            checkout_id: CheckoutId::parse("checkout-1").unwrap(),
            order_name: order_name.to_owned(),
            buyer_id: BuyerId::parse("buyer-1").unwrap(),
            orders: sellers.iter().enumerate().map(order).collect(),
            success_url: None,
            fail_url: None,
            metadata: None,
            card: None,
            confirm_token_hash: None,
        })
        .unwrap()
    }

    #[test]
    fn a_summary_says_what_how_much_and_for_how_many() {
        let sellers = ["a", "b", "a"].map(str::to_owned);
        let clear = |plan: &Plan| summary(plan, Histories::InTheClear);
        assert_eq!(clear(&plan("토스 티셔츠 외 2건", &sellers)), "토스 티셔츠 외 2건 · 15000 KRW · 2 sellers");
        assert_eq!(clear(&plan("T", &sellers[..1])), "T · 5000 KRW · 1 seller");
        assert_eq!(summary(&plan("T", &sellers), Histories::Sealed), "15000 KRW · 2 sellers");
    }

    #[test]
    fn the_largest_checkout_fits_the_limits_of_temporal() {
        let sellers: Vec<String> = (0..100).map(|index| format!("{index:064}")).collect();
        let plan = plan(&"😀".repeat(100), &sellers);
        assert!(summary(&plan, Histories::InTheClear).len() <= 400);
        let indexed = indexed_sellers(&plan);
        assert!(!indexed.is_empty());
        assert!(serde_json::to_string(&indexed).unwrap().len() <= 2048);
    }
}
