//! Saved cards: registering one with its buyer, charging it without the payment window, deleting it.

use domain::{
    Currency,
    checkout::Status,
    failure::Failure,
    id::{ApiKeyId, BuyerId, CheckoutId, IdempotencyKey, SavedCardId, WorkflowId},
    saved_card::{DeletedBy, REGISTRATION_MS, SavedCardStatus},
};
use sha2::{Digest, Sha256};
use store::{CardSecret, ConfirmToken, NewSavedCard, SavedCardPut, SavedCardRecord, StoreError};
use temporalio_client::{
    WorkflowGetResultOptions, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
    errors::{WorkflowGetResultError, WorkflowStartError},
};
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE,
    saved_card::{
        DeletionInput, RegistrationEnded, RegistrationInput, SavedCardDeletionWorkflow, SavedCardRegistrationWorkflow,
        deletion_id, registration_id,
    },
};

use crate::{
    Caller, Fault, Service,
    checkout::{
        confirm::{ConfirmError, Confirmed, Recorded, of_bound_payment},
        create::{self, CreateError, Created, NewCheckout},
    },
    now, temporal,
    waiting::Pauses,
};

/// The most characters of what the PSP gives for the buyer's consent. Source: Toss Payments, `authKey`.
const MAX_CONSENT_CHARS: usize = 300;
/// How many characters of the consent's hash name its registration.
const CONSENT_ID_CHARS: usize = 32;

/// A request for a card to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRequest {
    /// The buyer whose card it is.
    pub buyer_id: BuyerId,
    /// Where the buyer is led after the registration.
    pub return_url: Option<String>,
    /// SHA-256 of the request.
    pub fingerprint: String,
}

/// A saved card, and whether an earlier request asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The card.
    pub record: SavedCardRecord,
    /// Whether an earlier request with the same key was answered alike.
    pub is_replayed: bool,
}

