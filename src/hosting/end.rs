//! Ends a host that does not respond, on behalf of a command such as `stop`.

use super::deadlines::{LEAVING, PAUSE, TERMINATING};
use super::{Notice, Notify, Patience, Unresponsive, holder};
use crate::control::client::ClientError;
use crate::facts::Intent;
use crate::paths::{Home, files};
use crate::process::Pid;
use crate::process::identity::{Identity, Proven, Signal};
use crate::process::watch;
use crate::runtime::RuntimeError;
use crate::supervisor::Want;
use std::io;
use std::path::PathBuf;

/// The result of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The server of this home is stopped.
    Ours,
    /// The server keeps running, because stigmer did not start the server. The host that watched it
    /// has ended.
    LeftAlone,
    /// The server keeps running, because stigmer did not start the server. The host, a dashboard,
    /// still watches it.
    Watched,
    /// No server was running.
    Nothing,
}

/// The reason why a server or a host did not end.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The host refuses the request, or cannot be reached.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// The host does not respond, and this process cannot end it.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// The host does not respond, and this process cannot send a signal to the host.
    #[error(
        "cannot send a signal to the host that does not respond: {0}; end the host yourself: its \
         pid is in `supervisor.lock` in the home"
    )]
    Signal(io::Error),
    /// The host lock cannot be opened.
    #[error("cannot lock {path}: {source}; {next}", next = files::hint(.source))]
    Lock {
        /// Path of the host lock.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The search for the server has failed. So a server may still run.
    #[error(
        "cannot find the server of {home}: {source}; stigmer has deleted nothing. Make the home \
         readable and try again"
    )]
    Unknown {
        /// The home.
        home: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A process has locked the lock file of the server, but stigmer cannot prove that the process
    /// is a server of this home. So stigmer sends no signal to the process.
    #[error(
        "cannot stop {who}, the process that has locked {path}: stigmer cannot verify that this \
         process is a server of this home, so stigmer did not signal it. Stop that process \
         yourself, or choose another home with --home"
    )]
    Unproven {
        /// Path of the lock of the server.
        path: PathBuf,
        /// Description of the process.
        who: String,
    },
    /// The server was started in another container or pid namespace, so this process cannot see the
    /// processes of the server.
    #[error(
        "{path} records a server in another container or pid namespace (pid {pid}), where that \
         server may still run; stigmer did not signal it. Stop the server there, or choose another \
         home with --home"
    )]
    Elsewhere {
        /// Path of the file with the record of the server (`temporal.pid`).
        path: PathBuf,
        /// Pid of the server in its own namespace.
        pid: Pid,
    },
    /// A process of the server is still alive after SIGKILL.
    #[error(
        "the server process {0} does not end, not even by SIGKILL, because it is blocked in the \
         kernel; run `ps -o pid,stat,wchan {0}` to see what it waits for"
    )]
    Survivor(Pid),
    /// This process cannot create the runtime (tokio) that sends requests.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl StopError {
    pub(super) fn unknown(home: &Home) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unknown { home: home.to_string(), source }
    }
}

/// Ends a host that holds the host lock but does not respond, for example because SIGSTOP has
/// stopped it. `host` is the process that held the host lock before the request. Does nothing if
/// another process is the host now, because the new host has not received the request. The caller
/// then sends the request again.
pub(super) fn end_unresponsive(
    home: &Home,
    host: io::Result<Option<Proven>>,
    notify: Notify<'_>,
) -> Result<(), StopError> {
    let Some(host) = unresponsive(home, host)? else { return Ok(()) };
    want_down(home, notify);
    notify(&Notice::EndsHost(host.pid()));
    // Try SIGTERM first: a host without a reachable socket can still end cleanly on SIGTERM, and
    // disarms its watchdog.
    for (signal, patience) in [(Signal::Term, TERMINATING), (Signal::Kill, LEAVING)] {
        host.signal(signal).map_err(StopError::Signal)?;
        if watch::wait_exit(&host, patience) {
            break;
        }
    }
    Ok(())
}

/// Like [`end_unresponsive`], but the server and the workers keep running, because the host has no
/// time to stop them. The intent stays too, so the watchdog may start the next host.
pub(super) fn kill_unresponsive(
    home: &Home,
    host: io::Result<Option<Proven>>,
    notify: Notify<'_>,
) -> Result<(), StopError> {
    let Some(host) = unresponsive(home, host)? else { return Ok(()) };
    notify(&Notice::EndsHost(host.pid()));
    host.signal(Signal::Kill).map_err(StopError::Signal)?;
    let _ = watch::wait_exit(&host, LEAVING);
    Ok(())
}

/// The wait of a command for the end of a host that refuses requests because it leaves. Another host may
/// follow.
#[derive(Debug)]
pub(super) struct LeavingHost {
    holder: Option<Identity>,
    patience: Patience,
}

impl LeavingHost {
    pub(super) fn new() -> Self {
        Self { holder: None, patience: Patience::new(LEAVING) }
    }

    /// Pauses before the command sends its request again. Kills a host that has been leaving for too long.
    /// `host` is the process that held the host lock before the refused request.
    pub(super) fn wait(
        &mut self,
        home: &Home,
        host: io::Result<Option<Proven>>,
        notify: Notify<'_>,
    ) -> Result<(), StopError> {
        let holder = holder(home);
        if holder != self.holder {
            // Start the time limit only now, because the refused request may have taken long.
            self.patience.renew();
            self.holder = holder;
        }
        if self.patience.is_over(home, notify) {
            self.patience.renew();
            return kill_unresponsive(home, host, notify);
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}

/// The host to end. `None` if it has released the lock, or if a command holds the lock: commands end
/// by themselves.
fn unresponsive(
    home: &Home,
    host: io::Result<Option<Proven>>,
) -> Result<Option<Proven>, StopError> {
    holder::check_local(home)?;
    let Some(host) = host.map_err(StopError::Signal)? else { return Ok(None) };
    let is_host = holder::is_held_by(home, &host).map_err(StopError::Signal)?;
    Ok(Some(host).filter(|_| is_host && holder::work(home).is_none()))
}

/// Writes the intent "down" (the server is not to run) into the home, so that no watchdog starts
/// the server or a host again.
pub(super) fn want_down(home: &Home, notify: Notify<'_>) {
    if matches!(Intent::read(home), Ok(None | Some(Intent { want: Want::Down, .. }))) {
        return;
    }
    if let Err(error) = Intent::write_down(home) {
        notify(&Notice::Unwritten(home.intent(), error));
    }
}
