//! Sellers: whom payouts go to. Registering and changing one is sealed, because it names a person.

use futures::stream::Stream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{IdempotencyKey, LimitError, digits, holds, segment, text};
use crate::pages;
use crate::private::{Private, exposed, exposed_option};
use crate::shape::{self, ShapeError, Unknown};
use crate::words::{BusinessType, SellerStatus};

/// Rows asked for in one page.
const PAGE_SIZE: u32 = 100;
/// Pairs of metadata. Source: Toss, payouts guide.
pub(crate) const METADATA_LIMIT: usize = 5;

/// A seller as Toss knows it.
///
/// Source: docs.tosspayments.com/guides/v2/payouts, "Seller 객체".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// Toss's name for the seller: the destination of payouts.
    pub id: String,
    /// How far the seller may be paid.
    pub status: SellerStatus,
    /// The merchant's name for the seller; it can never be used again.
    pub ref_seller_id: Option<String>,
    /// What kind of business.
    pub business_type: Option<BusinessType>,
    /// The business, if it is one.
    pub company: Option<Company>,
    /// The person, if it is no business.
    pub individual: Option<Individual>,
    /// Where payouts go.
    pub account: Option<SellerAccount>,
    /// The merchant's own pairs, at most five.
    pub metadata: Option<Private<Map<String, Value>>>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A seller's business.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Its name.
    pub name: Option<String>,
    /// Who represents it.
    pub representative_name: Option<Private>,
    /// Its number, 10 digits.
    pub business_registration_number: Option<String>,
    /// Where to write.
    pub email: Option<Private>,
    /// Where to call.
    pub phone: Option<Private>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A seller who is a person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Individual {
    /// The person's name.
    pub name: Option<Private>,
    /// Where to write.
    pub email: Option<Private>,
    /// Where to call.
    pub phone: Option<Private>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A seller's bank account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerAccount {
    /// Bank's code, three digits here.
    pub bank_code: Option<String>,
    /// Its number, masked.
    pub account_number: Option<Private>,
    /// Its holder.
    pub holder_name: Option<Private>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Seller {
    pub(crate) fn from_value(document: Value) -> Result<Self, ShapeError> {
        shape::fields(document)
    }

    /// Reads a Seller out of the envelope of the v2 API.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, has no entity, or the entity lacks its id or status.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        Self::from_value(shape::entity(bytes)?)
    }
}

/// Registers a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerRequest {
    /// The merchant's name for the seller, 7 to 20 characters, never to be used again.
    pub ref_seller_id: String,
    /// What kind of business. Test keys take corporations only.
    pub business_type: BusinessType,
    /// Everything else.
    #[serde(flatten)]
    pub details: SellerDetails,
}

/// What is known of a seller; as a change, only what is given changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerDetails {
    /// The business, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyDetails>,
    /// The person, if it is no business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub individual: Option<IndividualDetails>,
    /// Where payouts go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountDetails>,
    /// The merchant's own pairs, at most five.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Private<Map<String, Value>>>,
}

/// A business to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyDetails {
    /// Its name.
    pub name: String,
    /// Who represents it.
    #[serde(serialize_with = "exposed")]
    pub representative_name: Private,
    /// Its number, 10 digits.
    pub business_registration_number: String,
    /// Where to write.
    #[serde(serialize_with = "exposed")]
    pub email: Private,
    /// Where to call.
    #[serde(serialize_with = "exposed")]
    pub phone: Private,
}

/// A person to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndividualDetails {
    /// The person's name.
    #[serde(serialize_with = "exposed")]
    pub name: Private,
    /// Where to write.
    #[serde(serialize_with = "exposed")]
    pub email: Private,
    /// Where to call.
    #[serde(serialize_with = "exposed")]
    pub phone: Private,
}

/// A bank account to pay to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetails {
    /// Bank's code, three digits such as `092`.
    pub bank_code: String,
    /// Its number, at most 20 digits.
    #[serde(serialize_with = "exposed")]
    pub account_number: Private,
    /// Its holder, at most 60 characters.
    #[serde(serialize_with = "exposed")]
    pub holder_name: Private,
}

