//! `DELETE /v1/buyers/{buyer_id}/personal-data`: erases what is kept of a buyer.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::id::BuyerId;
use serde::Serialize;
use store::Erased;

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
    /// Of how many cash receipts that were asked for the number was kept.
    erased_receipt_numbers: u64,
}

/// Erase what is kept of a buyer
///
/// Name, e-mail address, telephone number, the hashes of card tokens and the names on virtual accounts, of all
/// checkouts. Payments and books stay: they name the buyer by the marketplace's own id alone. A buyer of whom nothing
/// is kept is answered alike.
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
    let Erased { checkouts, cards, account_holders, receipt_numbers } = api.service.journal.erase_buyer(&id).await?;
    Ok(Json(ErasedBody {
        buyer_id: id,
        erased_checkouts: checkouts,
        erased_cards: cards,
        erased_account_holders: account_holders,
        erased_receipt_numbers: receipt_numbers,
    }))
}
