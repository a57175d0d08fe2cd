//! The control socket in the home: binds, serves, restores and deletes it.

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

/// Time limit to bind the socket again. The first attempt has a shorter time limit.
const BINDING: Duration = Duration::from_secs(3);

/// Length of the accept queue. With a longer queue of clients that send no request, a command could
/// wait longer than its time limit.
const QUEUE: i32 = 64;

/// The control socket of a host. The host may bind the socket again until it removes the socket.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// The reference is weak: a strong one would keep the lock file open after the host has left.
    lock: Weak<HostLock>,
    /// Must not be locked during a file system call, because such a call may block.
    state: Mutex<SocketState>,
    rebind: Notify,
}

#[derive(Debug, PartialEq, Eq)]
enum SocketState {
    /// The socket is not bound yet, or the last attempt to bind it has failed.
    Unbound,
    /// The socket is bound to this file.
    Bound(KnownFile),
    /// The host has removed the socket. From now on, the next host may use the path.
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

    /// Binds the socket, and replaces the socket file of an earlier host. Waits only a moment for
    /// the file system. Returns an error if another host may own the path, and `None` after
    /// [`Self::remove`].
    pub(super) fn bind(&self) -> Option<io::Result<UnixListener>> {
        if *self.state() == SocketState::Removed {
            return None;
        }
        let path = self.path.clone();
        self.bound(self.check_place().and_then(|()| look::promptly(self.folder(), |_| bind(path))))
    }

    /// Like [`Self::bind`], but waits up to 3 s for the file system, without blocking other tasks.
    /// A slow file system is slow at each attempt, so attempts with a short time limit would never
    /// succeed.
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
                // Dropping `file` deletes the socket file, which may block. So drop the value on
                // another thread.
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

    /// Deletes the socket file and prevents further binds. Does not delete the socket file of
    /// another host.
    pub(super) fn remove(&self) {
        let state = std::mem::replace(&mut *self.state(), SocketState::Removed);
        let SocketState::Bound(file) = state else { return };
        // This host responds to no client any more, so it can wait for a busy machine. Ignore an error:
        // the next host replaces the file.
        let _ = look::bounded(self.folder(), {
            let path = self.path.clone();
            move |_| remove(&path, &file)
        });
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Requests a new bind of the socket if the socket file was deleted or replaced. Only a process
    /// that holds the host lock may call this. Returns whether the file was missing or replaced.
    pub fn restore(&self) -> bool {
        // Copy the state, so that the mutex is not locked during the file system call below.
        let bound = match &*self.state() {
            SocketState::Bound(file) => Some(file.clone()),
            SocketState::Unbound | SocketState::Removed => None,
        };
        // A file that cannot be examined is not treated as missing.
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

/// The file of a newly bound socket. Dropping the value deletes the file, unless [`Socket`] has
/// taken the file over. If a bind takes so long that its caller has given up, the thread of the
/// bind deletes the file in this way.
struct BoundFile {
    path: PathBuf,
    file: Option<KnownFile>,
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        // Ignore an error: the next host replaces the file.
        let _ = self.file.take().map(|file| remove(&self.path, &file));
    }
}

/// Deletes the file at this path if it is still `file`. Does not delete another file.
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
    // Fail if the file is gone already: without the identity of the file, the host could neither
    // check nor delete the file later.
    let file = KnownFile::at(&path)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((listener, BoundFile { path, file: Some(file) }))
}

/// Serves the socket, and binds it again when [`Socket::restore`] requests that. While the socket
/// cannot be bound, no command reaches the host, so the status shows the problem.
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
                // Accept no more connections through the old socket file. Open connections stay
                // open.
                until.cancel();
                bound = socket.bind_again().await;
                continue;
            }
            Err(error) if !failed => {
                let what = format!(
                    "no command reaches this host: cannot bind the socket {}: {error}; delete the \
                     file at that path, and the host binds the socket within {REBIND:?}",
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
        // Test two kinds of an old host: one ends at once, and the other first tries to bind its
        // socket again.
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
