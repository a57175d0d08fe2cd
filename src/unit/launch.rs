//! Spawns the process of a unit, and records it for the next host.

use super::mark::MarkedLog;
use super::sweeps::{Permit, Unswept};
use crate::process::identity::own_pid;
use crate::process::linux;
use crate::process::lock::InstanceLock;
use crate::process::record::Record;
use crate::process::spawn::{Leader, Spawn, spawn};
use crate::supervisor::Generation;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A killed process ends in milliseconds. One that takes longer is blocked in the kernel.
pub(crate) const CLEARING: Duration = Duration::from_secs(5);

/// The process that a launch spawns.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Its record, which has the program, the marker and the generation. The leader is not known yet.
    pub record: Record,
    /// Path of the record.
    pub record_file: PathBuf,
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// Variables that are added to its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working folder.
    pub folder: PathBuf,
    /// The file for its output.
    pub log: MarkedLog,
    /// The lock file whose holders belong to the unit.
    pub lock_file: PathBuf,
    /// The locks that it inherits.
    pub locks: Vec<InstanceLock>,
}

/// A spawned process that is not watched yet.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process.
    pub leader: Leader,
    /// Its record.
    pub record: Record,
    /// The mark of its generation, if the log does not have it yet.
    pub mark: Option<String>,
    /// Duration of the spawn.
    pub spawned: Duration,
}

/// Why no process was started.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// Another process may have the home.
    Unswept(Unswept),
    /// The program could not be executed.
    NotSpawned(io::Error),
}

/// A new marker for the environment of a process.
pub(crate) fn marker(generation: Generation) -> String {
    format!("{generation}.{}.{}", own_pid(), jiff::Timestamp::now().as_nanosecond())
}

/// Starts the process. Blocks. After an error no process of this start is left.
///
/// # Errors
/// Why no process was started.
pub(crate) fn start(spec: Spec, permit: &Permit) -> Result<Started, NotStarted> {
    let Spec { mut record, record_file, arguments, environment, folder, log, lock_file, locks } =
        spec;
    // The preparation may have taken seconds, and another host may have taken the home meanwhile.
    permit.check_in_place().map_err(NotStarted::Unswept)?;
    // The record is written twice. If the host dies in between, the marker proves the process. If a
    // write fails, the manager writes the record later.
    let _ = record.write(&record_file);
    let begun = Instant::now();
    let leader = spawn(&Spawn {
        program: &record.executable,
        arguments: &arguments,
        environment: &environment,
        folder: &folder,
        output: &log.output,
        marker: &record.marker,
        locks: &locks,
    })
    .map_err(|error| {
        Record::remove(&record_file, &record.marker);
        NotStarted::NotSpawned(error)
    })?;
    let spawned = begun.elapsed();
    let leader =
        in_place_or_ended(leader, &record_file, &lock_file, permit).map_err(NotStarted::Unswept)?;
    record.leader = leader.instance.leader.clone();
    let process = linux::stat(record.leader.pid).ok().flatten();
    record.name = process.map(|process| process.name).unwrap_or_default();
    let _ = record.write(&record_file);
    // The drop of `locks` closes them and does not unlock them. The process has them now.
    Ok(Started { leader, record, mark: log.mark, spawned })
}

/// Ends the spawned process if another process may have taken the home meanwhile. Its record would
/// replace the record of the other host.
fn in_place_or_ended(
    leader: Leader,
    record_file: &Path,
    lock_file: &Path,
    permit: &Permit,
) -> Result<Leader, Unswept> {
    let Err(error) = permit.check_in_place() else { return Ok(leader) };
    let left = leader.instance.clear(&permit.lock_file(lock_file), CLEARING);
    if !left.as_ref().is_ok_and(Vec::is_empty) {
        tracing::error!(?left, "processes of a start that came too late do not end");
    }
    Record::remove(record_file, &leader.instance.marker);
    Err(error)
}

#[cfg(test)]
mod tests;
