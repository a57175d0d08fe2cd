//! What the file system tells of the database.

use crate::manager::storage;
use crate::process::Pid;
use crate::process::threads::LOOKS;
use crate::protocol::Detached;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Less free space than this, and a failing database is no fault of the process.
const DISK_FULL: u64 = 4 << 20;

/// The database's files at one moment. What is not known is absent.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Size of the database.
    pub(super) bytes: Option<u64>,
    /// How its path has lost the file that the server has open.
    pub(super) detached: Option<Detached>,
    /// Whether the disk has no room for the database.
    pub(super) is_full: bool,
}

/// Looks at the database's files, on a thread that can be given up: their mount may hang.
#[derive(Debug, Default)]
pub(super) struct DiskWatch {
    /// Lives as long as the last look.
    looking: Mutex<Weak<()>>,
}

impl DiskWatch {
    /// One look, for at most `bound`. While an earlier look has not returned, nothing is known.
    pub(super) async fn look(&self, database: &Path, server: Option<Pid>, bound: Duration) -> Disk {
        let looking = Arc::new(());
        {
            let mut last = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
            if last.strong_count() > 0 {
                return Disk::default();
            }
            *last = Arc::downgrade(&looking);
        }
        let database = database.to_owned();
        let look = move || {
            let _looking = looking;
            look(&database, server)
        };
        LOOKS.run(bound, look).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the database's files cannot be looked at");
            Disk::default()
        })
    }
}

fn look(path: &Path, server: Option<Pid>) -> Disk {
    let detached = server.and_then(|server| storage::detached(path, &[server]));
    let is_full = path.parent().and_then(free_space).is_some_and(|free| free < DISK_FULL);
    Disk { bytes: bytes(path), detached, is_full }
}

fn bytes(path: &Path) -> Option<u64> {
    let size = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map(|meta| meta.len())
    };
    Some(size("").ok()? + size("-wal").unwrap_or(0))
}

fn free_space(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(disk.blocks_available() * disk.fragment_size())
}
