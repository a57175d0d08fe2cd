//! Finds and ends the remaining processes of an earlier generation.

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

/// Why a home is cleared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// To start a server. With `unadopted`, a running server is left alone and returned, because this
    /// host did not watch it. A refusal then waits for the system, so the start is retried until this
    /// host knows whether a server runs.
    Start { unadopted: bool },
    /// To stop a server that this host does not watch. A running server is returned.
    Stop,
}

/// Ends the remaining processes of an earlier generation that can be proven to be stigmer's. The lock is
/// checked before the ports: an unproven holder is an error, even if a server listens.
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
        // No process is left, so the record is obsolete.
        Running::Nothing => return remove_record(home, permit).map(|()| None),
        // The pid is of another namespace. The check of the ports decides.
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
        return Err(Refused {
            failure: Failure::new(
                format!("processes of an earlier generation do not end: {}", names(&left)),
                "run `ps -o pid,stat,wchan` to see what they wait for",
            ),
            is_transient: true,
        });
    }
    remove_record(home, permit).map(|()| None)
}

/// Removes the record, unless another host may have written it.
pub(super) fn remove_record(home: &Home, permit: &Permit) -> Result<(), Refused> {
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let _ = std::fs::remove_file(home.record());
    Ok(())
}

fn names(processes: &[Identity]) -> String {
    processes.iter().map(|process| memory::describe(process.pid)).collect::<Vec<_>>().join(", ")
}
