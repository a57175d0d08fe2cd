//! The control socket of the home.

use super::super::connections;
use super::super::listener::Owned;
use super::{Api, router};
use crate::process::lock::HostLock;
use crate::process::look;
use crate::process::open_files::KnownFile;
use crate::process::threads::LOOKS;
use nix::sys::socket::Backlog;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Pause between two attempts to bind the socket.
const REBIND: Duration = Duration::from_millis(500);

/// Time limit of an attempt after the first one.
const BINDING: Duration = Duration::from_secs(3);

/// Length of the accept queue. In a longer queue a command could wait longer than its time limit,
/// behind clients that send nothing.
const QUEUE: i32 = 64;

/// The path that this host may bind until it removes the socket.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// Weak, so that the socket does not keep the lock of a host that has left.
    lock: Weak<HostLock>,
    /// Never locked during a system call, which may block.
    state: Mutex<SocketState>,
    rebind: Notify,
}

#[derive(Debug, PartialEq, Eq)]
enum SocketState {
    /// Not bound yet, or the last attempt failed.
    Unbound,
    /// Bound to this file.
    Bound(KnownFile),
    /// Removed. The path belongs to the next host.
    Removed,
}

impl Socket {
    pub(super) fn new(path: PathBuf, lock: &Arc<HostLock>) -> Self {
        let lock = Arc::downgrade(lock);
        Self { path, lock, state: Mutex::new(SocketState::Unbound), rebind: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, SocketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds the socket and replaces that of an earlier host. Fails if the path may belong to
    /// another host. Waits a moment for the file system. `None` after [`Self::remove`].
    pub(super) fn bind(&self) -> Option<io::Result<UnixListener>> {
        if *self.state() == SocketState::Removed {
            return None;
        }
        let path = self.path.clone();
        self.bound(self.check_place().and_then(|()| look::promptly(self.folder(), |_| bind(path))))
    }

    /// Like [`Self::bind`], without blocking other tasks. Waits up to 3 s, because each attempt on a slow file system takes
    /// the same time.
    async fn bind_again(&self) -> Option<io::Result<UnixListener>> {
        if *self.state() == SocketState::Removed {
            return None;
        }
        let path = self.path.clone();
        let bound = match self.check_place() {
            Ok(()) => look::patiently(BINDING, self.folder(), |_| bind(path)).await,
            Err(error) => Err(error),
        };
        self.bound(bound)
    }

    fn check_place(&self) -> io::Result<()> {
        match self.lock.upgrade().map(|lock| lock.place()) {
            Some(Ok(true)) => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(false)) | None => Err(not_ours()),
        }
    }

    fn bound(
        &self,
        bound: io::Result<(std::os::unix::net::UnixListener, BoundFile)>,
    ) -> Option<io::Result<UnixListener>> {
        let bound =
            bound.and_then(|(listener, file)| Ok((UnixListener::from_std(listener)?, file)));
        let mut state = self.state();
        match bound {
            Ok((_, file)) if *state == SocketState::Removed => {
                // To remove the file may block.
                let _ = LOOKS.post(look::MOMENT, move || drop(file));
                None
            }
            Ok((listener, mut file)) => {
                *state = file.file.take().map_or(SocketState::Unbound, SocketState::Bound);
                Some(Ok(listener))
            }
            Err(_) if *state == SocketState::Removed => None,
            Err(error) => {
                *state = SocketState::Unbound;
                Some(Err(error))
            }
        }
    }

    /// Removes the socket permanently. A socket that another host bound stays.
    pub(super) fn remove(&self) {
        let state = std::mem::replace(&mut *self.state(), SocketState::Removed);
        let SocketState::Bound(file) = state else { return };
        // If this fails, the next host replaces the file.
        let _ = look::promptly(self.folder(), {
            let path = self.path.clone();
            move |_| remove(&path, &file)
        });
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Binds again if the file at the path is not the bound socket. Only the holder of the host
    /// lock may call this. Returns whether the socket was missing.
    pub fn restore(&self) -> bool {
        // A path that cannot be examined does not count as missing.
        let bound = match &*self.state() {
            SocketState::Bound(file) => Some(file.clone()),
            SocketState::Unbound | SocketState::Removed => None,
        };
        // A path that cannot be examined does not count as missing.
        let is_gone = bound.is_some_and(|file| matches!(file.is_at(&self.path), Ok(false)));
        if is_gone {
            self.rebind.notify_one();
        }
        is_gone
    }
}

fn not_ours() -> io::Error {
    io::Error::other("the home was deleted or replaced, and another process may use it")
}

/// The file of a socket that was bound. It is removed when it is dropped, unless it was taken: a
/// thread that bound it too late drops it.
struct BoundFile {
    path: PathBuf,
    file: Option<KnownFile>,
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        // If this fails, the next host replaces the file.
        let _ = self.file.take().map(|file| remove(&self.path, &file));
    }
}

/// Removes the file at the path if that file is still `file`. Another file stays.
fn remove(path: &Path, file: &KnownFile) -> io::Result<()> {
    if file.is_at(path)? { std::fs::remove_file(path) } else { Ok(()) }
}

fn bind(path: PathBuf) -> io::Result<(std::os::unix::net::UnixListener, BoundFile)> {
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    nix::sys::socket::listen(&listener, Backlog::new(QUEUE)?)?;
    listener.set_nonblocking(true)?;
    // An unknown file could neither be restored nor removed.
    let file = KnownFile::at(&path)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((listener, BoundFile { path, file: Some(file) }))
}

/// Serves the socket. A failed bind is reported as a trouble until a later attempt succeeds,
/// because no command reaches the host until then.
pub(super) async fn serve(
    api: Api,
    socket: Arc<Socket>,
    mut bound: Option<io::Result<UnixListener>>,
) {
    let mut failed = false;
    let mut servings = JoinSet::new();
    while let Some(result) = bound {
        match result {
            Ok(listener) => {
                if failed {
                    api.manager.trouble("socket", None).await;
                }
                let uid = nix::unistd::getuid().as_raw();
                let listener = Owned { listener, uid };
                failed = false;
                let until = api.closing.child_token();
                servings.spawn(connections::serve(
                    listener,
                    api.shares.connections,
                    router(api.clone()),
                    until.clone(),
                ));
                tokio::select! {
                    () = api.closing.cancelled() => break,
                    () = socket.rebind.notified() => {}
                }
                // Open connections stay open.
                until.cancel();
                bound = socket.bind_again().await;
                continue;
            }
            Err(error) if !failed => {
                let what = format!(
                    "no command reaches this host: cannot bind {}: {error}; remove the file at \
                     that path, and the host binds it within {REBIND:?}",
                    socket.path.display()
                );
                api.manager.trouble("socket", Some(what)).await;
                failed = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = api.closing.cancelled() => break,
            () = tokio::time::sleep(REBIND) => {}
        }
        bound = socket.bind_again().await;
    }
    while servings.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn socket_of_the_new_host_of_the_home_stays() {
        // A host that exits at once, and a host that first tries to bind again.
        for binds_again in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let [path, lock_path] = ["socket", "lock"].map(|name| folder.path().join(name));
            let lock = Arc::new(HostLock::take(&lock_path).unwrap().unwrap());
            let socket = Socket::new(path.clone(), &lock);
            let _listener = socket.bind().unwrap().unwrap();
            std::fs::remove_file(&lock_path).unwrap();
            let other = Arc::new(HostLock::take(&lock_path).unwrap().unwrap());
            let _listener_of_other = Socket::new(path.clone(), &other).bind().unwrap().unwrap();
            let of_other = KnownFile::at(&path).unwrap().unwrap();
            if binds_again {
                assert!(socket.bind().unwrap().is_err());
                assert!(of_other.is_at(&path).unwrap());
            }
            socket.remove();
            assert!(of_other.is_at(&path).unwrap());
        }
    }
    #[tokio::test]
    async fn socket_in_a_folder_that_does_not_respond_is_bound_once_it_responds() {
        let folder = tempfile::tempdir().unwrap();
        let [path, lock_path] = ["socket", "lock"].map(|name| folder.path().join(name));
        let lock = Arc::new(HostLock::take(&lock_path).unwrap().unwrap());
        let socket = Socket::new(path.clone(), &lock);
        let release = look::tests::block(folder.path());
        assert!(look::is_silence(&socket.bind().unwrap().unwrap_err()));
        assert!(!path.exists());
        drop(release);
        while socket.bind().unwrap().is_err() {}
        assert!(path.exists());
    }

    #[test]
    fn file_of_a_socket_that_was_bound_too_late_is_removed_unless_it_was_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let late = bind(path.clone()).unwrap();
        drop(late);
        assert!(!path.exists());
        let late = bind(path.clone()).unwrap();
        let _listener_of_other = bind(path.clone()).unwrap();
        drop(late);
        assert!(path.exists());
    }
}
