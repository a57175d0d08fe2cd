//! Checks of a disk and its file system: free space, network file systems, temporary errors.

use nix::sys::statfs::Statfs;
use std::fs::File;
use std::io;
use std::path::Path;

/// Checks that a new file of 1 MiB fits on the disk of a folder. A server needs 1 MiB to start. The
/// check allocates a temporary file without a name. The number of free blocks would not be enough,
/// because this number does not show that a quota is used up.
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
            // Any other error means that the check is not possible on this file system. A disk that
            // is full then shows at the start of the server, which fails.
            Ok(()) | Err(_) => Ok(()),
        },
        Err(error) if is_disk_trouble(&error) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Whether an error comes from a disk that is full, read-only or broken, or from a quota that is
/// used up.
#[must_use]
pub fn is_disk_trouble(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || error.raw_os_error() == Some(libc::EIO)
}

/// Whether the cause of an error may be gone a moment later, so that another try may succeed. This
/// is so if another process may release the missing resource, if the call was interrupted, or if a
/// network file system has lost its server, which may return.
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

/// Environment variable with which the user allows home and database on a network or FUSE file
/// system.
pub const ALLOW_NETWORK: &str = "STIGMER_ALLOW_NETWORK_HOME";

/// Whether [`ALLOW_NETWORK`] is set.
#[must_use]
pub fn allows_network() -> bool {
    std::env::var_os(ALLOW_NETWORK).is_some()
}

/// The kind of the file system of a path, if flock is unreliable on this kind: a network or FUSE
/// file system. `None` on a local file system, or if the kind cannot be read.
#[must_use]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    network_kind(nix::sys::statfs::statfs(path).ok()?)
}

/// Whether an open file is on a network or FUSE file system, where an access may block for hours.
/// Also true if the kind of the file system cannot be read.
#[must_use]
pub fn is_remote(file: &File) -> bool {
    nix::sys::statfs::fstatfs(file).map_or(true, |disk| network_kind(disk).is_some())
}

fn network_kind(disk: Statfs) -> Option<&'static str> {
    // The numbers are from linux/magic.h. nix has names only for some of them.
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
