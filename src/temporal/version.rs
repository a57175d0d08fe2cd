//! The version of a Temporal CLI. The version is cached in a file, because `temporal --version`
//! takes 0.1 s.

use super::locate;
use crate::harmless::quote;
use crate::paths::files;
use crate::process::look;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CachedVersion {
    program: PathBuf,
    size: u64,
    modified: i64,
    version: String,
}

/// The version from the cache. `None` if the cache has none, or if the program was changed after
/// the version was cached.
#[must_use]
pub fn remembered(cache: &Path, program: &Path) -> Option<String> {
    let text = look::bounded(cache, |cache| files::read(cache, 64 << 10)).ok()?;
    let entry: CachedVersion = serde_json::from_str(&text).ok()?;
    (Some(key(program)?) == Some((entry.size, entry.modified)) && entry.program == program)
        .then(|| quote(&entry.version))
}

/// Runs the program to read its version, and stores the version in the cache. Blocks for 0.1 s, and
/// for 9 s at most. For `marker`, see [`locate::version`].
#[must_use]
pub fn ask(cache: &Path, program: &Path, marker: Option<&str>) -> Option<String> {
    let version = locate::version(program, marker)
        .inspect_err(|error| tracing::warn!(%error, "cannot read the version of the Temporal CLI"))
        .ok()?
        .cli;
    let version = quote(&version);
    let (size, modified) = key(program)?;
    let entry =
        CachedVersion { program: program.to_owned(), size, modified, version: version.clone() };
    let written = serde_json::to_string(&entry)
        .map_err(std::io::Error::from)
        .and_then(|text| crate::paths::write_private(cache, &text));
    if let Err(error) = written {
        tracing::warn!(
            %error, cache = %cache.display(),
            "cannot write the cached version of the Temporal CLI"
        );
    }
    Some(version)
}

fn key(program: &Path) -> Option<(u64, i64)> {
    let meta = look::bounded(program, Path::metadata).ok()?;
    Some((meta.len(), meta.mtime()))
}
