//! The limit on open descriptors. A host raises its own; what it spawns gets the limit that the
//! user has set.

use super::Pid;
use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;

/// More than a host can use. The kernel's own bound is often a million, and some code
/// takes time for each descriptor that it might have.
const RAISED: u64 = 64 << 10;

/// The soft limit of this process before it raised it.
static INHERITED: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of this process to the hard limit, at most to 64 Ki. A limit that
/// cannot be raised stays as it is.
pub fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let (soft, raised) = (limit(), maximum.unwrap_or(RAISED).min(RAISED));
    if raised <= soft {
        return;
    }
    // Before it changes: what is spawned meanwhile gets this one as well.
    INHERITED.get_or_init(|| soft);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        tracing::warn!(%error, "the limit on open descriptors is not raised");
    }
}

/// The number of descriptors that this process may have open.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Lets a program start with the soft limit that this process was started with. A host that
/// is spawned this way knows the user's limit as well as the first host did.
pub fn restore_limit(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe calls are made: a load from
    // memory that is initialised or not, and two system calls on plain numbers.
    unsafe {
        command.pre_exec(|| {
            // A program with a higher limit is better than none.
            let _ = restore(None);
            Ok(())
        });
    }
}

/// The same for a child that runs already.
pub fn restore_limit_of(child: &Child) {
    // A child that was not waited for keeps its number. One that has ended needs no limit.
    let pid = Pid::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if pid.is_some() {
        let _ = restore(pid);
    }
}

/// `None`: of this process.
fn restore(pid: Option<rustix::process::Pid>) -> io::Result<()> {
    let Some(soft) = INHERITED.get() else { return Ok(()) };
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Above the hard limit, which someone may have lowered, it would be refused.
    let current = Some(maximum.map_or(*soft, |hard| hard.min(*soft)));
    prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).map(drop)
}
