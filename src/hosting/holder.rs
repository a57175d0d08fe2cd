//! Finds the process that holds the host lock. The lock file has a text with the pid of that
//! process. If the process is a command, the text also describes what the command does. The text is
//! used only if that process really has the lock file open and locked.

use super::deadlines::{IDENTIFYING, PAUSE};
use crate::harmless;
use crate::paths::Home;
use crate::process::identity::{Identity, Proven};
use crate::process::lock::{self, HostLock};
use crate::process::open_files::{KnownFile, holds_lock};
use crate::process::{Pid, linux};
use crate::protocol::Mode;
use crate::watchdog;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a command (such as `stop`) does while it holds the host lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The process of the command.
    pub pid: Pid,
    /// What the command does, for messages, such as `stopping the server`.
    pub doing: String,
    /// Remaining time within the time limit of the command.
    pub left: Duration,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.left.as_millis().div_ceil(1000);
        write!(f, "pid {}, which is {} (up to {seconds} s)", self.pid, self.doing)
    }
}

struct LockText(String);

impl LockText {
    fn of(home: &Home) -> Self {
        Self(lock::read(&home.supervisor_lock()))
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    fn millis(&self, key: &str) -> Option<Duration> {
        self.value(key)?.parse().ok().map(Duration::from_millis)
    }

    fn identity(&self, pid: &str, start_ticks: &str) -> Option<Identity> {
        Some(Identity {
            pid: self.value(pid)?.parse().ok()?,
            start_ticks: self.value(start_ticks)?.parse().ok()?,
            boot_id: self.value("boot_id")?.to_owned(),
            pid_namespace: self.value("pid_namespace")?.to_owned(),
        })
    }

    fn holder(&self) -> Option<Identity> {
        self.identity("pid", "start_ticks")
    }

    fn watchdog(&self) -> Option<Identity> {
        self.identity("watchdog_pid", "watchdog_start_ticks")
    }

    fn is_of_command(&self) -> bool {
        self.value("mode") == Some(COMMAND)
    }

    /// What the command does, according to the text. `None` if the text has no such description, or
    /// if the time limit of the command is over.
    fn work(&self) -> Option<Work> {
        let limit = self.millis("limit_ms")?;
        let lasts = linux::since_boot()?.checked_sub(self.millis("begun_ms")?)?;
        Some(Work {
            pid: self.holder()?.pid,
            doing: harmless::quote(self.value("doing")?),
            left: limit.checked_sub(lasts).filter(|left| !left.is_zero())?,
        })
    }
}

/// The process that wrote the text of the host lock. That process may have ended, or may not hold
/// the lock any more.
#[must_use]
pub fn holder(home: &Home) -> Option<Identity> {
    LockText::of(home).holder()
}

/// The last host, if it died before it could leave its home. A host that leaves its home writes
/// [`LEFT`] into the text of its lock.
pub(super) fn killed_host(home: &Home) -> Option<Identity> {
    let text = LockText::of(home);
    let is_killed = |it: &Identity| it.is_local() && matches!(it.is_alive(), Ok(false));
    let has_left = text.is_of_command() || text.value(LEFT).is_some();
    text.holder().filter(|holder| !has_left && is_killed(holder))
}

/// The watchdog of a dead host, according to the text of the lock. The watchdog may have ended too.
#[must_use]
pub fn watchdog_of_dead_host(home: &Home) -> Option<Identity> {
    let text = LockText::of(home);
    // A command that takes the lock keeps the watchdog of the last host in the text.
    let is_dead = |it: &Identity| it.is_local() && matches!(it.is_alive(), Ok(false));
    text.holder().filter(|holder| text.is_of_command() || is_dead(holder))?;
    text.watchdog()
}

/// What the command that holds the host lock does. `None` if there is no proof that a command holds
/// the lock, or if the time limit of the command is over.
#[must_use]
pub fn work(home: &Home) -> Option<Work> {
    let text = LockText::of(home);
    let work = text.work()?;
    matches!(prove_holder(home, &text.holder()?), Ok(Some(_))).then_some(work)
}

/// Finds the process that holds the host lock, and opens a pidfd, so that the pid cannot be reused.
/// `None` if the process that the lock text names does not hold the lock.
///
/// # Errors
/// If no pidfd of the process can be opened, or if its descriptors cannot be read.
pub fn prove(home: &Home) -> io::Result<Option<Proven>> {
    let Some(holder) = holder(home) else { return Ok(None) };
    prove_holder(home, &holder)
}

/// Opens a pidfd of a process that holds the host lock of this home. `None` if `claimant` does not
/// hold the lock.
///
/// # Errors
/// If no pidfd of the process can be opened, or if its descriptors cannot be read.
pub fn prove_holder(home: &Home, claimant: &Identity) -> io::Result<Option<Proven>> {
    let (Some(proven), Some(lock)) = (claimant.prove()?, KnownFile::at(&home.supervisor_lock())?)
    else {
        return Ok(None);
    };
    Ok(holds_lock(proven.pid(), &lock)?.then_some(proven))
}

/// Whether `process` still holds the host lock of this home.
///
/// # Errors
/// If the descriptors of `process` cannot be read.
pub fn is_held_by(home: &Home, process: &Proven) -> io::Result<bool> {
    let Some(lock) = KnownFile::at(&home.supervisor_lock())? else { return Ok(false) };
    holds_lock(process.pid(), &lock)
}

/// The process that has locked the file at the path of the host lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HostLockHolder {
    /// A host. The descriptors of its process prove that it has the lock.
    Host(Pid),
    /// A command. The descriptors of its process prove that it has the lock. It releases the lock
    /// when it is done.
    Command(Pid),
    /// A process that has not written its identity into the lock yet, or whose descriptors do not
    /// prove that it has the lock.
    Unknown,
}

