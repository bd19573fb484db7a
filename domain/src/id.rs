//! Names of things, each its own type, each with a bound on its length and its alphabet.
//!
//! Ids are minted by the client or at the edge, before a workflow starts; never inside an activity, which
//! may run twice.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Shorter or longer than the id may be.
    #[error("must have {min} to {max} characters")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// A character outside the id's alphabet.
    #[error("may hold only {0}")]
    Alphabet(&'static str),
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal, $alphabet:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters.
            pub const MAX_CHARS: usize = $max;

            /// Reads an id; refuses a wrong length or a character outside its alphabet.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let allowed: fn(u8) -> bool = $allowed;
                if !text.bytes().all(allowed) {
                    return Err(IdError::Alphabet($alphabet));
                }
                if !($min..=Self::MAX_CHARS).contains(&text.len()) {
                    return Err(IdError::Length { min: $min, max: Self::MAX_CHARS });
                }
                Ok(Self(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id! {
    /// A checkout: 6 to 64 of `A-Z a-z 0-9 - _`. Also the order number that the PSP and the buyer see.
    CheckoutId, 6..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// One seller's part of a checkout: 1 to 64 of `A-Z a-z 0-9 - _`.
    PaymentOrderId, 1..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// The account a seller is credited on: 1 to 64 of `A-Z a-z 0-9 - _ .`. It has no colon, so that it
    /// can stand between colons in the name of a ledger account.
    SellerAccount, 1..=64, "A-Z a-z 0-9 - _ .", |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}
text_id! {
    /// A part of a seller's money, reserved; also the payout that captures it: 1 to 64 of `A-Z a-z 0-9 - _`.
    HoldId, 1..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// A cash receipt that is asked for: 1 to 64 of `A-Z a-z 0-9 - _`.
    ReceiptRequestId, 1..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// A refund: 1 to 64 of `A-Z a-z 0-9 - _`.
    RefundId, 1..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// A run of payouts: 6 to 64 of `A-Z a-z 0-9 - _`.
    PayoutRunId, 6..=64, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// A payout: 1 to 40 of `A-Z a-z 0-9 - _`. The PSP takes 50 characters, of which the number of the attempt needs
    /// some.
    PayoutId, 1..=40, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// A dead letter: 1 to 200 of `A-Z a-z 0-9 - _ .`.
    DeadLetterId, 1..=200, "A-Z a-z 0-9 - _ .", |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}
text_id! {
    /// The marketplace's own id of a buyer: 1 to 64 of `A-Z a-z 0-9 - _ . : @ +`.
    BuyerId, 1..=64, "A-Z a-z 0-9 - _ . : @ +", |byte| byte.is_ascii_alphanumeric() || b"-_.:@+".contains(&byte)
}
text_id! {
    /// What the PSP calls one attempt of a buyer to pay: 1 to 200 visible ASCII characters.
    PaymentKey, 1..=200, "visible ASCII", |byte| byte.is_ascii_graphic()
}
text_id! {
    /// What a client sends to make a request safe to repeat: 1 to 255 visible ASCII characters.
    ///
    /// Source: IETF draft "The Idempotency-Key HTTP Header Field".
    IdempotencyKey, 1..=255, "visible ASCII", |byte| byte.is_ascii_graphic()
}
text_id! {
    /// An API key's public name, the part before its secret: 4 to 32 of `a-z 0-9`.
    ApiKeyId, 4..=32, "a-z 0-9", |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()
}
text_id! {
    /// A person who signs in to the console, by the identity provider's name: 1 to 128 of `A-Z a-z 0-9 - _ . @ + |`.
    PersonId, 1..=128, "A-Z a-z 0-9 - _ . @ + |", |byte| byte.is_ascii_alphanumeric() || b"-_.@+|".contains(&byte)
}
text_id! {
    /// A card, by the SHA-256 of the token that the PSP gave for it: 64 of `0-9 a-f`.
    CardFingerprint, 64..=64, "0-9 a-f", |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
text_id! {
    /// What a buyer proves to confirm a checkout, by its SHA-256: 64 of `0-9 a-f`.
    ConfirmTokenHash, 64..=64, "0-9 a-f", |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
text_id! {
    /// A webhook endpoint: 4 to 40 of `a-z 0-9 _`.
    WebhookEndpointId, 4..=40, "a-z 0-9 _", |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}
text_id! {
    /// What the PSP calls a seller that is registered there, by our own name for the registration: 7 to 20 of
    /// `a-z 0-9`. A name whose registration was deleted is never used again.
    RefSellerId, 7..=20, "a-z 0-9", |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()
}
text_id! {
    /// The PSP's id of a registered seller: 1 to 64 visible ASCII characters.
    PspSellerId, 1..=64, "visible ASCII", |byte| byte.is_ascii_graphic()
}
text_id! {
    /// A break of a reconciliation: 4 to 40 of `a-z 0-9 _`.
    BreakId, 4..=40, "a-z 0-9 _", |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}
text_id! {
    /// A saved card, and the buyer's name at the PSP that the card is kept under: 6 to 50 of `A-Z a-z 0-9 - _`.
    SavedCardId, 6..=50, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}
text_id! {
    /// The id of a workflow: 1 to 128 of `A-Z a-z 0-9 - _`. Bounded, because Temporal and its stores bound it.
    WorkflowId, 1..=128, "A-Z a-z 0-9 - _", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

impl RefSellerId {
    /// Our name for a registration of a seller: one seller and one number make one name.
    pub fn of_registration(seller: &SellerAccount, number: u32) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x4d0e_77b2_19ac_4f66_8c15_e2a9_3b70_d8c1);
        const DIGITS: usize = 17;
        // A seller account holds no colon.
        let hash = Uuid::new_v5(&NAMESPACE, format!("{seller}:{number}").as_bytes()).simple().to_string();
        Self(format!("dg{}", hash.get(..DIGITS).unwrap_or_default()))
    }
}

impl HoldId {
    /// The hold that a request asks for: one API key and one idempotency key make one hold.
    pub fn of_request(api_key: &ApiKeyId, key: &IdempotencyKey) -> Self {
        Self::of(api_key.as_str(), key)
    }

    /// The hold that a request of a principal asks for, by [`Principal::bare`](crate::principal::Principal::bare).
    pub(crate) fn of(by: &str, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0xb7a4_52e1_0f9d_4c3b_9e68_15c7_a0d2_6f84);
        let of_author = Uuid::new_v5(&NAMESPACE, by.as_bytes());
        Self(format!("hold-{}", Uuid::new_v5(&of_author, key.as_str().as_bytes())))
    }
}

impl ReceiptRequestId {
    /// The receipt that a principal asks for: one principal and one idempotency key make one.
    pub(crate) fn of_request(by: &str, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x3c8e_17d4_6ab9_4f05_91c2_d87e_40b3_5a6f);
        let of_principal = Uuid::new_v5(&NAMESPACE, by.as_bytes());
        Self(format!("receipt-{}", Uuid::new_v5(&of_principal, key.as_str().as_bytes())))
    }

    /// The taking back of a part of this receipt, by its number from one.
    pub fn taken_back(&self, number: usize) -> Self {
        Self(format!("{self}-c{number}"))
    }
}

impl IdempotencyKey {
    /// Reads a header value: the key bare, or quoted as a structured-field string (RFC 8941, with `\"` and
    /// `\\` escaped).
    pub fn from_header(value: &str) -> Result<Self, IdError> {
        let value = value.trim_matches([' ', '\t']);
        let Some(inner) = value.strip_prefix('"') else {
            return Self::parse(value);
        };
        let malformed = IdError::Alphabet("visible ASCII, bare or as one quoted string");
        let mut text = String::with_capacity(inner.len());
        let mut rest = inner.chars();
        loop {
            match rest.next().ok_or(malformed)? {
                '"' if rest.as_str().is_empty() => return Self::parse(text),
                '"' => return Err(malformed),
                '\\' => match rest.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => return Err(malformed),
                },
                plain => text.push(plain),
            }
        }
    }
}

impl WorkflowId {
    /// The workflow of a checkout: one API key and one idempotency key make one workflow.
    ///
    /// The key is hashed (UUID version 5 in a namespace of the API key), so the id is short, safe in an
    /// address and says nothing of what a client put into its key.
    pub fn of_checkout(api_key: &ApiKeyId, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f2c_5e0a_7d0b_4c7e_9a55_d2c0_34b8_a1f7);
        let of_api_key = Uuid::new_v5(&NAMESPACE, api_key.as_str().as_bytes());
        let id = Uuid::new_v5(&of_api_key, key.as_str().as_bytes());
        Self(format!("checkout-{id}"))
    }
}

