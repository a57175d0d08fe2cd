//! `--no-tui`: prints one line per event and log line on stdout.
//!
//! This process becomes the host, or attaches to the running host. If the running host disappears,
//! this process becomes the host, unless the operator has stopped the server.

mod output;
mod printer;

use crate::config::{Different, RequestedOptions, Settings};
use crate::facts::Intent;
use crate::hosting::{
    self, AttachError, Attaching, Attachment, Departure, Host, HostError, HostProcess, Notice,
    REPLACED, Unreachable,
};
use crate::manager::Command;
use crate::process::job;
use crate::protocol::{Mode, State};
use crate::session::{Link, Session};
use crate::signals::{SignalRequest, Signals, StdoutReader};
use crate::supervisor::Want;
use printer::Printer;

/// The reason why `--no-tui` cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// This process cannot become the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// This process cannot attach to the running host.
    #[error("cannot attach to the host of {0}")]
    Follow(Unreachable),
    /// The running host has an incompatible version. The string contains the fix.
    #[error("{0}")]
    Foreign(String),
    /// The background host does not start.
    #[error("cannot start a background host: {0}")]
    Background(String),
    /// The running server has other options than the requested ones.
    #[error(transparent)]
    Different(#[from] Different),
    /// Signals cannot be handled.
    #[error("cannot install signal handlers: {0}")]
    Signals(#[from] std::io::Error),
    /// The thread that writes to stdout cannot be created.
    #[error(
        "cannot create the thread that writes to stdout: {0}; end some processes, or raise the limit (`ulimit -u`)"
    )]
    Output(std::io::Error),
}

/// Runs until a signal arrives, or until the host or the server has ended for good. Returns the
/// exit code. If no host runs, `process` becomes the host.
///
/// # Errors
/// See [`HeadlessError`].
pub async fn run(
    settings: Settings,
    requested: RequestedOptions,
    process: HostProcess,
) -> Result<i32, HeadlessError> {
    let mut signals = Signals::listen()?;
    let mut printer = Printer::new(&settings).map_err(HeadlessError::Output)?;
    let attaching = Attaching::new(&settings, Mode::Headless, process);
    let code = host_or_follow(attaching, &settings, &requested, &mut signals, &mut printer).await;
    printer.close().await;
    code
}

async fn host_or_follow(
    mut attaching: Attaching<'_>,
    settings: &Settings,
    requested: &RequestedOptions,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<i32, HeadlessError> {
    let mut followed = false;
    loop {
        let notify = |notice: &Notice| printer.line(&notice.to_string());
        match attaching.attempt(&notify).await? {
            Some(Attachment::Hosting(host)) => {
                // Start the server in two cases: the user has just run this command, or no earlier
                // host has left its intent (whether the server is to run). Otherwise this host
                // follows the intent of the earlier host.
                if !followed || !host.resumes() {
                    host.session().bring_up_project(requested);
                    let _outcome = host.handle().begin(Command::Start).await;
                }
                if let Some(code) = host_until_signal(*host, signals, printer).await? {
                    return Ok(code);
                }
            }
            Some(Attachment::Following(session)) => {
                if let Some(code) = follow(settings, requested, session, signals, printer).await? {
                    return Ok(code);
                }
            }
            None => tokio::select! {
                _ = signals.next() => return Ok(0),
                () = Attaching::pause() => continue,
            },
        }
        followed = true;
        attaching.renew();
    }
}

impl From<AttachError> for HeadlessError {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Host(error) => Self::Host(error),
            AttachError::Foreign(why) => Self::Foreign(why),
            AttachError::Background(why) => Self::Background(why),
            AttachError::Unreachable(why) => Self::Follow(why),
        }
    }
}