impl SellerRequest {
    fn check(&self) -> Result<(), LimitError> {
        let length = self.ref_seller_id.chars().count();
        holds((7..=20).contains(&length), "refSellerId", "is 7 to 20 characters")?;
        let is_person = self.business_type == BusinessType::Individual;
        let fits = if is_person { self.details.individual.is_some() } else { self.details.company.is_some() };
        holds(fits, "businessType", "needs the company, or for INDIVIDUAL the individual")?;
        holds(self.details.account.is_some(), "account", "is where payouts go")?;
        self.details.check()
    }
}

impl SellerDetails {
    fn check(&self) -> Result<(), LimitError> {
        if let Some(company) = &self.company {
            text(&company.name, 100, "company.name", "is 1 to 100 characters")?;
            let number = &company.business_registration_number;
            digits(number, 10..=10, "businessRegistrationNumber", "is 10 digits")?;
        }
        if let Some(account) = &self.account {
            digits(&account.bank_code, 3..=3, "bankCode", "is 3 digits")?;
            digits(account.account_number.expose(), 1..=20, "accountNumber", "is 1 to 20 digits")?;
            text(account.holder_name.expose(), 60, "holderName", "is 1 to 60 characters")?;
        }
        metadata(self.metadata.as_ref())
    }
}

pub(crate) fn metadata(pairs: Option<&Private<Map<String, Value>>>) -> Result<(), LimitError> {
    holds(pairs.is_none_or(|pairs| pairs.expose().len() <= METADATA_LIMIT), "metadata", "has at most 5 pairs")
}

impl Client {
    /// Registers a seller: `POST /v2/sellers`, sealed.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known; [`LimitError::SecurityKey`] without a security key.
    pub async fn register_seller(&self, request: &SellerRequest, key: &IdempotencyKey) -> Result<Seller, Error> {
        request.check()?;
        let call = call(Operation::SellerRegister, &request.ref_seller_id);
        self.post_sealed(call, &["v2", "sellers"], key, written(request)?, Seller::parse).await
    }

    /// Changes what is given of a seller: `POST /v2/sellers/{id}`, sealed.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known; [`LimitError::SecurityKey`] without a security key.
    pub async fn update_seller(
        &self,
        seller_id: &str,
        details: &SellerDetails,
        key: &IdempotencyKey,
    ) -> Result<Seller, Error> {
        segment(seller_id, "id")?;
        details.check()?;
        let call = call(Operation::SellerUpdate, seller_id);
        self.post_sealed(call, &["v2", "sellers", seller_id], key, written(details)?, Seller::parse).await
    }

    /// Looks a seller up by Toss's name: `GET /v2/sellers/{id}`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn seller(&self, seller_id: &str) -> Result<Seller, Error> {
        segment(seller_id, "id")?;
        let call = call(Operation::SellerLookUp, seller_id);
        self.get(call, &["v2", "sellers", seller_id], &[], Seller::parse).await
    }

    /// Lists all sellers: `GET /v2/sellers`, page by page.
    ///
    /// # Errors
    ///
    /// The first [`Error`] ends the stream; a stream that ends without one is whole.
    pub fn sellers(&self) -> impl Stream<Item = Result<Seller, Error>> {
        pages::all(move |cursor: Option<String>| async move {
            let mut query = vec![("limit", PAGE_SIZE.to_string())];
            query.extend(cursor.clone().map(|cursor| ("startingAfter", cursor)));
            let read = |body: &[u8]| pages::entities(body, cursor.as_ref(), Seller::from_value);
            self.get(call(Operation::SellerLookUp, ""), &["v2", "sellers"], &query, read).await
        })
    }

    /// Deletes a seller: `DELETE /v2/sellers/{id}`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. It is safe to repeat.
    pub async fn delete_seller(&self, seller_id: &str) -> Result<(), Error> {
        segment(seller_id, "id")?;
        self.delete(call(Operation::SellerDelete, seller_id), &["v2", "sellers", seller_id]).await
    }
}
