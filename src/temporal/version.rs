//! Which version a CLI is, remembered: asking takes as long as a start.

use super::locate;
use crate::harmless::quote;
use crate::paths::files;
use crate::process::look;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    program: PathBuf,
    size: u64,
    modified: i64,
    version: String,
}

/// The version of the program, where it was asked before and has not changed since.
#[must_use]
pub fn remembered(cache: &Path, program: &Path) -> Option<String> {
    let text = look::bounded(cache, |cache| files::read(cache, 64 << 10)).ok()?;
    let entry: Remembered = serde_json::from_str(&text).ok()?;
    (Some(key(program)?) == Some((entry.size, entry.modified)) && entry.program == program)
        .then(|| quote(&entry.version))
}

/// Asks the program, and remembers the answer. Blocks for 0.1 s, for 5 s at most. For `marker`
/// see [`locate::version`].
#[must_use]
pub fn ask(cache: &Path, program: &Path, marker: Option<&str>) -> Option<String> {
    let version = locate::version(program, marker)
        .inspect_err(|error| tracing::warn!(%error, "version unknown"))
        .ok()?
        .cli;
    let version = quote(&version);
    let (size, modified) = key(program)?;
    let entry =
        Remembered { program: program.to_owned(), size, modified, version: version.clone() };
    let written = serde_json::to_string(&entry)
        .map_err(std::io::Error::from)
        .and_then(|text| crate::paths::write_private(cache, &text));
    if let Err(error) = written {
        tracing::warn!(%error, cache = %cache.display(), "version not remembered");
    }
    Some(version)
}

fn key(program: &Path) -> Option<(u64, i64)> {
    let meta = look::bounded(program, Path::metadata).ok()?;
    Some((meta.len(), meta.mtime()))
}
