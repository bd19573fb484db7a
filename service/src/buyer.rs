//! Personal details of buyers: sealed before they are written, opened for callers who may create checkouts.

use domain::id::{BuyerId, WorkflowId};
use serde::{Deserialize, Serialize};
use store::{CheckoutRecord, Keyring, KeyringError, Sealed, SealedBuyer, open_holder};

use crate::{Fault, Service};

/// Details of a buyer that came with a request for a checkout.
pub(crate) struct NewDetails<'a> {
    pub(crate) workflow_id: &'a WorkflowId,
    /// SHA-256 of the request.
    pub(crate) fingerprint: &'a str,
    pub(crate) buyer_id: &'a BuyerId,
    pub(crate) details: Option<&'a BuyerDetails>,
}

/// What a buyer is called and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerDetails {
    /// As the buyer is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl BuyerDetails {
    /// The details, unless nothing was said.
    pub fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Sealed for one request.
    fn seal(&self, keys: &Keyring, workflow_id: &WorkflowId) -> Result<Sealed, Fault> {
        let text = serde_json::to_vec(self).map_err(Fault::internal)?;
        keys.seal(&text, place(workflow_id)).map_err(Fault::internal)
    }

    fn open(keys: &Keyring, sealed: &Sealed, workflow_id: &WorkflowId) -> Result<Self, KeyringError> {
        let text = keys.open(sealed, place(workflow_id))?;
        serde_json::from_slice(&text).map_err(|_| KeyringError::Tampered(sealed.key_name.clone()))
    }
}

/// A sealed text opens for its own request only.
fn place(workflow_id: &WorkflowId) -> &[u8] {
    workflow_id.as_str().as_bytes()
}

/// Keeps the details of a buyer that came with a request. Without encryption keys, no details are kept.
pub(crate) async fn keep(service: &Service, request: NewDetails<'_>) -> Result<(), Fault> {
    let NewDetails { workflow_id, fingerprint, buyer_id, details } = request;
    let Some((keys, details)) = service.keyring.as_ref().zip(details) else { return Ok(()) };
    let details = details.seal(keys, workflow_id)?;
    Ok(service.journal.keep_buyer(SealedBuyer { workflow_id, fingerprint, buyer_id, details }).await?)
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
