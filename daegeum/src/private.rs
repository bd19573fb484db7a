//! Files that hold keys and people's orders: theirs alone who run daegeum.

use std::{
    fs::Metadata,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::Path,
};

use anyhow::{Context as _, ensure};
use nix::sys::stat::{Mode, umask};

/// What the group and others may do with a file.
const OTHERS: u32 = 0o077;
/// Whether others may write a file.
const WRITTEN_BY_OTHERS: u32 = 0o002;

/// Lets this process, and those that it starts, make no file that the group or others can read.
pub(crate) fn keep_files_private() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
}

/// Makes a directory that only its owner can read: it will hold a key and people's orders.
pub(crate) fn make_directory(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("could not make the data directory {}; set --data-dir", path.display()))
}

/// Says that a file or a directory is open to others. What daegeum makes is not.
pub(crate) fn warn_if_open(path: &Path) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.mode() & OTHERS != 0 {
        let mode = if metadata.is_dir() { "700" } else { "600" };
        tracing::warn!("others on this machine may open {0}; run: chmod {mode} {0}", path.display());
    }
}

/// Refuses a file that another account may have written. Only the account of this process and root are trusted.
pub(crate) fn check_origin(path: &Path, metadata: &Metadata) -> anyhow::Result<()> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    let own = nix::unistd::geteuid().as_raw();
    ensure!(owner == own || owner == 0, "{} belongs to another account ({owner}, and not {own})", path.display());
    ensure!(mode & WRITTEN_BY_OTHERS == 0, "everybody may write {0}; run: chmod o-w {0}", path.display());
    Ok(())
}

/// Writes a file that only its owner may read.
pub(crate) fn write(file: &Path, text: &str) -> std::io::Result<()> {
    write_bytes(file, format!("{text}\n").as_bytes())
}

/// The same, byte for byte.
pub(crate) fn write_bytes(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut opened = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    opened.write_all(bytes)
}
