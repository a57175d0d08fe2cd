//! Finds and ends the processes that remain of an earlier server of the home.

use super::refusals::{elsewhere, held_by_stranger, not_begun};
use crate::config::Settings;
use crate::paths::Home;
use crate::process::identity::Identity;
use crate::process::memory;
use crate::process::record::Record;
use crate::server::running::{self, Running};
use crate::supervisor::{Failure, Resource};
use crate::unit::Refused;
use crate::unit::launch::CLEARING;
use crate::unit::sweeps::Permit;
use std::io;

/// Why stigmer searches for the remaining processes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// A server is to be started.
    ///
    /// `unadopted` is true if a server of an earlier host may still run, because this host could
    /// not search for it. If such a server is found, it is returned and not ended. If it remains
    /// unknown whether a server runs, the start is retried until this is known.
    Start { unadopted: bool },
    /// A server that this host does not watch is to be stopped. If such a server is found, it is
    /// returned.
    Stop,
}

/// Ends the remaining processes of an earlier server, if stigmer can prove that they belong to its
/// own server. Returns the record of a server that must not be ended here; see [`Purpose`].
///
/// A process that has the server lock without such a proof is an error, even if it is a server that
/// listens on the port. The caller checks the ports later.
pub(super) fn clear(
    settings: &Settings,
    purpose: Purpose,
    permit: &Permit,
) -> Result<Option<Box<Record>>, Refused> {
    let home = &settings.home;
    let lock = home.temporal_lock();
    let until_known = |refused: Refused| match purpose {
        Purpose::Start { unadopted: true } => {
            Refused { failure: refused.failure.until_free(Resource::System), ..refused }
        }
        Purpose::Start { unadopted: false } | Purpose::Stop => refused,
    };
    let unknown = |error: io::Error| {
        let failure = Failure::new(
            format!("cannot find the server of {home}: {error}"),
            "check that the home can be read, and that descriptors and memory are free",
        );
        until_known(Refused::for_now(&error, failure))
    };
    let instance = match running::find(home).map_err(unknown)? {
        // No process is left, so the record is outdated.
        Running::Nothing => return remove_record(home, permit).map(|()| None),
        // The process in the record belongs to another pid namespace, so this host cannot examine
        // it. A start checks the ports next.
        Running::Elsewhere(record) => match purpose {
            Purpose::Start { .. } => return Ok(None),
            Purpose::Stop => return Err(elsewhere(home, &record).into()),
        },
        Running::Stranger(who) => return Err(until_known(held_by_stranger(&lock, &who).into())),
        Running::Recorded(record) | Running::Unrecorded(record) => match purpose {
            Purpose::Start { unadopted: false } => record.instance(),
            Purpose::Start { unadopted: true } | Purpose::Stop => return Ok(Some(record)),
        },
        Running::Remains(instance) => instance,
    };
    let left = instance.clear(&permit.lock_file(&lock), CLEARING).map_err(unknown)?;
    if !left.is_empty() {
        let failure = Failure::new(
            format!("processes of an earlier start of the server do not end: {}", names(&left)),
            "run `ps -eo pid,stat,wchan` to see what these processes wait for",
        );
        return Err(Refused { is_transient: true, ..failure.into() });
    }
    remove_record(home, permit).map(|()| None)
}

/// Deletes the record of the server. Returns an error if another host may have written it.
pub(super) fn remove_record(home: &Home, permit: &Permit) -> Result<(), Refused> {
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let _ = std::fs::remove_file(home.record());
    Ok(())
}

fn names(processes: &[Identity]) -> String {
    processes.iter().map(|process| memory::describe(process.pid)).collect::<Vec<_>>().join(", ")
}
