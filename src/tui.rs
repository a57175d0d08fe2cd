//! The dashboard: sets up the terminal, reads input, and draws frames in a loop.
//!
//! If this process is also the host, the manager runs on other threads. So a terminal that accepts
//! no output blocks only this loop, and not the supervision of the server. If the terminal
//! disappears, a background host takes over the server.

mod actions;
mod appearance;
mod browser;
mod census;
mod commands;
mod dashboard;
mod dismissing;
mod end;
mod events;
mod farewell;
mod feed;
mod input;
mod log_pane;
mod notifier;
mod own_log;
mod pager;
mod run_reader;
mod terminal;
mod unit_logs;
mod witness;

use crate::config::{DashboardOptions, Different, RequestedOptions, Settings};
use crate::harmless;
use crate::hosting::{
    self, AttachError, Attaching, Attachment, Departure, Host, HostError, HostProcess, Notice,
    Notify, Unreachable,
};
use crate::manager::Command;
use crate::paths::Home;
use crate::process::job;
use crate::protocol::Mode;
use crate::session::{Session, SessionCommand};
use crate::signals::Signals;
use dashboard::Dashboard;
use end::{LoopEnd, Over};
use events::TerminalEvents;
use std::io;
use stigmer_ui::QuitChoice;
use terminal::Screen;

/// The reason why the dashboard cannot run.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// This process cannot become the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// This process cannot attach to the running host.
    #[error("cannot attach to the host of {0}")]
    Attach(Unreachable),
    /// The running host has an incompatible version. The string contains the fix.
    #[error("{0}")]
    Foreign(String),
    /// The background host does not start.
    #[error("cannot start a background host: {0}")]
    Background(String),
    /// The running server has other options than the requested ones.
    #[error(transparent)]
    Different(#[from] Different),
    /// The terminal cannot be set up.
    #[error("cannot set up the terminal: {0}; use --no-tui")]
    Terminal(#[from] io::Error),
    /// The terminal cannot be set up, and this process was the host. It has left its home.
    #[error("cannot set up the terminal: {source}; {left}; use --no-tui")]
    Left {
        /// The error of the operating system.
        source: io::Error,
        /// A message about the server and the background host that has taken over.
        left: String,
    },
}

/// Runs the dashboard and returns the exit code. If no host runs, `process` becomes the host.
/// Without a theme in `options`, chooses one that suits the terminal.
///
/// # Errors
/// If this process can neither become the host nor attach to the running host, or if the terminal
/// cannot be used.
pub async fn run(
    settings: Settings,
    requested: RequestedOptions,
    options: DashboardOptions,
    process: HostProcess,
) -> Result<i32, TuiError> {
    let home = settings.home.clone();
    let temporal_program = hosting::shell_program(&home, settings.temporal_bin.as_deref());
    let entry = HomeEntry { settings, process };
    // Install the signal handlers first: a signal must not end the process during the operations
    // below.
    let mut signals = Signals::listen()?;
    let mut events = TerminalEvents::listen().map_err(HostError::Threads)?;
    let (mut hosting, session) = connect(&entry, &requested).await?;
    let mut screen;
    (screen, hosting) = take_screen(&home, hosting).await?;
    #[cfg(debug_assertions)]
    panic_if_requested(&session);
    let mut dashboard = Dashboard::new(&home, session, hosting.is_some(), options);
    dashboard.viewer.temporal_program = temporal_program;
    let over = loop {
        let lost = hosting.as_ref().map(Host::home_lost).unwrap_or_default();
        let end = dashboard.run(&mut screen, &mut events, &mut signals, lost).await;
        events.pause();
        match end {
            LoopEnd::Suspended => {
                hosting = suspend(hosting, &entry, screen, &mut dashboard).await?;
                (screen, hosting) = take_screen(&home, hosting).await?;
            }
            LoopEnd::TakesOver => {
                hosting = take_over_and_start(&entry, &mut dashboard).await?;
            }
            LoopEnd::HomeLost => {
                hosting = yield_home(hosting, &entry, &mut dashboard).await?;
            }
            LoopEnd::Over(over) => break over,
        }
    };
    // Before the server may stop: an action must not leave an activity paused.
    let incomplete = dashboard.end_actions().await;
    let message = match (over, hosting) {
        (Over::Vanished, hosting) => {
            screen.abandon();
            leave_unseen(hosting).await
        }
        (Over::Quit(QuitChoice::Leave) | Over::Panicked, hosting) => {
            drop(screen);
            leave_unseen(hosting).await
        }
        (Over::Quit(QuitChoice::StopAndQuit | QuitChoice::Background) | Over::Signalled, None) => {
            drop(screen);
            None
        }
        (over, Some(host)) => {
            let stops = over != Over::Quit(QuitChoice::Background);
            let message = dashboard.farewell(&mut screen, &mut events, host, stops).await;
            // Stop reading keys. Keys from now on are for the shell.
            events.pause();
            screen.close();
            message
        }
    };
    terminal::report_panic();
    for message in incomplete.into_iter().chain(message) {
        match over {
            Over::Vanished => tracing::info!("{message}"),
            _ => say(&message),
        }
    }
    Ok(i32::from(over == Over::Panicked || terminal::has_panicked()))
}

async fn leave_unseen(hosting: Option<Host>) -> Option<String> {
    Some(hosting?.depart(Departure::AfterStop).await?.message())
}

/// Sets up the terminal. If the setup fails and this process is the host, leaves the home first, so
/// that a background host takes over the server.
async fn take_screen(
    home: &Home,
    hosting: Option<Host>,
) -> Result<(Screen, Option<Host>), TuiError> {
    match Screen::take(&home.host_errors()) {
        Ok(screen) => Ok((screen, hosting)),
        Err(source) => {
            let Some(left) = leave_unseen(hosting).await else { return Err(source.into()) };
            tracing::info!("{left}");
            Err(TuiError::Left { source, left })
        }
    }
}

/// Hands over to a background host, restores the terminal, and suspends this process (Ctrl-Z). When
/// the user continues the process, the dashboard attaches to the running host. If no host runs
/// then, the dashboard becomes the host, but does not start the server.
async fn suspend(
    hosting: Option<Host>,
    entry: &HomeEntry,
    screen: Screen,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let Some(host) = hosting else {
        drop(screen);
        job::suspend().await?;
        return Ok(None);
    };
    let succession = host.depart(Departure::Suspended).await;
    drop(screen);
    if let Some(succession) = succession {
        say(&succession.message());
    }
    job::suspend().await?;
    take_over(entry, dashboard).await
}

/// Becomes the host, or attaches to the running host. Then makes the dashboard show that host.
async fn take_over(entry: &HomeEntry, dashboard: &mut Dashboard) -> Result<Option<Host>, TuiError> {
    let (host, session) = entry.attach(&|_| ()).await?;
    dashboard.look_at(session, host.is_some());
    Ok(host)
}

/// Leaves the home, because another host has taken it, and attaches to the other host.
async fn yield_home(
    hosting: Option<Host>,
    entry: &HomeEntry,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    if let Some(host) = hosting {
        host.leave().await;
    }
    let hosting = take_over(entry, dashboard).await?;
    dashboard.toast("the home was deleted or replaced, and another host uses it now");
    Ok(hosting)
}

/// Becomes the host, or attaches to another process that has become the host first. In both cases,
/// requests the start of the server, because the operator has pressed the key for a start.
async fn take_over_and_start(
    entry: &HomeEntry,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let host = take_over(entry, dashboard).await?;
    dashboard.give(SessionCommand::Start, "starting");
    Ok(host)
}

fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(io::stdout(), "{}", harmless::lines(text));
    tracing::info!("{text}");
}

