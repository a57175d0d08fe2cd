//! A host, which is the process that supervises the server of one home. It runs the manager, the
//! supervisor and the control socket. A file lock (flock) makes sure that a home has at most one
//! host. A host takes the lock, then the socket, then the server, and releases them in reverse
//! order.

use super::deadlines::{DYING, PAUSE};
use super::guard::{attempts, guard};
use super::holder::{self, holder};
use super::keeper::HomeKeeper;
use super::unhosted::adoptable;
use crate::config::Settings;
use crate::control::server::Server;
use crate::facts::HandOver;
use crate::facts::Intent;
use crate::facts::chronicle::Chronicle;
use crate::log::own;
use crate::manager::{Command, Handle, Manager, Outcome, gave_up};
use crate::paths::files::{self, Unreadable};
use crate::paths::{self, Home, HomeError};
use crate::process::lock::HostLock;
use crate::process::{linux, look};
use crate::protocol::Mode;
use crate::session::Session;
use crate::supervisor::{Cause, Want};
use crate::unit::sweeps::Sweeps;
use crate::watchdog::{self, Death};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The reason why this process is not the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Another process is the host.
    #[error("another host already runs for this home; run the command again to use that host")]
    Running,
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file of the home cannot be used.
    #[error("cannot become the host: cannot use {path}: {source}; {next}", next = files::hint(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The threads that repair the server cannot be created.
    #[error(
        "the host cannot create threads: {0}; end some processes, or raise the limit (`ulimit -u`)"
    )]
    Threads(io::Error),
}

impl From<Unreadable> for HostError {
    fn from(Unreadable { path, source }: Unreadable) -> Self {
        Self::Io { path, source }
    }
}

/// The result of an attempt to replace a host that died.
#[derive(Debug)]
pub enum Resumed {
    /// This process is the new host.
    Host(Box<Host>),
    /// The operator has stopped the server, so no host is needed.
    Stopped,
    /// Too many hosts in a row died soon after their start. So this process does not become a host.
    GivenUp,
}

/// The result of [`Host::release`]: the host has left, and the server keeps running.
#[derive(Debug)]
pub struct Released {
    /// The state for the next host. `None` after a panic of the manager, and if the lock of this
    /// host is not in place.
    pub hand_over: Option<HandOver>,
    /// Sends the last responses to the clients, then ends.
    pub last_responses: JoinHandle<()>,
}

/// This process in its role as the host of a home.
#[derive(Debug)]
pub struct Host {
    handle: Handle,
    control: Server,
    manager: JoinHandle<()>,
    guard: JoinHandle<()>,
    keeper: Arc<HomeKeeper>,
    keeping: JoinHandle<()>,
    resumes: bool,
    sweeps: Sweeps,
    // This must be the last field, because Rust drops fields in order. The next host can take the
    // home as soon as this lock is free, so this host must have freed everything else before.
    lock: Arc<HostLock>,
}

impl Host {
    /// Makes this process the host. Continues with the state that an earlier host has handed over,
    /// and adopts a running server. If no server runs, a background host starts one at once. A
    /// dashboard or `--no-tui` waits for a `Start` command.
    ///
    /// # Errors
    /// If another process is the host, or the home cannot be used.
    pub fn start(settings: Settings, mode: Mode) -> Result<Self, HostError> {
        let lock = take_lock(&settings.home)?.ok_or(HostError::Running)?;
        Self::begin(lock, settings, mode, None)
    }

    /// Makes this process the background host, if the server of this home runs and is to run. `None`
    /// otherwise.
    ///
    /// # Errors
    /// If another process is the host, or the home cannot be used.
    pub fn adopt(home: &Home) -> Result<Option<Self>, HostError> {
        // Search only while this process holds the lock, so that no `stop` command is missed.
        let lock = take_lock(home)?.ok_or(HostError::Running)?;
        let unusable = |source| HostError::Io { path: home.root().to_owned(), source };
        let options = adoptable(home).map_err(|error| unusable(io::Error::other(error)))?;
        let Some(options) = options else { return Ok(None) };
        let settings = Settings::resolve(home.clone(), options)
            .map_err(|error| unusable(io::Error::other(error)))?;
        Self::begin(lock, settings, Mode::Background, None).map(Some)
    }