/// Runs as the host. Returns the exit code. Returns `None` after the process was suspended and
/// continued, because another process may have become the host meanwhile.
async fn host_until_signal(
    host: Host,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<Option<i32>, HeadlessError> {
    let home = host.handle().facts().settings.home.clone();
    let session = host.session();
    let mut changes = session.changes();
    let (shutdown, lost) = (host.shutdown_requested(), host.home_lost());
    let mut was_ready = false;
    loop {
        printer.status(&session);
        tokio::select! {
            _ = changes.next() => {}
            () = printer.log() => {}
            asked = signals.next() => match asked {
                SignalRequest::End => break,
                SignalRequest::Leave => {
                    depart(host, Departure::AfterStop, printer).await;
                    return Ok(Some(0));
                }
                SignalRequest::Suspend => {
                    depart(host, Departure::Suspended, printer).await;
                    job::suspend().await?;
                    return Ok(None);
                }
            },
            // The manager ends on its own only after a panic. Hand the server over, so that another
            // host supervises it.
            () = host.handle().closed() => {
                depart(host, Departure::AfterStop, printer).await;
                return Ok(Some(1));
            }
            () = shutdown.cancelled() => {
                printer.status(&session);
                host.leave().await;
                return Ok(Some(0));
            }
            () = lost.cancelled() => {
                let why = "was deleted or replaced, and another host uses it now";
                printer.line(&format!("{home} {why}; attach to that host with `stigmer local --no-tui`"));
                host.leave().await;
                return Ok(Some(1));
            }
        }
        let snapshot = session.view().snapshot;
        let state = snapshot.status.state;
        was_ready |= state.is_up();
        // Exit after a failure, so that a failure of the first start is reported at once. But keep
        // running if the server ran before and another start is planned, for example while the disk
        // is full.
        let waits = was_ready && snapshot.next_start_ms.is_some();
        if state == State::Failed && !waits {
            printer.drain();
            printer.status(&session);
            host.leave().await;
            return Ok(Some(1));
        }
    }
    printer.line("stopping; another Ctrl-C or SIGTERM kills the server at once");
    let again = async { while signals.next().await != SignalRequest::End {} };
    let outcome = host.shutdown_until(again).await;
    printer.drain();
    printer.status(&session);
    Ok(Some(i32::from(outcome.is_err())))
}

/// Leaves the home. If a background host takes over, prints which one.
async fn depart(host: Host, departure: Departure, printer: &Printer) {
    if let Some(succession) = host.depart(departure).await {
        let message = succession.message();
        tracing::info!("{message}");
        printer.line(&message);
    }
}

/// Prints the events of the host to which the session is attached. Returns the exit code. Returns
/// `None` if the host has disappeared, so that the caller tries to become the host.
async fn follow(
    settings: &Settings,
    requested: &RequestedOptions,
    session: Session,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<Option<i32>, HeadlessError> {
    let was_down = session.bring_up(settings, requested)?;
    printer.follows(&session.view().snapshot.status);
    let mut changes = session.changes();
    let mut was_up = !was_down;
    let mut reader = StdoutReader::of_stdout();
    loop {
        printer.status(&session);
        let view = session.view();
        let status = &view.snapshot.status;
        was_up |= status.intent == Want::Up;
        let ended = status.state == State::Stopped || !status.managed;
        if was_up && status.intent == Want::Down && ended {
            return Ok(Some(0));
        }
        if was_up && status.state == State::Failed && view.snapshot.next_start_ms.is_none() {
            return Ok(Some(1));
        }
        if matches!(view.link, Link::Gone | Link::Foreign(_)) {
            // Pause a moment, because another host may take over.
            Attaching::pause().await;
            if view.age > REPLACED || !hosting::is_hosted(&settings.home) {
                let stopping = status.state == State::Stopping && status.intent == Want::Down;
                // Read the intent file too: a `stop` command that ends a host that does not respond
                // first writes the intent "down".
                let is_down = || Intent::is_down(&settings.home).map_err(HostError::from);
                let stopped = stopping || is_down()?;
                return Ok(stopped.then_some(0));
            }
            continue;
        }
        tokio::select! {
            changed = changes.next() => {
                if !changed {
                    return Ok(None);
                }
            }
            () = printer.log() => {}
            // The reader of stdout is gone. Exit, because this process is only attached to a host.
            // (A process that is the host keeps running, because its server needs a host.)
            () = reader.gone() => return Ok(Some(0)),
            asked = signals.next() => match asked {
                SignalRequest::End | SignalRequest::Leave => return Ok(Some(0)),
                SignalRequest::Suspend => job::suspend().await?,
            },
        }
    }
}
