//! Runs, starts, stops and restarts the workers of projects, for commands.

use super::Unresponsive;
use super::end::StopError;
use crate::control::client::{self, ClientError};
use crate::paths::Home;
use crate::process::environment::BaseEnvironment;
use crate::process::lock;
use crate::protocol::Status;
use crate::runtime::RuntimeError;
use crate::worker::{self, StoppedWorker};
use std::path::Path;

/// The reason why a command for workers failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The host refuses the request, or cannot be reached.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// The host does not respond.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// No host runs, so no worker can run.
    #[error(
        "cannot {command} worker `{name}`: the server is not running; start it with `stigmer local`"
    )]
    NoHost {
        /// The command: start, stop or restart.
        command: &'static str,
        /// Name of the worker.
        name: String,
    },
    /// This process cannot create the runtime (tokio) that sends requests.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Requests that the host of this home runs the workers of a project, in the environment of this
/// process. Returns the status when all workers that start with the server are ready.
///
/// # Errors
/// If the project cannot be used, or if a worker does not become ready.
pub async fn run_project(home: &Home, file: &Path) -> Result<Status, WorkerError> {
    client::run_project(home, file, true).await.map_err(|error| reached(home, error))
}

/// Sends a command (start, stop or restart) to a worker, and waits until it is done. A worker that is
/// started gets the environment of this process.
///
/// # Errors
/// If there is no such worker, or if the command fails.
pub async fn command_worker(
    home: &Home,
    name: &str,
    command: &'static str,
) -> Result<(), WorkerError> {
    let environment = (command != "stop").then(BaseEnvironment::own);
    match client::worker_command(home, name, command, environment.as_ref()).await {
        Ok(_) => Ok(()),
        Err(ClientError::NoHost) => Err(WorkerError::NoHost { command, name: name.to_owned() }),
        Err(error) => Err(reached(home, error)),
    }
}

fn reached(home: &Home, error: ClientError) -> WorkerError {
    match error {
        ClientError::Unresponsive => Unresponsive::host_of(home).into(),
        error => error.into(),
    }
}

/// Whether a worker may run: it has a record of a process or a lock that is held, or it is unknown.
pub(super) fn may_run(home: &Home) -> bool {
    let Ok(names) = home.worker_names() else { return true };
    names.iter().map(|name| home.worker(name)).any(|files| {
        [files.record(), files.before()].iter().any(|path| path.try_exists().unwrap_or(true))
            || lock::is_held(&files.lock()).unwrap_or(true)
    })
}

/// Stops the workers of a home without a host. This process has the host lock. Returns whether a
/// worker ran.
pub(super) fn stop_all(home: &Home) -> Result<bool, StopError> {
    let stopped = worker::end_all(home).map_err(StopError::unknown(home))?;
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
        assert!(!may_run(&home));
        std::fs::write(files.record(), "").unwrap();
        assert!(may_run(&home));
        std::fs::remove_dir_all(home.workers()).unwrap();
        std::fs::write(home.workers(), "").unwrap();
        assert!(may_run(&home), "not a folder");
    }
}
