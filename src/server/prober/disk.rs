//! Examines the database file and the disk of that file.

use crate::process::Pid;
use crate::process::threads::LOOKS;
use crate::protocol::Detached;
use crate::server::database;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// If the database fails while fewer bytes than this are free, the full disk is the cause, and not
/// the server.
const DISK_FULL: u64 = 4 << 20;

/// The findings about the database file and its disk. An unknown value is `None` or false.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// The file at the path of the database, if the server has that file open. The server closes
    /// the file only when it exits.
    attached: Option<Attached>,
    /// Size of the database file and its write-ahead log, in bytes.
    pub(super) bytes: Option<u64>,
    /// Set if the database file was deleted or replaced while the server has it open.
    pub(super) detached: Option<Detached>,
    /// Whether the disk has less than [`DISK_FULL`] bytes of free space.
    pub(super) is_full: bool,
}

/// A file that a process of the server has open.
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

/// Examines the files of the database on a separate thread, because the file system may hang.
#[derive(Debug, Default)]
pub(super) struct DiskWatch {
    /// Can be upgraded while the last examination still runs, because its thread owns the value.
    looking: Weak<()>,
    /// The file at the path of the database, if the server had that file open at the last
    /// examination.
    attached: Option<Attached>,
}

impl DiskWatch {
    /// Examines the files and waits up to `bound`. While an earlier call still runs on its thread,
    /// returns the default.
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
            tracing::warn!(%error, "cannot check the files of the database");
            Disk::default()
        });
        self.attached = disk.attached;
        disk
    }
}

fn look(path: &Path, server: Option<Pid>, before: Option<Attached>) -> Disk {
    let file = path.metadata().ok();
    let now = server.zip(file.as_ref()).map(|(server, file)| Attached::new(server, file));
    // If the path still leads to the file of the last examination, the server still has that file
    // open. This comparison costs much less than a search of the descriptors of the server.
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

/// Size of the write-ahead log in bytes. 0 if the database has none.
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
    fn attached_file_is_recognised_after_it_is_replaced_and_restored() {
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
    fn file_is_not_attached_if_the_descriptors_of_the_server_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.db");
        fs::write(&path, "").unwrap();
        let disk = look(&path, None, None);
        assert_eq!((disk.attached, disk.detached, disk.bytes), (None, None, Some(0)));
    }
}
