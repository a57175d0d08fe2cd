//! Finds the Temporal CLI: the named program, or else that of the home, or else that on `PATH`.

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

/// Timeout of `temporal --version`, which takes 0.1 s.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// The place where a program was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The option `--temporal-bin`.
    Option,
    /// `bin/temporal` of the home, which `stigmer local install` writes.
    Home,
    /// A folder of `PATH`.
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

/// A program that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The absolute path.
    pub path: PathBuf,
    /// The place where it was found.
    pub origin: Origin,
}

/// The reason why there is no usable program, or why its version is unknown.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// No program is named, installed or on `PATH`. An installation fixes this.
    #[error(
        "there is no Temporal CLI: neither {home} nor `temporal` on PATH; run `stigmer local \
         install`, or name one with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    NotFound {
        /// The path of the program in the home.
        home: PathBuf,
    },
    /// The named or installed program cannot be run.
    #[error("cannot run the Temporal CLI {path} ({origin}): {why}; {hint}")]
    Unusable {
        /// The path of the program.
        path: PathBuf,
        /// The place where it was found.
        origin: Origin,
        /// The reason, such as `it is not executable`.
        why: String,
        /// What to do next.
        hint: String,
        /// The error of the system call that examined the file.
        error: Option<io::Error>,
    },
    /// The program runs, but prints no version.
    #[error(
        "cannot read the version of {path}: `{path} --version` {why}; if this is not a Temporal CLI, \
         name another file with --temporal-bin FILE, or run `stigmer local install`"
    )]
    NoVersion {
        /// The path of the program.
        path: PathBuf,
        /// A verb phrase, such as `printed …` or `cannot be run: …`.
        why: String,
    },
}

impl LocateError {
    /// The error of the system call that examined the file.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Unusable { error, .. } => error.as_ref(),
            Self::NotFound { .. } | Self::NoVersion { .. } => None,
        }
    }
}

/// Finds the program. `named` is the path that the user named, `home` the path in the home, which
/// need not exist, and `path` the value of `PATH`.
///
/// # Errors
/// [`LocateError::NotFound`] if there is no program; [`LocateError::Unusable`] if the named or
/// installed program cannot be run. An unusable program on `PATH` is skipped.
pub fn locate(
    named: Option<&Path>,
    home: &Path,
    path: Option<&OsStr>,
) -> Result<Located, LocateError> {
    if let Some(named) = named {
        return usable(named, Origin::Option);
    }
    // Also a dangling link: the installed program is broken, and another one must not replace it.
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
            // A temporary error must not select another program further down `PATH`.
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
            "name another file with --temporal-bin FILE (STIGMER_TEMPORAL_BIN), or remove the \
             option to use the installed program"
        }
    };
    // Symbolic links stay unresolved, so that each start uses the current target.
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
        return Err(unusable("it is not a regular file".to_owned(), instead.to_owned()));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        let hint = format!("make it executable: chmod +x {}", path.display());
        return Err(unusable("it is not executable".to_owned(), hint));
    }
    Ok(Located { path, origin })
}

/// Returns the metadata of the program, and reads one byte of it. The kernel may know the metadata of
/// a file although its file system hangs; executing the file would then block the host.
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

/// The versions that `temporal --version` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The version of the CLI, such as `1.9.1`.
    pub cli: String,
    /// The version of the server in the CLI, such as `1.32.0`.
    pub server: Option<String>,
    /// The version of the web UI in the CLI, such as `2.54.1`.
    pub ui: Option<String>,
}

/// Runs the program to read its version. Blocks for 0.1 s, for 5 s at most.
///
/// `marker` is added to its environment. A wrapper script may start processes that outlive the call;
/// the marker proves that they belong to the instance.
///
/// # Errors
/// If the program cannot be run, takes too long, or prints no version.
pub fn version(path: &Path, marker: Option<&str>) -> Result<Version, LocateError> {
    let fail = |why: String| LocateError::NoVersion { path: path.to_owned(), why };
    let mut command = Command::new(path);
    command.arg("--version").envs(marker.map(|marker| (MARKER, marker)));
    let ran = tool::run(&mut command, |elapsed| elapsed < VERSION_TIMEOUT);
    let ran = ran.map_err(|error| fail(format!("cannot be run: {error}")))?;
    if !ran.succeeded() {
        return Err(fail(format!("failed: {}", ran.failure())));
    }
    parse_version(&ran.stdout).ok_or_else(|| {
        let line = crate::harmless::quote(ran.stdout.lines().next().unwrap_or_default());
        fail(format!("printed `{line}`"))
    })
}

/// Parses `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`.
fn parse_version(output: &str) -> Option<Version> {
    let (_, rest) = output.split_once("temporal version ")?;
    let line = rest.lines().next()?;
    let word_after = |marker: &str| {
        let (_, rest) = line.split_once(marker)?;
        Some(rest.split([',', ')', ' ']).next()?.to_owned())
    };
    let cli = line.split_whitespace().next()?.trim_start_matches('v').to_owned();
    let is_number = cli.starts_with(|c: char| c.is_ascii_digit());
    let version = Version { cli, server: word_after("Server "), ui: word_after("UI ") };
    is_number.then_some(version)
}
