//! Finds the Temporal CLI: the program that the user named, or else the one in the home (the folder
//! with all files of one dev server), or else the one on `PATH`.

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

/// Time limit of `temporal --version`, which usually takes 0.1 s.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a program was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user named the program with the option `--temporal-bin`.
    Option,
    /// The program is in the home: `bin/temporal`, which `stigmer local install` writes.
    Home,
    /// The program is in a folder of `PATH`.
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

/// A Temporal CLI that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The absolute path of the program.
    pub path: PathBuf,
    /// Where the program was found.
    pub origin: Origin,
}

/// Why there is no usable program, or why its version is unknown.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// The user named no program, and there is none in the home or on `PATH`. `stigmer local
    /// install` fixes this.
    #[error(
        "there is no Temporal CLI, neither {home} nor `temporal` on PATH; run `stigmer local \
         install`, or name a program with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    NotFound {
        /// The path at which a program in the home would be.
        home: PathBuf,
    },
    /// The program that the user named, or the one in the home, cannot be run.
    #[error("cannot run the Temporal CLI {path} ({origin}): {why}; {hint}")]
    Unusable {
        /// The path of the program.
        path: PathBuf,
        /// Where the program was found.
        origin: Origin,
        /// Why the program cannot be run, such as `it is not executable`.
        why: String,
        /// What the user can do next.
        hint: String,
        /// The error of the system call that examined the file. `None` if the call succeeded.
        error: Option<io::Error>,
    },
    /// The program could not be run to read its version, or printed no version.
    #[error(
        "cannot read the version of {path}: `{path} --version` {why}; if this is not a Temporal CLI, \
         name another file with --temporal-bin FILE, or run `stigmer local install`"
    )]
    NoVersion {
        /// The path of the program.
        path: PathBuf,
        /// What happened, such as `printed …` or `cannot be run: …`.
        why: String,
    },
}

impl LocateError {
    /// The error of the system call that examined the file of the program, if that call failed.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Unusable { error, .. } => error.as_ref(),
            Self::NotFound { .. } | Self::NoVersion { .. } => None,
        }
    }
}

/// Finds the program. `named` is the path that the user named, `home` the path in the home, and
/// `path` the value of `PATH`. The file at `home` need not exist.
///
/// # Errors
/// [`LocateError::NotFound`] if there is no program. [`LocateError::Unusable`] if the program that
/// the user named, or the one in the home, cannot be run. A program on `PATH` that cannot be run is
/// skipped.
pub fn locate(
    named: Option<&Path>,
    home: &Path,
    path: Option<&OsStr>,
) -> Result<Located, LocateError> {
    if let Some(named) = named {
        return usable(named, Origin::Option);
    }
    // This call also succeeds for a link to a missing file. Such a link is a broken installation,
    // and no other program may be used instead.
    match look::bounded(home, Path::symlink_metadata) {
        Ok(_) => return usable(home, Origin::Home),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return usable(home, Origin::Home);
        }
        Err(_) => {}
    }
    on_path(path)?.ok_or_else(|| LocateError::NotFound { home: home.to_owned() })
}

/// Finds the program for a shell with this `PATH`: the path of the program that [`locate`] finds.
/// `None` if the shell finds a program by the name `temporal`, or if there is none.
#[must_use]
pub fn locate_for_shell(
    named: Option<&Path>,
    home: &Path,
    path: Option<&OsStr>,
) -> Option<PathBuf> {
    match on_path(path) {
        Ok(None) => Some(locate(named, home, None).ok()?.path),
        Ok(Some(_)) | Err(_) => None,
    }
}

fn on_path(path: Option<&OsStr>) -> Result<Option<Located>, LocateError> {
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    for folder in folders.filter(|folder| folder.is_absolute()) {
        match usable(&folder.join("temporal"), Origin::Path) {
            Ok(found) => return Ok(Some(found)),
            // The error is temporary, so the program that is usually found may be in this folder. A
            // program in a later folder must not replace it.
            Err(error) if error.io().is_some_and(paths::is_passing) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(None)
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
    // Symbolic links are not resolved, so that each start uses their current target.
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

/// Reads the metadata and one byte of the program. If the file system of the program hangs, the
/// kernel may still have the metadata in memory, but the read of the byte blocks. Without this
/// read, the host would block when it runs the program.
fn examine(path: &Path) -> io::Result<Metadata> {
    let meta = path.metadata()?;
    if meta.is_file() {
        let read = File::open(path).and_then(|mut file| file.read(&mut [0]));
        // A file that cannot be read may still be executable.
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
    /// Version of the Temporal CLI, such as `1.9.1`.
    pub cli: String,
    /// Version of the Temporal server that the CLI contains, such as `1.32.0`.
    pub server: Option<String>,
    /// Version of the web UI that the CLI contains, such as `2.54.1`.
    pub ui: Option<String>,
}

/// Runs the program to read its version. Blocks for 0.1 s, and for 9 s at most: 5 s for the program, and 2 s each
/// for the rest of stdout and stderr.
///
/// `marker` is added to the environment of the program. The program may be a wrapper script that
/// starts other processes, and these may run longer than this call. By the marker, stigmer
/// recognizes such processes as its own.
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

/// Parses a line like `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`.
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
