//! Who holds the host lock, and what for. The text in the lock tells it, and counts only for a
//! process that is proven to hold the lock.

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

const IDENTIFYING: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(5);

/// What a command does while it holds the host lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The process of the command.
    pub pid: Pid,
    /// With a participle: `stopping the server`.
    pub doing: String,
    /// How much longer it may take.
    pub left: Duration,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.left.as_millis().div_ceil(1000);
        write!(f, "pid {}, which is {} (up to {seconds} s)", self.pid, self.doing)
    }
}

/// The text of a host lock.
struct Text(String);

impl Text {
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

    fn companion(&self) -> Option<Identity> {
        self.identity("watchdog_pid", "watchdog_start_ticks")
    }

    fn is_of_command(&self) -> bool {
        self.value("mode") == Some(COMMAND)
    }

    /// What the process does that it names, if it has time left for that.
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

/// Who holds the host lock, as its text says.
#[must_use]
pub fn holder(home: &Home) -> Option<Identity> {
    Text::of(home).holder()
}

/// A host that is dead and had not left its home, as the text of the lock says.
pub(super) fn killed_host(home: &Home) -> Option<Identity> {
    let text = Text::of(home);
    let is_killed = |it: &Identity| it.is_local() && matches!(it.is_alive(), Ok(false));
    let has_left = text.is_of_command() || text.value(LEFT).is_some();
    text.holder().filter(|holder| !has_left && is_killed(holder))
}

/// The watchdog of a host that is dead, as the text of the lock says.
#[must_use]
pub fn companion_of_the_dead(home: &Home) -> Option<Identity> {
    let text = Text::of(home);
    // A command leaves the companion of the host before it in the text.
    let is_dead = |it: &Identity| it.is_local() && matches!(it.is_alive(), Ok(false));
    text.holder().filter(|holder| text.is_of_command() || is_dead(holder))?;
    text.companion()
}

/// What the command does that is proven to hold the host lock. `None` if it has exceeded its limit.
#[must_use]
pub fn work(home: &Home) -> Option<Work> {
    let text = Text::of(home);
    let work = text.work()?;
    matches!(prove_holder(home, &text.holder()?), Ok(Some(_))).then_some(work)
}

/// Pins the host of this home. A lock's text alone proves nothing: the process must
/// hold the lock too.
///
/// # Errors
/// When it cannot be pinned, or its descriptors cannot be read.
pub fn prove(home: &Home) -> io::Result<Option<Proven>> {
    let Some(holder) = holder(home) else { return Ok(None) };
    prove_holder(home, &holder)
}

/// Pins a process that claims to be the host of this home, if it holds the host lock.
///
/// # Errors
/// When it cannot be pinned, or its descriptors cannot be read.
pub fn prove_holder(home: &Home, claimant: &Identity) -> io::Result<Option<Proven>> {
    let (Some(proven), Some(lock)) = (claimant.prove()?, KnownFile::at(&home.supervisor_lock())?)
    else {
        return Ok(None);
    };
    Ok(holds_lock(proven.pid(), &lock)?.then_some(proven))
}

/// Whether this process holds the host lock of this home still.
///
/// # Errors
/// When its descriptors cannot be read.
pub fn is_held_by(home: &Home, process: &Proven) -> io::Result<bool> {
    let Some(lock) = KnownFile::at(&home.supervisor_lock())? else { return Ok(false) };
    holds_lock(process.pid(), &lock)
}

/// A process that holds the file at the path of the host lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    /// A host, proven to hold it.
    Host(Pid),
    /// A command, proven to hold it: it frees the lock when its work is done.
    Command(Pid),
    /// A process that has not signed the lock (yet), or cannot be proven here.
    Unknown,
}

/// Who holds the file at the path of the host lock, where it is not this process.
///
/// # Errors
/// When the process cannot be pinned, or its descriptors cannot be read.
pub(super) fn occupant(home: &Home) -> io::Result<Occupant> {
    let text = Text::of(home);
    let Some(claimant) = text.holder() else { return Ok(Occupant::Unknown) };
    Ok(match prove_holder(home, &claimant)? {
        Some(proven) if text.is_of_command() => Occupant::Command(proven.pid()),
        Some(proven) => Occupant::Host(proven.pid()),
        None => Occupant::Unknown,
    })
}

/// Whether any process hosts this home.
#[must_use]
pub fn is_hosted(home: &Home) -> bool {
    lock::is_held(&home.supervisor_lock()).unwrap_or(false)
}

/// A host that holds its lock and does not respond.
#[derive(Debug, thiserror::Error)]
#[error("the host that holds {lock} does not answer; {remedy}")]
pub struct Unresponsive {
    lock: PathBuf,
    /// What to do next.
    remedy: String,
}

impl Unresponsive {
    /// The host of this home does not respond.
    #[must_use]
    pub fn host_of(home: &Home) -> Self {
        Self { lock: home.supervisor_lock(), remedy: remedy(home) }
    }
}

