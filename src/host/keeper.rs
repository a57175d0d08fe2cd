//! Keeps a host reachable: restores lock, socket and record when somebody deletes
//! them, and leaves the home when another host has taken it.

use crate::control::server::Socket;
use crate::manager::{Command, Handle, Intent};
use crate::paths::{self, Home, HomeError};
use crate::process::lock::{HostLock, LockState};
use crate::process::record::Record;
use crate::process::threads::LOOKS;
use crate::supervisor::{Cause, Owner, Want};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Between two checks. Each reads the metadata of four files.
const BEAT: Duration = Duration::from_secs(1);

/// A new host adopts the server of its home within this time after it took the lock.
const ADOPTION: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The most that a check may take. It waits for 2 s where others ask for the lock all the time.
const CHECKING: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Keeper {
    pub home: Home,
    /// Weak: it must not keep a host that has left in possession of the lock.
    pub lock: Weak<HostLock>,
    pub socket: Arc<Socket>,
    pub handle: Handle,
    /// Cancelled once another host has the home, and its server too or that one is stopped.
    pub taken: CancellationToken,
    /// Whether the last check failed. Locked while one runs.
    pub failed: Mutex<bool>,
}

impl Keeper {
    /// Checks until the host ends or has lost its home.
    pub(super) async fn run(self: Arc<Self>) {
        while self.keep().await {
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Restores what was deleted. Returns whether this host still has the home; one that has not
    /// has also left its server to the new host, or stopped it.
    pub(super) async fn keep(self: &Arc<Self>) -> bool {
        let mut failed = self.failed.lock().await;
        let Some(lock) = self.lock.upgrade().filter(|_| !self.taken.is_cancelled()) else {
            return false;
        };
        let keeper = self.clone();
        let checked = LOOKS.run(CHECKING, move || keeper.check(&lock)).await;
        match checked.unwrap_or_else(|error| Err(io::Error::other(error.to_string()))) {
            Ok(LockState::Held | LockState::Restored) => {
                if std::mem::take(&mut *failed) {
                    self.handle.trouble("home", None).await;
                }
            }
            Ok(LockState::Lost) => {
                self.leave().await;
                return false;
            }
            Err(error) => {
                *failed = true;
                let what = format!(
                    "no command finds this host: cannot restore {}: {error}; make the folder \
                     writable, or stop the host with SIGTERM",
                    self.home.root().display()
                );
                self.handle.trouble("home", Some(what)).await;
            }
        }
        true
    }

    fn check(&self, lock: &HostLock) -> io::Result<LockState> {
        let path = self.home.supervisor_lock();
        if !path.try_exists()? {
            tracing::warn!(path = %path.display(), "the host lock was deleted: restoring it");
            self.home.prepare(paths::allows_network()).map_err(|error| match error {
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
        let recorded = self.restore_records()?;
        if kept == LockState::Restored || socket || recorded {
            tracing::warn!(lock = ?kept, socket, record = recorded, "restored what was deleted");
            return Ok(LockState::Restored);
        }
        Ok(kept)
    }

    /// Writes the intent, the record of the running server and the number of the last generation
    /// again, each if it is gone. Returns whether one of the latter was.
    fn restore_records(&self) -> io::Result<bool> {
        let (path, lock) = (self.home.record(), self.home.temporal_lock());
        let (no_record, no_lock) = (!path.try_exists()?, !lock.try_exists()?);
        let facts = self.handle.facts();
        // The watchdog reads it, also where no server runs for the moment.
        if facts.want == Want::Up {
            Intent::restore(&self.home, facts.want, &facts.settings.options)?;
        }
        let record = facts.server.as_ref().and_then(|server| server.record.as_ref());
        // The record of a server that has ended is removed on purpose.
        let Some(record) = record.filter(|record| {
            (no_record || no_lock) && matches!(record.leader.is_alive(), Ok(true))
        }) else {
            return Ok(false);
        };
        if no_lock {
            paths::write_private(&lock, &record.generation.to_string())?;
        }
        if no_record {
            record.write(&path)?;
        }
        Ok(true)
    }

    /// Another host has the home. It may have adopted the server; a server that it has not
    /// adopted would be out of reach of every command, so it is stopped.
    async fn leave(&self) {
        let home = self.home.root().display();
        let what = format!("{home} was deleted or replaced, and another host has it: leaving");
        self.handle.trouble("home", Some(what)).await;
        let deadline = Instant::now() + ADOPTION;
        while self.is_ours() && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        if self.is_ours() || self.is_coming() {
            tracing::warn!("the new host has not adopted the server: stopping it");
            if let Err(error) = self.handle.command(Command::Stop(Cause::Shutdown)).await {
                tracing::error!(%error, "not stopped");
            }
        }
        self.taken.cancel();
    }

    /// Whether a start is under way or due: no record names its server yet.
    fn is_coming(&self) -> bool {
        let facts = self.handle.facts();
        facts.server.is_none() && facts.want == Want::Up
    }

    /// Whether this host manages a server that the record in the home does not name. It writes no
    /// record there itself, see [`HostLock::is_in_place`].
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

#[cfg(test)]
mod tests {
    use crate::config::{Options, Settings};
    use crate::host::Host;
    use crate::paths::Home;
    use crate::protocol::Mode;
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::time::Duration;

    #[tokio::test]
    async fn a_home_that_cannot_be_restored_is_a_trouble_until_it_can_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let host = Host::start(settings, Mode::Background).unwrap();
        let mut facts = host.handle().watch();
        let (lock, folder) = (home.supervisor_lock(), home.root().join("folder"));
        std::fs::create_dir(&folder).unwrap();
        // At one stroke: the host must not restore the lock in between.
        let swap = || renameat_with(CWD, &lock, CWD, &folder, RenameFlags::EXCHANGE);
        swap().unwrap();
        let mut until_troubled = async |is_troubled: bool| {
            let changed = facts.wait_for(|it| it.troubles.contains_key("home") == is_troubled);
            tokio::time::timeout(Duration::from_secs(60), changed).await.unwrap().unwrap();
        };
        until_troubled(true).await;
        swap().unwrap();
        until_troubled(false).await;
        host.leave().await;
    }
}
