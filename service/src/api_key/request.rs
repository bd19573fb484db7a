//! API keys that administrators ask for at the console: one asks, another one approves, and the first one sees the
//! secret.

use domain::{
    Money,
    id::{ApiKeyId, PersonId, SellerAccount},
};
use ring::rand::{SecureRandom, SystemRandom};
use store::{
    Decision, KeyForm, KeyRefusal, KeyRequestRecord, NewKeyRequest, Pepper, Scope, Scopes, ShownKey, StoreError,
};
use uuid::Uuid;

use super::SecretKey;
use crate::{Fault, Service, now};

/// Random bytes in a key's id.
const ID_BYTES: usize = 6;
/// Random bytes in a seed: 256 bits.
const SEED_BYTES: usize = 32;

/// A key that an administrator wants.
#[derive(Debug, Clone)]
pub struct WantedKey {
    /// Names the request: sent twice, it is one.
    pub request_id: Uuid,
    pub form: WantedForm,
    pub reason: String,
    /// The administrator.
    pub by: PersonId,
}

/// The form of a key that an administrator wants.
#[derive(Debug, Clone)]
pub enum WantedForm {
    New {
        name: String,
        scopes: Scopes,
        seller: Option<SellerAccount>,
        /// The most that the key gives back in a day.
        refund_limit: Option<Money>,
        /// How long the key lasts, where it ends.
        lifetime_ms: Option<u64>,
    },
    /// A key in the place of another one, which goes on for a while.
    Replacement { of: ApiKeyId, overlap_ms: u64 },
}

/// A key as its holder sees it, once.
pub struct KeyToShow {
    pub id: ApiKeyId,
    /// The whole key, with its secret. It is never printed.
    pub text: String,
}

impl std::fmt::Debug for KeyToShow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyToShow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a request for a key was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum KeyRequestError {
    /// The scopes are beyond what the console makes.
    #[error("Keys with the scope ops or finance are made and rotated at the command line: `daegeum keys`.")]
    BeyondConsole,
    /// A seller's key reads and does nothing else.
    #[error("A key of a seller has the scope read alone.")]
    SellerReads,
    /// A limit of refunds needs the scope.
    #[error("A limit of refunds is for a key with the scope refund.")]
    NoRefunds,
    /// There is no such key, or it has ended.
    #[error("There is no API key of this id that is neither revoked nor expired.")]
    UnknownKey,
    /// The id of the request came with another key.
    #[error("This form asked for another key before. Open it again.")]
    RequestReused,
    /// The request does not take it.
    #[error("It was not done: {0}.")]
    Refused(KeyRefusal),
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for KeyRequestError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// The machine gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("this machine gives no random bytes")]
struct NoRandomness;

fn random<const BYTES: usize>() -> Result<String, Fault> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Fault::internal(NoRandomness))?;
    Ok(hex::encode(bytes))
}

/// What a form brings along from which the secret of a key follows. Each page has its own.
pub fn new_seed() -> Result<String, Fault> {
    random::<SEED_BYTES>()
}

/// Asks for a key. The same request sent again is the same one.
pub async fn ask(service: &Service, pepper: &Pepper, wanted: WantedKey) -> Result<KeyRequestRecord, KeyRequestError> {
    let id = ApiKeyId::parse(random::<ID_BYTES>()?).map_err(Fault::internal)?;
    let WantedKey { request_id, form, reason, by } = wanted;
    let asked = match form {
        WantedForm::New { name, scopes, seller, refund_limit, lifetime_ms } => NewKeyRequest {
            request_id,
            key_id: id,
            form: KeyForm::New { lifetime_ms },
            name,
            scopes,
            seller,
            refund_limit,
            reason,
            requested_by: by,
            requested_at: now(),
        },
        WantedForm::Replacement { of, overlap_ms } => {
            let found = service.reader.api_key(&of).await?;
            let key = found.filter(|key| key.is_under(pepper) && key.is_good(pepper, now()));
            let key = key.ok_or(KeyRequestError::UnknownKey)?;
            NewKeyRequest {
                request_id,
                key_id: id,
                form: KeyForm::Replacement { of, overlap_ms },
                name: key.name,
                scopes: key.grant.scopes,
                seller: key.grant.seller,
                refund_limit: key.grant.refund_limit,
                reason,
                requested_by: by,
                requested_at: now(),
            }
        }
    };
    check(&asked)?;
    let kept = service.journal.ask_for_key(&asked, pepper).await?;
    let same = NewKeyRequest { key_id: kept.asked.key_id.clone(), requested_at: kept.asked.requested_at, ..asked };
    if same == kept.asked { Ok(kept) } else { Err(KeyRequestError::RequestReused) }
}

fn check(asked: &NewKeyRequest) -> Result<(), KeyRequestError> {
    if !asked.scopes.lies_within(Scopes::OF_CONSOLE) {
        return Err(KeyRequestError::BeyondConsole);
    }
    if asked.seller.is_some() && asked.scopes != Scopes::only(Scope::Read) {
        return Err(KeyRequestError::SellerReads);
    }
    if asked.refund_limit.is_some() && !asked.scopes.includes(Scope::Refund) {
        return Err(KeyRequestError::NoRefunds);
    }
    Ok(())
}

/// Approves or rejects a request. The administrator who asked does not approve.
pub async fn decide(
    service: &Service,
    pepper: &Pepper,
    request_id: Uuid,
    decision: Decision,
    by: &PersonId,
) -> Result<KeyRequestRecord, KeyRequestError> {
    let decided = service.journal.decide_key_request(request_id, decision, (by, now()), pepper).await?;
    decided.map_err(KeyRequestError::Refused)
}

/// Makes the key of an approved request, and answers it to the administrator who asked.
pub async fn show(
    service: &Service,
    pepper: &Pepper,
    request_id: Uuid,
    seed: &str,
    by: &PersonId,
) -> Result<KeyToShow, KeyRequestError> {
    let shown = service.journal.show_key(request_id, seed, (by, now()), pepper).await?;
    let ShownKey { id, secret } = shown.map_err(KeyRequestError::Refused)?;
    let text = SecretKey::mint(&id, &secret);
    Ok(KeyToShow { id, text })
}
