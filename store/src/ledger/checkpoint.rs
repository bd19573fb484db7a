//! Signed checkpoints: keys, signatures, and the rows that only grow.
//!
//! Ed25519 (RFC 8032) over [`Checkpoint::canonical`]. A signature that fits the public key beside it in the row
//! says only that the two belong together; trust comes from a public key that was kept elsewhere.

use std::{fmt, str::FromStr};

use domain::ledger::Checkpoint;
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use sha2::{Digest, Sha256};

use crate::{
    Reader, StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    entities::ledger_checkpoints,
};

/// How many hex digits of a public key's hash name it.
const KEY_ID_DIGITS: usize = 16;

/// Why bytes are no key, or a signature is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// No private key.
    #[error("this is no Ed25519 private key in PKCS#8 (DER)")]
    PrivateKey,
    /// No public key.
    #[error("an Ed25519 public key has 64 hex digits")]
    PublicKey,
    /// Randomness is out of reach.
    #[error("the machine gives no randomness for a key")]
    Randomness,
    /// It names another key than the one beside it.
    #[error("it names the key {named}, and the public key is that of {found}")]
    AnotherKey {
        /// The key id in the checkpoint.
        named: String,
        /// The id of the public key.
        found: String,
    },
    /// The signature fits neither text nor key.
    #[error("its signature is not that of its key over its text")]
    Signature,
}

/// A key that signs checkpoints. It is never printed.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, as PKCS#8 in DER: what is to be kept.
    pub fn generate() -> Result<Vec<u8>, SigningError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| SigningError::Randomness)?;
        Ok(document.as_ref().to_vec())
    }

    /// Reads PKCS#8, version 1 as OpenSSL writes it or version 2.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self).map_err(|_| SigningError::PrivateKey)
    }

    /// What checks its signatures.
    pub fn public_key(&self) -> Result<PublicKey, SigningError> {
        self.0.public_key().as_ref().try_into().map(PublicKey).map_err(|_| SigningError::PublicKey)
    }

    /// Signs a checkpoint, whose key id becomes that of this key.
    pub fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, SigningError> {
        let public_key = self.public_key()?;
        let checkpoint = Checkpoint { key_id: public_key.id(), ..checkpoint };
        let signature = self.0.sign(checkpoint.canonical().as_bytes()).as_ref().to_vec();
        Ok(SignedCheckpoint { checkpoint, public_key, signature })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// What checks signatures. Written as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Its name: the first 16 hex digits of its SHA-256.
    pub fn id(&self) -> String {
        let mut id = hex::encode(Sha256::digest(self.0));
        id.truncate(KEY_ID_DIGITS);
        id
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = SigningError;

    fn from_str(text: &str) -> Result<Self, SigningError> {
        let bytes = hex::decode(text).map_err(|_| SigningError::PublicKey)?;
        bytes.try_into().map(Self).map_err(|_| SigningError::PublicKey)
    }
}

/// A checkpoint with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// Whose signature it is said to be.
    pub public_key: PublicKey,
    /// 64 bytes, unless the row was tampered with.
    pub signature: Vec<u8>,
}

impl SignedCheckpoint {
    /// Whether the signature is that of the public key over the text, and the text names that key.
    pub fn check(&self) -> Result<(), SigningError> {
        let (named, found) = (&self.checkpoint.key_id, self.public_key.id());
        if *named != found {
            return Err(SigningError::AnotherKey { named: named.clone(), found });
        }
        UnparsedPublicKey::new(&ED25519, self.public_key.0)
            .verify(self.checkpoint.canonical().as_bytes(), &self.signature)
            .map_err(|_| SigningError::Signature)
    }

    pub(crate) fn of_row(row: ledger_checkpoints::Model) -> Result<Self, StoreError> {
        Ok(Self {
            public_key: row.public_key.parse().map_err(|error| corrupt("a public key", error))?,
            signature: hex::decode(&row.signature).map_err(|_| corrupt("a signature", &row.signature))?,
            checkpoint: Checkpoint {
                sequence: u64::try_from(row.sequence).map_err(|_| corrupt("a sequence", row.sequence))?,
                head: row.head,
                root: row.root,
                at: from_column_time(row.at),
                key_id: row.key_id,
            },
        })
    }

    fn to_row(&self) -> Result<ledger_checkpoints::ActiveModel, StoreError> {
        let Checkpoint { sequence, head, root, at, key_id } = &self.checkpoint;
        Ok(ledger_checkpoints::ActiveModel {
            sequence: Set(i64::try_from(*sequence).map_err(|_| corrupt("a sequence", sequence))?),
            key_id: Set(key_id.clone()),
            head: Set(head.clone()),
            root: Set(root.clone()),
            at: Set(to_column_time(*at)),
            public_key: Set(self.public_key.to_string()),
            signature: Set(hex::encode(&self.signature)),
        })
    }
}

impl Writer {
    /// Keeps a checkpoint. A key signs an entry once: asked again, it answers the checkpoint that was kept first.
    pub async fn keep_checkpoint(&self, signed: &SignedCheckpoint) -> Result<SignedCheckpoint, StoreError> {
        let row = signed.to_row()?;
        let key = (signed.checkpoint.sequence, signed.checkpoint.key_id.as_str());
        ledger_checkpoints::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        let kept = find(self.connection(), Some(key.0), Some(key.1)).await?;
        kept.ok_or_else(|| corrupt("no checkpoint at entry", key.0))
    }
}

impl Reader {
    /// The newest checkpoint, or the newest at one entry.
    pub async fn checkpoint(&self, sequence: Option<u64>) -> Result<Option<SignedCheckpoint>, StoreError> {
        find(self.connection(), sequence, None).await
    }
}

async fn find(
    connection: &impl ConnectionTrait,
    sequence: Option<u64>,
    key_id: Option<&str>,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let mut query = ledger_checkpoints::Entity::find()
        .order_by_desc(ledger_checkpoints::Column::Sequence)
        .order_by_desc(ledger_checkpoints::Column::At)
        .limit(1);
    if let Some(sequence) = sequence {
        query = query.filter(ledger_checkpoints::Column::Sequence.eq(i64::try_from(sequence).unwrap_or(i64::MAX)));
    }
    if let Some(key_id) = key_id {
        query = query.filter(ledger_checkpoints::Column::KeyId.eq(key_id));
    }
    query.one(connection).await?.map(SignedCheckpoint::of_row).transpose()
}
