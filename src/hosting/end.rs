//! Ends a host that does not respond, for a command.

use super::deadlines::{LEAVING, TERMINATING};
use super::{Notice, Notify, Unresponsive, holder};
use crate::control::client::ClientError;
use crate::facts::Intent;
use crate::paths::Home;
use crate::process::Pid;
use crate::process::identity::{Proven, Signal};
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
    /// The server was started elsewhere and keeps running. The host that watched it has ended.
    LeftAlone,
    /// The server was started elsewhere and keeps running. Its host is a dashboard and keeps running
    /// too.
    Watched,
    /// There was no server.
    Nothing,
}

/// The reason why a server or a host did not end.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The host refuses, or cannot be reached.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// The host does not respond, and cannot be ended from here.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// The host does not respond, and cannot be signalled.
    #[error("cannot end the host: {0}")]
    Signal(io::Error),
    /// The host lock cannot be opened.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// The host lock.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The server of the home may run.
    #[error(
        "cannot find the server of {home}: {source}; nothing was deleted. Make the home readable and \
         try again"
    )]
    Unknown {
        /// The home.
        home: String,
        /// The error of the system.
        source: io::Error,
    },
    /// A process that cannot be proven to be a server of this home holds the lock. Nothing is signalled.
    #[error(
        "cannot stop the process that holds {path}: {who}. That process cannot be proven to be a \
         server of this home, so nothing was signalled; stop that process yourself, or choose another \
         home with --home"
    )]
    Unproven {
        /// The lock of the server.
        path: PathBuf,
        /// The process.
        who: String,
    },
    /// The processes of the server are not visible here.
    #[error(
        "{path} was recorded in another container or pid namespace (pid {pid}), where it may \
         still run; nothing was signalled. Stop it there, or choose another home with --home"
    )]
    Elsewhere {
        /// The record of the server.
        path: PathBuf,
        /// Its pid in the other namespace.
        pid: Pid,
    },
    /// A process of the server survives SIGKILL.
    #[error("pid {0} does not end, not even by SIGKILL; see `ps -o pid,stat,wchan {0}`")]
    Survivor(Pid),
    /// No request can be sent.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl StopError {
    pub(super) fn unknown(home: &Home) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unknown { home: home.to_string(), source }
    }
}

/// Ends a host that holds its lock and does not respond, for example because it is stopped by a
/// signal. `host` was the host of this home before the request. If another host has replaced it, this
/// function does nothing, because that host got no request; the caller sends the request again.
pub(super) fn end_unresponsive(
    home: &Home,
    host: io::Result<Option<Proven>>,
    notify: Notify<'_>,
) -> Result<(), StopError> {
    holder::check_local(home)?;
    let Some(host) = host.map_err(StopError::Signal)? else { return Ok(()) };
    // If the host has ended meanwhile, a command may hold the lock.
    if !holder::is_held_by(home, &host).map_err(StopError::Signal)? || holder::work(home).is_some()
    {
        return Ok(());
    }
    want_down(home, notify);
    notify(&Notice::EndsHost(host.pid()));
    // A host whose socket is unreachable ends by SIGTERM and disarms its watchdog.
    for (signal, patience) in [(Signal::Term, TERMINATING), (Signal::Kill, LEAVING)] {
        host.signal(signal).map_err(StopError::Signal)?;
        if watch::wait_exit(&host, patience) {
            break;
        }
    }
    Ok(())
}

/// Records the intent "down", so that the watchdog does not replace the host.
pub(super) fn want_down(home: &Home, notify: Notify<'_>) {
    if matches!(Intent::read(home), Ok(None | Some(Intent { want: Want::Down, .. }))) {
        return;
    }
    if let Err(error) = Intent::write_down(home) {
        notify(&Notice::Unwritten(home.intent(), error));
    }
}
