//! The errors of a launch that was refused, and of a search for a server that failed.

use crate::paths::Home;
use crate::process::lock::{self, LockHolder};
use crate::process::memory;
use crate::process::record::Record;
use crate::process::threads::Unfinished;
use crate::supervisor::Failure;
use crate::unit::Refused;
use crate::unit::sweeps::Unswept;
use std::io;
use std::path::Path;

/// The failure of a search for a running server if the search could not be made. A later search may
/// succeed.
pub fn not_searched(error: &Unswept) -> Failure {
    let reason = format!("cannot verify that the server has stopped: {error}");
    Failure { reason, ..not_begun(error).failure }
}

/// The error of a launch that got no permission to begin. A later launch may succeed.
pub fn not_begun(error: &Unswept) -> Refused {
    let hint = match error {
        Unswept::NotInPlace => {
            "wait: the host restores its home within a second, unless another host uses that home"
        }
        Unswept::Silent(_) => {
            "make the file system respond, or stop the server and choose another home with --home"
        }
        Unswept::Leaving | Unswept::Launching | Unswept::Unfinished(_) => {
            "check that the machine has free processes and threads (`ulimit -u`), and that the file \
             systems of home, database and program respond"
        }
    };
    let failure = Failure::new(format!("cannot start the server: {error}"), hint);
    Refused::unfinished(failure)
}

pub(super) fn hangs(error: &Unfinished) -> Refused {
    let failure = Failure::new(
        format!("the start of the server does not finish: {error}"),
        "check that the file systems of home, database and program respond",
    );
    Refused::unfinished(failure)
}

pub(super) fn not_watched(record: &Record, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!(
            "a server of this home runs already (pid {}), and this host cannot watch it: {error}",
            record.leader.pid
        ),
        "check that the host has free file descriptors (`ulimit -n`)",
    );
    Refused::unfinished(failure)
}

pub(super) fn not_spawned(program: &Path, error: &io::Error) -> Refused {
    let reason = format!("cannot run {}: {error}", program.display());
    let hint = match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM) => "end some processes, or raise the limit (`ulimit -u`)",
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit on descriptors (`ulimit -n`)",
        _ => "name another program with --temporal-bin FILE, or run `stigmer local install`",
    };
    let failure = Failure::new(reason, hint);
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => failure.into(),
        // A later attempt may succeed: the program file is being replaced, or too many processes
        // run.
        _ => Refused::for_now(error, failure),
    }
}

/// The failure of a launch if a process has the server lock and stigmer cannot prove that this
/// process belongs to its own server.
pub(super) fn held_by_stranger(path: &Path, who: &str) -> Failure {
    Failure::new(
        format!(
            "{} is locked by {who}, and stigmer cannot verify that this process is a server of \
             this home",
            path.display()
        ),
        "stop that process yourself, or choose another home with --home",
    )
}

/// The failure of a stop because the server may run in another pid namespace, where this process
/// cannot see it.
pub(super) fn elsewhere(home: &Home, record: &Record) -> Failure {
    Failure::new(
        format!(
            "{} records a server in another container or pid namespace (pid {}), where that server \
             may still run",
            home.record().display(),
            record.leader.pid
        ),
        "stop that server there, or choose another home with --home",
    )
}

/// The error of a launch if another process has the lock. A later launch may succeed if that
/// process has ended meanwhile, or if the search for it failed.
pub(super) fn held(lock: &Path) -> Refused {
    let failure = |who: &str| held_by_stranger(lock, who);
    match lock::holder(lock) {
        Ok(LockHolder::Stranger(who)) => failure(&who).into(),
        Ok(LockHolder::Instance(instance)) => {
            failure(&memory::describe(instance.leader.pid)).into()
        }
        Ok(LockHolder::Nobody) => {
            let failure = failure("a process that has exited meanwhile");
            Refused { is_transient: true, ..failure.into() }
        }
        Err(error) => Refused::for_now(&error, failure(&format!("an unknown process ({error})"))),
    }
}
