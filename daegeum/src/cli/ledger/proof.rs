//! Proofs that an entry is among those that a checkpoint signed.
//!
//! A proof is one JSON object, complete in itself:
//!
//! * `format`: `daegeum-proof 1`;
//! * `entry`: the canonical text of the entry, as `domain/src/ledger/canonical.rs` describes it. Its SHA-256 is the
//!   entry's hash, and the 32 bytes of that hash are the leaf;
//! * `path`: the RFC 6962 inclusion path from the leaf (at sequence − 1) to the root, in hex;
//! * `checkpoint` and `signature`: Ed25519 over the text in `domain/src/ledger/checkpoint.rs`, in hex.

use std::{io::Read as _, path::Path};

use anyhow::{Context as _, bail, ensure};
use domain::{
    ledger::{Checkpoint, Place, sequence_of},
    merkle::{Hash, LeafPlace, MAX_PATH, root_of_path},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{PublicKey, Reader, SignedCheckpoint};

use crate::cli::output::print_json;

const FORMAT: &str = "daegeum-proof 1";
/// The most bytes of a proof: an entry of a thousand postings takes less than a megabyte.
const MAX_PROOF: u64 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    format: String,
    entry: String,
    path: Vec<String>,
    checkpoint: Signed,
    signature: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    sequence: u64,
    head: String,
    root: String,
    at: String,
    key_id: String,
}

/// Prints the proof of an entry under a checkpoint.
pub(super) async fn prove(reader: &Reader, key: &str, checkpoint: Option<u64>) -> anyhow::Result<()> {
    let booked = reader.booked_entry(key).await?.with_context(|| crate::cli::ledger::entries::no_such_entry(key))?;
    let signed = reader.checkpoint(checkpoint).await?.with_context(|| match checkpoint {
        Some(sequence) => format!("there is no checkpoint at entry {sequence}"),
        None => "there is no checkpoint yet; `daegeum ledger checkpoint` signs one".to_owned(),
    })?;
    let Checkpoint { sequence, head, root, at, key_id } = signed.checkpoint;
    ensure!(
        booked.sequence <= sequence,
        "{key} is entry {}, and the checkpoint ends with {sequence}; `daegeum ledger checkpoint` signs a newer one",
        booked.sequence
    );
    let inclusion = reader.inclusion(booked.sequence, sequence).await?;
    let inclusion = inclusion.filter(|inclusion| inclusion.root == root).with_context(|| {
        format!("the books are not those that the checkpoint at entry {sequence} signed; run `daegeum ledger verify`")
    })?;
    let place = Place { sequence: booked.sequence, previous: &inclusion.previous, booked_at: booked.booked_at };
    let proof = Proof {
        format: FORMAT.to_owned(),
        entry: booked.entry.canonical(place),
        path: inclusion.path.iter().map(hex::encode).collect(),
        checkpoint: Signed { sequence, head, root, at: crate::values::rfc3339(at), key_id },
        signature: hex::encode(signed.signature),
    };
    print_json(&proof)?;
    Ok(())
}

/// Checks a proof and says what it proves; an error is the reason why it does not.
pub(super) fn check(file: &Path, public_key: &PublicKey) -> anyhow::Result<()> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(MAX_PROOF).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(MAX_PROOF).read_to_string(&mut text))
    };
    read.with_context(|| format!("could not read the proof {}", file.display()))?;
    let proof: Proof = serde_json::from_str(&text).context("this is no proof as `daegeum ledger prove` prints it")?;
    let proven = proof.check(public_key).context("the proof does not hold")?;
    println!("The proof holds: entry {proven} was among the first {} entries when key", proof.checkpoint.sequence);
    println!("{} signed them at {}. The entry:\n", proof.checkpoint.key_id, proof.checkpoint.at);
    print!("{}", proof.entry);
    Ok(())
}

impl Proof {
    /// The number of the entry, if everything holds.
    fn check(&self, public_key: &PublicKey) -> anyhow::Result<u64> {
        ensure!(self.format == FORMAT, "its format is {:?}, and this daegeum knows {FORMAT:?}", self.format);
        self.signed(*public_key)?.check().context("the checkpoint")?;
        let Some(sequence) = sequence_of(&self.entry) else { bail!("the entry is no canonical text of one") };
        let size = self.checkpoint.sequence;
        ensure!((1..=size).contains(&sequence), "entry {sequence} is not among the first {size}");
        ensure!(self.path.len() <= MAX_PATH, "the path is longer than any path can be");
        let path: Vec<Hash> = self.path.iter().map(|step| hash(step)).collect::<anyhow::Result<_>>()?;
        let entry: Hash = Sha256::digest(&self.entry).into();
        let place = LeafPlace { index: sequence - 1, size };
        ensure!(
            root_of_path(&entry, place, &path) == Some(hash(&self.checkpoint.root)?),
            "the path does not lead from the entry to the signed root: one of the two was changed"
        );
        ensure!(
            sequence != size || self.checkpoint.head == hex::encode(entry),
            "the entry is the last one, and its hash is not the signed head"
        );
        Ok(sequence)
    }

    fn signed(&self, public_key: PublicKey) -> anyhow::Result<SignedCheckpoint> {
        let Signed { sequence, head, root, at, key_id } = &self.checkpoint;
        Ok(SignedCheckpoint {
            checkpoint: Checkpoint {
                sequence: *sequence,
                head: head.clone(),
                root: root.clone(),
                at: crate::values::parse_rfc3339(at)?,
                key_id: key_id.clone(),
            },
            public_key,
            signature: hex::decode(&self.signature).context("the signature is not hex")?,
        })
    }
}

fn hash(text: &str) -> anyhow::Result<Hash> {
    let bytes = hex::decode(text).with_context(|| format!("{text:?} is not hex"))?;
    bytes.try_into().map_err(|_| anyhow::anyhow!("{text:?} is no SHA-256"))
}
