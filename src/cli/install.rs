//! `stigmer local install`, and the installation on first use.

use super::output::line;
use super::{CliError, Context};
use crate::config::Settings;
use crate::hosting;
use crate::process::ports;
use crate::temporal::install::{self, How};
use crate::temporal::locate::{self, LocateError};
use std::io::IsTerminal;

pub(super) fn run(context: &Context, version: Option<&str>) -> Result<i32, CliError> {
    hosting::prepare(&context.home)?;
    let bin = context.home.bin();
    let mut progress = install::progress(std::io::stderr().is_terminal());
    let installed = install::install(&bin, version, progress.as_mut())
        .map_err(|error| CliError::Other(error.to_string()))?;
    let how = match installed.how {
        How::AlreadyThere => "is installed already",
        How::Verified => "is installed (checksum verified)",
        How::Unverified => "is installed (unverified: no checksum of it is known)",
    };
    line(&format!("Temporal CLI {} {how}: {}", installed.version.cli, installed.path.display()));
    Ok(0)
}

/// Installs the CLI if there is none. A broken CLI is an error of the start.
pub(super) fn ensure(settings: &Settings) -> Result<(), CliError> {
    if settings.address.is_some() {
        return Ok(());
    }
    let home = &settings.home;
    // No program is needed if a host runs, or if an external server uses the port.
    if hosting::is_hosted(home)
        || ports::listeners(settings.port).is_ok_and(|found| !found.is_empty())
    {
        return Ok(());
    }
    let path = std::env::var_os("PATH");
    match locate::locate(settings.temporal_bin.as_deref(), &home.temporal_bin(), path.as_deref()) {
        Ok(_) => Ok(()),
        Err(LocateError::NotFound { .. }) => {
            hosting::prepare(home)?;
            let mut progress = install::progress(std::io::stderr().is_terminal());
            install::install(&home.bin(), None, progress.as_mut())
                .map(drop)
                .map_err(|error| CliError::Other(error.to_string()))
        }
        Err(error) => Err(CliError::Other(error.to_string())),
    }
}
