//! The limit of open files. Each connection is an open file.

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files beside the connections: databases, Temporal, Toss, logs; and connections that have been closed to make room
/// and are not gone yet.
const OTHER_FILES: u64 = 512;

/// Raises the limit to what so many connections need, or says why that cannot be.
pub(crate) fn raise(connections: usize) -> anyhow::Result<()> {
    let needed = u64::try_from(connections)?.saturating_add(OTHER_FILES);
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of open files cannot be read")?;
    if now >= needed {
        return Ok(());
    }
    ensure!(
        most >= needed,
        "{connections} connections need {needed} open files, and this process may open {most}: raise the limit of \
         open files (ulimit -n, LimitNOFILE=), or set limits.connections to {} or less",
        most.saturating_sub(OTHER_FILES)
    );
    setrlimit(Resource::RLIMIT_NOFILE, needed, most).context("the limit of open files cannot be raised")
}
