//! The Temporal CLI that a host is about to run.

use super::{is_hosted, prepare};
use crate::config::Settings;
use crate::paths::HomeError;
use crate::process::ports;
use crate::temporal::install::{self, InstallError, Progress};
use crate::temporal::locate::{self, LocateError};

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The program that is configured or found cannot be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// It cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Installs the program if none is found. A program that is found but broken is an error of the
/// start.
///
/// # Errors
/// When none is found and none can be installed.
pub fn ensure(settings: &Settings, progress: &mut dyn Progress) -> Result<(), ProgramError> {
    if settings.address.is_some() {
        return Ok(());
    }
    let home = &settings.home;
    // Neither a host that runs already nor a server of someone else on the port needs a program.
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