/// Finds the process that has locked the file at the path of the host lock. Must not be called
/// while this process holds that lock.
///
/// # Errors
/// If no pidfd of the process can be opened, or if its descriptors cannot be read.
pub(super) fn lock_holder(home: &Home) -> io::Result<HostLockHolder> {
    let text = LockText::of(home);
    let Some(claimant) = text.holder() else { return Ok(HostLockHolder::Unknown) };
    Ok(match prove_holder(home, &claimant)? {
        Some(proven) if text.is_of_command() => HostLockHolder::Command(proven.pid()),
        Some(proven) => HostLockHolder::Host(proven.pid()),
        None => HostLockHolder::Unknown,
    })
}

/// Whether a process holds the host lock. The process is a host, or, for a short time, a command.
#[must_use]
pub fn is_hosted(home: &Home) -> bool {
    lock::is_held(&home.supervisor_lock()).unwrap_or(false)
}

/// A host that holds the host lock but does not respond.
#[derive(Debug, thiserror::Error)]
#[error("the host (the process that has locked {lock}) does not respond; {hint}")]
pub struct Unresponsive {
    lock: PathBuf,
    hint: String,
}

impl Unresponsive {
    /// Creates the error for the host of this home.
    #[must_use]
    pub fn host_of(home: &Home) -> Self {
        Self { lock: home.supervisor_lock(), hint: hint(home) }
    }
}

/// Fails if the host runs in another pid namespace (a container), because this process cannot end
/// such a host. Succeeds if the lock has no text: a host has just started or ended.
pub(super) fn check_local(home: &Home) -> Result<(), Unresponsive> {
    match holder(home) {
        Some(holder) if !holder.is_local() => Err(Unresponsive::host_of(home)),
        Some(_) | None => Ok(()),
    }
}

/// Returns a hint for the user if the host does not respond. stigmer ends or replaces a process
/// only with proof that the process is the host, so the hint depends on this proof.
#[must_use]
pub fn hint(home: &Home) -> String {
    match holder(home) {
        Some(holder) if !holder.is_local() => format!(
            "that host is pid {} of another container, pid namespace or machine; stigmer cannot \
             identify that process from here, so stigmer does not signal it. Stop the host there, \
             or choose another home with --home",
            holder.pid
        ),
        Some(holder) if matches!(prove(home), Ok(Some(_))) => format!(
            "replace that host (pid {}) with `stigmer local restart`, or end it with `stigmer local \
             stop`",
            holder.pid
        ),
        // The process that the text names has ended or never held the lock, so another process
        // holds the lock.
        Some(_) if is_hosted(home) => format!(
            "that process is {}; stigmer cannot verify that it is a host, so stigmer does not \
             signal it. End that process yourself, or choose another home with --home",
            lock::holders(&home.supervisor_lock())
        ),
        Some(_) | None => {
            "replace that host with `stigmer local restart`, or end it with `stigmer local stop`"
                .into()
        }
    }
}

