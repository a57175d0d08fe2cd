//! Keeps a host reachable: restores lock and socket when somebody deletes them, and leaves the home
//! when another host has taken it. A command that holds the lock there is waited for.

use super::Patience;
use super::deadlines::ADOPTION;
use super::holder::{self, Occupant};
use crate::control::server::Socket;
use crate::facts::Facts;
use crate::facts::Intent;
use crate::manager::{Command, Handle};
use crate::paths::{self, Home, HomeError};
use crate::process::lock::{self, HostLock, LockState};
use crate::process::look;
use crate::process::record::Record;
use crate::supervisor::{Cause, Owner, Want};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// Between two checks. Each reads the metadata of two files.
const BEAT: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(50);

/// The most that a check may take. It waits for 2 s where others ask for the lock all the time.
const CHECKING: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct HomeKeeper {
    pub home: Home,
    /// Weak: it must not keep a host that has left in possession of the lock.
    pub lock: Weak<HostLock>,
    pub socket: Arc<Socket>,
    pub handle: Handle,
    /// Cancelled once another host has the home, and its server too or that one is stopped.
    pub lost: CancellationToken,
    /// Locked while a check runs.
    pub last: Mutex<LastCheck>,
}

/// What the last check has found, unless all was well.
#[derive(Debug, Default, PartialEq)]
pub(super) struct LastCheck {
    trouble: Option<String>,
    /// A command held the lock, and may have stopped the server.
    met_command: bool,
}

/// What a check has found.
enum Checked {
    InPlace {
        is_restored: bool,
    },
    /// Another process holds the lock, which may free it: its name, for people.
    Occupied(String),
    /// Another host has the home.
    Lost,
}

impl HomeKeeper {
    /// Checks until the host ends or has lost its home.
    pub(super) async fn run(self: Arc<Self>) {
        let mut news = self.handle.watch();
        while self.keep().await {
            pause(&mut news).await;
        }
    }

