//! `--no-tui`: one line per event and log line on stdout.
//!
//! Hosts where nobody does, follows where somebody does, and becomes the host
//! when that one vanishes without an operator's stop.

use crate::background;
use crate::config::{Different, Options, Settings};
use crate::control::client::ClientError;
use crate::hangup;
use crate::host::{self, Host, HostError};
use crate::log::{Follower, Start};
use crate::manager::Command;
use crate::paths::Home;
use crate::presenter;
use crate::process::job;
use crate::protocol::{Mode, State, Status};
use crate::session::{Link, Session};
use crate::supervisor::Want;
use crate::temporal::logline::LineParser;
use jiff::tz::TimeZone;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// A host that is replaced by another is back by then.
const REPLACED: Duration = Duration::from_secs(1);

/// A lock that is held this long without a socket is not a host's that is coming or going.
const SETTLING: Duration = Duration::from_secs(10);

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// This process cannot host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host that runs cannot be followed.
    #[error("cannot follow the host of {home}: {source}; {remedy}")]
    Follow {
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
    /// Signals.
    #[error("signals cannot be handled: {0}")]
    Signals(#[from] std::io::Error),
}

struct Signals {
    /// The terminal is gone, without a signal (a killed multiplexer).
    vanished: mpsc::Receiver<()>,
    hangup: Signal,
    suspend: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a signal asks for.
enum Asked {
    /// To stop Temporal and end.
    End,
    /// To end and leave Temporal running: the terminal is gone.
    Leave,
    /// To stop for a while, as Ctrl-Z does; Temporal must not be without a host.
    Suspend,
}

impl Signals {
    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Leave,
            _ = self.suspend.recv() => Asked::Suspend,
            Some(()) = self.vanished.recv() => Asked::Leave,
        }
    }
}

