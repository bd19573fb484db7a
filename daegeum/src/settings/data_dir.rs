//! The data directory of a stack on this machine: private to its owner, and of one process at a time.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::private;

/// The file that the process that uses the directory holds locked. It says which process that is.
const LOCK_FILE: &str = "lock";
/// How often the lock is tried.
const LOCK_ATTEMPTS: u32 = 5;
/// The pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A data directory that no other process uses, until this is dropped. The lock is the operating system's: it
/// ends with the process, also when that is killed.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Takes the directory, which is made if it is missing; refuses if another process has it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        private::make_directory(path)?;
        private::warn_if_open(path);
        let file = path.join(LOCK_FILE);
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .with_context(|| format!("could not open {}", file.display()))?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                lock.read_to_string(&mut process)?;
                bail!(
                    "the data directory {} is in use by process {}; stop it, or use another --data-dir",
                    path.display(),
                    process.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("could not lock {}", file.display()));
            }
        }
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether a process has it. Nothing is made for the question.
    pub(crate) fn is_taken(path: &Path) -> anyhow::Result<bool> {
        let file = path.join(LOCK_FILE);
        let lock = match File::open(&file) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).with_context(|| format!("could not open {}", file.display())),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("could not look at {}", file.display()))
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes everything in it but the lock, which would no longer keep anybody out.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let removed =
                if entry.file_type()?.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.with_context(|| format!("could not remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Locks the file. A command that asks whether it is locked holds it for a moment.
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    for _ in 1..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            ended => return ended,
        }
    }
    lock.try_lock()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn one_process_at_a_time_has_it() {
        let place = tempfile::tempdir().unwrap();
        let taken = DataDir::take(place.path()).unwrap();
        let refused = DataDir::take(place.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("in use by process {};", std::process::id())), "{refused}");
        assert!(DataDir::is_taken(place.path()).unwrap());
        drop(taken);
        assert!(!DataDir::is_taken(place.path()).unwrap() && !DataDir::is_taken(&place.path().join("none")).unwrap());
        DataDir::take(place.path()).unwrap();
    }

    #[test]
    fn clearing_it_does_not_let_go_of_it() {
        let place = tempfile::tempdir().unwrap();
        let taken = DataDir::take(place.path()).unwrap();
        std::fs::create_dir(place.path().join("old")).unwrap();
        std::fs::write(place.path().join("old/file"), "old").unwrap();
        std::fs::write(place.path().join("file"), "old").unwrap();
        taken.clear().unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(DataDir::take(place.path()).is_err());
    }
}
