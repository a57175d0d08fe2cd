//! Child processes that are forks of this process, with one thread and without `exec`. They share
//! the memory pages of this process, so that they need little memory of their own.

use super::identity::Identity;
use super::watch;
use super::{memory, spawn};
use std::ffi::CStr;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Forks a child that runs `child` and then exits. Returns its identity, and the write end of a pipe from which
/// the child reads. The pipe closes when this process ends, for any reason.
///
/// # Errors
/// If the fork fails, or this process has more than one thread.
pub fn fork(child: impl FnOnce(PipeReader)) -> io::Result<(Identity, PipeWriter)> {
    // Another thread may have locked a mutex during the fork. In the child, that thread does not
    // exist, so the mutex would stay locked.
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("this process already has several threads"));
    }
    let (reader, writer) = io::pipe()?;
    // SAFETY: this process has one thread, so the child is a full copy of it.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => {
            drop(writer);
            child(reader);
            // Run no destructors, because the copied objects belong to the parent.
            // SAFETY: the function takes a number and does not return.
            unsafe { libc::_exit(0) }
        }
        nix::unistd::ForkResult::Parent { child } => {
            let identity = Identity::of(child.as_raw())?
                .ok_or_else(|| io::Error::other("cannot identify the forked process"))?;
            Ok((identity, writer))
        }
    }
}

/// Detaches the calling child from the session, descriptors, working folder and process name of its
/// parent, except for `pipes` and the standard streams. Also hides the environment variable
/// [`MARKER`](memory::MARKER): stigmer would take a process with this variable for a process of a
/// server, and end that process. Errors are ignored, because they only change the text that `ps`
/// shows, or leave a descriptor open.
pub fn detach(pipes: &[&PipeReader], name: &CStr, title: &[u8]) {
    let _ = nix::unistd::setsid();
    let pipes: Vec<RawFd> = pipes.iter().map(|pipe| pipe.as_raw_fd()).collect();
    spawn::close_all_but(&pipes);
    let _ = nix::unistd::chdir("/");
    let _ = nix::sys::prctl::set_name(name);
    let stat = procfs::process::Process::myself().and_then(|me| me.stat());
    let Ok(stat) = stat else { return };
    if let Some(arguments) = area(stat.arg_start, stat.arg_end) {
        let length = title.len().min(arguments.len().saturating_sub(1));
        arguments.fill(0);
        arguments[..length].copy_from_slice(&title[..length]);
    }
    if let Some(environment) = area(stat.env_start, stat.env_end) {
        hide(environment, memory::MARKER.as_bytes());
    }
}

/// Waits up to `patience` for the exit of a child, and reaps it.
pub fn wait_exit(child: &Identity, patience: Duration) {
    if let Ok(Some(proven)) = child.prove()
        && watch::wait_exit(&proven, patience)
    {
        watch::reap(proven.pid());
    }
}

/// The memory of this process that the kernel shows as `/proc/PID/cmdline` or `/proc/PID/environ`.
fn area(start: Option<u64>, end: Option<u64>) -> Option<&'static mut [u8]> {
    let (start, end) = (usize::try_from(start?).ok()?, usize::try_from(end?).ok()?);
    let length = end.checked_sub(start).filter(|_| start != 0)?;
    // SAFETY: the kernel placed this area on the stack before the program began, and it stays
    // mapped and writable. This process has one thread and has no other reference into it.
    Some(unsafe { std::slice::from_raw_parts_mut(start as *mut u8, length) })
}

/// Overwrites the variable with this name by zeros, in the memory of an environment.
fn hide(environment: &mut [u8], name: &[u8]) {
    for variable in environment.split_mut(|byte| *byte == 0) {
        if variable.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'=')) {
            variable.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_variable_leaves_the_others_unchanged() {
        let mut environment = *b"A=1\0MARK=x.1\0MARKER=2\0MARK\0";
        hide(&mut environment, b"MARK");
        assert_eq!(&environment, b"A=1\0\0\0\0\0\0\0\0\0\0MARKER=2\0MARK\0");
    }
}
