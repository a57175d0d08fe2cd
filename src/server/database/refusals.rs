//! The errors of a start on an unusable database, each with a hint.

use super::read;
use crate::paths;
use crate::supervisor::Failure;
use crate::unit::Refused;
use std::io;
use std::path::Path;

pub(super) fn unusable(file: &Path, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!("cannot use the database {}: {error}", file.display()),
        "name another file with --db, or fix the folder",
    );
    Refused::by(error, failure)
}

pub(super) fn on_network(path: &Path, kind: &str) -> Failure {
    Failure::new(
        format!(
            "cannot use the database {}: it is on a {kind} file system, where locks may not work",
            path.display()
        ),
        format!("name a local file with --db, or set {}=1", paths::ALLOW_NETWORK),
    )
}

pub(super) fn not_locked(lock_path: &Path, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!("cannot lock the database: {}: {error}", lock_path.display()),
        "make the folder writable, or name another database with --db",
    );
    Refused::by(error, failure)
}

pub(super) fn in_use(path: &Path, lock_path: &Path) -> Failure {
    let by = read(lock_path)
        .filter(|stamp| !stamp.home.is_empty())
        .map(|stamp| format!(" (started from the home {})", crate::harmless::quote(&stamp.home)))
        .unwrap_or_default();
    Failure::new(
        format!(
            "the database {} is in use by another server{by}; two servers on one file destroy each \
             other's data",
            path.display()
        ),
        "stop that server, or name another database with --db",
    )
}

pub(super) fn not_set_aside(path: &Path, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!(
            "the database {} is incomplete (its first start was interrupted) and cannot be \
             renamed: {error}",
            path.display()
        ),
        "move the file away, or name another database with --db",
    );
    Refused::by(error, failure)
}

pub(super) fn incomplete(path: &Path) -> Failure {
    Failure::new(
        format!(
            "the database {} is incomplete: no server ever became ready on this file",
            path.display()
        ),
        "move the file away, or name another database with --db",
    )
}

pub(super) fn empty(path: &Path) -> Failure {
    Failure::new(
        format!("the database {} is an empty file, which the server cannot use", path.display()),
        "delete the file, and the next start creates a new database; or name another file with \
         --db",
    )
}
