//! The socket of the home.

use super::super::listener::{Bounded, Owned};
use super::{Api, router};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixListener;

/// Between two attempts to bind the socket.
const REBIND: Duration = Duration::from_millis(500);

/// The path at which this host may bind, until it removes the socket.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    /// Once it is removed, the path belongs to the next host. Locked while the path changes.
    removed: Mutex<bool>,
}

impl Socket {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, removed: Mutex::new(false) }
    }

    /// Binds, in place of the socket of an earlier host. `None` after [`Self::remove`].
    pub(super) fn bind(&self) -> Option<io::Result<UnixListener>> {
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        (!*removed).then(|| bind(&self.path))
    }

    /// Takes the socket away, for good.
    pub(super) fn remove(&self) {
        let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        // A folder at this path stays.
        let _ = std::fs::remove_file(&self.path);
        *removed = true;
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the socket. One that cannot be bound is a trouble until a later attempt succeeds: no
/// command reaches the host until then.
pub(super) async fn serve(
    api: Api,
    socket: Arc<Socket>,
    mut bound: Option<io::Result<UnixListener>>,
) {
    let mut failed = false;
    while let Some(result) = bound {
        match result {
            Ok(listener) => {
                if failed {
                    api.manager.trouble("socket", None).await;
                }
                let uid = nix::unistd::getuid().as_raw();
                let listener = Bounded::new(Owned { listener, uid });
                return super::serve(listener, router(api.clone()), api.closing).await;
            }
            Err(error) if !failed => {
                let what = format!(
                    "no command reaches this host: cannot bind {}: {error}; remove what is at \
                     that path, and the host binds it within {REBIND:?}",
                    socket.path.display()
                );
                api.manager.trouble("socket", Some(what)).await;
                failed = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = api.closing.cancelled() => return,
            () = tokio::time::sleep(REBIND) => {}
        }
        bound = socket.bind();
    }
}