/// Why something about a saved card was not done.
#[derive(Debug, thiserror::Error)]
pub enum SavedCardError {
    /// The keys of cards are kept sealed, and there are no encryption keys.
    #[error("Set encryption_keys: the keys of saved cards are kept sealed.")]
    NoKeys,
    /// No saved card has the id.
    #[error("No saved card has this id.")]
    Unknown,
    /// The idempotency key belongs to another body.
    #[error("This idempotency key came with another body before. Use a new key for a new card.")]
    KeyReused,
    /// The card cannot be charged.
    #[error("The saved card is {}: it is not charged.", .0.as_str())]
    NotActive(SavedCardStatus),
    /// The card is another buyer's.
    #[error("is not the buyer of the saved card")]
    OtherBuyer,
    /// The currency in which no saved card is charged.
    #[error("a saved card is charged in KRW, and not in {0}")]
    Currency(Currency),
    /// A worker has not deleted it yet.
    #[error("It is not deleted yet. Send the same request again.")]
    InProgress,
    /// No checkout was created for the charge.
    #[error(transparent)]
    NotCreated(#[from] CreateError),
    /// The charge came to rest without money.
    #[error(transparent)]
    NotPaid(#[from] ConfirmError),
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for SavedCardError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Asks for a card to be registered. API key and idempotency key make one card.
pub async fn ask(
    service: &Service,
    caller: &Caller,
    (api_key, key): (&ApiKeyId, &IdempotencyKey),
    request: CardRequest,
) -> Result<Saved, SavedCardError> {
    if service.keyring.is_none() {
        return Err(SavedCardError::NoKeys);
    }
    let CardRequest { buyer_id, return_url, fingerprint } = request;
    let created_at = now();
    let new = NewSavedCard {
        saved_card_id: SavedCardId::of_request(api_key, key),
        buyer_id,
        created_by: caller.principal.clone(),
        fingerprint,
        return_url,
        created_at,
        expires_at: created_at.plus_ms(REGISTRATION_MS),
    };
    match service.journal.put_saved_card(&new).await? {
        SavedCardPut::Now(record) => Ok(Saved { record, is_replayed: false }),
        SavedCardPut::Before(record) if record.fingerprint == new.fingerprint => {
            Ok(Saved { record, is_replayed: true })
        }
        SavedCardPut::Before(_) => Err(SavedCardError::KeyReused),
    }
}

/// A saved card.
pub async fn show(service: &Service, id: &SavedCardId) -> Result<SavedCardRecord, SavedCardError> {
    service.reader.saved_card(id).await?.ok_or(SavedCardError::Unknown)
}

/// What the buyer's browser proves to register the card.
pub fn token(service: &Service, id: &SavedCardId) -> ConfirmToken {
    service.confirm_tokens.of_saved_card(id)
}

/// The card of a browser that proves to be its buyer's.
pub async fn of_browser(
    service: &Service,
    id: &SavedCardId,
    sent: Option<&ConfirmToken>,
) -> Result<Option<SavedCardRecord>, StoreError> {
    let is_proved = sent.is_some_and(|sent| sent.has(&token(service, id).hash()));
    if is_proved { service.reader.saved_card(id).await } else { Ok(None) }
}

/// What came of a buyer's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The card can be charged.
    Active,
    /// The card takes no registration any more.
    Closed,
    /// The PSP issued no key for the consent.
    Refused(Failure),
    /// It is not known yet; the workflow goes on.
    NotKnownYet,
}

/// Registers a card by the buyer's consent. The consent makes one registration, however often it comes.
pub async fn register(
    service: &Service,
    record: &SavedCardRecord,
    consent: &str,
) -> Result<Registered, SavedCardError> {
    let keys = service.keyring.as_deref().ok_or(SavedCardError::NoKeys)?;
    let id = &record.saved_card_id;
    let name = &hex::encode(Sha256::digest(consent.as_bytes()))[..CONSENT_ID_CHARS];
    match record.status {
        SavedCardStatus::Active => return Ok(Registered::Active),
        SavedCardStatus::Deleted => return Ok(Registered::Closed),
        SavedCardStatus::Registering if record.takes_registration(now()) => {}
        SavedCardStatus::Registering => return Ok(Registered::Closed),
    }
    if consent.is_empty() || consent.chars().count() > MAX_CONSENT_CHARS {
        return Ok(Registered::Closed);
    }
    let sealed_consent = CardSecret::new(consent).seal_consent(keys, id).map_err(Fault::internal)?;
    let by = Instant::now() + service.settings.confirm_wait;
    let workflow_id = registration_id(id, name);
    let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id.as_str())
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the registration of the saved card {id}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let input = RegistrationInput { saved_card_id: id.clone(), sealed_consent };
    let start = service.temporal.start_workflow(SavedCardRegistrationWorkflow::run, input, options);
    match timeout_at(by, start).await {
        Ok(Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. })) => {}
        Ok(Err(error)) => return Err(Fault::from(error).into()),
        Err(error) => return Err(Fault::temporal(error).into()),
    }
    let handle = service.temporal.get_workflow_handle::<SavedCardRegistrationWorkflow>(workflow_id);
    let waiting = WorkflowGetResultOptions::builder().rpc_options(temporal::rpc_options()).build();
    match timeout_at(by, handle.get_result(waiting)).await {
        Ok(Ok(RegistrationEnded::Active)) => Ok(Registered::Active),
        Ok(Ok(RegistrationEnded::Superseded)) => Ok(Registered::Closed),
        Ok(Ok(RegistrationEnded::Refused(failure))) => Ok(Registered::Refused(failure)),
        // The PSP gave no answer for as long as the consent is good for, or somebody ended the workflow.
        Ok(Err(
            WorkflowGetResultError::Failed(_)
            | WorkflowGetResultError::Terminated { .. }
            | WorkflowGetResultError::Cancelled { .. },
        )) => Ok(Registered::Closed),
        Err(_) => Ok(Registered::NotKnownYet),
        Ok(Err(error)) => Err(Fault::temporal(error).into()),
    }
}

