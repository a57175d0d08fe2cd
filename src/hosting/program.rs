//! Makes sure that the Temporal CLI is installed before a host runs it.

use super::{is_hosted, prepare};
use crate::config::Settings;
use crate::paths::{Home, HomeError};
use crate::process::ports;
use crate::temporal::install::{self, InstallError, Progress};
use crate::temporal::locate::{self, LocateError};
use std::path::Path;
use stigmer_ui::request::shell_word;

/// The reason why there is no usable Temporal CLI.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configured CLI, or the CLI that was found, cannot be used.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The CLI cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Installs the Temporal CLI if there is none.
///
/// # Errors
/// If the CLI cannot be installed, or the CLI that was found is broken.
pub fn ensure(settings: &Settings, progress: &mut dyn Progress) -> Result<(), ProgramError> {
    if settings.address.is_some() {
        return Ok(());
    }
    let home = &settings.home;
    // No CLI is needed if a host runs (the host has a CLI), or if another server listens on the
    // port.
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

/// The Temporal CLI for commands that users run in their shell, quoted. `None` if the shell finds it by
/// the name `temporal`, or if there is none. `named` is the program that the user named.
#[must_use]
pub fn shell_program(home: &Home, named: Option<&Path>) -> Option<String> {
    let path = std::env::var_os("PATH");
    let found = locate::locate_for_shell(named, &home.temporal_bin(), path.as_deref())?;
    Some(shell_word(&found.to_string_lossy()))
}
