//! The JSON of saved cards.

use domain::saved_card::SavedCardStatus;
use serde::Serialize;
use service::saved_card::CardRequest;
use store::SavedCardRecord;
use web::saved_card::page_path;

use crate::{
    Api, Settings,
    http::{body::JsonBody, fields::FieldErrors, problem::Problem, table::body, values::rfc3339},
    openapi::{
        examples,
        shapes::{BuyerName, Instant, SavedCardName, SavedCardStatusName},
    },
    routes::checkout::request::{self, ReturnAddress},
};

body! {
    /// A card that a buyer is asked to register.
    pub(crate) struct NewSavedCardBody as "NewSavedCard" with example examples::new_saved_card {
        /// The buyer whose card it is.
        buyer_id: required BuyerName,
        /// Where the buyer is led after the registration. `saved_card_id` and `status` are added to its query.
        return_url: optional ReturnAddress,
    }
}

/// Reads the body.
pub(super) fn read_new(body: &JsonBody, settings: &Settings) -> Result<CardRequest, Problem> {
    let mut errors = FieldErrors::default();
    let NewSavedCardBody { buyer_id, return_url } = NewSavedCardBody::read(&body.fields(), &mut errors);
    let return_url = request::reachable(return_url, "return_url", &settings.return_hosts, &mut errors);
    let request = buyer_id.map(|buyer_id| CardRequest { buyer_id, return_url, fingerprint: body.fingerprint() });
    errors.finish(request)
}

/// A saved card. Its key at the payment provider is kept sealed, and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = SavedCard)]
pub(crate) struct SavedCardBody {
    #[schema(value_type = SavedCardName)]
    saved_card_id: String,
    #[schema(value_type = BuyerName)]
    buyer_id: String,
    #[schema(value_type = SavedCardStatusName)]
    status: &'static str,
    /// The issuer, by the payment provider's two-character code.
    issuer_code: Option<String>,
    /// The number, masked by the payment provider.
    number: Option<String>,
    /// Credit, debit or gift card, in the payment provider's word.
    card_type: Option<String>,
    /// Where the buyer registers the card: for scope `checkout`, while it takes a registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_page: Option<String>,
    #[schema(value_type = Instant)]
    created_at: String,
    /// Until when the card can be registered.
    #[schema(value_type = Instant)]
    expires_at: String,
    #[schema(value_type = Option<Instant>)]
    registered_at: Option<String>,
    #[schema(value_type = Option<Instant>)]
    deleted_at: Option<String>,
    /// Where the deletion came from: `MARKETPLACE` or `PSP`.
    deleted_by: Option<&'static str>,
}

/// Saved cards.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SavedCards)]
pub(crate) struct SavedCardsBody {
    pub(super) data: Vec<SavedCardBody>,
}

impl SavedCardBody {
    pub(super) fn new(record: &SavedCardRecord) -> Self {
        Self {
            saved_card_id: record.saved_card_id.to_string(),
            buyer_id: record.buyer_id.to_string(),
            status: record.status.as_str(),
            issuer_code: record.face.issuer.clone(),
            number: record.face.number.clone(),
            card_type: record.face.card_type.clone(),
            registration_page: None,
            created_at: rfc3339(record.created_at),
            expires_at: rfc3339(record.expires_at),
            registered_at: record.registered_at.map(rfc3339),
            deleted_at: record.deleted_at.map(rfc3339),
            deleted_by: record.deleted_by.map(|by| by.as_str()),
        }
    }

    /// What the first request was answered, and every repetition of it is: the card as it began.
    pub(super) fn first(record: &SavedCardRecord, api: &Api) -> Self {
        let began = SavedCardRecord {
            status: SavedCardStatus::Registering,
            face: Default::default(),
            registered_at: None,
            deleted_at: None,
            deleted_by: None,
            ..record.clone()
        };
        Self::new(&began).with_page(&began, api)
    }

    /// Adds where the buyer registers the card.
    pub(super) fn with_page(self, record: &SavedCardRecord, api: &Api) -> Self {
        let token = service::saved_card::token(&api.service, &record.saved_card_id);
        let path = page_path(record, "", &token);
        Self { registration_page: Some(format!("{}{path}", api.settings.buyer_pages.public_url)), ..self }
    }
}
