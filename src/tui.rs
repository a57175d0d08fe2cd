//! The dashboard: terminal, input, and the loop that draws.
//!
//! The host's manager runs on other threads; a terminal that takes no output
//! stops this loop and nothing else. It never owns the server's life: when the
//! terminal goes, a background host takes over.

mod census;
mod input;
mod log_pane;
mod own_log;
mod pager;
mod terminal;

use crate::background;
use crate::config::{Different, Options, Settings};
use crate::control::client::ClientError;
use crate::hangup;
use crate::host::{self, Host, HostError};
use crate::log::{Follower, Start};
use crate::manager::Command;
use crate::paths::Home;
use crate::presenter::{self, Viewer};
use crate::process::job;
use crate::protocol::{ApiError, Mode, State};
use crate::session::{Order, Session};
use crate::supervisor::Want;
use census::Census;
use crossterm::event::EventStream;
use futures_util::StreamExt;
use log_pane::LogPane;
use own_log::OwnLog;
use std::io;
use std::time::{Duration, Instant};
use stigmer_ui::human;
use stigmer_ui::{Action, Copied, Input, LogFile, QuitChoice, Symbols, Theme, Ui};
use terminal::Screen;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// No more than 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// Lines of the past that are there at once.
const PAST: usize = 5_000;
/// How long a word stays.
const TOAST: Duration = Duration::from_secs(4);
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
}

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Quit(QuitChoice),
    /// The terminal is gone.
    Vanished,
    /// Ctrl-Z: for a while.
    Suspended,
    /// SIGTERM or SIGINT.
    Signalled,
    /// Something panicked; the screen is given back already.
    Panicked,
}

/// Runs the dashboard and returns the exit code.
///
/// # Errors
/// When this process can neither host nor attach, or has no usable terminal.
pub async fn run(settings: Settings, asked: Options) -> Result<i32, TuiError> {
    let home = settings.home.clone();
    let (mut hosting, session) = connect(settings, &asked).await?;
    let mut screen = Screen::take(&home.host_errors())?;
    #[cfg(debug_assertions)]
    panic_where_asked(&session);
    let mut dashboard = Dashboard::new(&home, session, hosting.is_some());
    let end = loop {
        let end = dashboard.run(&mut screen).await;
        if end != End::Suspended {
            break end;
        }
        hosting = suspend(hosting, screen, &mut dashboard).await?;
        screen = Screen::take(&home.host_errors())?;
    };
    match end {
        End::Vanished => screen.abandon(),
        End::Quit(QuitChoice::StopAndQuit) | End::Signalled => {
            // The screen shows how it goes until the very end.
            if let Some(host) = hosting.take() {
                dashboard.farewell(&mut screen, host).await;
            }
            drop(screen);
        }
        End::Quit(QuitChoice::Leave | QuitChoice::Background) | End::Panicked | End::Suspended => {
            drop(screen);
        }
    }
    let code = i32::from(end == End::Panicked);
    let Some(host) = hosting else { return Ok(code) };
    if !wants_up(&host) {
        // What is still on its way down is seen to its end.
        if host.handle().facts().state_name() == State::Stopping {
            let _ = host.shutdown().await;
        } else {
            host.leave().await;
        }
        return Ok(code);
    }
    let said = match background::hand_over(&home, host).await {
        Ok(pid) => format!("Temporal keeps running, watched by the background host {pid}"),
        Err(error) => {
            format!("Temporal keeps running, but {error}; `stigmer local` watches it again")
        }
    };
    match end {
        End::Vanished => tracing::info!("{said}"),
        End::Quit(_) | End::Suspended | End::Signalled | End::Panicked => say(&said),
    }
    Ok(code)
}

