//! The limit on open descriptors. A host raises its own limit. Its children get the limit that the
//! user has set.

use super::Pid;
use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;

/// More than a host can use. The kernel's own limit is often a million, and some code takes time
/// for each possible descriptor.
const RAISED: u64 = 64 << 10;

/// The original soft limit of this process.
static INHERITED: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of this process to the hard limit, at most to 64 Ki. An error is only
/// logged.
pub fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let (soft, raised) = (limit(), maximum.unwrap_or(RAISED).min(RAISED));
    if raised <= soft {
        return;
    }
    // Before the change: a child that is spawned meanwhile must get the original limit.
    INHERITED.get_or_init(|| soft);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        tracing::warn!(%error, "cannot raise the limit on open descriptors");
    }
}

/// Maximum number of open descriptors of this process.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Starts a program with the original soft limit of this process. A host that is spawned this way
/// knows the user's limit as well as the first host.
pub fn restore_limit(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe calls are made: a load from memory,
    // initialized or not, and two system calls on plain numbers.
    unsafe {
        command.pre_exec(|| {
            // A program with a higher limit is better than none.
            let _ = restore(None);
            Ok(())
        });
    }
}

/// Restores the original soft limit of a running child.
pub fn restore_limit_of(child: &Child) {
    // The process id of a child is not reused before it is reaped. A child that has ended needs no
    // limit.
    let pid = Pid::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if pid.is_some() {
        let _ = restore(pid);
    }
}

/// Restores the limit of a process. `None` is this process.
fn restore(pid: Option<rustix::process::Pid>) -> io::Result<()> {
    let Some(soft) = INHERITED.get() else { return Ok(()) };
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // A soft limit above the hard limit, which someone may have lowered, would be refused.
    let current = Some(maximum.map_or(*soft, |hard| hard.min(*soft)));
    prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).map(drop)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs the named test again in a process of its own. Returns true in that process. In the first
    /// process, the test is done when this returns.
    pub(crate) fn in_own_process(test: &str) -> bool {
        const INSIDE: &str = "TEST_IN_OWN_PROCESS";
        if std::env::var_os(INSIDE).is_some() {
            return true;
        }
        let mut again = Command::new(std::env::current_exe().unwrap());
        let again = again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
        let ran = again.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}{errors}");
        said.lines().filter(|line| line.contains("skipped")).for_each(|line| println!("{line}"));
        false
    }

    /// Calls `work` while this process can open no descriptor. Only for a test [in a process of its
    /// own](in_own_process).
    pub(crate) fn without_descriptors<T>(work: impl FnOnce() -> T) -> T {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum }).unwrap();
        let done = work();
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        done
    }
}
