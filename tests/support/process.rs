//! Processes that a test may signal. Each process is pinned by a pidfd, so that a signal never
//! reaches another process with a reused pid.

use super::LIMIT;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use stigmer::process::{linux, memory};

/// A pinned process.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    /// Pins the process that has this pid now. `None` if there is no such process.
    pub fn pin(pid: i32) -> Option<Self> {
        assert!(pid > 1, "{pid} is not a process of a test");
        let raw = rustix::process::Pid::from_raw(pid)?;
        let pidfd = pidfd_open(raw, PidfdFlags::empty()).ok()?;
        Some(Self { pid, pidfd })
    }

    /// Sends a signal. Does nothing if the process has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }

    /// Sends SIGKILL.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Whether any thread of the process is left. As long as one is left, files and locks of the
    /// process may be open.
    pub fn is_alive(&self) -> bool {
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 0
    }

    /// Waits for the end of the process. Returns whether it ended within `limit`.
    pub fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap();
            let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Err(Errno::EINTR) => {}
                ended => return ended.unwrap() > 0,
            }
        }
    }

    /// Whether the process is stopped by a signal, such as SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        linux::stat(self.pid).unwrap().is_some_and(|now| now.state == 'T')
    }

    /// Pid and command line, for messages.
    pub fn describe(&self) -> String {
        format!("pid {} ({})", self.pid, memory::command_line(self.pid))
    }
}

/// Waits until the process has ended.
#[track_caller]
pub fn wait_gone(process: &Process) {
    assert!(process.ends_within(LIMIT), "does not end: {}", process.describe());
}

/// Returns all running processes whose environment has this variable with this value. Each process
/// that a test starts has the tag of the test in its environment, even if its parent, session and
/// descriptors have changed.
pub fn tagged(name: &str, value: &str) -> Vec<Process> {
    linux::processes()
        .unwrap()
        .iter()
        .filter(|process| process.pid > 1 && !process.is_zombie())
        .filter_map(|process| Process::pin(process.pid))
        // The process is pinned before its environment is read. So the environment belongs to this
        // process even if its pid is reused.
        .filter(|process| environment(process.pid, name).as_deref() == Some(value))
        .collect()
}

/// How long [`environment`] waits while the environment of a process is empty. The environment is
/// empty for a moment when the process executes another program.
const EXECUTES: Duration = Duration::from_millis(50);

/// The value of a variable in the environment of a process.
pub fn environment(pid: i32, name: &str) -> Option<String> {
    let deadline = Instant::now() + EXECUTES;
    let environment = loop {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let has_program = || std::fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !environment.is_empty() || Instant::now() > deadline || !has_program() {
            break environment;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let prefix = format!("{name}=");
    environment.split(|byte| *byte == 0).find_map(|variable| {
        variable
            .strip_prefix(prefix.as_bytes())
            .map(|value| String::from_utf8_lossy(value).into_owned())
    })
}
