//! Keeps a host reachable: restores lock, socket and record when somebody deletes
//! them, and leaves the home when another host has taken it.

use super::allows_network;
use crate::control::server::Socket;
use crate::manager::{Command, Handle, Intent};
use crate::paths::{self, Home, HomeError};
use crate::process::lock::{HostLock, LockState};
use crate::process::record::Record;
use crate::supervisor::{Cause, Owner};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Between two checks. Each reads the metadata of four files.
const BEAT: Duration = Duration::from_secs(1);

/// A new host adopts the server of its home within this time after it took the lock.
const ADOPTION: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Keeper {
    pub home: Home,
    /// Weak: it must not keep a host that has left in possession of the lock.
    pub lock: Weak<HostLock>,
    pub socket: Arc<Socket>,
    pub handle: Handle,
    /// Cancelled to end the host.
    pub end: CancellationToken,
}

impl Keeper {
    /// Checks until the host ends or has lost its home.
    pub(super) async fn run(self) {
        loop {
            tokio::time::sleep(BEAT).await;
            let Some(lock) = self.lock.upgrade() else { return };
            match self.check(&lock) {
                Ok(LockState::Held) => {}
                Ok(LockState::Restored) => {
                    self.handle.trouble("home", None).await;
                }
                Ok(LockState::Lost) => {
                    drop(lock);
                    return self.leave().await;
                }
                Err(error) => {
                    let what = format!(
                        "no command finds this host: cannot restore {}: {error}; make the folder \
                         writable, or stop the host with SIGTERM",
                        self.home.root().display()
                    );
                    drop(lock);
                    self.handle.trouble("home", Some(what)).await;
                }
            }
        }
    }

    fn check(&self, lock: &HostLock) -> io::Result<LockState> {
        let path = self.home.supervisor_lock();
        if !path.exists() {
            tracing::warn!(path = %path.display(), "the host lock was deleted: restoring it");
            self.home.prepare(allows_network()).map_err(|error| match error {
                HomeError::Io { source, .. } => source,
                other => io::Error::other(other.to_string()),
            })?;
        }
        let kept = lock.restore()?;
        match kept {
            LockState::Lost => return Ok(kept),
            LockState::Restored => lock.keep()?,
            LockState::Held => {}
        }
        let socket = self.socket.restore();
        let recorded = self.restore_record()?;
        if kept == LockState::Restored || socket || recorded {
            tracing::warn!(lock = ?kept, socket, record = recorded, "restored what was deleted");
            return Ok(LockState::Restored);
        }
        Ok(kept)
    }

    /// Writes the record of the running server again if it is gone, and with it the
    /// number of the last generation. Returns whether it was gone.
    fn restore_record(&self) -> io::Result<bool> {
        let path = self.home.record();
        let facts = self.handle.facts();
        let record = facts.server.as_ref().and_then(|server| server.record.as_ref());
        // The record of a server that has ended is removed on purpose.
        let Some(record) =
            record.filter(|record| !path.exists() && matches!(record.leader.is_alive(), Ok(true)))
        else {
            return Ok(false);
        };
        let lock = self.home.temporal_lock();
        if !lock.exists() {
            paths::write_private(&lock, &record.generation.to_string())?;
        }
        // The watchdog reads it.
        Intent::restore(&self.home, facts.want, &facts.settings.options)?;
        record.write(&path)?;
        Ok(true)
    }

    /// Another host has the home. It may have adopted the server; a server that it has not
    /// adopted would be out of reach of every command, so it is stopped.
    async fn leave(&self) {
        tracing::error!(
            home = %self.home.root().display(),
            "the home was deleted or replaced, and another host has taken it: leaving"
        );
        let deadline = Instant::now() + ADOPTION;
        while self.is_ours() && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        if self.is_ours() {
            tracing::warn!("the new host has not adopted the server: stopping it");
            if let Err(error) = self.handle.command(Command::Stop(Cause::Shutdown)).await {
                tracing::error!(%error, "not stopped");
            }
        }
        self.end.cancel();
    }

    /// Whether this host manages a server that the record in the home does not name.
    fn is_ours(&self) -> bool {
        let facts = self.handle.facts();
        let Some(server) = facts.server.as_ref().filter(|server| server.owner != Owner::External)
        else {
            return false;
        };
        // A record that cannot be read says nothing: the server may be the other host's.
        match Record::read(&self.home.record()) {
            Ok(record) => server.leader.as_ref() != record.as_ref().map(|record| &record.leader),
            Err(_) => false,
        }
    }
}
