//! The commands whose process becomes a host or attaches to the running host: the background host,
//! the dashboard and `--no-tui`.

use super::{CliError, Context, install, output};
use crate::config::{Options, Settings};
use crate::hosting::background;
use crate::hosting::{self, HostError};
use crate::paths::Home;
use crate::process::{look, threads};
use crate::watchdog::Death;
use crate::{headless as foreground, telemetry, tui};
use std::io::{self, IsTerminal};
use std::path::Path;

/// Number of threads that a dashboard needs: two for the host, one for the terminal, and the others
/// for [`threads`], signals and searches.
const THREADS: usize = 8;

/// Runs this process as the background host. `options` are JSON from the process that started this
/// one, which has already checked the options.
pub(super) fn background(context: &Context, options: &str) -> Result<i32, CliError> {
    let options: Options = serde_json::from_str(options)
        .map_err(|error| CliError::Other(format!("cannot parse the options: {error}")))?;
    let settings = Settings::resolve(context.home.clone(), options)?;
    hosting::prepare(&context.home)?;
    telemetry::start(&context.home);
    super::block_on(background::run(settings))?.map_err(|error| CliError::Other(error.to_string()))
}

/// Runs this process as the background host, in place of a host that died. Does not create a
/// missing home.
pub(super) fn resume(context: &Context, death: Death) -> Result<i32, CliError> {
    let home = &context.home;
    if home.root().is_dir() {
        telemetry::start(home);
    }
    super::block_on(background::resume(home, death))?
        .map_err(|error| CliError::Other(error.to_string()))
}

/// Writes an entry into the timeline: no host could be started in `attempts` attempts. Does nothing
/// if a host runs now.
pub(super) fn give_up(root: &Path, attempts: u32, why: &CliError) {
    let why = format!("{attempts} hosts in a row did not start: {why}");
    let written = look::bounded(root, move |root| {
        let home = Home::at(root).map_err(io::Error::other)?;
        hosting::record_give_up(&home, &why)
    });
    if let Err(error) = written {
        output::note(&format!("warning: cannot write this failure into the timeline: {error}"));
    }
}

fn settings_to_host(context: &Context) -> Result<Settings, CliError> {
    Ok(hosting::settings_to_host(&context.home, &context.asked, &output::notice)?)
}

pub(super) fn headless(context: &Context) -> Result<i32, CliError> {
    let settings = settings_to_host(context)?;
    hosting::ensure_program(&settings, install::progress().as_mut())?;
    hosting::prepare(&context.home)?;
    telemetry::start(&context.home);
    super::block_on(foreground::run(settings, context.asked.clone()))?
        .map_err(|error| CliError::Other(error.to_string()))
}

pub(super) fn dashboard(context: &Context) -> Result<i32, CliError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        output::note("no terminal: running without the dashboard (as with --no-tui)");
        return headless(context);
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        output::note(
            "no terminal: TERM is `dumb`; running without the dashboard (as with --no-tui)",
        );
        return headless(context);
    }
    let settings = settings_to_host(context)?;
    let dashboard = context.dashboard_options()?;
    // Install the CLI before the dashboard uses the screen, because the installation prints its
    // progress.
    hosting::ensure_program(&settings, install::progress().as_mut())?;
    hosting::prepare(&context.home)?;
    telemetry::start(&context.home);
    threads::try_create(THREADS)
        .map_err(HostError::Threads)
        .map_err(|error| CliError::Other(error.to_string()))?;
    // Create two threads for the host. The dashboard runs on another thread, because a terminal
    // that accepts no output may block that thread, but must not block the host.
    let runtime = super::build(tokio::runtime::Builder::new_multi_thread().worker_threads(2))?;
    runtime
        .block_on(tui::run(settings, context.asked.clone(), dashboard))
        .map_err(|error| CliError::Other(error.to_string()))
}