    /// Replaces a host that died, and continues with the options of that host. Does nothing if the
    /// operator has stopped the server meanwhile.
    ///
    /// # Errors
    /// If another process is the host, or the home cannot be used.
    pub async fn resume(home: &Home, death: Death) -> Result<Resumed, HostError> {
        match home.root().metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Resumed::Stopped),
            Err(source) => return Err(HostError::Io { path: home.root().to_owned(), source }),
            Ok(_) => {}
        }
        let begun = Instant::now();
        let lock = loop {
            if let Some(lock) = take_lock(home)? {
                break lock;
            }
            // A `stop` command may hold the lock. It writes the intent "down" before it takes the
            // lock. If the intent cannot be read now, the code below reads it again after this
            // process has got the lock.
            if matches!(Intent::is_down(home), Ok(true)) {
                return Ok(Resumed::Stopped);
            }
            if begun.elapsed() > DYING {
                return Err(HostError::Running);
            }
            tokio::time::sleep(PAUSE).await;
        };
        // Read the intent only while this process holds the lock, so that no `stop` command is
        // missed. A command that held the lock before has already written the intent "down". A
        // later command finds the lock held, and sends its request to this host.
        let options = match Intent::read(home)? {
            Some(Intent { want: Want::Up, options, .. }) => options,
            Some(Intent { want: Want::Down, .. }) | None => return Ok(Resumed::Stopped),
        };
        let settings = Settings::resolve(home.clone(), options).map_err(|error| HostError::Io {
            path: home.intent(),
            source: io::Error::other(error),
        })?;
        if death.attempt > attempts(&settings) {
            tracing::error!(
                hosts = death.attempt,
                "several hosts in a row died soon after their start: starting no further host"
            );
            let why = format!("{} hosts in a row died soon after their start", death.attempt);
            if let Err(error) = Chronicle::open(&home.events()).write(&gave_up(home, &why)) {
                tracing::warn!(%error, "cannot write into the timeline");
            }
            return Ok(Resumed::GivenUp);
        }
        let host = Self::begin(lock, settings, Mode::Background, Some(death))?;
        Ok(Resumed::Host(Box::new(host)))
    }

    fn begin(
        lock: HostLock,
        settings: Settings,
        mode: Mode,
        after: Option<Death>,
    ) -> Result<Self, HostError> {
        crate::process::descriptors::raise_limit();
        crate::process::threads::start().map_err(HostError::Threads)?;
        own::defer();
        let home = settings.home.clone();
        let path = home.supervisor_lock();
        let (before, was_killed) = (holder(&home), holder::killed_host(&home).is_some());
        crate::process::spawn::become_subreaper();
        let lock = Arc::new(lock);
        let sweeps = Sweeps::new(&lock);
        let (mut manager, handle) = Manager::new(settings, mode, sweeps.clone())?;
        // Write the identity of this host only after all steps that may fail. If this process
        // failed with its identity in the lock, the next host would report that this host was
        // killed.
        if let Err(error) = lock.write(&holder::host_text(mode)) {
            // The lock protects this host even without the text. The manager writes the text later,
            // as soon as possible.
            tracing::warn!(
                path = %path.display(), %error,
                "cannot write the identity of this host into its lock file"
            );
        }
        let name = before.map_or_else(String::new, |before| format!("pid {}", before.pid));
        match after {
            Some(death) => {
                let now = linux::since_boot().unwrap_or(death.at);
                manager.succeed(name, now.saturating_sub(death.at));
            }
            // The previous host was killed, and no watchdog has replaced it.
            None if was_killed && !manager.resumes() && wants_up(&home) => manager.mourn(name),
            None => {}
        }
        let resumes = manager.resumes();
        let control = Server::start(&home, &handle, &lock);
        let manager = tokio::spawn(manager.run());
        let guard = tokio::spawn(guard(handle.clone()));
        let keeper = Arc::new(HomeKeeper {
            home: home.clone(),
            lock: Arc::downgrade(&lock),
            socket: control.socket(),
            handle: handle.clone(),
            lost: CancellationToken::new(),
            last: Default::default(),
        });
        let keeping = tokio::spawn(keeper.clone().run());
        tracing::info!(home = %home.root().display(), mode = mode.as_str(), resumes, "hosting");
        Ok(Self { handle, control, manager, guard, keeper, keeping, resumes, sweeps, lock })
    }

    /// Whether an earlier host has left the intent (whether the server is to run) for this host. If
    /// so, this host needs no request to start the server.
    #[must_use]
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Returns a session with this host.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::Local(self.handle.clone(), self.control.watcher())
    }

    /// The handle of the manager.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns a token that is cancelled after a client has requested the end of the host. Then the
    /// server is stopped, or this host could not prove that the server has ended. In the second
    /// case the client searches for the server.
    #[must_use]
    pub fn shutdown_requested(&self) -> CancellationToken {
        self.control.end_requested()
    }

    /// Returns a token that is cancelled after another host has taken the home. By then, the server
    /// belongs to the other host or is stopped. This host only has to [leave](Self::leave).
    #[must_use]
    pub fn home_lost(&self) -> CancellationToken {
        self.keeper.lost.clone()
    }

    /// Stops the server and ends the host.
    pub async fn shutdown(self) -> Outcome {
        self.shutdown_until(std::future::pending()).await
    }

    /// Stops the server and ends the host. The grace period of the stop ends early when `impatient`
    /// completes: then the server is killed.
    pub async fn shutdown_until(self, impatient: impl Future<Output = ()>) -> Outcome {
        let outcome = match self.keeper.keep().await {
            true => self.stop_until(impatient).await,
            false => Ok(()),
        };
        self.leave().await;
        outcome
    }

    async fn stop_until(&self, impatient: impl Future<Output = ()>) -> Outcome {
        let mut stopping = std::pin::pin!(self.handle.command(Command::Stop(Cause::Shutdown)));
        tokio::select! {
            // Poll the stop before `impatient`: the stop must begin its grace period before
            // `impatient` can end it.
            biased;
            outcome = &mut stopping => outcome,
            () = impatient => {
                self.handle.end_grace().await;
                stopping.await
            }
        }
    }

    /// Ends the host, keeps the server running, and writes the state for the next host. If the
    /// server is to run, the watchdog stays armed. The watchdog may start a host although the
    /// caller starts one too. In that case, the later host exits.
    pub async fn release(self) -> Released {
        let home = self.handle.facts().settings.home.clone();
        self.keeper.settle().await;
        // Test the lock only after the release: the release waits for a launch in progress, and
        // meanwhile another process may take the lock.
        let hand_over = self.handle.release().await.filter(|_| self.lock.is_in_place());
        let is_down = self.handle.facts().want == Want::Down;
        let written = hand_over.clone().map(|hand_over: HandOver| {
            let to = home.clone();
            look::bounded(home.root(), move |_| hand_over.write(&to))
        });
        if let Some(Err(error)) = written {
            tracing::error!(
                %error,
                "cannot write the hand-over file, which has the restart counts for the next host"
            );
        }
        let last_responses = self.free().await;
        if is_down {
            watchdog::disarm();
        }
        Released { hand_over, last_responses }
    }

    /// Ends the host without a hand-over, because the server is stopped or belongs to someone else.
    pub async fn leave(self) {
        let last_responses = self.free().await;
        watchdog::disarm();
        // An error means that the task has panicked. The panic hook has reported it.
        let _ = last_responses.await;
    }

    async fn free(self) -> JoinHandle<()> {
        self.guard.abort();
        // Wait until the guard task has ended. After that, no other code arms or disarms the
        // watchdog.
        let _ = self.guard.await;
        // Wait until a check in progress has ended. The thread of the check keeps the host lock
        // open, so the next host could not take the lock.
        let idle = self.keeper.last.lock().await;
        // Stop the regular checks before the socket is deleted: a check would create the socket
        // again.
        self.keeping.abort();
        drop(idle);
        let _ = self.keeping.await;
        let last_responses = self.control.stop();
        let mode = self.handle.facts().host.mode;
        self.manager.abort();
        if !self.sweeps.end().await {
            tracing::error!(
                "this host ends, although its search for processes of the server is blocked in the \
                 kernel: no other host can start for this home until this process has ended"
            );
        }
        let lock = self.lock.clone();
        let written =
            look::bounded(self.lock.home(), move |_| lock.write(&holder::left_text(mode)));
        match written {
            // The file system of the home does not respond. Closing the lock file may block, so
            // keep the file open until this process ends.
            Err(error) if look::is_silence(&error) => {
                tracing::warn!(
                    %error,
                    "cannot write into the host lock: the home stays locked until this process \
                     has ended"
                );
                std::mem::forget(self.lock);
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "cannot write into the host lock: the next host will report this host as killed"
                );
            }
            Ok(()) => {}
        }
        last_responses
    }
}

/// Creates the folders of a home, see [`Home::prepare`].
///
/// # Errors
/// If the home cannot be used, for example because its file system does not respond.
pub fn prepare(home: &Home) -> Result<(), HomeError> {
    let (root, prepared) = (home.root(), home.clone());
    look::bounded(root, move |_| Ok(prepared.prepare(paths::allows_network())))
        .unwrap_or_else(|source| Err(HomeError::Io { path: root.to_owned(), source }))
}

/// Takes the host lock. `None` if another process holds the lock.
fn take_lock(home: &Home) -> Result<Option<HostLock>, HostError> {
    prepare(home)?;
    let path = home.supervisor_lock();
    HostLock::take(&path).map_err(|source| HostError::Io { path, source })
}

fn wants_up(home: &Home) -> bool {
    match Intent::read(home) {
        Ok(intent) => intent.is_some_and(|intent| intent.want == Want::Up),
        Err(error) => {
            tracing::warn!(%error, "cannot read whether the server of the last host was to run");
            false
        }
    }
}

#[cfg(test)]
mod tests;
