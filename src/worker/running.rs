//! Finds the running processes of a worker, by its record, its lock and the marker in their
//! environment.

use crate::paths::WorkerFiles;
use crate::process::lock::{self, LockHolder};
use crate::process::record::Record;
use crate::process::sweep::Instance;
use std::io;

/// Which processes of a worker run.
#[derive(Debug)]
pub(crate) enum RunningWorker {
    /// No process.
    Nothing,
    /// The process in the record.
    Recorded(Box<Record>),
    /// Processes of a worker whose spawned process has ended, or without a usable record.
    Remains(Instance),
    /// A process that has the lock of the worker, but that stigmer cannot prove to be its own. The
    /// text describes the process.
    Stranger(String),
}

/// Finds the processes of a worker. Blocks for milliseconds, or for 0.5 s if the process that has
/// the lock has no marker.
///
/// # Errors
/// If the record, the lock or the process table cannot be read. A worker may run nevertheless.
pub(crate) fn find(files: &WorkerFiles) -> io::Result<RunningWorker> {
    lock::settled(|| look(files), |found| matches!(found, RunningWorker::Stranger(_)))
}

fn look(files: &WorkerFiles) -> io::Result<RunningWorker> {
    let recorded = Record::read(&files.record());
    let known = recorded.as_ref().ok().and_then(Option::as_ref);
    if let Some(record) = known
        && record.leader.is_alive()?
    {
        return Ok(RunningWorker::Recorded(Box::new(record.clone())));
    }
    match lock::holder(&files.lock())? {
        LockHolder::Instance(instance) => {
            Ok(RunningWorker::Remains(Record::remains(known, instance)))
        }
        LockHolder::Stranger(who) => Ok(RunningWorker::Stranger(who)),
        LockHolder::Nobody => {
            let Some(record) = recorded?.filter(|record| record.leader.is_local()) else {
                return Ok(RunningWorker::Nothing);
            };
            let left = record.instance().members(&files.lock())?;
            Ok(match left.is_empty() {
                true => RunningWorker::Nothing,
                false => RunningWorker::Remains(record.instance()),
            })
        }
    }
}