impl WorkflowId {
    /// The workflow of a refund: its id is the refund's.
    pub fn of_refund(refund: &RefundId) -> Self {
        Self(refund.0.clone())
    }
}

impl RefundId {
    /// The refund that a principal asks for, by the principal's bare name: one name and one idempotency key make one
    /// refund.
    pub(crate) fn of_request(by: &str, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x9b1d_3f62_58c4_4a0e_8f17_61ab_c05d_e324);
        let of_principal = Uuid::new_v5(&NAMESPACE, by.as_bytes());
        Self(format!("refund-{}", Uuid::new_v5(&of_principal, key.as_str().as_bytes())))
    }

    /// The refund of all that is left of a checkout, or of one of its orders, whoever asks for it and however often.
    /// `attempt` counts from zero how many such refunds have failed before.
    pub fn of_rest(checkout: &CheckoutId, order: Option<&PaymentOrderId>, attempt: usize) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x2e7a_90c5_b61f_4d38_a4f9_0c83_75de_1b46);
        // No id holds a colon.
        let name = match order {
            Some(order) => format!("{checkout}:{order}:{attempt}"),
            None => format!("{checkout}::{attempt}"),
        };
        Self(format!("refund-{}", Uuid::new_v5(&NAMESPACE, name.as_bytes())))
    }
}

