//! Keeps a host reachable for commands. Restores the host lock and the socket if they were deleted.
//! Waits while a command holds the file at the path of the lock. Leaves the home if another host
//! has taken it.

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
    /// A weak reference, because a strong one would keep the lock after the host has left.
    pub lock: Weak<HostLock>,
    pub socket: Arc<Socket>,
    pub handle: Handle,
    /// Cancelled after another host has taken the home. By then the other host has adopted the
    /// server, or the server is stopped.
    pub lost: CancellationToken,
    /// The problem that the last check has found, if any. This mutex is locked during a check.
    pub last: Mutex<Option<String>>,
}

/// The result of a check of the home.
enum Checked {
    InPlace {
        is_restored: bool,
    },
    /// This host has its lock again, after another process had it. That process may have been a
    /// `stop` command. `down` is the intent "down" in the home, if there is one.
    Regained {
        down: Result<Option<Box<Intent>>, Unreadable>,
    },
    /// Another process holds the lock and may release it later. The text names the process.
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

    /// Waits while a command holds the file at the path of the lock. Returns when this host has its
    /// lock in place again, when no command holds the file, or when this host has lost its home.
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

    /// Checks the lock and the socket once, and restores them. Returns false if the host has ended
    /// or has lost its home to another host. In the second case the other host has adopted the
    /// server, or the server is stopped.
    pub(super) async fn keep(self: &Arc<Self>) -> bool {
        let mut last = self.last.lock().await;
        let Some(lock) = self.lock.upgrade().filter(|_| !self.lost.is_cancelled()) else {
            return false;
        };
        let root = self.home.root();
        let mut checked = self.look(&lock).await;
        if let Ok(Checked::Regained { down: Ok(down) }) = checked {
            // Stop the server before `resume`, after which the manager may start it again.
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
                    // The other files of the home may be deleted too.
                    self.handle.check_files().await;
                }
                None
            }
            // Another process has had the lock again since the first check. The next check decides.
            Ok(Checked::Regained { down: Ok(_) }) => None,
            Ok(Checked::Regained { down: Err(error) }) => Some(format!(
                "this host starts no server, because it is unknown whether a command has stopped \
                 the server: {error}; make the file readable, or stop the host with SIGTERM"
            )),
            Ok(Checked::Occupied(holder)) => Some(format!(
                "{} was deleted or replaced, and the lock of the new file is held by {holder}: \
                 this host waits until that process releases the lock",
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

    /// The check itself. Must run on its own thread, because the file system may block.
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
                    // Find the name of the holder. This reads the descriptors of all processes.
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

    /// Leaves the home to another host. First waits until that host has adopted the server. If it
    /// does not, stops the server, because no command could find that server.
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

    /// Whether the server is to run but does not run yet. Such a server has no record that the
    /// other host could find.
    fn is_starting(&self) -> bool {
        let facts = self.handle.facts();
        facts.server.is_none() && facts.want == Want::Up
    }

    /// Whether this host manages a server that the record in the home does not name. If the record
    /// names the server, the new host wrote it, because this host writes nothing there (see
    /// [`HostLock::is_in_place`]).
    fn is_unadopted(&self) -> bool {
        let facts = self.handle.facts();
        let Some(server) = facts.server.as_ref().filter(|server| server.owner != Owner::External)
        else {
            return false;
        };
        // If the record cannot be read, the new host may have adopted the server. Then this host must
        // not stop the server.
        match record::read(&self.home) {
            Ok(record) => server.leader.as_ref() != record.as_ref().map(|record| &record.leader),
            Err(_) => false,
        }
    }
}

/// Waits until the next check of the home is due. That is after the next check of the server, so
/// that the process wakes up once for both, and after [`CHECK_INTERVAL`] at the latest.
async fn pause(news: &mut watch::Receiver<Arc<Facts>>) {
    let begun = Instant::now();
    let round = async {
        while begun.elapsed() < CHECK_INTERVAL / 2 {
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    // An error is a timeout, which ends the pause as usual.
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
    async fn home_that_cannot_be_restored_is_a_trouble_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let host = Host::start(settings, Mode::Headless).unwrap();
        let mut facts = host.handle().watch();
        let (lock, folder) = (home.supervisor_lock(), home.root().join("folder"));
        std::fs::create_dir(&folder).unwrap();
        // Exchange the lock and a folder. This is atomic, so the host cannot restore the lock in
        // between.
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
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
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
