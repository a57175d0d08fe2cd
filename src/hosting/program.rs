//! Installs the Temporal CLI before a host needs it.

use super::{is_hosted, prepare};
use crate::config::Settings;
use crate::paths::HomeError;
use crate::process::ports;
use crate::temporal::install::{self, InstallError, Progress};
use crate::temporal::locate::{self, LocateError};

/// The reason why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configured or found program cannot be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The program cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Installs the program if there is none.
///
/// # Errors
/// If the program cannot be installed, or the found program is broken.
pub fn ensure(settings: &Settings, progress: &mut dyn Progress) -> Result<(), ProgramError> {
    if settings.address.is_some() {
        return Ok(());
    }
    let home = &settings.home;
    // A running host has a program, and a server of someone else on the port needs none.
    if is_hosted(home) || ports::listeners(settings.port).is_ok_and(|found| !found.is_empty()) {
        return Ok(());
    }
    let path = std::env::var_os("PATH");
    match locate::locate(settings.temporal_bin.as_deref(), &home.temporal_bin(), path.as_deref()) {
        Ok(_) => Ok(()),
        Err(LocateError::NotFound { .. }) => {
            prepare(home)?;
            install::install(&home.bin(), None, progress)?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