/// Deletes a card: the PSP charges its key no more, and the key is forgotten. A card that is deleted stays so.
pub async fn delete(service: &Service, id: &SavedCardId) -> Result<SavedCardRecord, SavedCardError> {
    let record = show(service, id).await?;
    if record.status == SavedCardStatus::Deleted {
        return Ok(record);
    }
    let by = Instant::now() + service.settings.confirm_wait;
    let options = WorkflowStartOptions::new(TASK_QUEUE, deletion_id(id))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the deletion of the saved card {id}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let input = DeletionInput { saved_card_id: id.clone(), by: DeletedBy::Marketplace };
    let start = service.temporal.start_workflow(SavedCardDeletionWorkflow::run, input, options);
    timeout_at(by, start).await.map_err(Fault::temporal)?.map_err(Fault::from)?;
    let mut pauses = Pauses::new();
    loop {
        let record = show(service, id).await?;
        if record.status == SavedCardStatus::Deleted {
            return Ok(record);
        }
        if pauses.next_end() > by {
            return Err(SavedCardError::InProgress);
        }
        pauses.pause().await;
    }
}

/// A charge of a saved card, and whether an earlier request asked for it.
#[derive(Debug)]
pub struct Charged {
    /// What came of it.
    pub outcome: Confirmed,
    /// Whether an earlier request with the same key asked for it.
    pub is_replayed: bool,
}

/// Charges a card, once for each workflow id however often a request for it comes, and waits for the outcome.
pub async fn charge(
    service: &Service,
    workflow_id: &WorkflowId,
    api_key: ApiKeyId,
    (id, new): (&SavedCardId, NewCheckout),
) -> Result<Charged, SavedCardError> {
    let by = Instant::now() + service.settings.confirm_wait;
    let card = show(service, id).await?;
    let new = NewCheckout { fingerprint: of_card(id, &new.fingerprint), saved_card: Some(id.clone()), ..new };
    // A request that was taken before is answered by what came of it, whatever became of the card since.
    if service.reader.request(workflow_id).await?.is_none() {
        may_charge(&card, &new)?;
    }
    let created = create::create(service, workflow_id, api_key, new).await?;
    let is_replayed = matches!(created, Created::Before(_));
    let outcome = outcome(service, &created.record().checkout_id, by).await?;
    Ok(Charged { outcome, is_replayed })
}

fn may_charge(card: &SavedCardRecord, new: &NewCheckout) -> Result<(), SavedCardError> {
    if card.status != SavedCardStatus::Active {
        return Err(SavedCardError::NotActive(card.status));
    }
    if new.plan.fields().buyer_id != card.buyer_id {
        return Err(SavedCardError::OtherBuyer);
    }
    match new.plan.total().currency() {
        Currency::Krw => Ok(()),
        currency @ (Currency::Usd | Currency::Jpy) => Err(SavedCardError::Currency(currency)),
    }
}

/// The fingerprint of a request to charge a card: the same body for another card is another request.
fn of_card(id: &SavedCardId, fingerprint: &str) -> String {
    hex::encode(Sha256::digest(format!("{id}\n{fingerprint}").as_bytes()))
}

/// Waits until the charge has come to rest, for as long as the sender waits.
async fn outcome(service: &Service, id: &CheckoutId, by: Instant) -> Result<Confirmed, ConfirmError> {
    let mut pauses = Pauses::new();
    loop {
        let record = service.reader.checkout(id).await?.ok_or(ConfirmError::Unknown)?;
        match of_bound_payment(&record)? {
            Recorded::Known => return Ok(Confirmed::Known(record)),
            Recorded::Accepted | Recorded::Nothing if pauses.next_end() > by => {
                return Ok(Confirmed::NotKnownYet(record));
            }
            // A person is asked: that takes longer than anybody waits.
            Recorded::Accepted if record.status == Status::Stuck => {
                return Ok(Confirmed::NotKnownYet(record));
            }
            Recorded::Accepted | Recorded::Nothing => pauses.pause().await,
        }
    }
}
