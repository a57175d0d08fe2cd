//! The workers of a home without a host: whether one may run, and their stop.

use super::end::StopError;
use crate::paths::Home;
use crate::process::lock;
use crate::worker::{self, StoppedWorker};

/// Whether a worker may run: it has a record of a process or a lock that is held, or it is unknown.
pub(super) fn may_run(home: &Home) -> bool {
    let Ok(names) = home.worker_names() else { return true };
    names.iter().map(|name| home.worker(name)).any(|files| {
        [files.record(), files.before()].iter().any(|path| path.try_exists().unwrap_or(true))
            || lock::is_held(&files.lock()).unwrap_or(true)
    })
}

/// Stops these workers of a home without a host. This process has the host lock. Returns whether a
/// worker ran.
pub(super) fn stop_each(home: &Home, names: Vec<String>) -> Result<bool, StopError> {
    let stopped = worker::end_each(home, names).map_err(StopError::unknown(home))?;
    for (name, outcome) in &stopped {
        match outcome {
            StoppedWorker::Stopped => {}
            StoppedWorker::Survivor(pid) => return Err(StopError::Survivor(*pid)),
            StoppedWorker::Stranger(who) => {
                let (path, who) = (home.worker(name).lock(), who.clone());
                return Err(StopError::Unproven { path, who });
            }
        }
    }
    Ok(!stopped.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::prepare;
    use crate::process::lock::InstanceLock;
    use crate::process::lock::tests::until_free;

    #[test]
    fn worker_may_run_if_its_lock_is_held_or_if_the_workers_are_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        prepare(&home).unwrap();
        assert!(!may_run(&home), "no worker has ever run");
        let files = home.worker("orders");
        files.prepare().unwrap();
        assert!(!may_run(&home));
        let lock = InstanceLock::take(&files.lock()).unwrap().unwrap();
        assert!(may_run(&home), "the record was deleted");
        drop(lock);
        until_free(&files.lock());
        assert!(!may_run(&home));
        std::fs::write(files.record(), "").unwrap();
        assert!(may_run(&home));
        std::fs::remove_dir_all(home.workers()).unwrap();
        std::fs::write(home.workers(), "").unwrap();
        assert!(may_run(&home), "not a folder");
    }
}
