//! A checkpoint: what the books were at one entry, in a text that is signed.
//!
//! A signed checkpoint that is kept elsewhere shows later whether anything before it was changed, removed or
//! put in between. The text is made of the same lines as an entry's (see `canonical`):
//!
//! ```text
//! daegeum-checkpoint 1
//! sequence 1:7                       (the last entry; there are as many as it says)
//! head 64:<hash of that entry, in lower-case hex>
//! root 64:<root of the RFC 6962 tree over the 32-byte hashes of all entries, in lower-case hex>
//! at 13:1700000000123                (milliseconds since 1970-01-01T00:00:00Z)
//! key 16:<first 16 hex digits of the SHA-256 of the public key>
//! ```

use alloc::string::String;

use super::canonical::line;
use crate::Timestamp;

/// The first line; a change of the encoding changes its number.
const HEADER: &str = "daegeum-checkpoint 1\n";

/// The books at one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last entry.
    pub sequence: u64,
    /// Its hash, in lower-case hex.
    pub head: String,
    /// The Merkle root over the hashes of all entries up to it, in lower-case hex.
    pub root: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whose key signs it: the first 16 hex digits of the public key's SHA-256.
    pub key_id: String,
}

impl Checkpoint {
    /// The bytes that are signed.
    pub fn canonical(&self) -> String {
        let mut text = String::from(HEADER);
        line(&mut text, "sequence", &self.sequence);
        line(&mut text, "head", &self.head);
        line(&mut text, "root", &self.root);
        line(&mut text, "at", &self.at.epoch_ms());
        line(&mut text, "key", &self.key_id);
        text
    }
}