impl DeadLetterId {
    /// The id of a letter of one run of a workflow: the same on every replay. What does not belong into an id
    /// becomes `_`, and of a very long workflow id the end is left out: the run has an id of its own.
    pub fn of_workflow(workflow_id: &str, run_id: &str, number: u32) -> Self {
        const WORKFLOW_CHARS: usize = 128;
        const RUN_CHARS: usize = 60;
        let plain = |character: char| {
            if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '_' }
        };
        let workflow: String = workflow_id.chars().map(plain).take(WORKFLOW_CHARS).collect();
        let run: String = run_id.chars().map(plain).take(RUN_CHARS).collect();
        Self(format!("{workflow}.{run}.{number}"))
    }
}

impl ConfirmTokenHash {
    /// The hash, from the 32 bytes of a SHA-256.
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl CheckoutId {
    /// The id of a checkout whose client named none, from randomness that the caller brings along.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }
}

impl BreakId {
    /// An id that [`crate::reconciliation::break_id`] made of a hash.
    pub(crate) const fn from_hash(id: String) -> Self {
        Self(id)
    }
}

impl WebhookEndpointId {
    /// The id of a new endpoint, from randomness that the caller brings along.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(format!("we_{}", uuid.simple()))
    }
}

impl PayoutRunId {
    /// The id of a new run, from randomness that the caller brings along.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(format!("run_{}", uuid.simple()))
    }

    /// The run that a request asks for: one API key and one idempotency key make one run.
    pub fn of_request(api_key: &ApiKeyId, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x51d8_0c3e_94b7_4f26_8d10_b6a2_7e59_f043);
        let of_api_key = Uuid::new_v5(&NAMESPACE, api_key.as_str().as_bytes());
        Self::from_uuid(Uuid::new_v5(&of_api_key, key.as_str().as_bytes()))
    }

    /// The run that the calendar of a day asks for.
    pub fn of_day(day: crate::calendar::Day) -> Self {
        Self(format!("run_{day}"))
    }
}

impl PayoutId {
    /// How many hexadecimal digits of its statement's hash stand in the id of a payout.
    pub const HASH_CHARS: usize = 32;

    /// The id of the payout of a statement, from the statement's SHA-256 in lower-case hex. The keys of the payout's
    /// entries hold the id, so the hash chain of the ledger holds the statement.
    pub fn of_statement(sha256: &str) -> Self {
        Self(format!("po_{}", sha256.get(..Self::HASH_CHARS).unwrap_or(sha256)))
    }

    /// Our name of an attempt at the PSP, which is the id of its hold too.
    pub fn attempt(&self, attempt: u32) -> HoldId {
        if attempt > 1 { HoldId(format!("{self}-{attempt}")) } else { HoldId(self.0.clone()) }
    }

    /// The hold of money that came back.
    pub fn returned(&self) -> HoldId {
        HoldId(format!("{self}-returned"))
    }
}

impl SavedCardId {
    /// The saved card that a request asks for: one API key and one idempotency key make one card.
    pub fn of_request(api_key: &ApiKeyId, key: &IdempotencyKey) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x3c81_f5d2_7b06_4e19_a2c7_90de_44b1_6a5f);
        let of_api_key = Uuid::new_v5(&NAMESPACE, api_key.as_str().as_bytes());
        Self(format!("card_{}", Uuid::new_v5(&of_api_key, key.as_str().as_bytes()).simple()))
    }
}

impl PaymentOrderId {
    /// The id of a payment order whose client named none, from randomness that the caller brings along.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }
}
