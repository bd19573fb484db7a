//! Saved cards: keys of cards at the PSP, and their charges.
//!
//! The key of a card is opened here, for the call that needs it; no history, no error and no log holds it.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use domain::{
    Currency,
    charge::Charge,
    failure::{Failure, OurCode},
    id::{CheckoutId, PaymentKey, SavedCardId},
    inquiry::Doubt,
    saved_card::{
        CardFace, DeletedBy, DeletedCard, Forgotten, Issuance, IssuedCard, Kept, MAX_WORD_CHARS, RegisteredCard,
        Registration, RevokedKey, SavedCardAnswer, SavedCardCharge,
    },
};
use store::{CardSecret, Keyring, KeyringError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure,
    activities::{ActivityContext, ActivityError},
};
use toss::{Billing, BillingChargeRequest, BillingIssueRequest, Meaning, Payment, PaymentType, Private};
use workflows::ports::{
    ChargeSavedCard, DeleteSavedCard, FindCharge, IssueSavedCard, KeepSavedCard, LookUpSavedCardCharge, RevokeSavedCard,
};

use crate::{
    failure::{PspErrorClass, after_attempt, classify, doubtful, store_failure, try_again},
    heartbeat,
    psp::{by_keys_of, idempotency_key, read_charge, unreadable},
    words::plain,
};

/// What the PSP says of a key that it charges no more. Source: Toss, billing.
const GONE: [&str; 2] = ["ALREADY_REMOVED_BILLING_KEY", "NOT_FOUND_BILLING"];

/// The activities of saved cards.
#[derive(Debug, Clone)]
pub struct SavedCards {
    /// Where they are written.
    pub writer: Writer,
    /// The way to the PSP.
    pub toss: toss::Client,
    /// The keys under which the keys of the cards are sealed.
    pub keyring: Option<Arc<Keyring>>,
}

#[activities]
impl SavedCards {
    /// Has the key of a card issued. A refusal is a value: the same consent brings no key.
    #[activity(definition = IssueSavedCard)]
    pub async fn issue(
        self: Arc<Self>,
        _ctx: ActivityContext,
        registration: Registration,
    ) -> Result<Issuance, ActivityError> {
        let Registration { saved_card_id, sealed_consent, idempotency_key: key } = registration;
        let keys = self.keys()?;
        let consent = CardSecret::open_consent(keys, &saved_card_id, &sealed_consent).map_err(not_opened)?;
        let request = BillingIssueRequest {
            auth_key: Private::from(consent.expose()),
            customer_key: Private::from(saved_card_id.as_str()),
        };
        let toss = by_keys_of(&self.toss, Some(Currency::Krw))?;
        match toss.issue_billing_key(&request, &idempotency_key(&key)?).await {
            Ok(billing) if billing.customer_key.expose() == saved_card_id.as_str() => {
                issued(keys, &saved_card_id, &billing).map(Issuance::Issued).map_err(not_opened)
            }
            Ok(_) => Err(doubtful(unreadable("the PSP answered about another card"))),
            Err(error) => match classify(&error) {
                PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => Ok(Issuance::Refused(failure)),
                PspErrorClass::TryAgain => Err(try_again(error)),
                // The answer is bound to the key, and the consent works once.
                PspErrorClass::Ask(doubt) if doubt.answered && !doubt.locked_out => {
                    Ok(Issuance::Refused(Failure::new(
                        OurCode::OutcomeUnknown,
                        "The payment provider did not say whether the card is registered.",
                    )))
                }
                PspErrorClass::Ask(_) => Err(try_again(error)),
            },
        }
    }

    /// Keeps the key of a card.
    #[activity(definition = KeepSavedCard)]
    pub async fn keep(
        self: Arc<Self>,
        _ctx: ActivityContext,
        registered: RegisteredCard,
    ) -> Result<Kept, ActivityError> {
        self.writer.register_saved_card(&registered).await.map_err(store_failure)
    }

