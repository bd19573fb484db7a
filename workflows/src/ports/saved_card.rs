//! What workflows ask about saved cards.

pub use domain::saved_card::{
    DeletedCard, Forgotten, Issuance, IssuedCard, Kept, RegisteredCard, Registration, RevokedKey, SavedCardAnswer,
    SavedCardCharge,
};

use temporalio_workflow::common::ActivityDefinition;

use crate::ports::FindCharge;

ports! {
    /// The name of every port of saved cards.
    list OF_SAVED_CARDS:
    /// Exchanges the buyer's consent at the PSP for the key of a card. Safe to repeat: the idempotency key brings the
    /// first answer again.
    IssueSavedCard = "saved_card.issue": Registration => Issuance;
    /// Keeps the key of a card, or says that the card waits for none. Safe to repeat: the digest of the key is its key.
    KeepSavedCard = "saved_card.keep": RegisteredCard => Kept;
    /// Charges a card. Fails with a [`Doubt`](domain::inquiry::Doubt) as its details, of type
    /// [`DOUBT`](crate::ports::DOUBT), when the outcome is not known.
    ChargeSavedCard = "saved_card.charge": SavedCardCharge => SavedCardAnswer;
    /// Asks the PSP what became of the charge of a card: it knows the payment by its order.
    LookUpSavedCardCharge = "saved_card.look_up": FindCharge => SavedCardAnswer;
    /// Makes sure that the PSP charges a key no more, and answers its digest where there was a key. Safe to repeat.
    RevokeSavedCard = "saved_card.revoke": RevokedKey => Option<String>;
    /// Writes that a card is charged no more, and forgets its key; or says that another key has to be revoked first.
    /// Safe to repeat.
    DeleteSavedCard = "saved_card.delete": DeletedCard => Forgotten;
}
