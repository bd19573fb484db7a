//! Sellers: whom payouts go to. Registering and changing one is sealed, because it names a person.

use futures::stream::Stream;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{IdempotencyKey, LimitError, digits, holds, segment, text};
use crate::object::{self, object};
use crate::pages;
use crate::private::{Private, exposed, exposed_option};
use crate::shape::{self, ShapeError};
use crate::words::{BusinessType, SellerStatus};

/// Rows asked for in one page.
const PAGE_SIZE: u32 = 100;
/// Pairs of metadata. Source: Toss, payouts guide.
pub(crate) const METADATA_LIMIT: usize = 5;

object! {
    /// A seller as Toss knows it.
    ///
    /// Source: docs.tosspayments.com/guides/v2/payouts, "Seller 객체".
    Seller {
        /// Toss's name for the seller: the destination of payouts.
        id: String = required "id",
        /// How far the seller may be paid.
        status: SellerStatus = required "status",
        /// The merchant's name for the seller; it can never be used again.
        ref_seller_id: Option<String> = loose "refSellerId",
        /// What kind of business.
        business_type: Option<BusinessType> = loose "businessType",
        /// The business, if it is one.
        company: Option<Company> = loose "company",
        /// The person, if it is no business.
        individual: Option<Individual> = loose "individual",
        /// Where payouts go.
        account: Option<SellerAccount> = loose "account",
        /// The merchant's own pairs, at most five.
        metadata: Option<Private<Map<String, Value>>> = loose "metadata",
    }
}

object! {
    /// A seller's business.
    Company {
        /// Its name.
        name: Option<String> = loose "name",
        /// The person who represents the seller.
        representative_name: Option<Private> = loose "representativeName",
        /// Its number, 10 digits.
        business_registration_number: Option<String> = loose "businessRegistrationNumber",
        /// Where to write.
        email: Option<Private> = loose "email",
        /// Where to call.
        phone: Option<Private> = loose "phone",
    }
}

object! {
    /// A seller who is a person.
    Individual {
        /// The person's name.
        name: Option<Private> = loose "name",
        /// Where to write.
        email: Option<Private> = loose "email",
        /// Where to call.
        phone: Option<Private> = loose "phone",
    }
}

object! {
    /// A seller's bank account.
    SellerAccount {
        /// Bank's code, three digits here.
        bank_code: Option<String> = loose "bankCode",
        /// Its number, masked.
        account_number: Option<Private> = loose "accountNumber",
        /// Its holder.
        holder_name: Option<Private> = loose "holderName",
    }
}

impl Seller {
    pub(crate) fn from_value(document: Value) -> Result<Self, ShapeError> {
        object::in_won(&document)
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
    /// The person who represents the seller.
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
