//! The dashboard: terminal, input, and the loop that draws.
//!
//! The host's manager runs on other threads; a terminal that takes no output
//! stops this loop and nothing else. It never owns the server's life: when the
//! terminal goes, a background host takes over.

mod appearance;
mod browser;
mod census;
mod commands;
mod dashboard;
mod end;
mod events;
mod farewell;
mod input;
mod log_pane;
mod own_log;
mod pager;
mod terminal;
mod witness;

use crate::config::{Different, Options, Settings};
use crate::control::client::ClientError;
use crate::harmless;
use crate::hosting::background;
use crate::hosting::{self, Host, HostError, Notice, Notify, Patience};
use crate::manager::Command;
use crate::paths::Home;
use crate::process::job;
use crate::protocol::{Mode, State};
use crate::session::{Session, SessionCommand};
use crate::signals::Signals;
use dashboard::Dashboard;
use end::{End, Over};
use events::Events;
use farewell::{Stopping, leave, wants_up};
use std::io;
use std::time::Duration;
use stigmer_ui::{QuitChoice, Theme};
use terminal::Screen;

/// A host binds its socket within milliseconds of taking its lock.
const ATTACHING: Duration = Duration::from_secs(5);

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// This process cannot host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host that runs cannot be used.
    #[error("cannot attach to the host of {home}: {source}; {remedy}")]
    Attach {
        /// The home.
        home: String,
        /// Why.
        source: ClientError,
        /// What to do about it.
        remedy: String,
    },
    /// The host that runs is of another version; says what to do.
    #[error("{0}")]
    Foreign(String),
    /// It runs with other options than were asked for.
    #[error(transparent)]
    Different(#[from] Different),
    /// The terminal.
    #[error("the terminal does not obey: {0}; use --no-tui")]
    Terminal(#[from] io::Error),
    /// The terminal, and a host that was there already.
    #[error("the terminal does not obey: {source}; {left}; use --no-tui")]
    Left {
        /// What the kernel said.
        source: io::Error,
        /// What became of Temporal.
        left: String,
    },
}

/// Runs the dashboard in `theme`, or in one that suits the terminal. Returns the exit code.
///
/// # Errors
/// When this process can neither host nor attach, or has no usable terminal.
pub async fn run(
    settings: Settings,
    asked: Options,
    theme: Option<Theme>,
) -> Result<i32, TuiError> {
    let home = settings.home.clone();
    // Before there is anything that a signal could leave behind.
    let mut signals = Signals::listen()?;
    let mut events = Events::listen().map_err(HostError::Threads)?;
    let (mut hosting, session) = connect(settings.clone(), &asked).await?;
    let mut screen;
    (screen, hosting) = take_screen(&home, hosting).await?;
    #[cfg(debug_assertions)]
    panic_where_asked(&session);
    let mut dashboard = Dashboard::new(&home, session, hosting.is_some(), theme);
    let over = loop {
        let lost = hosting.as_ref().map(Host::home_lost).unwrap_or_default();
        let end = dashboard.run(&mut screen, &mut events, &mut signals, lost).await;
        events.pause();
        match end {
            End::Suspended => {
                hosting = suspend(hosting, &settings, screen, &mut dashboard).await?;
                (screen, hosting) = take_screen(&home, hosting).await?;
            }
            End::TakesOver => {
                hosting = take_over_and_start(settings.clone(), &mut dashboard).await?;
            }
            End::HomeLost => {
                hosting = yield_home(hosting, settings.clone(), &mut dashboard).await?;
            }
            End::Over(over) => break over,
        }
    };
    let said = match (over, hosting) {
        (Over::Vanished, hosting) => {
            screen.abandon();
            leave_unseen(&home, hosting).await
        }
        (Over::Quit(QuitChoice::Leave) | Over::Panicked, hosting) => {
            drop(screen);
            leave_unseen(&home, hosting).await
        }
        (Over::Quit(QuitChoice::StopAndQuit | QuitChoice::Background) | Over::Signalled, None) => {
            drop(screen);
            None
        }
        (over, Some(host)) => {
            let stops = over != Over::Quit(QuitChoice::Background);
            let said = dashboard.farewell(&mut screen, &mut events, host, stops).await;
            // From here on keys are for the shell.
            events.pause();
            screen.close();
            said
        }
    };
    terminal::tell_panic();
    match said {
        Some(said) if over == Over::Vanished => tracing::info!("{said}"),
        Some(said) => say(&said),
        None => {}
    }
    Ok(i32::from(over == Over::Panicked || terminal::has_panicked()))
}

async fn leave_unseen(home: &Home, hosting: Option<Host>) -> Option<String> {
    leave(home, hosting?, Stopping::Here).await
}

/// Takes the terminal. One that does not obey takes Temporal from nobody.
async fn take_screen(
    home: &Home,
    hosting: Option<Host>,
) -> Result<(Screen, Option<Host>), TuiError> {
    match Screen::take(&home.host_errors()) {
        Ok(screen) => Ok((screen, hosting)),
        Err(source) => {
            let Some(left) = leave_unseen(home, hosting).await else { return Err(source.into()) };
            tracing::info!("{left}");
            Err(TuiError::Left { source, left })
        }
    }
}

/// Gives Temporal to a background host and the terminal to the shell, and stops.
/// Continued, the dashboard is a viewer; or the host again where nobody else is,
/// and then of whatever there is: a start is for the operator to ask for.
async fn suspend(
    hosting: Option<Host>,
    settings: &Settings,
    screen: Screen,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let Some(host) = hosting else {
        drop(screen);
        job::suspend().await?;
        return Ok(None);
    };
    let handed_over =
        if wants_up(&host).await || host.handle().facts().state_name() == State::Stopping {
            background::hand_over(&settings.home, host).await.map(Some)
        } else {
            // The counters are for whoever hosts next.
            let _ = host.release().await.last_answers.await;
            Ok(None)
        };
    drop(screen);
    match handed_over {
        Ok(Some(pid)) => say(&format!("the background host {pid} watches Temporal meanwhile")),
        Ok(None) => {}
        Err(error) => say(&format!("Temporal keeps running, but {error}")),
    }
    job::suspend().await?;
    take_over(settings.clone(), dashboard).await
}

/// Becomes the host of whatever there is, or a viewer of who is.
async fn take_over(
    settings: Settings,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let (host, session) = host_or_attach(&settings, &|_| ()).await?;
    dashboard.look_at(session, host.is_some());
    Ok(host)
}

/// Shows the host that has taken the home of this one.
async fn yield_home(
    hosting: Option<Host>,
    settings: Settings,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    if let Some(host) = hosting {
        host.leave().await;
    }
    let hosting = take_over(settings, dashboard).await?;
    dashboard.toast("the home was deleted or replaced, and another host has it");
    Ok(hosting)
}

/// Also where somebody else was faster: it was asked for here.
async fn take_over_and_start(
    settings: Settings,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let host = take_over(settings, dashboard).await?;
    dashboard.give(SessionCommand::Start, "starting");
    Ok(host)
}

fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(io::stdout(), "{}", harmless::lines(text));
    tracing::info!("{text}");
}