    /// Like [`Self::keep`], but waits while a command holds the lock at the path.
    pub(super) async fn settle(self: &Arc<Self>) {
        let mut patience = Patience::new(Duration::ZERO);
        while self.keep().await {
            let is_in_place = self.lock.upgrade().is_none_or(|lock| lock.is_in_place());
            if is_in_place || patience.is_over(&self.home, &|_| ()) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Restores what was deleted. Returns false if this host has lost the home: then it has also
    /// left its server to the new host, or stopped it.
    pub(super) async fn keep(self: &Arc<Self>) -> bool {
        let mut last = self.last.lock().await;
        let Some(lock) = self.lock.upgrade().filter(|_| !self.lost.is_cancelled()) else {
            return false;
        };
        let keeper = self.clone();
        let root = self.home.root();
        let trouble = match look::patiently(CHECKING, root, move |_| keeper.check(&lock)).await {
            Ok(Checked::InPlace { is_restored }) => {
                if is_restored {
                    if std::mem::take(&mut last.met_command) {
                        self.obey().await;
                    }
                    // The other files of the home may be gone, too.
                    self.handle.check_files().await;
                }
                None
            }
            Ok(Checked::Occupied(holder)) => {
                // An unknown process may be a command that has not signed the lock yet.
                last.met_command = true;
                Some(format!(
                    "{} was deleted or replaced, and is held by {holder}: this host waits until \
                     that process frees it",
                    self.home.supervisor_lock().display()
                ))
            }
            Ok(Checked::Lost) => {
                self.leave().await;
                return false;
            }
            Err(error) if look::is_silence(&error) => Some(format!(
                "no command reaches this host: cannot use {}: {error}; make it respond, or stop the \
                 host with SIGTERM",
                root.display()
            )),
            Err(error) => Some(format!(
                "no command finds this host: cannot restore {}: {error}; make the folder \
                 writable, or stop the host with SIGTERM",
                root.display()
            )),
        };
        if trouble != last.trouble {
            last.trouble.clone_from(&trouble);
            self.handle.trouble("home", trouble).await;
        }
        true
    }

    /// A command that held the lock in the place of this host may have stopped the server.
    async fn obey(&self) {
        if self.handle.facts().want == Want::Up && Intent::is_down(&self.home) {
            tracing::info!("a command has stopped the server meanwhile");
            // A manager that is gone starts nothing.
            let _outcome = self.handle.begin(Command::Stop(Cause::Operator)).await;
        }
    }

    /// Runs on a thread: it may wait for file systems and other processes.
    fn check(&self, lock: &HostLock) -> io::Result<Checked> {
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
            LockState::Lost => return Ok(Checked::Lost),
            LockState::HeldByOther => {
                return Ok(match holder::occupant(&self.home)? {
                    Occupant::Host(pid) => {
                        tracing::error!(host = pid, "another host has the home");
                        lock.lose();
                        Checked::Lost
                    }
                    Occupant::Command(pid) => Checked::Occupied(format!("pid {pid}")),
                    // Reads the descriptors of all processes.
                    Occupant::Unknown => Checked::Occupied(lock::holders(&path)),
                });
            }
            LockState::Restored => lock.keep()?,
            LockState::Held => {}
        }
        let socket = self.socket.restore();
        let is_restored = kept == LockState::Restored;
        if is_restored || socket {
            tracing::warn!(lock = is_restored, socket, "restored what was deleted");
        }
        Ok(Checked::InPlace { is_restored })
    }

    /// Another host has the home. It may have adopted the server; a server that it has not
    /// adopted would be out of reach of every command, so it is stopped.
    async fn leave(&self) {
        let home = self.home.root().display();
        let what = format!("{home} was deleted or replaced, and another host has it: leaving");
        self.handle.trouble("home", Some(what)).await;
        let deadline = Instant::now() + ADOPTION;
        while self.is_unadopted() && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        if self.is_unadopted() || self.is_starting() {
            tracing::warn!("the new host has not adopted the server: stopping it");
            if let Err(error) = self.handle.command(Command::Stop(Cause::Shutdown)).await {
                tracing::error!(%error, "not stopped");
            }
        }
        self.lost.cancel();
    }

    /// Whether a start is under way or due: no record names its server yet.
    fn is_starting(&self) -> bool {
        let facts = self.handle.facts();
        facts.server.is_none() && facts.want == Want::Up
    }

    /// Whether this host manages a server that the record in the home does not name. It writes no
    /// record there itself, see [`HostLock::is_in_place`].
    fn is_unadopted(&self) -> bool {
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

/// Returns after the next round of probes, so that the process wakes up once for both; without such
/// news, after [`BEAT`].
async fn pause(news: &mut watch::Receiver<Arc<Facts>>) {
    let begun = Instant::now();
    let round = async {
        while begun.elapsed() < BEAT / 2 {
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    // The bound is the other way to end the pause.
    let _ = tokio::time::timeout(BEAT, round).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Settings};
    use crate::control::server::Server;
    use crate::hosting::Host;
    use crate::manager::Manager;
    use crate::process::identity::own_pid;
    use crate::protocol::Mode;
    use crate::unit::sweeps::Sweeps;
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    #[tokio::test]
    async fn a_home_that_cannot_be_restored_is_a_trouble_until_it_can_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let host = Host::start(settings, Mode::Headless).unwrap();
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

    #[tokio::test]
    async fn the_check_on_its_thread_names_a_process_that_has_not_signed_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let (_manager, handle) =
            Manager::new(settings, Mode::Headless, Sweeps::new(&lock)).unwrap();
        let socket = Server::start(&home, &handle, &lock).socket();
        let (lost, last) = (CancellationToken::new(), Mutex::default());
        let keeper = HomeKeeper { home, lock: Arc::downgrade(&lock), socket, handle, lost, last };
        let beside = keeper.home.root().join("beside");
        let _other = HostLock::take(&beside).unwrap().unwrap();
        std::fs::rename(&beside, keeper.home.supervisor_lock()).unwrap();
        // All that the task of the host has for its message.
        let Ok(Checked::Occupied(holder)) = keeper.check(&lock) else {
            panic!("another process holds the lock");
        };
        assert!(holder.contains(&format!("pid {}", own_pid())), "{holder}");
    }
}