    /// Charges a card. A refusal of the first attempt is a value; a doubt is an error. A card that the PSP has deleted
    /// is deleted here too.
    #[activity(definition = ChargeSavedCard)]
    pub async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        charge: SavedCardCharge,
    ) -> Result<SavedCardAnswer, ActivityError> {
        let attempt = ctx.info().attempt;
        let Some((key_of_card, digest)) = self.key_of(&charge.saved_card_id).await? else { return no_key(attempt) };
        let key = idempotency_key(&charge.idempotency_key)?;
        let request = BillingChargeRequest {
            customer_key: Private::from(charge.saved_card_id.as_str()),
            amount: charge.amount.minor(),
            order_id: charge.checkout_id.to_string(),
            order_name: charge.order_name,
            customer_email: None,
            customer_name: None,
            customer_ip: None,
            tax_free_amount: charge.tax_free.map(|part| part.minor()),
            tax_exemption_amount: None,
        };
        let toss = by_keys_of(&self.toss, Some(charge.amount.currency()))?;
        let key_of_card = Private::from(key_of_card.expose());
        match heartbeat::alive(&ctx, toss.charge_billing_key(&key_of_card, &request, &key)).await {
            Ok(payment) => read_card_charge(&payment, &charge.checkout_id).map_err(doubtful),
            Err(error) => {
                if is_gone(&error) {
                    let at = self.writer.time().await.map_err(store_failure)?;
                    let (by, revoked) = (DeletedBy::Psp, Some(digest));
                    let gone = DeletedCard { saved_card_id: charge.saved_card_id, by, revoked, at };
                    self.writer.delete_saved_card(&gone).await.map_err(store_failure)?;
                }
                match after_attempt(attempt, classify(&error)) {
                    PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => Ok(not_charged(failure)),
                    PspErrorClass::TryAgain => Err(try_again(error)),
                    PspErrorClass::Ask(doubt) => Err(doubtful(doubt)),
                }
            }
        }
    }

    /// Asks for the payment of a checkout that a saved card pays.
    #[activity(definition = LookUpSavedCardCharge)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        wanted: FindCharge,
    ) -> Result<SavedCardAnswer, ActivityError> {
        let toss = by_keys_of(&self.toss, wanted.keys_of)?;
        match toss.payment_by_order(wanted.checkout_id.as_str()).await {
            Ok(payment) => read_card_charge(&payment, &wanted.checkout_id).map_err(doubtful),
            Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => {
                Ok(SavedCardAnswer { payment_key: None, charge: Charge::Absent })
            }
            Err(error) => Err(try_again(error)),
        }
    }

    /// Has the PSP charge a key no more. A key that is gone already is gone, and so is one that is not kept.
    #[activity(definition = RevokeSavedCard)]
    pub async fn revoke(
        self: Arc<Self>,
        _ctx: ActivityContext,
        revoked: RevokedKey,
    ) -> Result<Option<String>, ActivityError> {
        let RevokedKey { saved_card_id, sealed_key } = revoked;
        let key = match sealed_key {
            Some(sealed) => Some((self.open_key(&saved_card_id, &sealed)?, None)),
            None => self.key_of(&saved_card_id).await?.map(|(key, digest)| (key, Some(digest))),
        };
        let Some((key, digest)) = key else { return Ok(None) };
        let toss = by_keys_of(&self.toss, Some(Currency::Krw))?;
        match toss.delete_billing_key(&Private::from(key.expose())).await {
            Ok(()) => Ok(digest),
            Err(error) if is_gone(&error) => Ok(digest),
            Err(error) => Err(try_again(error)),
        }
    }

    /// Writes that a card is charged no more.
    #[activity(definition = DeleteSavedCard)]
    pub async fn delete(
        self: Arc<Self>,
        _ctx: ActivityContext,
        deleted: DeletedCard,
    ) -> Result<Forgotten, ActivityError> {
        self.writer.delete_saved_card(&deleted).await.map_err(store_failure)
    }
}

