//! Stops the workers of a home without a host.

use super::before::end_before;
use super::recorded::recorded_spec;
use super::running::{self, RunningWorker};
use super::{STOP_SIGNALS, kind};
use crate::paths::{Home, WorkerFiles};
use crate::process::sweep::Instance;
use crate::supervisor::Policy;
use std::io;
use std::time::Duration;

/// What a stop without a host has found of one worker.
#[derive(Debug)]
pub enum StoppedWorker {
    /// No process runs any more.
    Stopped,
    /// A process that does not end, not even by SIGKILL.
    Survivor(i32),
    /// A process that has the lock of the worker, and that stigmer cannot prove to be its own.
    Stranger(String),
}

/// Stops these workers of a home, all at the same time. This process must have the host lock. Returns
/// the name of each worker that had a process, with the outcome.
///
/// # Errors
/// If it is unknown whether a worker runs.
pub fn end_each(home: &Home, names: Vec<String>) -> io::Result<Vec<(String, StoppedWorker)>> {
    let ended = std::thread::scope(|scope| {
        let stops: Vec<_> = names
            .iter()
            .map(|name| std::thread::Builder::new().spawn_scoped(scope, || end(home, name)))
            .collect();
        let results = stops.into_iter().zip(&names).map(|(stop, name)| match stop {
            Ok(stop) => stop.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // Without a further thread, this worker is stopped after the others.
            Err(_) => end(home, name),
        });
        results.collect::<Vec<_>>()
    });
    let all: io::Result<Vec<Option<StoppedWorker>>> = ended.into_iter().collect();
    Ok(names.into_iter().zip(all?).filter_map(|(name, stopped)| Some((name, stopped?))).collect())
}

fn end(home: &Home, name: &str) -> io::Result<Option<StoppedWorker>> {
    let files = home.worker(name);
    let before = end_before(&files);
    // The worker is stopped even if its `before` cannot be ended.
    let stopped = end_worker(&files, name)?;
    before?;
    Ok(stopped)
}

fn end_worker(files: &WorkerFiles, name: &str) -> io::Result<Option<StoppedWorker>> {
    let (instance, grace) = match running::find(files)? {
        RunningWorker::Nothing => {
            let _ = std::fs::remove_file(files.record());
            return Ok(None);
        }
        RunningWorker::Stranger(who) => return Ok(Some(StoppedWorker::Stranger(who))),
        RunningWorker::Recorded(record) => {
            let grace = recorded_spec(&record).map(|spec| spec.limits.policy.stop_grace);
            (record.instance(), grace)
        }
        RunningWorker::Remains(instance) => (instance, None),
    };
    let left = end_instance(&instance, name, &files.lock(), grace)?;
    if let Some(survivor) = left {
        return Ok(Some(StoppedWorker::Survivor(survivor)));
    }
    let _ = std::fs::remove_file(files.record());
    Ok(Some(StoppedWorker::Stopped))
}

fn end_instance(
    instance: &Instance,
    name: &str,
    lock: &std::path::Path,
    grace: Option<Duration>,
) -> io::Result<Option<i32>> {
    let grace = grace.unwrap_or(Policy::default().stop_grace);
    let kind = kind(name);
    let steps = STOP_SIGNALS.iter().enumerate();
    let steps: Vec<_> = steps.map(|(n, signal)| (*signal, kind.part_of(grace, n))).collect();
    Ok(instance.end(lock, &steps)?.first().map(|survivor| survivor.pid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity::Identity;
    use crate::process::record::Record;
    use crate::process::record::tests::record;

    #[test]
    fn worker_is_stopped_even_if_its_before_cannot_be_ended() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let files = home.worker("orders");
        home.prepare(true).unwrap();
        files.prepare().unwrap();
        let mut worker = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let leader = Identity::of(worker.id().cast_signed()).unwrap().unwrap();
        Record { leader, ..record() }.write(&files.record()).unwrap();
        // A folder instead of the record of `before`.
        std::fs::create_dir(files.before()).unwrap();
        let outcome = end_each(&home, home.worker_names().unwrap());
        let has_ended = worker.try_wait().unwrap().is_some();
        let _ = worker.kill();
        worker.wait().unwrap();
        assert!(has_ended);
        outcome.unwrap_err();
    }
}