/// Gives Temporal to a background host and the terminal to the shell, and stops.
/// Continued, the dashboard is a viewer; or the host again where nobody else is,
/// and then of whatever there is: a start is for the operator to ask for.
async fn suspend(
    hosting: Option<Host>,
    screen: Screen,
    dashboard: &mut Dashboard,
) -> Result<Option<Host>, TuiError> {
    let Some(host) = hosting else {
        drop(screen);
        job::suspend().await?;
        return Ok(None);
    };
    let settings = (*host.handle().facts().settings).clone();
    let handed_over = if wants_up(&host) || host.handle().facts().state_name() == State::Stopping {
        background::hand_over(&settings.home, host).await.map(Some)
    } else {
        // The counters are for whoever hosts next.
        let _ = host.release().await.await;
        Ok(None)
    };
    drop(screen);
    match handed_over {
        Ok(Some(pid)) => say(&format!("the background host {pid} watches Temporal meanwhile")),
        Ok(None) => {}
        Err(error) => say(&format!("Temporal keeps running, but {error}")),
    }
    job::suspend().await?;
    let host = match Host::start(settings.clone(), Mode::Tui) {
        Ok(host) => Some(host),
        Err(HostError::Running) => None,
        Err(error) => return Err(error.into()),
    };
    let session = match &host {
        Some(host) => Session::Local(host.handle().clone()),
        None => attach(&settings.home).await?,
    };
    dashboard.look_at(session, host.is_some());
    Ok(host)
}

fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(io::stdout(), "{text}");
    tracing::info!("{text}");
}

/// Whether anything of ours runs or is coming.
fn wants_up(host: &Host) -> bool {
    let facts = host.handle().facts();
    facts.want == Want::Up && facts.is_managed() && facts.state_name() != State::Failed
}

/// Becomes the host, or attaches to the one that runs.
async fn connect(settings: Settings, asked: &Options) -> Result<(Option<Host>, Session), TuiError> {
    let home = settings.home.clone();
    match Host::start(settings.clone(), Mode::Tui) {
        Ok(host) => {
            // Its outcome is on the screen.
            let _ = host.handle().begin(Command::Start).await;
            let session = Session::Local(host.handle().clone());
            Ok((Some(host), session))
        }
        Err(HostError::Running) => {
            let session = attach(&home).await?;
            session.bring_up(&settings, asked)?;
            Ok((None, session))
        }
        Err(error) => Err(error.into()),
    }
}

async fn attach(home: &Home) -> Result<Session, TuiError> {
    let deadline = Instant::now() + ATTACHING;
    loop {
        match Session::connect(home).await {
            Ok(session) => return Ok(session),
            Err(ClientError::NoHost) if Instant::now() < deadline && host::is_hosted(home) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(ClientError::Foreign(why)) => return Err(TuiError::Foreign(why)),
            Err(source) => {
                let remedy = host::remedy(home);
                return Err(TuiError::Attach { home: home.to_string(), source, remedy });
            }
        }
    }
}

/// For the test that a panic gives the screen back: one in a task, once Temporal is ready.
#[cfg(debug_assertions)]
fn panic_where_asked(session: &Session) {
    if std::env::var_os("STIGMER_TEST_PANIC").is_some() {
        let session = session.clone();
        tokio::spawn(async move {
            let mut changes = session.changes();
            while !session.view().snapshot.status.state.is_up() && changes.next().await {}
            panic!("asked for by STIGMER_TEST_PANIC");
        });
    }
}

struct Dashboard {
    home: Home,
    session: Session,
    viewer: Viewer,
    ui: Ui,
    log: LogPane,
    log_file: Follower,
    own: OwnLog,
    own_file: Follower,
    toast_until: Option<Instant>,
    /// To be opened in a pager.
    read: Option<LogFile>,
}

impl Dashboard {
    fn new(home: &Home, session: Session, hosts: bool) -> Self {
        Self {
            home: home.clone(),
            session,
            viewer: Viewer { hosts, ..Viewer::default() },
            ui: Ui::new(theme(), symbols()),
            log: LogPane::default(),
            log_file: Follower::new(&home.temporal_log(), Start::Tail(PAST)),
            own: OwnLog::default(),
            own_file: Follower::new(&home.stigmer_log(), Start::Tail(1_000)),
            toast_until: None,
            read: None,
        }
    }

    fn look_at(&mut self, session: Session, hosts: bool) {
        self.session = session;
        self.viewer.hosts = hosts;
    }

