//! Holes in files, the only system-specific part of this module. Support for another system needs
//! only these two functions.

use std::fs::File;
use std::io;

/// Returns the blocks of the first `len` bytes to the file system. These bytes then read as zeros,
/// and the file keeps its size. `Unsupported` if the file system cannot do this.
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

/// The offset of the next data at or after `offset`, with the granularity of the file system.
/// Before it are only zeros. `None` if there is no more data. Does not change the position of
/// `file`.
#[cfg(target_os = "linux")]
pub(super) fn next_data(file: &File, offset: u64) -> io::Result<Option<u64>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        // Without support for holes, everything is data.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(offset)),
        Err(error) => Err(error.into()),
    }
}

/// Not implemented for this system: the file grows.
#[cfg(not(target_os = "linux"))]
pub(super) fn punch_front(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not implemented for this system: everything is data.
#[cfg(not(target_os = "linux"))]
pub(super) fn next_data(_file: &File, offset: u64) -> io::Result<Option<u64>> {
    Ok(Some(offset))
}
