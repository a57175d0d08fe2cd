//! A pidfd refers to one process. Its process id cannot be reused while the pidfd is open.

use super::Pid;
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::OwnedFd;

/// Opens a pidfd of the current process with this id. `None` if there is none.
pub(super) fn pin(pid: Pid) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        // EINVAL: the id belongs to a thread that is not the first of its process.
        Err(Errno::SRCH | Errno::INVAL) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