    async fn run(&mut self, screen: &mut Screen) -> End {
        let mut events = EventStream::new();
        let mut changes = self.session.changes();
        let mut census = Census::begin(self.session.clone());
        let (done, mut outcomes) = mpsc::unbounded_channel::<Result<(), ApiError>>();
        let (gone, mut vanished) = mpsc::channel::<()>(1);
        hangup::watch(move || {
            let _ = gone.blocking_send(());
        });
        let signals = (
            signal(SignalKind::hangup()),
            signal(SignalKind::from_raw(libc::SIGTSTP)),
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        );
        let (Ok(mut hangup), Ok(mut suspend), Ok(mut terminate), Ok(mut interrupt)) = signals
        else {
            return End::Signalled;
        };
        let mut next_frame = Instant::now();
        let mut dirty = true;
        loop {
            if terminal::has_panicked() {
                return End::Panicked;
            }
            if dirty && Instant::now() >= next_frame {
                if self.draw(screen).is_err() {
                    return End::Vanished;
                }
                dirty = false;
                next_frame = Instant::now() + FRAME;
            }
            let tick = if dirty {
                next_frame
            } else {
                Instant::now() + presenter::tick(&self.session.view().snapshot)
            };
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if input::is_suspend(&event) {
                            return End::Suspended;
                        }
                        if let Some(input) = input::map(&event) {
                            dirty = true;
                            // A key is answered at once, not at the next beat.
                            next_frame = Instant::now();
                            if let Some(end) = self.handle(input, &done) {
                                return end;
                            }
                            if let Some(file) = self.read.take() {
                                // Two readers would share the keys between them.
                                drop(events);
                                let end = tokio::select! {
                                    () = self.page(screen, file) => None,
                                    _ = terminate.recv() => Some(End::Signalled),
                                    _ = hangup.recv() => Some(End::Vanished),
                                    Some(()) = vanished.recv() => Some(End::Vanished),
                                };
                                if end == Some(End::Signalled) {
                                    let _ = screen.resume();
                                }
                                if let Some(end) = end {
                                    return end;
                                }
                                events = EventStream::new();
                            }
                        }
                    }
                    Some(Err(_)) | None => return End::Vanished,
                },
                changed = changes.next() => {
                    if !changed {
                        return End::Quit(QuitChoice::Leave);
                    }
                    dirty = true;
                }
                workflows = census.next() => {
                    self.viewer.workflows = workflows;
                    dirty = true;
                }
                Ok(batch) = self.log_file.next() => {
                    self.log.push(&batch);
                    dirty = true;
                }
                Ok(batch) = self.own_file.next() => {
                    self.own.push(&batch);
                    dirty = true;
                }
                Some(outcome) = outcomes.recv() => {
                    self.viewer.under_way = None;
                    if let Err(error) = outcome && error.code != "superseded" {
                        self.toast(error.message.lines().next().unwrap_or_default());
                    }
                    dirty = true;
                }
                Some(()) = vanished.recv() => return End::Vanished,
                _ = hangup.recv() => return End::Vanished,
                _ = suspend.recv() => return End::Suspended,
                _ = terminate.recv() => return End::Signalled,
                _ = interrupt.recv() => return End::Signalled,
                () = tokio::time::sleep_until(tick.into()) => dirty = true,
            }
        }
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        if self.toast_until.is_some_and(|until| Instant::now() >= until) {
            self.viewer.toast = None;
            self.toast_until = None;
        }
        tui_logger::move_events();
        let model = presenter::present(&self.session.view(), &self.viewer);
        let (ui, log, own) = (&mut self.ui, &self.log, &self.own);
        let palette = *ui.palette();
        let drawn = screen.draw(|frame| {
            let area = frame.area();
            ui.render(frame.buffer_mut(), area, &model, log, &mut |rect, buffer| {
                own.render(rect, buffer, &palette);
            });
        });
        self.log.forget();
        drawn
    }

    fn handle(
        &mut self,
        input: Input,
        done: &mpsc::UnboundedSender<Result<(), ApiError>>,
    ) -> Option<End> {
        let model = presenter::present(&self.session.view(), &self.viewer);
        let (order, word) = match self.ui.handle(input, &model, &self.log)? {
            Action::Start => (Order::Start, "starting"),
            Action::Stop => (Order::Stop, "stopping"),
            Action::Restart => (Order::Restart, "restarting"),
            Action::Quit(choice) => return Some(End::Quit(choice)),
            Action::OpenWebUi => {
                self.open_web_ui(model.ui_url.as_deref());
                return None;
            }
            Action::PaneKey(key) => {
                self.own.key(key);
                return None;
            }
            Action::Copy(copied) => {
                self.copy(&copied);
                return None;
            }
            Action::OpenFile(file) => {
                self.read = Some(file);
                return None;
            }
        };
        self.viewer.under_way = Some(word);
        let (session, done) = (self.session.clone(), done.clone());
        tokio::spawn(async move {
            // The dashboard may be gone by then.
            let _ = done.send(session.order(order).await);
        });
        None
    }

    /// Without a display the address is all that can be given.
    fn open_web_ui(&mut self, url: Option<&str>) {
        let Some(url) = url else { return self.toast("there is no web UI") };
        let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some());
        if cfg!(target_os = "macos") || (display && std::env::var_os("SSH_CONNECTION").is_none()) {
            match open::that_detached(url) {
                Ok(()) => self.toast(&format!("opening {url}")),
                Err(error) => self.toast(&format!("cannot open {url}: {error}")),
            }
        } else {
            let copied = crossterm::execute!(
                io::stdout(),
                crossterm::clipboard::CopyToClipboard::to_clipboard_from(url)
            );
            let said = if copied.is_ok() { "no display here; copied" } else { "no display here:" };
            self.toast(&format!("{said} {url}"));
        }
    }

    /// By OSC 52: over SSH as well, and without a display.
    fn copy(&mut self, copied: &Copied) {
        use crossterm::clipboard::CopyToClipboard;
        let sequence = CopyToClipboard::to_clipboard_from(copied.text.trim_end_matches('\n'));
        let lines = human::counted(copied.lines as u64, "line", "lines");
        let said = match (crossterm::execute!(io::stdout(), sequence), copied.left_out) {
            (Err(error), _) => format!("cannot copy: {error}"),
            (Ok(()), 0) => format!("copied {lines}"),
            (Ok(()), more) => format!("copied {lines}; {more} more is more than terminals take"),
        };
        self.toast(&said);
    }

    /// Gives the terminal to a pager until that ends.
    async fn page(&mut self, screen: &mut Screen, file: LogFile) {
        let path = match file {
            LogFile::Temporal => self.home.temporal_log(),
            LogFile::Own => self.home.stigmer_log(),
        };
        let ran = match screen.suspend() {
            Ok(()) => pager::show(&path).await,
            Err(error) => Err(error.to_string()),
        };
        let back = screen.resume().map_err(|error| error.to_string());
        if let Err(error) = ran.and(back) {
            self.toast(&error);
        }
    }

    fn toast(&mut self, text: &str) {
        self.viewer.toast = Some(text.to_owned());
        self.toast_until = Some(Instant::now() + TOAST);
    }

    /// Stops Temporal with the screen still there.
    async fn farewell(&mut self, screen: &mut Screen, host: Host) {
        self.viewer.under_way = Some("stopping");
        let shutdown = host.shutdown();
        tokio::pin!(shutdown);
        loop {
            let _ = self.draw(screen);
            tokio::select! {
                outcome = &mut shutdown => {
                    if let Err(error) = outcome {
                        tracing::error!(%error, "not stopped");
                    }
                    return;
                }
                () = tokio::time::sleep(FRAME) => {}
            }
        }
    }
}

fn theme() -> Theme {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let contains =
        |name: &str, word: &str| std::env::var(name).is_ok_and(|value| value.contains(word));
    if set("NO_COLOR") {
        Theme::NoColor
    } else if set("COLORTERM") || contains("TERM", "256color") || contains("TERM", "direct") {
        Theme::Dark
    } else {
        Theme::Ansi16
    }
}

fn symbols() -> Symbols {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    if utf8 { Symbols::Unicode } else { Symbols::Ascii }
}
