//! What the file system tells of the database.

use crate::process::Pid;
use crate::process::threads::LOOKS;
use crate::protocol::Detached;
use crate::server::database;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Less free space than this, and a failing database is no fault of the process.
const DISK_FULL: u64 = 4 << 20;

/// The database's files at one moment. What is not known is absent.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// The file at the path, if the server was seen to have it open. It does so until its end.
    attached: Option<Attached>,
    /// Size of the database.
    pub(super) bytes: Option<u64>,
    /// How its path has lost the file that the server has open.
    pub(super) detached: Option<Detached>,
    /// Whether the disk has no room for the database.
    pub(super) is_full: bool,
}

/// A file that a process has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attached {
    server: Pid,
    device: u64,
    inode: u64,
}

impl Attached {
    fn new(server: Pid, file: &Metadata) -> Self {
        Self { server, device: file.dev(), inode: file.ino() }
    }
}

/// Looks at the database's files, on a thread that can be given up: their mount may hang.
#[derive(Debug, Default)]
pub(super) struct DiskWatch {
    /// Lives as long as the last look.
    looking: Weak<()>,
    /// As of the last look.
    attached: Option<Attached>,
}

impl DiskWatch {
    /// One look, for at most `bound`. While an earlier look has not returned, nothing is known.
    pub(super) async fn look(
        &mut self,
        database: PathBuf,
        server: Option<Pid>,
        bound: Duration,
    ) -> Disk {
        if self.looking.strong_count() > 0 {
            return Disk::default();
        }
        let looking = Arc::new(());
        self.looking = Arc::downgrade(&looking);
        let attached = self.attached;
        let look = move || {
            let _looking = looking;
            look(&database, server, attached)
        };
        let disk = LOOKS.run(bound, look).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the database's files cannot be looked at");
            Disk::default()
        });
        self.attached = disk.attached;
        disk
    }
}

fn look(path: &Path, server: Option<Pid>, before: Option<Attached>) -> Disk {
    let file = path.metadata().ok();
    let now = server.zip(file.as_ref()).map(|(server, file)| Attached::new(server, file));
    // To find it among the server's descriptors costs much more than to see that it is the same.
    let is_same = now.is_some() && now == before;
    let seen = server.filter(|_| !is_same).map(|server| database::detached(path, &[server]));
    let is_attached = is_same || matches!(seen, Some(Ok(None)));
    let is_full = path.parent().and_then(free_space).is_some_and(|free| free < DISK_FULL);
    Disk {
        attached: now.filter(|_| is_attached),
        bytes: file.map(|file| file.len() + write_ahead_log(path)),
        detached: seen.and_then(|seen| seen.ok()?),
        is_full,
    }
}

/// Bytes of the log beside the database; 0 if there is none.
fn write_ahead_log(database: &Path) -> u64 {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |log| log.len())
}

fn free_space(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(disk.blocks_available() * disk.fragment_size())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity::own_pid;
    use std::fs::{self, File};

    #[test]
    fn a_file_that_was_seen_open_is_found_again_when_it_is_replaced_and_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.db");
        let kept = folder.path().join("kept.db");
        let _open = File::create(&path).unwrap();
        let me = Some(own_pid());
        let mut attached = None;
        let mut now = || {
            let disk = look(&path, me, attached);
            attached = disk.attached;
            disk.detached
        };
        assert_eq!((now(), now()), (None, None));
        fs::rename(&path, &kept).unwrap();
        assert_eq!((now(), now()), (Some(Detached::Deleted), Some(Detached::Deleted)));
        fs::write(&path, "another").unwrap();
        assert_eq!((now(), now()), (Some(Detached::Replaced), Some(Detached::Replaced)));
        fs::rename(&kept, &path).unwrap();
        assert_eq!(now(), None);
        assert!(attached.is_some());
    }

    #[test]
    fn a_file_of_a_process_that_cannot_be_looked_at_is_not_taken_for_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.db");
        fs::write(&path, "").unwrap();
        let disk = look(&path, None, None);
        assert_eq!((disk.attached, disk.detached, disk.bytes), (None, None, Some(0)));
    }
}
