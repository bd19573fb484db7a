//! Creating a checkout: start its workflow, then read what the workflow recorded.
//!
//! Start, then read; not update-with-start. A workflow that a worker of the same process takes at once (an
//! eager start) cannot be started together with an update, and that is the quickest start there is. The
//! workflow's first act is to record the checkout, and reading that row costs the Temporal server nothing.
//!
//! The row tells also what to answer a repeated request. Temporal would refuse a second start only for as
//! long as it keeps the closed workflow; the row stays.

use std::collections::BTreeSet;

use domain::{
    checkout::{Plan, Status},
    id::{ApiKeyId, SavedCardId, WorkflowId},
};
use store::{CheckoutRecord, RequestRecord, StoreError};
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions, errors::WorkflowStartError,
};
use temporalio_common::search_attributes::SearchAttributes;
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE, attributes,
    checkout::{CheckoutInput, CheckoutWorkflow},
};

use crate::{
    Fault, Histories, Service,
    buyer::{self, BuyerDetails, NewDetails},
    temporal,
    waiting::{Pauses, WORKER_LOOK},
};

/// The most bytes of an order name in a workflow's summary, for which Temporal takes 400 bytes.
const SUMMARY_NAME_BYTES: usize = 300;
/// The most bytes of seller accounts among the search attributes, of which Temporal takes 2,048 each.
const SELLERS_BYTES: usize = 1800;

/// A request for a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// What the buyer will be asked to pay.
    pub plan: Plan,
    /// The details of the buyer, where any came.
    pub buyer: Option<BuyerDetails>,
    /// SHA-256 of the request.
    pub fingerprint: String,
    /// The saved card that is charged at once, where one is.
    pub saved_card: Option<SavedCardId>,
}

/// A checkout that was created.
#[derive(Debug)]
pub enum Created {
    /// By this request.
    Now(CheckoutRecord),
    /// By an earlier request with the same key and body.
    Before(CheckoutRecord),
}

impl Created {
    /// The checkout.
    pub const fn record(&self) -> &CheckoutRecord {
        match self {
            Self::Now(record) | Self::Before(record) => record,
        }
    }
}

/// Why no checkout was created, or why it is not known yet.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The idempotency key belongs to another body.
    #[error("This idempotency key came with another body before. Use a new key for a new checkout.")]
    KeyReused,
    /// An id of the request belongs to another checkout.
    #[error(
        "The `checkout_id` or a `payment_order_id` is taken. Checkouts and payment orders share one set of ids: each \
         id names one checkout or one payment order."
    )]
    IdTaken(Answered),
    /// Temporal keeps the request until a worker comes.
    #[error("No worker serves the task queue. The request is kept: send it again with the same key.")]
    NoWorker,
    /// A worker is about to record the request.
    #[error("The request is being recorded. Send it again with the same key.")]
    InProgress,
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Whether an earlier request had the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// This request is the first.
    Now,
    /// An earlier request with the same key was answered alike.
    Before,
}

/// Creates a checkout, once for each workflow id however often a request for it comes.
pub async fn create(
    service: &Service,
    workflow_id: &WorkflowId,
    api_key_id: ApiKeyId,
    new: NewCheckout,
) -> Result<Created, CreateError> {
    let deadline = Instant::now() + service.settings.record_wait;
    let fingerprint = new.fingerprint.clone();
    let prepared = timeout_at(deadline, prepare(service, workflow_id, &new)).await.map_err(Fault::DatabaseSlow)??;
    if let Some(first) = prepared {
        return replay(service, &first, &fingerprint).await;
    }
    match timeout_at(deadline, start(service, workflow_id, api_key_id, new)).await.map_err(Fault::temporal)?? {
        Answered::Now => {
            let request = recorded_by(service, deadline, workflow_id).await?;
            if !request.accepted {
                return Err(CreateError::IdTaken(Answered::Now));
            }
            Ok(Created::Now(checkout(service, &request).await?))
        }
        Answered::Before => match service.reader.request(workflow_id).await? {
            Some(request) => replay(service, &request, &fingerprint).await,
            None if service.readiness.has_no_worker().await => Err(CreateError::NoWorker),
            None => Err(CreateError::InProgress),
        },
    }
}

