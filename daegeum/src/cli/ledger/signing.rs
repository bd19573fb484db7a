//! The signing key's file, and checkpoints.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use store::{SignedCheckpoint, SigningKey};

use crate::{
    cli::{
        audit_log,
        output::{Output, print_json},
    },
    compose, private,
    settings::Settings,
};

/// Where the key is that signs checkpoints.
#[derive(Debug, Args)]
pub(crate) struct SigningKeyFile {
    /// An Ed25519 private key, PKCS#8 in DER; `checkpoint` creates the file if it is missing
    /// [default: ledger-signing-key in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

/// The file in the data directory that holds the key.
const KEY_FILE: &str = "ledger-signing-key";
/// Read and write for its owner, nothing for others.
const PRIVATE: u32 = 0o600;
/// What others may do with a file.
const OTHERS: u32 = 0o007;

/// Recomputes the hash chain and signs its end. Does not sign what disagrees.
pub(super) async fn checkpoint(settings: &Settings, file: &SigningKeyFile, output: Output) -> anyhow::Result<ExitCode> {
    let (writer, reader) = compose::open(&settings.database()?).await?;
    let (end, findings) = reader.audit_chain(&mut crate::cli::progress::progress()).await?;
    if findings.count > 0 {
        for disagreement in &findings.named {
            eprintln!("{disagreement}");
        }
        eprintln!("Nothing was signed: {} things do not agree. `daegeum ledger verify` tells more.", findings.count);
        return Ok(ExitCode::FAILURE);
    }
    ensure!(end.sequence > 0, "nothing is booked yet, so there is nothing to sign");
    if file.signing_key.is_none() {
        private::make_directory(&settings.data_dir)?;
    }
    let key = read_or_make(&path(settings, file))?;
    let kept = writer.keep_checkpoint(&key.sign(end.checkpoint(crate::values::now()))?).await?;
    let signed = &kept.checkpoint;
    let object = format!("{} by {}", signed.sequence, signed.key_id);
    audit_log::record(&writer.journal(), "ledger checkpoint", &object, "ok").await?;
    print(&kept, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the public key, alone on its line.
pub(super) fn print_public_key(settings: &Settings, file: &SigningKeyFile) -> anyhow::Result<()> {
    let path = path(settings, file);
    let key = read(&path)?;
    let key = key.with_context(|| {
        format!("there is no signing key {}; `daegeum ledger checkpoint` makes one", path.display())
    })?;
    println!("{}", key.public_key()?);
    Ok(())
}

fn print(signed: &SignedCheckpoint, output: Output) -> anyhow::Result<()> {
    let SignedCheckpoint { checkpoint, public_key, signature } = signed;
    if output.json {
        let printed = json!({
            "sequence": checkpoint.sequence,
            "head": checkpoint.head,
            "root": checkpoint.root,
            "at": crate::values::rfc3339(checkpoint.at),
            "key_id": checkpoint.key_id,
            "public_key": public_key.to_string(),
            "signature": hex::encode(signature),
        });
        return print_json(&printed);
    }
    println!("Entry {} is the last one, signed at {}.", checkpoint.sequence, crate::values::rfc3339(checkpoint.at));
    println!("  head        {}", checkpoint.head);
    println!("  root        {}", checkpoint.root);
    println!("  key id      {}", checkpoint.key_id);
    println!("  public key  {public_key}");
    println!("  signature   {}", hex::encode(signature));
    Ok(())
}

fn path(settings: &Settings, file: &SigningKeyFile) -> PathBuf {
    file.signing_key.clone().unwrap_or_else(|| settings.data_dir.join(KEY_FILE))
}

fn read_or_make(path: &Path) -> anyhow::Result<SigningKey> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let der = SigningKey::generate()?;
    // A second process that creates the key finds the key of the first.
    match OpenOptions::new().create_new(true).write(true).mode(PRIVATE).open(path) {
        Ok(mut made) => {
            let written = made.write_all(&der).and_then(|()| made.sync_all());
            written.with_context(|| format!("could not write the signing key {}", path.display()))?;
            eprintln!("Made the signing key {}; keep a copy of it.", path.display());
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("could not make the signing key {}", path.display())),
    }
    read(path)?.with_context(|| format!("the signing key {} is gone", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Option<SigningKey>> {
    let what = || format!("could not read the signing key {}", path.display());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(what),
    };
    let mode = file.metadata().with_context(what)?.mode();
    ensure!(mode & OTHERS == 0, "everybody may read the signing key {0}; chmod 600 {0}", path.display());
    let mut der = Vec::new();
    file.read_to_end(&mut der).with_context(what)?;
    SigningKey::from_pkcs8(&der).map(Some).with_context(what)
}
