//! Keeps a host reachable for commands. Checks the host lock and the socket regularly, and restores
//! deleted ones. Pauses the checks while a command has locked the file at the path of the host
//! lock. Leaves the home if another host has taken it.

use super::Patience;
use super::deadlines::{ADOPTION, CHECK, CHECK_INTERVAL, KEEPER_PAUSE};
use super::holder::{self, HostLockHolder};
use crate::control::server::Socket;
use crate::facts::{Facts, Intent, record};
use crate::manager::{Command, Handle};
use crate::paths::files::Unreadable;
use crate::paths::{self, Home, HomeError};
use crate::process::lock::{self, HostLock, LockState};
use crate::process::look;
use crate::supervisor::{Cause, Owner, Want};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(super) struct HomeKeeper {
    pub home: Home,
    /// The reference is weak: a strong one would keep the lock file open after the host has left.
    pub lock: Weak<HostLock>,
    pub socket: Arc<Socket>,
    pub handle: Handle,
    /// Cancelled after another host has taken the home. By then, the other host has adopted the
    /// server, or the server is stopped.
    pub lost: CancellationToken,
    /// The problem that the last check has found, if any. This mutex stays locked while a check
    /// runs.
    pub last: Mutex<Option<String>>,
}

/// The result of a check of the home.
enum Checked {
    InPlace {
        is_restored: bool,
    },
    /// This host has got its lock back from another process, which may have been a `stop` command.
    /// `down` is the intent "down" in the home, if the file has that intent.
    Regained {
        down: Result<Option<Box<Intent>>, Unreadable>,
    },
    /// Another process holds the lock and may release it later. The string names the process.
    Occupied(String),
    /// Another host has taken the home.
    Lost,
}

impl HomeKeeper {
    /// Checks the home repeatedly, until the host ends or has lost its home.
    pub(super) async fn run(self: Arc<Self>) {
        let mut news = self.handle.watch();
        while self.keep().await {
            pause(&mut news).await;
        }
    }

    /// Waits while a command has locked the file at the path of the host lock. Returns when this
    /// host has its lock in place again, when no command holds that file, or when this host has
    /// lost its home.
    pub(super) async fn settle(self: &Arc<Self>) {
        let mut patience = Patience::new(Duration::ZERO);
        while self.keep().await {
            let is_in_place = self.lock.upgrade().is_none_or(|lock| lock.is_in_place());
            if is_in_place || patience.is_over(&self.home, &|_| ()) {
                return;
            }
            tokio::time::sleep(KEEPER_PAUSE).await;
        }
    }

    /// Checks the lock and the socket once, and restores them if they are missing. Returns false if
    /// the host has ended or has lost its home to another host. In the second case, the other host
    /// has adopted the server, or the server is stopped.
    pub(super) async fn keep(self: &Arc<Self>) -> bool {
        let mut last = self.last.lock().await;
        let Some(lock) = self.lock.upgrade().filter(|_| !self.lost.is_cancelled()) else {
            return false;
        };
        let root = self.home.root();
        let mut checked = self.look(&lock).await;
        if let Ok(Checked::Regained { down: Ok(down) }) = checked {
            // Stop the server before the call of `resume`, after which the manager may start the
            // server again.
            if let Some(down) = down {
                self.handle.follow(down).await;
            }
            lock.resume();
            self.handle.check_files().await;
            checked = self.look(&lock).await;
        }
        let trouble = match checked {
            Ok(Checked::InPlace { is_restored }) => {
                if is_restored {
                    // Check the other files of the home too, because they may be deleted too.
                    self.handle.check_files().await;
                }
                None
            }
            // After this host got its lock back, another process took the lock once more. Do
            // nothing now: the next check handles that process.
            Ok(Checked::Regained { down: Ok(_) }) => None,
            Ok(Checked::Regained { down: Err(error) }) => Some(format!(
                "this host starts no server, because it is unknown whether a command has stopped \
                 the server: {error}; make the file readable, or stop the host with SIGTERM"
            )),
            Ok(Checked::Occupied(holder)) => Some(format!(
                "{} was deleted or replaced, and the new file is locked by {holder}: this host \
                 waits until that process unlocks the file",
                self.home.supervisor_lock().display()
            )),
            Ok(Checked::Lost) => {
                self.leave().await;
                return false;
            }
            Err(error) if look::is_silence(&error) => Some(format!(
                "no command reaches this host: cannot use {}: {error}; make its file system \
                 respond, or stop the host with SIGTERM",
                root.display()
            )),
            Err(error) => Some(format!(
                "no command finds this host: cannot restore {}: {error}; make the folder \
                 writable, or stop the host with SIGTERM",
                root.display()
            )),
        };
        if trouble != *last {
            last.clone_from(&trouble);
            self.handle.trouble("home", trouble).await;
        }
        true
    }

    async fn look(self: &Arc<Self>, lock: &Arc<HostLock>) -> io::Result<Checked> {
        let (keeper, lock) = (self.clone(), lock.clone());
        look::patiently(CHECK, self.home.root(), move |_| keeper.check(&lock)).await
    }

