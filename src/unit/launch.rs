//! Spawns the process of a unit, and writes a record of that process for the next host.

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

/// How long to wait for killed processes to end. Killed processes end in milliseconds, unless the
/// kernel blocks them.
pub(crate) const CLEARING: Duration = Duration::from_secs(5);

/// The specification of the process to spawn.
#[derive(Debug)]
pub(crate) struct Spec {
    /// The record to write to the file. The caller sets the program, the marker and the generation.
    /// The pid of the process is added after the spawn.
    pub record: Record,
    /// Path at which the record is written.
    pub record_file: PathBuf,
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// All environment variables of the process, without the marker.
    pub environment: Vec<(OsString, OsString)>,
    /// Working folder of the process.
    pub folder: PathBuf,
    /// The log to which the process writes its output.
    pub log: MarkedLog,
    /// The lock file of the unit. A process that has the lock belongs to the unit.
    pub lock_file: PathBuf,
    /// The locks that the process inherits.
    pub locks: Vec<InstanceLock>,
}

/// A spawned process whose exit is not watched yet.
#[derive(Debug)]
pub(crate) struct Started {
    /// The spawned process.
    pub leader: Leader,
    /// The record of the process, as written to the file.
    pub record: Record,
    /// The line at the beginning of this generation in the log, if the line could not be written
    /// before the spawn.
    pub mark: Option<String>,
    /// How long the spawn took.
    pub spawned: Duration,
}

/// Why no process was started.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// Another host may have taken over the home.
    Unswept(Unswept),
    /// The program could not be executed.
    NotSpawned(io::Error),
}

/// Creates a unique marker: the value of an environment variable by which stigmer recognizes the
/// processes of this launch.
pub(crate) fn marker(generation: Generation) -> String {
    format!("{generation}.{}.{}", own_pid(), jiff::Timestamp::now().as_nanosecond())
}

/// Spawns the process and writes its record. Blocks. If this function returns an error, no process
/// of this launch is left.
///
/// # Errors
/// If the program cannot be executed, or if another host may have taken over the home.
pub(crate) fn start(spec: Spec, permit: &Permit) -> Result<Started, NotStarted> {
    let Spec { mut record, record_file, arguments, environment, folder, log, lock_file, locks } =
        spec;
    // The preparation of the launch may have taken seconds. Another host may have taken over the
    // home meanwhile.
    permit.check_in_place().map_err(NotStarted::Unswept)?;
    // The record is written twice: before the spawn without the pid, and after the spawn with the
    // pid. If this host dies between the two writes, the next host finds the process by the marker
    // in the record. A write may fail, because the manager of the host writes the record again
    // later.
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
    // `locks` is dropped here. The drop closes the lock files but does not unlock them, because the
    // process has inherited the locks.
    Ok(Started { leader, record, mark: log.mark, spawned })
}

/// Ends the spawned process if another host may have taken over the home during the spawn.
/// Otherwise the record of this process would replace the record that the other host has written.
fn in_place_or_ended(
    leader: Leader,
    record_file: &Path,
    lock_file: &Path,
    permit: &Permit,
) -> Result<Leader, Unswept> {
    let Err(error) = permit.check_in_place() else { return Ok(leader) };
    let left = leader.instance.clear(&permit.lock_file(lock_file), CLEARING);
    if !left.as_ref().is_ok_and(Vec::is_empty) {
        tracing::error!(?left, "cannot end the processes of a start that finished too late");
    }
    Record::remove(record_file, &leader.instance.marker);
    Err(error)
}

#[cfg(test)]
mod tests;