/// The identity of this process for the text of the lock. Commands need the identity to end this
/// process if it hangs. If the kernel lacks a resource, tries again for a short time.
fn own_identity() -> Identity {
    let deadline = Instant::now() + IDENTIFYING;
    loop {
        let me = Identity::own();
        if (me.is_local() && me.start_ticks > 0) || Instant::now() > deadline {
            return me;
        }
        std::thread::sleep(PAUSE);
    }
}

const COMMAND: &str = "command";
const LEFT: &str = "left";

/// Creates the text that a host writes into its lock.
pub(super) fn host_text(mode: Mode) -> String {
    text(mode.as_str(), watchdog::identity())
}

/// Creates the text that a host writes into its lock when it leaves its home.
pub(super) fn left_text(mode: Mode) -> String {
    host_text(mode) + LEFT + "=true\n"
}

/// Writes the identity of this process, which is a command, into the host lock. `work` is a
/// description of what the command does, and its time limit. Other commands that wait for the lock
/// read both.
///
/// # Errors
/// If the text cannot be written. This process still holds the lock.
pub fn sign(lock: &HostLock, home: &Home, work: Option<(&str, Duration)>) -> io::Result<()> {
    let watchdog = LockText::of(home).watchdog().filter(Identity::is_local);
    let mut text = text(COMMAND, watchdog.as_ref());
    if let (Some((doing, limit)), Some(begun)) = (work, linux::since_boot()) {
        text += &format!(
            "doing={doing}\nlimit_ms={}\nbegun_ms={}\n",
            limit.as_millis(),
            begun.as_millis()
        );
    }
    lock.write(&text)
}

fn text(mode: &str, watchdog: Option<&Identity>) -> String {
    let me = own_identity();
    let watchdog = watchdog.map_or_else(String::new, |it| {
        format!("watchdog_pid={}\nwatchdog_start_ticks={}\n", it.pid, it.start_ticks)
    });
    format!(
        "pid={}\nstart_ticks={}\nboot_id={}\npid_namespace={}\nmode={mode}\nversion={}\n{watchdog}",
        me.pid,
        me.start_ticks,
        me.boot_id,
        me.pid_namespace,
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn locked() -> (tempfile::TempDir, Home, HostLock) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let lock = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
        (folder, home, lock)
    }

    #[test]
    fn work_ends_with_its_lock_or_its_time_limit() {
        let (_folder, home, lock) = locked();
        sign(&lock, &home, None).unwrap();
        assert_eq!(work(&home), None);
        assert_eq!(prove(&home).unwrap().map(|it| it.pid()), Some(Identity::own().pid));
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        let found = work(&home).unwrap();
        assert_eq!((found.pid, found.doing.as_str()), (Identity::own().pid, "stopping the server"));
        assert!(found.left <= LONG && found.to_string().contains("(up to "), "{found}");
        sign(&lock, &home, Some(("stopping the server", Duration::ZERO))).unwrap();
        assert_eq!(work(&home), None, "beyond its time limit");
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        drop(lock);
        assert_eq!(work(&home), None, "the text alone proves nothing");
    }

    #[test]
    fn dead_host_that_had_not_left_was_killed() {
        let (_folder, home, lock) = locked();
        let me = format!("pid={}\n", Identity::own().pid);
        let write = |text: &str, pid: &str| lock.write(&text.replacen(&me, pid, 1)).unwrap();
        write(&host_text(Mode::Background), &me);
        assert_eq!(killed_host(&home), None, "the host is alive");
        write(&host_text(Mode::Background), "pid=4000000\n");
        assert_eq!(killed_host(&home).map(|it| it.pid), Some(4_000_000));
        write(&left_text(Mode::Background), "pid=4000000\n");
        assert_eq!(killed_host(&home), None, "the host had left");
    }

    #[test]
    fn command_keeps_the_watchdog_of_the_dead_host_in_the_lock_text() {
        let (_folder, home, lock) = locked();
        let dead = Identity { pid: 4_000_000, ..Identity::own() };
        let watchdog = Identity::own();
        let text = text("background", Some(&watchdog));
        lock.write(&text.replacen(&format!("pid={}\n", watchdog.pid), "pid=4000000\n", 1)).unwrap();
        assert_eq!(holder(&home), Some(dead));
        assert_eq!(watchdog_of_dead_host(&home), Some(watchdog.clone()));
        sign(&lock, &home, None).unwrap();
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        assert_eq!(watchdog_of_dead_host(&home), Some(watchdog));
    }
}
