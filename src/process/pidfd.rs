//! Opens a pidfd, a descriptor of one process. The descriptor never refers to another process, even
//! if the kernel reuses the process id.

use super::Pid;
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::OwnedFd;

/// Opens a pidfd of the process that has this id now. `None` if there is no such process.
pub(super) fn pin(pid: Pid) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        // EINVAL: the id belongs to a thread that is not the first of its process.
        Err(Errno::SRCH | Errno::INVAL) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
