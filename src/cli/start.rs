//! `stigmer local`: starts the server in the background.

use super::output::{self, line, note};
use super::{CliError, Context, block_on, install, worker};
use crate::hosting::{self, ReadyServer};
use crate::presenter;
use crate::protocol::Status;

pub(super) fn run(context: &Context) -> Result<i32, CliError> {
    let requested = context.requested()?;
    let mut progress = install::progress();
    let starting = hosting::start(&context.home, &requested, progress.as_mut(), &output::notice);
    announce(&block_on(starting)??);
    if let Some(project) = &requested.project {
        worker::run_project(context, &project.file)?;
    }
    Ok(0)
}

/// Prints that the server is ready, and its address and other details.
pub(super) fn announce(started: &ReadyServer) {
    line(&presenter::announce(&started.status, started.is_reused));
    describe(&started.status);
}

/// Prints the address, web UI, pid, database and log of the server.
fn describe(status: &Status) {
    let Some(temporal) = &status.temporal else { return };
    let row = |name: &str, value: String| line(&format!("  {name:<9} {value}"));
    row("address", temporal.address.clone());
    if let Some(url) = &temporal.ui_url {
        row("web UI", url.clone());
    }
    if let Some(pid) = temporal.pid {
        let generation =
            temporal.generation.map_or_else(String::new, |g| format!(" (generation {g})"));
        row("pid", format!("{pid}{generation}"));
    }
    match (&temporal.database, status.managed) {
        (Some(database), true) => row("database", database.path.display().to_string()),
        (None, true) => row("database", "in memory: a restart loses all data".to_owned()),
        (_, false) => {}
    }
    if status.managed {
        row("log", status.log.path.display().to_string());
    }
    if !status.message.is_empty() {
        note(&format!("note: {}", status.message));
    }
}