/// Finds the request that used this key before. Without an earlier request, keeps the details of the buyer.
async fn prepare(
    service: &Service,
    workflow_id: &WorkflowId,
    new: &NewCheckout,
) -> Result<Option<RequestRecord>, Fault> {
    let first = service.reader.request(workflow_id).await?;
    if first.is_none() {
        let (fingerprint, buyer_id) = (new.fingerprint.as_str(), &new.plan.fields().buyer_id);
        buyer::keep(service, NewDetails { workflow_id, fingerprint, buyer_id, details: new.buyer.as_ref() }).await?;
    }
    Ok(first)
}

/// Answers a request whose key was used before.
async fn replay(service: &Service, first: &RequestRecord, fingerprint: &str) -> Result<Created, CreateError> {
    if first.fingerprint != fingerprint {
        return Err(CreateError::KeyReused);
    }
    if !first.accepted {
        return Err(CreateError::IdTaken(Answered::Before));
    }
    Ok(Created::Before(checkout(service, first).await?))
}

async fn checkout(service: &Service, request: &RequestRecord) -> Result<CheckoutRecord, Fault> {
    service.reader.checkout(&request.checkout_id).await?.ok_or_else(|| Fault::internal(Vanished))
}

async fn start(
    service: &Service,
    workflow_id: &WorkflowId,
    api_key_id: ApiKeyId,
    new: NewCheckout,
) -> Result<Answered, Fault> {
    let NewCheckout { plan, fingerprint, buyer: _, saved_card } = new;
    let settings = &service.settings;
    let token = service.confirm_tokens.token(plan.checkout_id(), workflow_id);
    // The history holds the hash and never the token.
    let plan = plan.with_confirm_token_hash(token.hash());
    let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id.as_str())
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
        .enable_eager_workflow_start(settings.eager_start)
        .static_summary(summary(&plan, settings.histories))
        .search_attributes(search_attributes(&plan, Status::NotStarted))
        .rpc_options(temporal::rpc_options())
        .build();
    let deadline_ms = u64::try_from(settings.checkout_deadline.as_millis()).unwrap_or(u64::MAX);
    let input = CheckoutInput { plan, api_key_id, fingerprint, deadline_ms, recovery: None, saved_card };
    match service.temporal.start_workflow(CheckoutWorkflow::run, input, options).await {
        Ok(_) => Ok(Answered::Now),
        Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Answered::Before),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the workflow has recorded the request, for as long as a worker may do so.
async fn recorded_by(
    service: &Service,
    deadline: Instant,
    workflow_id: &WorkflowId,
) -> Result<RequestRecord, CreateError> {
    let (mut pauses, look) = (Pauses::new(), Instant::now() + WORKER_LOOK);
    loop {
        if let Some(request) = service.reader.request(workflow_id).await? {
            return Ok(request);
        }
        let next = pauses.next_end();
        if next > deadline {
            return Err(CreateError::InProgress);
        }
        if next > look && service.readiness.has_no_worker().await {
            return Err(CreateError::NoWorker);
        }
        pauses.pause().await;
    }
}

/// A request that was accepted, and whose checkout is not there.
#[derive(Debug, thiserror::Error)]
#[error("an accepted request has no checkout")]
struct Vanished;

/// One line for the list of workflows: `토스 티셔츠 외 2건 · 15000 KRW · 2 sellers`. The client does not seal it, so with
/// sealed histories it says nothing that the search attributes do not say: `15000 KRW · 2 sellers`.
pub(crate) fn summary(plan: &Plan, histories: Histories) -> String {
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

pub(crate) fn search_attributes(plan: &Plan, status: Status) -> SearchAttributes {
    SearchAttributes::new([
        attributes::PAYMENT_STATUS.value_set(status.to_string()),
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
            tax_free: None,
            name: None,
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
            window: Default::default(),
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
