//! Who a process is: its number alone says nothing, for numbers are reused.

use super::Pid;
use super::pidfd::pin;
use rustix::process::{Signal as RustixSignal, pidfd_send_signal};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// The number, when it started, in which boot and in which pid namespace:
/// together they name one process and no other, ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: Pid,
    /// Clock ticks from boot to its start (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// The namespace that its number is valid in, as `/proc/self/ns/pid` names it.
    pub pid_namespace: String,
}

/// Signals that are sent to Temporal and to hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ask it to end.
    Term,
    /// Let a stopped process hear the signal before.
    Cont,
    /// End it.
    Kill,
    /// Make it leave a marker of where it is stuck, then end.
    Abort,
}

impl Identity {
    /// Who has this number now; `None` when nobody has.
    ///
    /// # Errors
    /// When the kernel does not tell. That says nothing about the process.
    pub fn of(pid: Pid) -> io::Result<Option<Self>> {
        Ok(super::linux::stat(pid)?.map(|process| Self::from_start(pid, process.start_ticks)))
    }

    /// The process of this number that started then, in this boot and pid namespace.
    #[must_use]
    pub fn from_start(pid: Pid, start_ticks: u64) -> Self {
        Self { pid, start_ticks, boot_id: boot_id(), pid_namespace: pid_namespace() }
    }

    /// Ourselves.
    #[must_use]
    pub fn own() -> Self {
        let known = Self::of(own_pid()).ok().flatten();
        known.unwrap_or_else(|| Self::from_start(own_pid(), 0))
    }

    /// Whether its number means anything to us: recorded in this boot and in
    /// this pid namespace. Otherwise it can be neither proven nor disproven here.
    #[must_use]
    pub fn is_local(&self) -> bool {
        !self.boot_id.is_empty()
            && self.boot_id == boot_id()
            && !self.pid_namespace.is_empty()
            && self.pid_namespace == pid_namespace()
    }

    /// Nobody, here and in this boot: what is recorded of a process to come.
    #[must_use]
    pub fn to_come() -> Self {
        Self::from_start(0, 0)
    }

    /// Whether it was recorded before the last boot of this machine: then it is gone.
    #[must_use]
    pub fn is_before_boot(&self) -> bool {
        !self.boot_id.is_empty() && !boot_id().is_empty() && self.boot_id != boot_id()
    }

    /// Pins the process and proves that it still is the one recorded. `None`:
    /// it is gone, or the number belongs to somebody else now.
    ///
    /// # Errors
    /// When it cannot be pinned or compared, for want of a descriptor or in a sandbox. It may be
    /// alive then.
    pub fn prove(&self) -> io::Result<Option<Proven>> {
        if self.pid <= 1 || self.start_ticks == 0 || !self.is_local() {
            return Ok(None);
        }
        let Some(pidfd) = pin(self.pid)? else { return Ok(None) };
        // Compared after the pidfd is open: from here on the number cannot change hands.
        let now = super::linux::stat(self.pid)?;
        let is_same = now.is_some_and(|now| now.start_ticks == self.start_ticks);
        Ok(is_same.then_some(Proven { pid: self.pid, pidfd }))
    }

    /// Alive and no zombie.
    ///
    /// # Errors
    /// When the kernel does not tell. That says nothing about the process.
    pub fn is_alive(&self) -> io::Result<bool> {
        if !self.is_local() {
            return Ok(false);
        }
        let now = super::linux::stat(self.pid)?;
        Ok(now.is_some_and(|now| now.start_ticks == self.start_ticks && !now.is_zombie()))
    }
}

/// A process pinned by a pidfd, whose identity was proven. Signals go through
/// this and nowhere else.
#[derive(Debug)]
pub struct Proven {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Proven {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal. A process that has just gone is no error: it is what was wanted.
    ///
    /// # Errors
    /// `EPERM`, where the process has changed its user.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let signal = match signal {
            Signal::Term => RustixSignal::TERM,
            Signal::Cont => RustixSignal::CONT,
            Signal::Kill => RustixSignal::KILL,
            Signal::Abort => RustixSignal::ABORT,
        };
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn into_pidfd(self) -> OwnedFd {
        self.pidfd
    }
}

impl AsFd for Proven {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Our own number.
#[must_use]
pub fn own_pid() -> Pid {
    nix::unistd::getpid().as_raw()
}

/// The id of this boot, empty where the kernel does not tell.
#[must_use]
pub fn boot_id() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    known(&BOOT, || {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(text.trim().to_owned())
    })
}

/// Our pid namespace, empty where the kernel does not tell.
#[must_use]
pub fn pid_namespace() -> String {
    static NAMESPACE: OnceLock<String> = OnceLock::new();
    known(&NAMESPACE, || {
        let link = std::fs::read_link("/proc/self/ns/pid")?;
        Ok(link.to_string_lossy().into_owned())
    })
}

/// The value, read once. A failed read is not remembered: without descriptors for a moment, a host
/// would otherwise never prove a process again.
fn known(value: &OnceLock<String>, read: impl FnOnce() -> io::Result<String>) -> String {
    match value.get() {
        Some(known) => known.clone(),
        None => read().map(|read| value.get_or_init(|| read).clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_proven_by_number_and_start_and_by_nothing_less() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::try_from(child.id()).unwrap();
        let identity = Identity::of(pid).unwrap().unwrap();
        assert_eq!(identity.prove().unwrap().unwrap().pid(), pid);

        let reused = Identity { start_ticks: identity.start_ticks + 1, ..identity.clone() };
        assert!(reused.prove().unwrap().is_none(), "same number, other start");
        let elsewhere = Identity { pid_namespace: "pid:[1]".into(), ..identity.clone() };
        assert!(elsewhere.prove().unwrap().is_none(), "another namespace");
        let unknown = Identity { boot_id: String::new(), ..identity.clone() };
        assert!(unknown.prove().unwrap().is_none(), "an absent value equals nothing");

        identity.prove().unwrap().unwrap().signal(Signal::Kill).unwrap();
        child.wait().unwrap();
        assert!(identity.prove().unwrap().is_none(), "it is gone");
    }

    #[test]
    fn init_and_absent_processes_are_never_proven() {
        for pid in [-1, 0, 1, Pid::MAX] {
            let identity = Identity { pid, start_ticks: 1, ..Identity::own() };
            assert!(identity.prove().unwrap().is_none(), "{pid}");
        }
    }

    #[test]
    fn a_failed_read_of_the_boot_is_not_remembered() {
        let value = OnceLock::new();
        assert_eq!(known(&value, || Err(io::Error::other("no descriptor left"))), "");
        assert_eq!(known(&value, || Ok("boot".to_owned())), "boot");
        assert_eq!(known(&value, || Ok("another".to_owned())), "boot");
    }
}
