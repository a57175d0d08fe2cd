//! The limit on open descriptors. A host raises its own; what it spawns gets the limit that the
//! user has set.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;

/// More than a host can use. The kernel's own bound is often a million, and some code
/// takes time for each descriptor that it might have.
const RAISED: u64 = 64 << 10;

/// Where the limit cannot be read: what systems have set for decades.
const USUAL: u64 = 1024;

/// The soft limit of this process before it raised it.
static INHERITED: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of this process to the hard limit, at most to 64 Ki. A limit that
/// cannot be raised stays as it is.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let raised = hard.min(RAISED);
        if raised <= soft {
            return Ok(());
        }
        // Before it changes: what is spawned meanwhile gets this one as well.
        INHERITED.get_or_init(|| soft);
        setrlimit(Resource::RLIMIT_NOFILE, raised, hard)
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit on open descriptors is not raised");
    }
}

/// The number of descriptors that this process may have open.
#[must_use]
pub fn limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(USUAL, |(soft, _)| soft)
}

/// Lets a program start with the soft limit that this process was started with. A host that
/// is spawned this way knows the user's limit as well as the first host did.
pub fn restore_limit(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe calls are made: a load from
    // memory that is initialised or not, and two system calls on plain numbers.
    unsafe {
        command.pre_exec(|| {
            if let Some(soft) = INHERITED.get()
                && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            {
                // To lower a soft limit is always allowed.
                let _ = setrlimit(Resource::RLIMIT_NOFILE, (*soft).min(hard), hard);
            }
            Ok(())
        });
    }
}
