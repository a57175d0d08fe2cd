//! What a disk and its file system allow, and which errors of theirs may pass.

use nix::sys::statfs::Statfs;
use std::fs::File;
use std::io;
use std::path::Path;

/// Checks that the disk of a folder has room for a new file of 1 MiB, which a server needs to
/// start. It allocates a file without a name, because quotas limit that but do not change the count
/// of free blocks.
///
/// # Errors
/// If the disk is full, read-only or broken, or a quota is used up.
pub fn has_room(folder: &Path) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_TMPFILE).mode(0o600);
    match options.open(folder) {
        Ok(file) => match fallocate(&file, FallocateFlags::empty(), 0, 1 << 20) {
            Err(error) if is_disk_trouble(&error.into()) => Err(error.into()),
            // If the test is not possible here, the start of the server shows it.
            Ok(()) | Err(_) => Ok(()),
        },
        Err(error) if is_disk_trouble(&error) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Whether the cause is a disk that is full, read-only or broken, or a quota.
#[must_use]
pub fn is_disk_trouble(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || error.raw_os_error() == Some(libc::EIO)
}

/// Whether the same call may succeed a moment later. The error is due to a resource that other
/// processes may release, to an interruption, or to a file system whose server has ended.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ExecutableFileBusy, Interrupted, OutOfMemory, ResourceBusy, TimedOut, WouldBlock,
    };
    let kinds = [ExecutableFileBusy, Interrupted, OutOfMemory, ResourceBusy, TimedOut, WouldBlock];
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOLCK];
    let without_server = [libc::ENOTCONN, libc::ESTALE, libc::EHOSTDOWN, libc::ECONNABORTED];
    let codes = [short, without_server].concat();
    kinds.contains(&error.kind()) || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Variable that allows home and database on a network or FUSE file system.
pub const ALLOW_NETWORK: &str = "STIGMER_ALLOW_NETWORK_HOME";

/// Whether the user allows home and database on a network or FUSE file system.
#[must_use]
pub fn allows_network() -> bool {
    std::env::var_os(ALLOW_NETWORK).is_some()
}

/// The kind of file system, if flock is unreliable on it.
#[must_use]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    network_kind(nix::sys::statfs::statfs(path).ok()?)
}

/// Whether an open file is on a network or FUSE file system, or on an unknown one. An access to
/// it may block for hours.
#[must_use]
pub fn is_remote(file: &File) -> bool {
    nix::sys::statfs::fstatfs(file).map_or(true, |disk| network_kind(disk).is_some())
}

fn network_kind(disk: Statfs) -> Option<&'static str> {
    // The numbers are from linux/magic.h. nix names only some of them.
    Some(match disk.filesystem_type().0 {
        0x6969 => "network (NFS)",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "network (SMB)",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9p",
        0x5346_414f => "network (AFS)",
        0x00c3_6400 => "network (Ceph)",
        _ => return None,
    })
}
