//! Holes in files: the one thing here that only some systems have. Another system needs these two
//! functions and nothing else.

use std::fs::File;
use std::io;

/// Gives the blocks of the first `len` bytes back to the file system; the bytes read as zeros from
/// then on and the file keeps its size. `Unsupported` where the file system cannot.
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

/// Where the data at or behind `offset` begins, at the file system's granularity: what lies before
/// it is zeros. `None`: there is none. Does not touch how `file` is read, which is by offset.
#[cfg(target_os = "linux")]
pub(super) fn next_data(file: &File, offset: u64) -> io::Result<Option<u64>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        // Without holes everything is data.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(offset)),
        Err(error) => Err(error.into()),
    }
}

/// Not known for this system: the file grows.
#[cfg(not(target_os = "linux"))]
pub(super) fn punch_front(_file: &File, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known for this system: everything is data.
#[cfg(not(target_os = "linux"))]
pub(super) fn next_data(_file: &File, offset: u64) -> io::Result<Option<u64>> {
    Ok(Some(offset))
}
