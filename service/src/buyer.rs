//! Personal details of buyers: sealed before they are written, opened for callers who may create checkouts.

use domain::id::{BuyerId, WorkflowId};
pub use store::BuyerDetails;
use store::{BuyerField, CheckoutRecord, DigestedDetail, SealedBuyer, open_holder};

use crate::{Fault, Service};

/// Details of a buyer that came with a request for a checkout.
pub(crate) struct NewDetails<'a> {
    pub(crate) workflow_id: &'a WorkflowId,
    /// SHA-256 of the request.
    pub(crate) fingerprint: &'a str,
    pub(crate) buyer_id: &'a BuyerId,
    pub(crate) details: Option<&'a BuyerDetails>,
}

/// Keeps the details of a buyer that came with a request. Without encryption keys, no details are kept.
pub(crate) async fn keep(service: &Service, request: NewDetails<'_>) -> Result<(), Fault> {
    let NewDetails { workflow_id, fingerprint, buyer_id, details } = request;
    let Some((keys, details)) = service.keyring.as_ref().zip(details) else { return Ok(()) };
    let digests = details.digests(keys).map_err(Fault::internal)?;
    let details = details.seal(keys, workflow_id).map_err(Fault::internal)?;
    Ok(service.journal.keep_buyer(SealedBuyer { workflow_id, fingerprint, buyer_id, details, digests }).await?)
}

/// What is kept of the buyer of a checkout. What cannot be opened is logged and not shown: a missing key must
/// not hide a payment.
pub async fn kept(service: &Service, record: &CheckoutRecord) -> Result<Option<BuyerDetails>, Fault> {
    let CheckoutRecord { checkout_id, workflow_id, .. } = record;
    let Some(keys) = &service.keyring else { return Ok(None) };
    let Some(sealed) = service.reader.buyer_details(workflow_id).await? else { return Ok(None) };
    match BuyerDetails::open(keys, &sealed, workflow_id) {
        Ok(details) => Ok(Some(details)),
        Err(error) => {
            tracing::error!(
                checkout.id = %checkout_id,
                workflow.id = %workflow_id,
                error = &error as &dyn std::error::Error,
                "the details of the buyer of {checkout_id} stay closed"
            );
            Ok(None)
        }
    }
}

/// A text as a detail that payments are looked for by. Without encryption keys no details are kept.
pub fn digested(service: &Service, field: BuyerField, text: &str) -> Result<Option<DigestedDetail>, Fault> {
    let Some(keys) = &service.keyring else { return Ok(None) };
    DigestedDetail::new(field, text, keys).map(Some).map_err(Fault::internal)
}

/// Whose name stands on the virtual account of a checkout, while it is kept. What cannot be opened is logged and not
/// shown: a missing key must not hide a payment.
pub fn account_holder(service: &Service, record: &CheckoutRecord) -> Option<String> {
    let checkout_id = &record.checkout_id;
    let keys = service.keyring.as_deref()?;
    let sealed = record.psp.as_ref()?.virtual_account.as_ref()?.sealed_holder.as_deref()?;
    match open_holder(keys, checkout_id, sealed) {
        Ok(holder) => Some(holder),
        Err(error) => {
            tracing::error!(
                checkout.id = %checkout_id,
                error = &error as &dyn std::error::Error,
                "the name on the virtual account of {checkout_id} stays closed"
            );
            None
        }
    }
}