impl SavedCards {
    fn keys(&self) -> Result<&Keyring, ActivityError> {
        self.keyring.as_deref().ok_or_else(|| {
            let reason = "the worker has no encryption keys, under which keys of cards are sealed";
            ActivityError::application(ApplicationFailure::builder(reason.to_owned()).build())
        })
    }

    /// The key of a card that can be charged, and its digest.
    async fn key_of(&self, saved_card_id: &SavedCardId) -> Result<Option<(CardSecret, String)>, ActivityError> {
        let kept = self.writer.saved_card_key(saved_card_id).await.map_err(store_failure)?;
        kept.map(|kept| Ok((self.open_key(saved_card_id, &kept.sealed)?, kept.digest))).transpose()
    }

    fn open_key(&self, saved_card_id: &SavedCardId, sealed: &str) -> Result<CardSecret, ActivityError> {
        CardSecret::open_key(self.keys()?, saved_card_id, sealed).map_err(not_opened)
    }
}

/// The card was deleted. An earlier attempt of the activity may have left before that.
fn no_key(attempt: u32) -> Result<SavedCardAnswer, ActivityError> {
    if attempt > 1 {
        return Err(doubtful(Doubt::unanswered("the saved card was deleted while it was charged".to_owned())));
    }
    Ok(not_charged(Failure::new(OurCode::SavedCardDeleted, "The saved card was deleted.")))
}

const fn not_charged(failure: Failure) -> SavedCardAnswer {
    SavedCardAnswer { payment_key: None, charge: Charge::Refused(failure) }
}

/// What a payment means for a checkout that a saved card pays. A payment of another kind is a stranger's: whoever knows
/// the order's id can begin one in the PSP's window.
fn read_card_charge(payment: &Payment, checkout_id: &CheckoutId) -> Result<SavedCardAnswer, Doubt> {
    if payment.payment_type != Some(PaymentType::Billing) {
        return Err(unreadable("the PSP's payment of this order is no charge of a saved card"));
    }
    let payment_key = PaymentKey::parse(payment.payment_key.as_str())
        .map_err(|_| unreadable("the PSP named a payment by what is no key"))?;
    let charge = read_charge(payment, &payment_key, checkout_id, None)?;
    Ok(SavedCardAnswer { payment_key: Some(payment_key), charge })
}

fn issued(keys: &Keyring, saved_card_id: &SavedCardId, billing: &Billing) -> Result<IssuedCard, KeyringError> {
    let key = CardSecret::new(billing.billing_key.expose());
    let word = |text: Option<&str>| text.map(plain).filter(|word| word.chars().count() <= MAX_WORD_CHARS);
    let card = billing.card.as_ref();
    let number = card.and_then(|card| card.number.as_deref()).filter(|number| is_masked(number));
    Ok(IssuedCard {
        sealed_key: key.seal_key(keys, saved_card_id)?,
        key_digest: key.digests(keys)?.into_iter().next().unwrap_or_default(),
        face: CardFace {
            issuer: word(card.and_then(|card| card.issuer_code.as_deref())),
            number: word(number),
            card_type: word(card.and_then(|card| card.card_type.as_ref()).map(|kind| kind.as_str())),
        },
    })
}

/// Whether a number is hidden in part, as the PSP shows it.
fn is_masked(number: &str) -> bool {
    number.contains('*')
}

/// Whether the PSP charges the key no more.
fn is_gone(error: &toss::Error) -> bool {
    matches!(error, toss::Error::Refused { code, .. } if GONE.contains(&code.as_str()))
}

/// A secret that the keys of this worker do not open, or a key that cannot be sealed. Temporal tries again: the keys
/// may be set meanwhile.
fn not_opened(error: KeyringError) -> ActivityError {
    ActivityError::application(ApplicationFailure::builder(error).build())
}
