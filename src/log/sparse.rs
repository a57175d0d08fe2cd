//! Holes in files: ranges that use no disk space and read as zeros. This file has the only code of
//! `log` that depends on the operating system. Support for another system needs only these two
//! functions.

use std::fs::File;
use std::io;

/// Makes a hole of the first `len` bytes of a file. These bytes then read as zeros and use no disk
/// space, and the file keeps its size. Returns `Unsupported` if the file system cannot do this.
#[cfg(target_os = "linux")]
pub(super) fn punch_front(file: &File, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;

    loop {
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(file, mode, 0, len) {
            Err(Errno::INTR) => {}
            Err(error @ (Errno::OPNOTSUPP | Errno::NOSYS)) => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, error));
            }
            other => return Ok(other?),
        }
    }
}

/// The offset of the next byte at or after `offset` that is not in a hole, as exact as the file
/// system reports it. `None` if there is no more data. Does not change the read position of `file`.
#[cfg(target_os = "linux")]
pub(super) fn next_data(file: &File, offset: u64) -> io::Result<Option<u64>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        // A file system that does not support holes has no holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(offset)),
        Err(error) => Err(error.into()),
    }
}

/// This system has no implementation, so the file grows without limit.
#[cfg(not(target_os = "linux"))]
pub(super) fn punch_front(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// This system has no implementation, so no file has holes.
#[cfg(not(target_os = "linux"))]
pub(super) fn next_data(_file: &File, offset: u64) -> io::Result<Option<u64>> {
    Ok(Some(offset))
}
