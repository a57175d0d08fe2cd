//! The identity of a process. The process id alone is not enough, because ids are reused.

use super::Pid;
use super::pidfd::pin;
use crate::supervisor::StopSignal;
use rustix::process::{Signal as RustixSignal, pidfd_send_signal};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// Identifies one process forever, by its process id, its start time, the boot of the machine and
/// the pid namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The process id.
    pub pid: Pid,
    /// Clock ticks from the boot to the start of the process (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// Id of the boot, from `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// The pid namespace in which the process id is valid, as the link `/proc/self/ns/pid` names
    /// it.
    pub pid_namespace: String,
}

/// Signals that stigmer sends to servers and hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Request the end of the process, as Ctrl-C does.
    Interrupt,
    /// Request the end of the process.
    Term,
    /// Continue a suspended process, so that it handles the signal that was sent before.
    Cont,
    /// End the process.
    Kill,
    /// Make the process print its stacks and exit.
    Abort,
}

impl Signal {
    /// The signals that request the end of a process. SIGCONT makes a suspended process handle the
    /// first one.
    #[must_use]
    pub fn of_stop(signal: StopSignal) -> &'static [Self] {
        match signal {
            StopSignal::Interrupt => &[Self::Interrupt, Self::Cont],
            StopSignal::Terminate => &[Self::Term, Self::Cont],
        }
    }
}

impl Identity {
    /// The identity of the process that has this id now, or `None` if there is no such process.
    ///
    /// # Errors
    /// If the kernel does not report the process, so that it is unknown whether the process runs.
    pub fn of(pid: Pid) -> io::Result<Option<Self>> {
        Ok(super::linux::stat(pid)?.map(|process| Self::from_start(pid, process.start_ticks)))
    }

    /// The identity of the process with this id and start time, in this boot and pid namespace.
    #[must_use]
    pub fn from_start(pid: Pid, start_ticks: u64) -> Self {
        Self { pid, start_ticks, boot_id: boot_id(), pid_namespace: pid_namespace() }
    }

    /// The identity of this process.
    #[must_use]
    pub fn own() -> Self {
        let known = Self::of(own_pid()).ok().flatten();
        known.unwrap_or_else(|| Self::from_start(own_pid(), 0))
    }

    /// Whether the identity is from this boot and this pid namespace. Of any other identity,
    /// `/proc` cannot show whether the process runs.
    #[must_use]
    pub fn is_local(&self) -> bool {
        !self.boot_id.is_empty()
            && self.boot_id == boot_id()
            && !self.pid_namespace.is_empty()
            && self.pid_namespace == pid_namespace()
    }

    /// A placeholder for the identity of a process that will be spawned in this boot.
    #[must_use]
    pub fn to_come() -> Self {
        Self::from_start(0, 0)
    }

    /// Whether the identity is from before the last boot of this machine, so that the process has
    /// ended.
    #[must_use]
    pub fn is_before_boot(&self) -> bool {
        !self.boot_id.is_empty() && !boot_id().is_empty() && self.boot_id != boot_id()
    }

    /// Opens a pidfd and proves that it refers to the process of this identity. `None` if that
    /// process has ended, also if another process has its id now.
    ///
    /// # Errors
    /// If the pidfd cannot be opened or the process cannot be compared, for lack of a descriptor or
    /// in a sandbox. The process may then still run.
    pub fn prove(&self) -> io::Result<Option<Proven>> {
        if self.pid <= 1 || self.start_ticks == 0 || !self.is_local() {
            return Ok(None);
        }
        let Some(pidfd) = pin(self.pid)? else { return Ok(None) };
        // Compare only after the pidfd was opened. A process keeps its id until it ends. So if the
        // process of this identity has the id now, it already had the id when the pidfd was opened,
        // and the pidfd refers to this process.
        let now = super::linux::stat(self.pid)?;
        let is_same = now.is_some_and(|now| now.start_ticks == self.start_ticks);
        Ok(is_same.then_some(Proven { pid: self.pid, pidfd }))
    }

    /// Whether the process runs and is not a zombie.
    ///
    /// # Errors
    /// If the kernel does not report the process, so that it is unknown whether the process runs.
    pub fn is_alive(&self) -> io::Result<bool> {
        if !self.is_local() {
            return Ok(false);
        }
        let now = super::linux::stat(self.pid)?;
        Ok(now.is_some_and(|now| now.start_ticks == self.start_ticks && !now.is_zombie()))
    }
}

/// A process whose identity is proven, with an open pidfd. Signals are sent only through this type,
/// so that a signal never reaches another process with the same id.
#[derive(Debug)]
pub struct Proven {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Proven {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the process. A process that has ended is not an error.
    ///
    /// # Errors
    /// `EPERM` if the process has changed its user.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let signal = match signal {
            Signal::Interrupt => RustixSignal::INT,
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

/// The id of this process.
#[must_use]
pub fn own_pid() -> Pid {
    nix::unistd::getpid().as_raw()
}

/// The id of this boot, or an empty text if it is unknown.
#[must_use]
pub fn boot_id() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    known(&BOOT, || {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(text.trim().to_owned())
    })
}

/// The pid namespace of this process, or an empty text if it is unknown.
#[must_use]
pub fn pid_namespace() -> String {
    static NAMESPACE: OnceLock<String> = OnceLock::new();
    known(&NAMESPACE, || {
        let link = std::fs::read_link("/proc/self/ns/pid")?;
        Ok(link.to_string_lossy().into_owned())
    })
}

/// Returns the cached value, or reads the value. After a failed read, returns an empty text and
/// does not cache it. A cached empty text would prevent every later proof, although the host may
/// have lacked a descriptor only for a moment.
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
    fn proof_needs_id_start_boot_and_namespace() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::try_from(child.id()).unwrap();
        let identity = Identity::of(pid).unwrap().unwrap();
        assert_eq!(identity.prove().unwrap().unwrap().pid(), pid);

        let reused = Identity { start_ticks: identity.start_ticks + 1, ..identity.clone() };
        assert!(reused.prove().unwrap().is_none(), "same id, other start");
        let elsewhere = Identity { pid_namespace: "pid:[1]".into(), ..identity.clone() };
        assert!(elsewhere.prove().unwrap().is_none(), "another namespace");
        let unknown = Identity { boot_id: String::new(), ..identity.clone() };
        assert!(unknown.prove().unwrap().is_none(), "an unknown value matches nothing");

        identity.prove().unwrap().unwrap().signal(Signal::Kill).unwrap();
        child.wait().unwrap();
        assert!(identity.prove().unwrap().is_none(), "the process has ended");
    }

    #[test]
    fn init_and_absent_processes_are_never_proven() {
        for pid in [-1, 0, 1, Pid::MAX] {
            let identity = Identity { pid, start_ticks: 1, ..Identity::own() };
            assert!(identity.prove().unwrap().is_none(), "{pid}");
        }
    }

    #[test]
    fn failed_read_of_the_boot_is_not_cached() {
        let value = OnceLock::new();
        assert_eq!(known(&value, || Err(io::Error::other("no descriptor left"))), "");
        assert_eq!(known(&value, || Ok("boot".to_owned())), "boot");
        assert_eq!(known(&value, || Ok("another".to_owned())), "boot");
    }
}
