//! The limit on open descriptors. A host raises its own limit. A program that the host starts gets
//! the limit that the user has set.

use super::Pid;
use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;

/// The highest limit that a host sets for itself. A host never needs more descriptors. A higher
/// limit is no gain: the hard limit is often a million, and some code takes time for each possible
/// descriptor.
const RAISED: u64 = 64 << 10;

/// The soft limit of this process before the limit was raised.
static INHERITED: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of this process to the hard limit, at most to 64 Ki. An error is only
/// logged.
pub fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let (soft, raised) = (limit(), maximum.unwrap_or(RAISED).min(RAISED));
    if raised <= soft {
        return;
    }
    // The value must be stored before the limit is changed, because a child that is spawned at the
    // same time must get the original limit.
    INHERITED.get_or_init(|| soft);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        tracing::warn!(%error, "cannot raise the limit on open descriptors");
    }
}

/// The soft limit of this process: the maximum number of open descriptors.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Makes a command start its program with the original soft limit of this process. So a background
/// host also knows the limit that the user has set.
pub fn restore_limit(command: &mut Command) {
    // SAFETY: between fork and exec, only async-signal-safe calls are made: the load of
    // `INHERITED`, which never blocks, and two system calls on plain numbers.
    unsafe {
        command.pre_exec(|| {
            // An error is ignored, because a program with a higher limit is better than no program.
            let _ = restore(None);
            Ok(())
        });
    }
}

/// Gives a running child the original soft limit of this process.
pub fn restore_limit_of(child: &Child) {
    // The process id is safe to use: the id of a child is not reused before the child is reaped. If
    // the child has ended, it needs no limit.
    let pid = Pid::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if pid.is_some() {
        let _ = restore(pid);
    }
}

/// Sets the soft limit of a process to the original soft limit of this process. `None` means this
/// process itself.
fn restore(pid: Option<rustix::process::Pid>) -> io::Result<()> {
    let Some(soft) = INHERITED.get() else { return Ok(()) };
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // The hard limit may be lower now than at the start. The kernel refuses a soft limit above the
    // hard limit.
    let current = Some(maximum.map_or(*soft, |hard| hard.min(*soft)));
    prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).map(drop)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs the named test again in a separate process. Returns true in that process. Returns false
    /// in the first process after the separate process has passed the test.
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

    /// Calls `work` while this process cannot open any descriptor. Only for a test [in its own
    /// process](in_own_process).
    pub(crate) fn without_descriptors<T>(work: impl FnOnce() -> T) -> T {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum }).unwrap();
        let done = work();
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        done
    }
}
