//! The encryption keys that `dev` keeps in its data directory.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use store::Keyring;

/// The file in the data directory that holds the keys of `dev`.
pub(crate) const KEYS_FILE: &str = "encryption-keys";

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
