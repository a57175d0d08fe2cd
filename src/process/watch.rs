//! Detects the exit of a process. The process need not be a child of this process.

use super::Pid;
use super::claims::Claim;
use super::identity::Proven;
use crate::supervisor::Exit;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

/// A process that is watched by its pidfd.
#[derive(Debug)]
pub struct Watched {
    pidfd: AsyncFd<OwnedFd>,
    _claim: Claim,
}

impl Watched {
    /// Watches a proven process. Needs a running tokio runtime.
    ///
    /// # Errors
    /// If the descriptor cannot be registered with the reactor of tokio.
    pub fn new(proven: Proven) -> io::Result<Self> {
        let claim = Claim::new(proven.pid());
        let fd = proven.into_pidfd();
        // SAFETY: the `AsyncFd` owns the descriptor from here on. The descriptor is open, and no
        // other code closes or replaces it before the `AsyncFd` is dropped.
        let pidfd = unsafe {
            AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE)
                .map_err(|error| error.into_parts().1)?
        };
        Ok(Self { pidfd, _claim: claim })
    }

    /// Waits for the exit of the process. The process may then still exist as a zombie.
    pub async fn ended(&self) {
        // An error means that the runtime has ended. The task then never continues.
        if self.pidfd.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns the exit status without reaping the process. As long as the zombie of the process
    /// exists, no other process can have its id, which may be a session id.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        match waitid(Id::PIDFd(self.pidfd.get_ref().as_fd()), flags) {
            Ok(WaitStatus::Exited(_, code)) => Exit::Code(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Exit::Signal(signal as i32, signal.as_str()),
            Ok(_) => Exit::Unknown,
            // The process is not a child of this process. Only a recent kernel reports its exit
            // status, after its parent has reaped it.
            Err(_) => exit_from_pidfd(&self.pidfd).unwrap_or(Exit::Unknown),
        }
    }

    /// Reaps the process if it is a child of this process. The kernel may then reuse its id.
    pub fn reap(&self) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        while waitid(Id::PIDFd(self.pidfd.get_ref().as_fd()), flags) == Err(Errno::EINTR) {}
    }
}

/// Pause before the next try, after the wait for an exit has failed.
const RETRY: Duration = Duration::from_millis(1);

/// Blocks until the process has ended, for up to `patience`. Returns whether it has ended. The
/// process need not be a child of this process.
#[must_use]
pub fn wait_exit(proven: &Proven, patience: Duration) -> bool {
    let mut fds = [PollFd::new(proven.as_fd(), PollFlags::POLLIN)];
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(ready) => return ready > 0,
            Err(_) if left.is_zero() => return false,
            // A signal has interrupted the wait, or memory is missing for a moment.
            Err(_) => std::thread::sleep(RETRY.min(left)),
        }
    }
}

/// Reaps a child that has ended. Does nothing if the child still runs.
pub(crate) fn reap(pid: Pid) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    if let Err(error) = waitid(Id::Pid(nix::unistd::Pid::from_raw(pid)), flags) {
        tracing::debug!(pid, %error, "cannot reap an orphan");
    }
}

/// `struct pidfd_info` of `linux/pidfd.h`, in the size of its first published version.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup_id: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    ids: [u32; 8],
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;

mod request {
    #![allow(missing_docs, reason = "the macro takes no documentation")]
    nix::ioctl_readwrite!(pidfd_get_info, 0xff, 11, super::PidfdInfo);
}

/// The exit status, as reported by `PIDFD_GET_INFO` (Linux 6.15 and later).
fn exit_from_pidfd(pidfd: &impl AsRawFd) -> Option<Exit> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the descriptor is open, and `info` has the layout and size of the request. The kernel
    // never writes more than this size.
    unsafe { request::pidfd_get_info(pidfd.as_raw_fd(), &raw mut info) }.ok()?;
    if info.mask & PIDFD_INFO_EXIT == 0 {
        return None;
    }
    let status = info.exit_code;
    if libc::WIFSIGNALED(status) {
        let number = libc::WTERMSIG(status);
        let name = nix::sys::signal::Signal::try_from(number).map_or("signal", |s| s.as_str());
        Some(Exit::Signal(number, name))
    } else {
        Some(Exit::Code(libc::WEXITSTATUS(status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity::{Identity, Signal};
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn watch(pid: u32) -> Watched {
        let pid = Pid::try_from(pid).unwrap();
        Watched::new(Identity::of(pid).unwrap().unwrap().prove().unwrap().unwrap()).unwrap()
    }

    #[tokio::test]
    #[expect(clippy::zombie_processes, reason = "the test reaps it by its pidfd")]
    async fn exit_of_a_child_is_read_before_it_is_reaped() {
        for (script, exit) in [
            ("exit 3", Exit::Code(3)),
            ("exit 0", Exit::Code(0)),
            ("kill -9 $$", Exit::Signal(9, "SIGKILL")),
        ] {
            let child = std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
            let watched = watch(child.id());
            watched.ended().await;
            assert_eq!(watched.exit(), exit);
            assert_eq!(watched.exit(), exit, "still there");
            watched.reap();
            assert!(Identity::of(Pid::try_from(child.id()).unwrap()).unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn exit_of_a_process_that_is_not_a_child_is_detected() {
        // The background process outlives its shell, so it is not a child of this process.
        let out = std::process::Command::new("sh")
            .args(["-c", "sleep 60 >/dev/null 2>&1 & echo $!"])
            .output()
            .unwrap();
        let pid: Pid = String::from_utf8(out.stdout).unwrap().trim().parse().unwrap();
        let identity = Identity::of(pid).unwrap().unwrap();
        let watched = Watched::new(identity.prove().unwrap().unwrap()).unwrap();
        identity.prove().unwrap().unwrap().signal(Signal::Kill).unwrap();
        watched.ended().await;
        assert!(
            matches!(watched.exit(), Exit::Unknown | Exit::Signal(9, "SIGKILL")),
            "unknown, or the status from a recent kernel: {:?}",
            watched.exit()
        );
    }

    /// Number of calls of [`count`].
    static INTERRUPTIONS: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(_: libc::c_int) {
        INTERRUPTIONS.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn wait_for_an_exit_survives_interruptions() {
        let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler only increments an atomic number. No other test uses the signal.
        unsafe { sigaction(nix::sys::signal::Signal::SIGURG, &action) }.unwrap();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let proven = Identity::of(Pid::try_from(child.id()).unwrap());
        let proven = proven.unwrap().unwrap().prove().unwrap().unwrap();
        let waiting = std::thread::spawn(move || wait_exit(&proven, Duration::from_secs(60)));
        while INTERRUPTIONS.load(Ordering::Relaxed) < 20 && !waiting.is_finished() {
            // SAFETY: the handle of a thread is valid until it is joined.
            assert_eq!(unsafe { libc::pthread_kill(waiting.as_pthread_t(), libc::SIGURG) }, 0);
            std::thread::sleep(RETRY);
        }
        let waits = !waiting.is_finished();
        child.kill().unwrap();
        let has_exited = waiting.join().unwrap();
        child.wait().unwrap();
        assert!(waits && has_exited, "an interruption is not the exit");
    }
}
