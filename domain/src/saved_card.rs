//! A buyer's card that is kept at the PSP and charged again without the payment window.
//!
//! The PSP's key of a card is worth money. It is named here in sealed form alone: it enters no history, no event and
//! no log in the clear.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{
    Money, Timestamp,
    charge::Charge,
    failure::Failure,
    id::{CheckoutId, PaymentKey, SavedCardId},
};

/// How long a buyer may take to register a card, in milliseconds.
pub const REGISTRATION_MS: u64 = 24 * 60 * 60 * 1_000;
/// The most characters of what the PSP says of a card: its issuer, its number, its type.
pub const MAX_WORD_CHARS: usize = 40;

/// Where a saved card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedCardStatus {
    /// The buyer has not registered it yet.
    Registering,
    /// It can be charged.
    Active,
    /// It is charged no more.
    Deleted,
}

impl SavedCardStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Registering, Self::Active, Self::Deleted];

    /// The status in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "REGISTERING",
            Self::Active => "ACTIVE",
            Self::Deleted => "DELETED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The deletion of a saved card came from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedBy {
    /// The marketplace asked for it.
    Marketplace,
    /// The PSP, or the issuer of the card.
    Psp,
}

impl DeletedBy {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::Marketplace, Self::Psp];

    /// The source in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketplace => "MARKETPLACE",
            Self::Psp => "PSP",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// A registration that the buyer agreed to in the PSP's window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// What the PSP exchanges for the key of the card, once; sealed.
    pub sealed_consent: String,
    /// Makes the exchange safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// What the PSP shows of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardFace {
    /// The issuer, by the PSP's two-character code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The number, masked by the PSP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Credit, debit or gift card, in the PSP's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_type: Option<String>,
}

/// The key of a card that the PSP issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCard {
    /// The PSP's key of the card, sealed for this card.
    pub sealed_key: String,
    /// The digest of that key, by which a message of the PSP's about the key finds the card.
    pub key_digest: String,
    /// What the PSP shows of the card.
    pub face: CardFace,
}

/// The PSP's answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issuance {
    /// It issued a key.
    Issued(IssuedCard),
    /// It issued none, and the same consent brings none.
    Refused(Failure),
}

/// A card to write down as registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredCard {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// What the PSP issued.
    pub issued: IssuedCard,
    /// When.
    pub at: Timestamp,
}

/// What came of writing a registered card down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// It is kept, and can be charged.
    Active,
    /// It waits for no registration any more: another key is kept, or it was deleted. This key is to be deleted.
    Superseded,
}

/// A key that the PSP is to charge no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// A key that was issued and is not kept, sealed for this card; without one, the key that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_key: Option<String>,
}

/// A card that is charged no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedCard {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// Where the deletion came from.
    pub by: DeletedBy,
    /// The digest of the key that the PSP charges no more, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What came of writing that a card is charged no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgotten {
    /// It is charged no more.
    Done,
    /// Another key was kept meanwhile, which is to be revoked first.
    OtherKey,
}

/// A charge of a saved card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCardCharge {
    /// The checkout, which is the order number at the PSP.
    pub checkout_id: CheckoutId,
    /// The card.
    pub saved_card_id: SavedCardId,
    /// How much.
    pub amount: Money,
    /// The part without value-added tax, where one was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_free: Option<Money>,
    /// What the buyer reads.
    pub order_name: String,
    /// Makes the request safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// What the PSP says of the charge of a saved card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCardAnswer {
    /// The PSP's name of the payment; none where there is no payment.
    pub payment_key: Option<PaymentKey>,
    /// What the PSP says of the payment.
    pub charge: Charge,
}
