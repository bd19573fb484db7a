//! The Temporal command line that `dev` runs as a server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::private;

/// Finds the Temporal command line: the one that is set, the one on the PATH, or the one that `make` fetched.
pub(crate) fn find_cli(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let missing = "install it (https://docs.temporal.io/cli), or run `make temporal-cli`, or set TEMPORAL_CLI";
    if let Some(path) = named {
        return match path.is_file() {
            true => Ok(path.to_owned()),
            false => bail!("TEMPORAL_CLI names {}, which is no file; {missing}", path.display()),
        };
    }
    // A relative or empty entry is the working directory, where anybody may have put a program.
    let on_path = std::env::var_os("PATH").and_then(|path| {
        let places = std::env::split_paths(&path).filter(|place| place.is_absolute());
        places.map(|place| place.join("temporal")).find(|file| file.is_file())
    });
    match on_path {
        Some(file) => Ok(file),
        None => fetched_cli()?.with_context(|| format!("the Temporal command line is not on the PATH; {missing}")),
    }
}

/// The program that `make temporal-cli` fetched into the working directory: it is announced, and refused where somebody
/// else may have put it there.
fn fetched_cli() -> anyhow::Result<Option<PathBuf>> {
    let file = std::path::absolute(".cache/temporal/temporal")?;
    let Some(metadata) = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file) else { return Ok(None) };
    private::check_origin(&file, &metadata)
        .with_context(|| format!("{} was found here and is not run; name it with TEMPORAL_CLI", file.display()))?;
    eprintln!("daegeum: the Temporal server is {}", file.display());
    Ok(Some(file))
}
