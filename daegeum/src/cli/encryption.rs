//! Encryption keys: make a key, and encrypt again under the newest key.

use anyhow::Context as _;
use chrono::Utc;
use clap::Subcommand;
use store::Keyring;

use crate::{cli::audit_log, compose, settings::Settings};

/// What to do with encryption keys.
#[derive(Debug, Subcommand)]
pub(crate) enum EncryptionAction {
    /// Print a new encryption key on the last line
    #[command(after_help = example!("daegeum encryption generate"))]
    Generate {
        /// Its name, 1 to 32 of a-z 0-9 - [default: today, and a random part]
        name: Option<String>,
    },
    /// Encrypt personal details again under the newest key, beside a running system
    #[command(after_help = example!("daegeum encryption reseal"))]
    Reseal,
}

/// Random bytes in the name of a key that nobody named.
const NAME_BYTES: usize = 3;
/// How many details are sealed anew before the next are read.
const PORTION: u64 = 500;
/// How many bank files are sealed anew before the next are read: one has a thousand lines.
const FILES_PORTION: u64 = 20;

/// Makes keys and uses the newest.
pub(crate) async fn run(settings: &Settings, action: EncryptionAction) -> anyhow::Result<()> {
    match action {
        EncryptionAction::Generate { name } => {
            // Two keys of one day have different names: a name stands in what is sealed.
            let other = hex::encode(rand::random::<[u8; NAME_BYTES]>());
            let name = name.unwrap_or_else(|| format!("{}-{other}", Utc::now().format("%Y-%m-%d")));
            eprintln!("Put this before the other keys of DAEGEUM_ENCRYPTION_KEYS, with a comma between them:");
            println!("{}", Keyring::generate(&name)?);
        }
        EncryptionAction::Reseal => {
            let keys = settings.keyring()?.context("no encryption keys are set; set DAEGEUM_ENCRYPTION_KEYS")?;
            let (writer, _) = compose::open(&settings.database()?).await?;
            let journal = writer.journal();
            let mut resealed = 0;
            loop {
                let portion = journal.reseal_buyers(&keys, PORTION).await?;
                if portion == 0 {
                    break;
                }
                resealed += portion;
                eprintln!("{resealed} …");
            }
            let mut holders = 0;
            loop {
                let portion = journal.reseal_holders(&keys, PORTION).await?;
                if portion == 0 {
                    break;
                }
                holders += portion;
                eprintln!("{holders} names on virtual accounts …");
            }
            let mut sellers = 0;
            loop {
                let portion = journal.reseal_sellers(&keys, PORTION).await?;
                if portion == 0 {
                    break;
                }
                sellers += portion;
                eprintln!("{sellers} sellers …");
            }
            let mut files = 0;
            loop {
                let portion = journal.reseal_bank_files(&keys, FILES_PORTION).await?;
                if portion == 0 {
                    break;
                }
                files += portion;
                eprintln!("{files} bank files …");
            }
            let mut cards = 0;
            loop {
                let portion = journal.reseal_saved_cards(&keys, PORTION).await?;
                if portion == 0 {
                    break;
                }
                cards += portion;
                eprintln!("{cards} saved cards …");
            }
            audit_log::record(&journal, "encryption reseal", "", "ok").await?;
            println!("The details of {resealed} checkouts are sealed anew; all are under the newest key.");
            println!("The names on {holders} virtual accounts are sealed anew.");
            println!("The details of {sellers} sellers are sealed anew.");
            println!("{files} bank files are sealed anew.");
            println!("The keys of {cards} saved cards are sealed anew.");
            println!("Keep the older keys for as long as Temporal keeps histories.");
        }
    }
    Ok(())
}