/// Becomes the host and starts Temporal, or attaches to the host that runs.
async fn connect(settings: Settings, asked: &Options) -> Result<(Option<Host>, Session), TuiError> {
    let notify = |notice: &Notice| {
        use std::io::Write;
        let _ = writeln!(io::stderr(), "{}", harmless::lines(&notice.to_string()));
    };
    let (host, session) = host_or_attach(&settings, &notify).await?;
    match &host {
        // Its outcome is on the screen.
        Some(host) => drop(host.handle().begin(Command::Start).await),
        None => drop(session.bring_up(&settings, asked)?),
    }
    Ok((host, session))
}

/// Becomes the host, or attaches to the one that runs.
async fn host_or_attach(
    settings: &Settings,
    notify: Notify<'_>,
) -> Result<(Option<Host>, Session), TuiError> {
    let home = &settings.home;
    let mut patience = Patience::new(ATTACHING);
    loop {
        match Host::start(settings.clone(), Mode::Tui) {
            Ok(host) => {
                let session = Session::Local(host.handle().clone());
                return Ok((Some(host), session));
            }
            Err(HostError::Running) => {}
            Err(error) => return Err(error.into()),
        }
        match Session::connect(home).await {
            Ok(session) => return Ok((None, session)),
            Err(ClientError::NoHost) if !patience.is_over(home, notify) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(ClientError::Foreign(why)) => return Err(TuiError::Foreign(why)),
            Err(source) => {
                let remedy = hosting::remedy(home);
                return Err(TuiError::Attach { home: home.to_string(), source, remedy });
            }
        }
    }
}

/// For the tests of what a panic leaves on the screen: one in a task, once Temporal is ready and the
/// file that is named is there.
#[cfg(debug_assertions)]
fn panic_where_asked(session: &Session) {
    if let Some(file) = std::env::var_os("STIGMER_TEST_PANIC") {
        let session = session.clone();
        tokio::spawn(async move {
            let mut changes = session.changes();
            while !session.view().snapshot.status.state.is_up() && changes.next().await {}
            while !std::path::Path::new(&file).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            panic!("asked for by STIGMER_TEST_PANIC");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_that_was_asked_for_goes_to_the_host_that_was_faster() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        // It is asked for, and that is all: there is nothing to run.
        let options = Options { temporal_bin: Some("/nothing".into()), ..Options::default() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        let faster = Host::start(settings.clone(), Mode::Headless).unwrap();
        assert_eq!(faster.handle().facts().state_name(), State::Stopped);
        let session = Session::Local(faster.handle().clone());
        let mut dashboard = Dashboard::new(&home, session, false, None);
        let mut facts = faster.handle().watch();
        assert!(take_over_and_start(settings, &mut dashboard).await.unwrap().is_none());
        let started = facts.wait_for(|facts| facts.state_name() != State::Stopped);
        tokio::time::timeout(Duration::from_secs(30), started).await.unwrap().unwrap();
        faster.leave().await;
    }
}