    /// Runs one check of the home. Must run on its own thread, because the file system may block.
    fn check(&self, lock: &HostLock) -> io::Result<Checked> {
        let path = self.home.supervisor_lock();
        if !path.try_exists()? {
            tracing::warn!(path = %path.display(), "the host lock was deleted: restoring the file");
            self.home.prepare(paths::allows_network()).map_err(|error| match error {
                HomeError::Io { source, .. } => source,
                other => io::Error::other(other.to_string()),
            })?;
        }
        let kept = lock.restore()?;
        match kept {
            LockState::Lost => return Ok(Checked::Lost),
            LockState::HeldByOther => {
                return Ok(match holder::lock_holder(&self.home)? {
                    HostLockHolder::Host(pid) => {
                        tracing::error!(host = pid, "another host uses this home now");
                        lock.lose();
                        Checked::Lost
                    }
                    HostLockHolder::Command(pid) => Checked::Occupied(format!("pid {pid}")),
                    // Find the process that has locked the file. The search is slow: it reads the
                    // descriptors of all processes.
                    HostLockHolder::Unknown => Checked::Occupied(lock::holders(&path)),
                });
            }
            LockState::Restored => {
                tracing::warn!("restored the host lock");
                lock.keep()?;
            }
            LockState::Held => {}
        }
        if lock.has_yielded() {
            return Ok(Checked::Regained { down: Intent::down(&self.home) });
        }
        let is_restored = kept == LockState::Restored;
        if self.socket.restore() {
            tracing::warn!("restored the socket");
        }
        Ok(Checked::InPlace { is_restored })
    }

    /// Leaves the home to another host. Waits until the other host has adopted the server. If the
    /// other host does not adopt the server, stops the server, because no command could find the
    /// server later.
    async fn leave(&self) {
        let home = self.home.root().display();
        let trouble = format!(
            "{home} was deleted or replaced, and another host uses it now: this \
                               host ends"
        );
        self.handle.trouble("home", Some(trouble)).await;
        let deadline = Instant::now() + ADOPTION;
        while self.is_unadopted() && Instant::now() < deadline {
            tokio::time::sleep(KEEPER_PAUSE).await;
        }
        if self.is_unadopted() || self.is_starting() {
            tracing::warn!("the new host has not adopted the server: stopping the server");
            if let Err(error) = self.handle.command(Command::Stop(Cause::Shutdown)).await {
                tracing::error!(%error, "cannot stop the server");
            }
        }
        self.lost.cancel();
    }

    /// Whether the server is to run but does not run yet. The other host cannot find such a server,
    /// because the server has no record yet.
    fn is_starting(&self) -> bool {
        let facts = self.handle.facts();
        facts.server.is_none() && facts.want == Want::Up
    }

    /// Whether this host manages a server that the record in the home does not name. If the record
    /// names this server, the new host has adopted the server and written the record. This host
    /// cannot have written it, because its lock is not in place (see [`HostLock::is_in_place`]).
    fn is_unadopted(&self) -> bool {
        let facts = self.handle.facts();
        let Some(server) = facts.server.as_ref().filter(|server| server.owner != Owner::External)
        else {
            return false;
        };
        // If the record cannot be read, the new host may have adopted the server. So this host must
        // not stop the server.
        match record::read(&self.home) {
            Ok(record) => server.leader.as_ref() != record.as_ref().map(|record| &record.leader),
            Err(_) => false,
        }
    }
}

/// Waits until the next check of the home, for [`CHECK_INTERVAL`] at most. If a check of the server
/// ends in the second half of this time, returns then, so that the process wakes up only once for
/// both checks.
async fn pause(news: &mut watch::Receiver<Arc<Facts>>) {
    let begun = Instant::now();
    let round = async {
        while begun.elapsed() < CHECK_INTERVAL / 2 {
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    // An error is a timeout, which ends the pause normally.
    let _ = tokio::time::timeout(CHECK_INTERVAL, round).await;
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
    async fn home_that_cannot_be_restored_is_reported_until_it_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
        let host = Host::start(settings, Mode::Headless).unwrap();
        let mut facts = host.handle().watch();
        let (lock, folder) = (home.supervisor_lock(), home.root().join("folder"));
        std::fs::create_dir(&folder).unwrap();
        // Exchange the lock file and a folder in one atomic step, so that the host cannot restore
        // the lock between two steps.
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
    async fn check_names_a_process_that_has_not_signed_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
        let (_manager, handle) =
            Manager::new(settings, Mode::Headless, Sweeps::new(&lock)).unwrap();
        let socket = Server::start(&home, &handle, &lock).socket();
        let (lost, last) = (CancellationToken::new(), Mutex::default());
        let keeper = HomeKeeper { home, lock: Arc::downgrade(&lock), socket, handle, lost, last };
        let new = keeper.home.root().join("new");
        let _other = HostLock::take(&new).unwrap().unwrap();
        std::fs::rename(&new, keeper.home.supervisor_lock()).unwrap();
        let Ok(Checked::Occupied(holder)) = keeper.check(&lock) else {
            panic!("another process holds the lock");
        };
        assert!(holder.contains(&format!("pid {}", own_pid())), "{holder}");
    }
}