/// Fails if the holder of the host lock cannot be seen from here: it can neither be asked nor
/// ended. A holder without a name has not signed the lock yet, or has just ended.
pub(super) fn check_local(home: &Home) -> Result<(), Unresponsive> {
    match holder(home) {
        Some(holder) if !holder.is_local() => Err(Unresponsive::host_of(home)),
        Some(_) | None => Ok(()),
    }
}

/// What to do about a host that does not answer. Where it cannot be proven from
/// here, it can neither be ended nor replaced.
#[must_use]
pub fn remedy(home: &Home) -> String {
    match holder(home) {
        Some(holder) if !holder.is_local() => format!(
            "it is pid {} of another container, pid namespace or machine, which cannot be proven \
             from here, so nothing is signalled: stop it there, or choose another home with --home",
            holder.pid
        ),
        Some(holder) if matches!(prove(home), Ok(Some(_))) => format!(
            "it is pid {}: `stigmer local restart` replaces it, `stigmer local stop` ends it",
            holder.pid
        ),
        // The one named has ended, or has never held it.
        Some(_) if is_hosted(home) => format!(
            "it is {}, which is not proven to be a host, so nothing is signalled: end it yourself, \
             or choose another home with --home",
            lock::holders(&home.supervisor_lock())
        ),
        Some(_) | None => {
            "`stigmer local restart` replaces it, `stigmer local stop` ends it".into()
        }
    }
}

/// A host that cannot be identified cannot be ended once it does not respond. Tries again for a
/// short time while the kernel lacks a resource.
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

/// The text with which a host signs its lock.
pub(super) fn host_text(mode: Mode) -> String {
    text(mode.as_str(), watchdog::companion())
}

/// The text of a host that leaves its home.
pub(super) fn left_text(mode: Mode) -> String {
    host_text(mode) + LEFT + "=true\n"
}

/// Signs a host lock that this process holds for a command. `work`: what the command does, and the
/// longest time that it takes.
///
/// # Errors
/// When the text cannot be written. The lock is held all the same.
pub fn sign(lock: &HostLock, home: &Home, work: Option<(&str, Duration)>) -> io::Result<()> {
    let before = Text::of(home).companion().filter(Identity::is_local);
    let mut text = text(COMMAND, before.as_ref());
    if let (Some((doing, limit)), Some(begun)) = (work, linux::since_boot()) {
        text += &format!(
            "doing={doing}\nlimit_ms={}\nbegun_ms={}\n",
            limit.as_millis(),
            begun.as_millis()
        );
    }
    lock.write(&text)
}

fn text(mode: &str, companion: Option<&Identity>) -> String {
    let me = own_identity();
    let watchdog = companion.map_or_else(String::new, |it| {
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
    fn work_counts_while_its_process_holds_the_lock_and_has_time_left() {
        let (_folder, home, lock) = locked();
        sign(&lock, &home, None).unwrap();
        assert_eq!(work(&home), None);
        assert_eq!(prove(&home).unwrap().map(|it| it.pid()), Some(Identity::own().pid));
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        let found = work(&home).unwrap();
        assert_eq!((found.pid, found.doing.as_str()), (Identity::own().pid, "stopping the server"));
        assert!(found.left <= LONG && found.to_string().contains("(up to "), "{found}");
        sign(&lock, &home, Some(("stopping the server", Duration::ZERO))).unwrap();
        assert_eq!(work(&home), None, "beyond its limit");
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        drop(lock);
        assert_eq!(work(&home), None, "the text alone proves nothing");
    }

    #[test]
    fn a_host_was_killed_if_it_is_dead_and_had_not_left() {
        let (_folder, home, lock) = locked();
        let me = format!("pid={}\n", Identity::own().pid);
        let write = |text: &str, pid: &str| lock.write(&text.replacen(&me, pid, 1)).unwrap();
        write(&host_text(Mode::Background), &me);
        assert_eq!(killed_host(&home), None, "it lives");
        write(&host_text(Mode::Background), "pid=4000000\n");
        assert_eq!(killed_host(&home).map(|it| it.pid), Some(4_000_000));
        write(&left_text(Mode::Background), "pid=4000000\n");
        assert_eq!(killed_host(&home), None, "it had left");
    }

    #[test]
    fn a_command_keeps_the_companion_of_the_dead_host_in_the_text() {
        let (_folder, home, lock) = locked();
        let dead = Identity { pid: 4_000_000, ..Identity::own() };
        let companion = Identity::own();
        let text = text("background", Some(&companion));
        lock.write(&text.replacen(&format!("pid={}\n", companion.pid), "pid=4000000\n", 1))
            .unwrap();
        assert_eq!(holder(&home), Some(dead));
        assert_eq!(companion_of_the_dead(&home), Some(companion.clone()));
        sign(&lock, &home, None).unwrap();
        sign(&lock, &home, Some(("stopping the server", LONG))).unwrap();
        assert_eq!(companion_of_the_dead(&home), Some(companion));
    }
}
