//! The commands whose process becomes a host or attaches to the running host: the background host,
//! the dashboard and `--no-tui`.

use super::{CliError, Context, install, output};
use crate::caller::Caller;
use crate::config::{Options, RequestedOptions, Settings};
use crate::hosting::background;
use crate::hosting::{self, HostError, HostProcess};
use crate::paths::Home;
use crate::process::identity::Identity;
use crate::process::{look, threads, watch};
use crate::watchdog::Death;
use crate::{headless as foreground, telemetry, tui};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

/// Number of threads that a dashboard needs: two for the host, one for the terminal, and the others
/// for [`threads`], signals and searches.
const THREADS: usize = 8;
/// Time of one wait for the end of the Temporal CLI.
const WATCH: Duration = Duration::from_secs(3_600);

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

/// Runs this process as the background host of a running server without a host.
pub(super) fn adopt(context: &Context) -> Result<i32, CliError> {
    telemetry::start(&context.home);
    super::block_on(background::adopt(&context.home))?
        .map_err(|error| CliError::Other(error.to_string()))
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

fn settings_to_host(context: &Context, requested: &RequestedOptions) -> Result<Settings, CliError> {
    Ok(hosting::settings_to_host(&context.home, requested, &output::notice)?)
}

/// Ends this process when the Temporal CLI, its parent, was killed. Nothing else ends it then, and it would
/// draw over the shell. The guard restores the terminal, because a process in the background cannot
/// restore the settings.
fn end_with_caller() {
    let caller = Identity::of(nix::unistd::getppid().as_raw());
    let Ok(Some(caller)) = caller.and_then(|it| it.map_or(Ok(None), |it| it.prove())) else {
        return;
    };
    let wait = move || {
        while !watch::wait_exit(&caller, WATCH) {}
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("caller".to_owned()).spawn(wait) {
        tracing::warn!(%error, "no thread waits for the end of the Temporal CLI");
    }
}

/// The process that becomes the host if no host runs. The Temporal CLI may kill this process.
fn process(context: &Context) -> HostProcess {
    match context.caller {
        Caller::Shell => HostProcess::This,
        Caller::TemporalCli => HostProcess::Background,
    }
}

pub(super) fn headless(context: &Context) -> Result<i32, CliError> {
    let requested = context.requested()?;
    let settings = settings_to_host(context, &requested)?;
    hosting::ensure_program(&settings, install::progress().as_mut())?;
    hosting::prepare(&context.home)?;
    telemetry::start(&context.home);
    if context.caller == Caller::TemporalCli {
        output::note(
            "note: Ctrl-C ends only this output; stop the server with `temporal local stop`",
        );
    }
    super::block_on(foreground::run(settings, requested, process(context)))?
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
    if context.caller == Caller::TemporalCli {
        end_with_caller();
    }
    let requested = context.requested()?;
    let settings = settings_to_host(context, &requested)?;
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
        .block_on(tui::run(settings, requested, dashboard, process(context)))
        .map_err(|error| CliError::Other(error.to_string()))
}
