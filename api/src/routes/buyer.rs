//! Buyers' personal details: sealed before they are written, shown to whoever may create checkouts, erased on
//! request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::id::{BuyerId, WorkflowId};
use serde::{Deserialize, Serialize};
use store::{CheckoutRecord, Erased, Keyring, KeyringError, Sealed, SealedBuyer, open_holder};

use crate::{
    Api,
    http::{
        caller::OpsCaller,
        problem::{Code, Problem},
    },
    openapi::{refusals::refusals, shapes::BuyerName},
};

refusals! { EraseRefusals: NotFound; }

/// What was erased.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Erased)]
pub(crate) struct ErasedBody {
    #[schema(value_type = BuyerName)]
    buyer_id: BuyerId,
    /// Of how many checkouts name, e-mail address or telephone number were kept.
    erased_checkouts: u64,
    /// In how many risk decisions the hash of a card token was kept.
    erased_cards: u64,
    /// Of how many virtual accounts the holder's name was kept.
    erased_account_holders: u64,
}

/// What a buyer is called and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct BuyerDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
}

impl BuyerDetails {
    /// The details, unless nothing was said.
    pub(crate) fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Sealed for one request.
    fn seal(&self, keys: &Keyring, workflow_id: &WorkflowId) -> Result<Sealed, Problem> {
        let text = serde_json::to_vec(self).map_err(|error| Problem::internal(&error))?;
        keys.seal(&text, place(workflow_id)).map_err(|error| Problem::internal(&error))
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

/// Keeps what a request said of its buyer. Without encryption keys nothing is kept.
pub(crate) async fn keep(
    api: &Api,
    request: (&WorkflowId, &str),
    buyer_id: &BuyerId,
    details: Option<&BuyerDetails>,
) -> Result<(), Problem> {
    let Some((keys, details)) = api.keyring.as_ref().zip(details) else { return Ok(()) };
    let (workflow_id, fingerprint) = request;
    let details = details.seal(keys, workflow_id)?;
    Ok(api.journal.keep_buyer(SealedBuyer { workflow_id, fingerprint, buyer_id, details }).await?)
}

/// What is kept of the buyer of a checkout. What cannot be opened is logged and not shown: a missing key must
/// not hide a payment.
pub(crate) async fn kept(api: &Api, record: &CheckoutRecord) -> Result<Option<BuyerDetails>, Problem> {
    let CheckoutRecord { checkout_id, workflow_id, .. } = record;
    let Some(keys) = &api.keyring else { return Ok(None) };
    let Some(sealed) = api.reader.buyer_details(workflow_id).await? else { return Ok(None) };
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
pub(crate) fn account_holder(api: &Api, record: &CheckoutRecord) -> Option<String> {
    let checkout_id = &record.checkout_id;
    let keys = api.keyring.as_deref()?;
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

/// Erase what is kept of a buyer
///
/// Name, e-mail address, telephone number, the hashes of card tokens and the names on virtual accounts, of all checkouts. Payments and books stay: they
/// name the buyer by the marketplace's own id alone. A buyer of whom nothing is kept is answered alike.
#[utoipa::path(
    delete,
    path = "/v1/buyers/{buyer_id}/personal-data",
    operation_id = "erase_buyer",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("buyer_id" = BuyerName, Path, description = "The buyer")),
    responses((status = 200, description = "It is erased", body = ErasedBody), EraseRefusals)
)]
pub(crate) async fn erase(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<Json<ErasedBody>, Problem> {
    let unknown = |_| Problem::new(Code::NotFound, "This is no id of a buyer.");
    let id = BuyerId::parse(id).map_err(unknown)?;
    let Erased { checkouts, cards, account_holders } = api.journal.erase_buyer(&id).await?;
    Ok(Json(ErasedBody {
        buyer_id: id,
        erased_checkouts: checkouts,
        erased_cards: cards,
        erased_account_holders: account_holders,
    }))
}
