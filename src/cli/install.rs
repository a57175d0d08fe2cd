//! `stigmer local install`: installs the Temporal CLI into the home.

use super::output::line;
use super::{CliError, Context};
use crate::hosting;
use crate::temporal::install::{self, How, Progress};
use std::io::IsTerminal;

pub(super) fn run(context: &Context, version: Option<&str>) -> Result<i32, CliError> {
    hosting::prepare(&context.home)?;
    let bin = context.home.bin();
    let mut progress = progress();
    let installed = install::install(&bin, version, progress.as_mut())
        .map_err(|error| CliError::Other(error.to_string()))?;
    let how = match installed.how {
        How::AlreadyThere => "is installed already",
        How::Verified => "is installed (checksum verified)",
        How::Unverified => "is installed (unverified: stigmer has no checksum of this version)",
    };
    line(&format!("Temporal CLI {} {how}: {}", installed.version.cli, installed.path.display()));
    Ok(0)
}

/// Creates a progress display on stderr, for an installation.
pub(super) fn progress() -> Box<dyn Progress> {
    install::progress(std::io::stderr().is_terminal())
}