/// Runs until a signal, or the end of what is followed. Returns the exit code.
///
/// # Errors
/// See [`HeadlessError`].
pub async fn run(settings: Settings, asked: Options) -> Result<i32, HeadlessError> {
    let (gone, vanished) = mpsc::channel(1);
    if std::io::stdin().is_terminal() {
        hangup::watch(move || {
            let _ = gone.blocking_send(());
        });
    }
    let mut signals = Signals {
        vanished,
        hangup: signal(SignalKind::hangup())?,
        suspend: signal(SignalKind::from_raw(libc::SIGTSTP))?,
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let mut printer = Printer::new(&settings);
    let mut unanswered = None;
    let mut followed = false;
    loop {
        match Host::start(settings.clone(), Mode::Headless) {
            Ok(host) => {
                // Asked for by whoever typed this, or by nobody but what was handed over.
                if !followed || !host.resumes() {
                    let _outcome = host.handle().begin(Command::Start).await;
                }
                match host_until_signal(host, &mut signals, &mut printer).await? {
                    Some(code) => return Ok(code),
                    None => followed = true,
                }
                continue;
            }
            Err(HostError::Running) => {}
            Err(error) => return Err(error.into()),
        }
        let session = match Session::connect(&settings.home).await {
            Ok(session) => session,
            // Its socket is not there yet, or no longer: see who is host now.
            Err(source @ ClientError::NoHost) => {
                let since = *unanswered.get_or_insert_with(Instant::now);
                if since.elapsed() > SETTLING {
                    return Err(not_followed(&settings.home, source));
                }
                tokio::select! {
                    _ = signals.next() => return Ok(0),
                    () = tokio::time::sleep(Duration::from_millis(10)) => continue,
                }
            }
            Err(ClientError::Foreign(why)) => return Err(HeadlessError::Foreign(why)),
            Err(source) => return Err(not_followed(&settings.home, source)),
        };
        unanswered = None;
        followed = true;
        if let Some(code) = follow(&settings, &asked, session, &mut signals, &mut printer).await? {
            return Ok(code);
        }
    }
}

fn not_followed(home: &Home, source: ClientError) -> HeadlessError {
    HeadlessError::Follow { home: home.to_string(), source, remedy: host::remedy(home) }
}

/// None: another one hosts now, or this one may again.
async fn host_until_signal(
    host: Host,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<Option<i32>, HeadlessError> {
    let home = host.handle().facts().settings.home.clone();
    let session = Session::Local(host.handle().clone());
    let mut changes = session.changes();
    let shutdown = host.shutdown_asked();
    loop {
        printer.status(&session);
        tokio::select! {
            _ = changes.next() => {}
            () = printer.log() => {}
            asked = signals.next() => match asked {
                Asked::End => break,
                Asked::Leave => {
                    leave_to_another(&home, host, printer).await;
                    return Ok(Some(0));
                }
                Asked::Suspend => {
                    leave_to_another(&home, host, printer).await;
                    job::suspend().await?;
                    return Ok(None);
                }
            },
            // Only by a panic. Temporal must not be left without a host for that.
            () = host.handle().closed() => {
                leave_to_another(&home, host, printer).await;
                return Ok(Some(1));
            }
            () = shutdown.cancelled() => {
                printer.status(&session);
                host.leave().await;
                return Ok(Some(0));
            }
        }
        let state = session.view().snapshot.status.state;
        if state == State::Failed {
            printer.drain();
            printer.status(&session);
            host.leave().await;
            return Ok(Some(1));
        }
    }
    printer.line("stopping");
    let outcome = host.shutdown().await;
    printer.drain();
    printer.status(&session);
    Ok(Some(i32::from(outcome.is_err())))
}

/// Hands Temporal over to a background host, where there is anything to hand over.
async fn leave_to_another(home: &Home, host: Host, printer: &Printer) {
    let facts = host.handle().facts();
    if facts.want == Want::Down && facts.state_name() == State::Stopped {
        let _ = host.release().await.await;
        return;
    }
    let said = match background::hand_over(home, host).await {
        Ok(pid) => format!("handed over to the background host {pid}"),
        Err(error) => {
            format!("Temporal keeps running, but {error}; `stigmer local` watches it again")
        }
    };
    tracing::info!("{said}");
    printer.line(&said);
}

/// None: the host vanished, and somebody has to take its place.
async fn follow(
    settings: &Settings,
    asked: &Options,
    session: Session,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<Option<i32>, HeadlessError> {
    let rests = session.bring_up(settings, asked)?;
    printer.follows(&session.view().snapshot.status);
    let mut changes = session.changes();
    let mut was_up = !rests;
    loop {
        printer.status(&session);
        let view = session.view();
        let status = &view.snapshot.status;
        was_up |= status.intent == Want::Up;
        if was_up && status.intent == Want::Down && status.state == State::Stopped {
            return Ok(Some(0));
        }
        if was_up && status.state == State::Failed {
            return Ok(Some(1));
        }
        if matches!(view.link, Link::Gone | Link::Foreign(_)) {
            // Replaced by another host, or simply gone?
            tokio::time::sleep(Duration::from_millis(20)).await;
            if view.age > REPLACED || !host::is_hosted(&settings.home) {
                let stopping = status.state == State::Stopping && status.intent == Want::Down;
                return Ok(stopping.then_some(0));
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
            asked = signals.next() => match asked {
                Asked::End | Asked::Leave => return Ok(Some(0)),
                Asked::Suspend => job::suspend().await?,
            },
        }
    }
}

/// Writes lines; a reader that has gone is no error.
struct Printer {
    log: Follower,
    parser: LineParser,
    zone: TimeZone,
    state: Option<(State, String)>,
    told: Option<jiff::Timestamp>,
    said_ready: bool,
    follows: bool,
}

impl Printer {
    fn new(settings: &Settings) -> Self {
        let zone = TimeZone::system();
        Self {
            log: Follower::new(&settings.home.temporal_log(), Start::Tail(0)),
            parser: LineParser::new(zone.clone()),
            zone,
            state: None,
            told: Some(jiff::Timestamp::now()),
            said_ready: false,
            follows: false,
        }
    }

    fn line(&self, text: &str) {
        let clock = jiff::Zoned::now().strftime("%H:%M:%S%.3f");
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{clock} stigmer  {text}").and_then(|()| out.flush());
    }

    fn plain(text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    fn follows(&mut self, status: &Status) {
        self.follows = true;
        if let Some(host) = &status.host {
            self.line(&format!("following the {} host, pid {}", host.mode.as_str(), host.pid));
        }
    }

    /// Says what is new.
    fn status(&mut self, session: &Session) {
        let snapshot = session.view().snapshot;
        let status = &snapshot.status;
        for entry in &snapshot.timeline {
            if self.told.is_none_or(|told| entry.time > told) {
                self.told = Some(entry.time);
                self.line(&presenter::tell(entry));
            }
        }
        let now = (status.state, status.message.clone());
        if self.state.as_ref() == Some(&now) {
            return;
        }
        let said = if status.message.is_empty() {
            status.state.to_string()
        } else {
            format!("{}: {}", status.state, status.message)
        };
        self.line(&said);
        if status.state == State::Failed {
            for words in &snapshot.last_words {
                self.line(&format!("Temporal's last words: {words}"));
            }
            if let Some(cure) = &snapshot.cure {
                self.line(&format!("what to do: {cure}"));
            }
        }
        if status.state.is_up() && !self.said_ready {
            self.said_ready = true;
            let temporal = status.temporal.as_ref();
            let reused = self.follows || temporal.is_some_and(|temporal| temporal.adopted);
            Self::plain(&match (status.managed, reused) {
                (false, _) => format!(
                    "Temporal is already running (started elsewhere, pid {}) - reusing existing \
                     instance",
                    temporal
                        .and_then(|temporal| temporal.pid)
                        .map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
                ),
                (true, true) => {
                    "Temporal is already running (lock file held) - reusing existing instance"
                        .to_owned()
                }
                (true, false) => "Temporal is ready".to_owned(),
            });
            if let Some(temporal) = temporal {
                self.line(&format!(
                    "address {}{}",
                    temporal.address,
                    temporal
                        .ui_url
                        .as_ref()
                        .map_or_else(String::new, |url| format!("   web UI {url}"))
                ));
            }
        }
        self.state = Some(now);
    }

    /// Writes the next lines of the log; cancel-safe.
    async fn log(&mut self) {
        match self.log.next().await {
            Ok(batch) => self.lines(&batch),
            Err(error) => tracing::warn!(%error, "log not read"),
        }
    }

    fn drain(&mut self) {
        let mut batches = Vec::new();
        if let Err(error) = self.log.drain(|batch| {
            batches.extend(batch.lines().map(<[u8]>::to_vec));
        }) {
            tracing::warn!(%error, "log not read to its end");
        }
        for line in batches {
            Self::plain(&self.parser.parse(&line).render_plain(&self.zone));
        }
    }

    fn lines(&mut self, batch: &crate::log::Batch) {
        let mut text = String::new();
        for line in batch.lines() {
            text.push_str(&self.parser.parse(line).render_plain(&self.zone));
            text.push('\n');
        }
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
