//! Finds the Temporal CLI: what the user names, else the home's own, else the one on `PATH`.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::tool;
use crate::paths;
use crate::process::look;
use crate::process::memory::MARKER;

#[cfg(test)]
mod tests;

/// How long `temporal --version` may take; it takes 0.1 s.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a program was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user named it.
    Option,
    /// In the home, where `stigmer local install` puts it.
    Home,
    /// On `PATH`.
    Path,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Option => "named by --temporal-bin",
            Self::Home => "installed in the home",
            Self::Path => "found on PATH",
        })
    }
}

/// The program that will be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Absolute path.
    pub path: PathBuf,
    /// Who says so.
    pub origin: Origin,
}

/// Why there is no program to run, or no version of it to be had.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// Nothing named, nothing installed, nothing on `PATH`. What installing cures.
    #[error(
        "there is no Temporal CLI: neither {home} nor `temporal` on PATH; run `stigmer local \
         install`, or name one with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    NotFound {
        /// Where the home's own would be.
        home: PathBuf,
    },
    /// What was named or installed is there, or should be, and cannot be run.
    #[error("cannot run the Temporal CLI {path} ({origin}): {why}; {hint}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Who says so.
        origin: Origin,
        /// What is wrong with it.
        why: String,
        /// What to do.
        hint: String,
        /// The error that kept the file from being examined.
        error: Option<io::Error>,
    },
    /// It runs, but does not say which version it is.
    #[error(
        "cannot learn the version of {path}: `{path} --version` {why}; if this is no Temporal CLI \
         name another file with --temporal-bin FILE, or run `stigmer local install`"
    )]
    NoVersion {
        /// The file.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
}

impl LocateError {
    /// The error that kept the file from being examined.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Unusable { error, .. } => error.as_ref(),
            Self::NotFound { .. } | Self::NoVersion { .. } => None,
        }
    }
}

/// Finds the program. `named` is what the user named, `home` the path of the home's own (it need
/// not exist), `path` the value of `PATH`.
///
/// # Errors
/// [`LocateError::NotFound`] where there is none; [`LocateError::Unusable`] where the named or
/// installed one cannot be run: those are never passed over in silence.
pub fn locate(
    named: Option<&Path>,
    home: &Path,
    path: Option<&OsStr>,
) -> Result<Located, LocateError> {
    if let Some(named) = named {
        return usable(named, Origin::Option);
    }
    // Also when it is a dangling link: what was installed is meant, and broken.
    match look::bounded(home, Path::symlink_metadata) {
        Ok(_) => return usable(home, Origin::Home),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return usable(home, Origin::Home);
        }
        Err(_) => {}
    }
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    for folder in folders.filter(|folder| folder.is_absolute()) {
        match usable(&folder.join("temporal"), Origin::Path) {
            Ok(found) => return Ok(found),
            // The next program on `PATH` may be another one.
            Err(error) if error.io().is_some_and(paths::is_passing) => return Err(error),
            Err(_) => {}
        }
    }
    Err(LocateError::NotFound { home: home.to_owned() })
}

fn usable(path: &Path, origin: Origin) -> Result<Located, LocateError> {
    let unusable = |why: String, hint: String| LocateError::Unusable {
        path: path.to_owned(),
        origin,
        why,
        hint,
        error: None,
    };
    let instead = match origin {
        Origin::Home => "run `stigmer local install` to replace it",
        Origin::Option | Origin::Path => {
            "name the program itself with --temporal-bin FILE (STIGMER_TEMPORAL_BIN), or leave the \
             option away to use the installed one"
        }
    };
    // Not resolved: a link is followed anew at each start, so upgrades behind it are seen.
    let failed = |error: io::Error| LocateError::Unusable {
        path: path.to_owned(),
        origin,
        why: match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        },
        hint: instead.to_owned(),
        error: Some(error),
    };
    let path = std::path::absolute(path).map_err(failed)?;
    let meta = look::bounded(&path, examine).map_err(failed)?;
    if meta.is_dir() {
        return Err(unusable("it is a folder".to_owned(), instead.to_owned()));
    }
    if !meta.is_file() {
        return Err(unusable("it is no regular file".to_owned(), instead.to_owned()));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        let hint = format!("make it executable: chmod +x {}", path.display());
        return Err(unusable("it is not executable".to_owned(), hint));
    }
    Ok(Located { path, origin })
}

/// Reads a little of the program: what is known of a file may outlive its file system, and to
/// execute the file would block the host.
fn examine(path: &Path) -> io::Result<Metadata> {
    let meta = path.metadata()?;
    if meta.is_file() {
        let read = File::open(path).and_then(|mut file| file.read(&mut [0]));
        // A program may be executable and not readable.
        read.map(drop).or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(meta)
}

/// What `temporal --version` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Of the CLI, which is what is installed: `1.9.1`.
    pub cli: String,
    /// Of the server in it, where it says so: `1.32.0`.
    pub server: Option<String>,
    /// Of the web UI in it, where it says so: `2.54.1`.
    pub ui: Option<String>,
}

/// Asks the program for its version. Blocks for 0.1 s, for 5 s at most.
///
/// `marker` goes into its environment: a wrapper script may begin processes that outlive the
/// answer, and those are then recognised as the instance's.
///
/// # Errors
/// Where it cannot be run, does not end in time, or answers something else.
pub fn version(path: &Path, marker: Option<&str>) -> Result<Version, LocateError> {
    let fail = |why: String| LocateError::NoVersion { path: path.to_owned(), why };
    let mut command = Command::new(path);
    command.arg("--version").envs(marker.map(|marker| (MARKER, marker)));
    let ran = tool::run(&mut command, |had| had < VERSION_TIMEOUT);
    let ran = ran.map_err(|error| fail(format!("cannot be run: {error}")))?;
    if !ran.succeeded() {
        return Err(fail(format!("failed: {}", ran.complaint())));
    }
    parse_version(&ran.stdout).ok_or_else(|| {
        let said = crate::harmless::quote(ran.stdout.lines().next().unwrap_or_default());
        fail(format!("says `{said}`"))
    })
}

/// Reads `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`.
fn parse_version(output: &str) -> Option<Version> {
    let (_, rest) = output.split_once("temporal version ")?;
    let line = rest.lines().next()?;
    let word_after = |marker: &str| {
        let (_, rest) = line.split_once(marker)?;
        Some(rest.split([',', ')', ' ']).next()?.to_owned())
    };
    let cli = line.split_whitespace().next()?.trim_start_matches('v').to_owned();
    let begins_right = cli.starts_with(|c: char| c.is_ascii_digit());
    let version = Version { cli, server: word_after("Server "), ui: word_after("UI ") };
    begins_right.then_some(version)
}
