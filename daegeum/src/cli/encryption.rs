//! Encryption keys and what is sealed under them: make a key, seal anew under it, erase a buyer.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use chrono::Utc;
use domain::id::BuyerId;
use store::Keyring;

use crate::{
    cli::{BuyersAction, EncryptionAction, audit_log},
    compose,
    settings::Settings,
};

/// The file in the data directory that holds the keys of `dev`.
pub(crate) const KEYS_FILE: &str = "encryption-keys";
/// Random bytes in the name of a key that nobody named.
const NAME_BYTES: usize = 3;
/// How many details are sealed anew before the next are read.
const PORTION: u64 = 500;

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
            audit_log::record(&journal, "encryption reseal", "", "ok").await?;
            println!("The details of {resealed} checkouts are sealed anew; all are under the newest key.");
            println!("The names on {holders} virtual accounts are sealed anew.");
            println!("Keep the older keys for as long as Temporal keeps histories.");
        }
    }
    Ok(())
}

/// Erases what is kept of a buyer.
pub(crate) async fn buyers(settings: &Settings, action: BuyersAction) -> anyhow::Result<()> {
    let BuyersAction::Erase { buyer_id } = action;
    let buyer_id = BuyerId::parse(buyer_id).context("this is no id of a buyer")?;
    let (writer, _) = compose::open(&settings.database()?).await?;
    let erased = writer.journal().erase_buyer(&buyer_id).await?;
    audit_log::record(&writer.journal(), "buyers erase", buyer_id.as_str(), "ok").await?;
    println!(
        "Erased the personal details of buyer {buyer_id} from {} checkouts; payments and books stay.",
        erased.checkouts
    );
    println!("Erased the hash of the card from {} risk decisions.", erased.cards);
    println!("Erased the name on {} virtual accounts.", erased.account_holders);
    Ok(())
}

/// The keys in a data directory; makes one where there is none.
pub(crate) fn of_data_dir(directory: &Path) -> anyhow::Result<Arc<Keyring>> {
    let file = directory.join(KEYS_FILE);
    if !file.exists() {
        let mut made = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&file)?;
        writeln!(made, "{}", Keyring::generate("dev")?)?;
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    ensure!(!text.trim().is_empty(), "{} is empty; remove it to have a key made", file.display());
    let keys = Keyring::parse(text.trim()).with_context(|| format!("{} is malformed", file.display()))?;
    Ok(Arc::new(keys))
}