/// Becomes the host, or attaches to the running host. Requests the start of the server if the
/// server does not run.
async fn connect(
    entry: &HomeEntry,
    requested: &RequestedOptions,
) -> Result<(Option<Host>, Session), TuiError> {
    let notify = |notice: &Notice| {
        use std::io::Write;
        let _ = writeln!(io::stderr(), "{}", harmless::lines(&notice.to_string()));
    };
    let (host, session) = entry.attach(&notify).await?;
    match &host {
        // Do not wait for the outcome of the start, because the screen shows the outcome.
        Some(host) => {
            session.bring_up_project(requested);
            drop(host.handle().begin(Command::Start).await);
        }
        None => drop(session.bring_up(&entry.settings, requested)?),
    }
    Ok((host, session))
}

/// The way of the dashboard into a home.
#[derive(Debug)]
struct HomeEntry {
    settings: Settings,
    /// The process that becomes the host if no host runs.
    process: HostProcess,
}

impl HomeEntry {
    /// Becomes the host, or attaches to the running host. `notify` receives a notice for each
    /// command of another process for which this process must wait.
    async fn attach(&self, notify: Notify<'_>) -> Result<(Option<Host>, Session), TuiError> {
        let mut attaching = Attaching::new(&self.settings, Mode::Tui, self.process);
        Ok(match attaching.attach(notify).await? {
            Attachment::Hosting(host) => {
                let session = host.session();
                (Some(*host), session)
            }
            Attachment::Following(session) => (None, session),
        })
    }
}

impl From<AttachError> for TuiError {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Host(error) => Self::Host(error),
            AttachError::Foreign(why) => Self::Foreign(why),
            AttachError::Background(why) => Self::Background(why),
            AttachError::Unreachable(why) => Self::Attach(why),
        }
    }
}

/// Causes a panic in a task, to test the screen after a panic. Waits until the server is ready and
/// the file that `STIGMER_TEST_PANIC` names exists.
#[cfg(debug_assertions)]
fn panic_if_requested(session: &Session) {
    if let Some(file) = std::env::var_os("STIGMER_TEST_PANIC") {
        let session = session.clone();
        tokio::spawn(async move {
            let mut changes = session.changes();
            while !session.view().snapshot.status.state.is_up() && changes.next().await {}
            while !std::path::Path::new(&file).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            panic!("requested by STIGMER_TEST_PANIC");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::protocol::State;
    use std::time::Duration;

    #[tokio::test]
    async fn requested_start_goes_to_a_host_that_started_first() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        // The requested start begins but fails, because the program does not exist.
        let options = Options { temporal_bin: Some("/nothing".into()), ..Options::on_free_ports() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        let faster = Host::start(settings.clone(), Mode::Headless).unwrap();
        assert_eq!(faster.handle().facts().state_name(), State::Stopped);
        let session = faster.session();
        let mut dashboard = Dashboard::new(&home, session, false, DashboardOptions::default());
        let mut facts = faster.handle().watch();
        let entry = HomeEntry { settings, process: HostProcess::This };
        assert!(take_over_and_start(&entry, &mut dashboard).await.unwrap().is_none());
        let started = facts.wait_for(|facts| facts.state_name() != State::Stopped);
        tokio::time::timeout(Duration::from_secs(30), started).await.unwrap().unwrap();
        faster.leave().await;
    }
}
