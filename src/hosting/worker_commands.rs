//! Runs, starts, stops and restarts the workers of projects, for commands.

use super::adoption::host_running_server;
use super::end::{LeavingHost, StopError, kill_unresponsive};
use super::start::StartError;
use super::{Notify, Unresponsive, prove, unhosted};
use crate::control::client::{self, ClientError};
use crate::paths::Home;
use crate::process::environment::BaseEnvironment;
use crate::protocol::{ApiError, Status};
use crate::runtime::{RuntimeError, block_on};
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
    /// The server runs without a host, and no host can be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A host that does not respond does not end, or a worker without a host.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The server does not run, so no worker can be started.
    #[error(
        "cannot {command} worker `{name}`: the server is not running; start it with `stigmer local`"
    )]
    NoServer {
        /// The command: start or restart.
        command: &'static str,
        /// Name of the worker.
        name: String,
    },
    /// This process cannot create the runtime (tokio) that sends requests.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Requests that the host of this home runs the workers of a project, in the environment of this
/// process. Returns the status when all workers that start with the server are ready. Sends the request
/// again to the next host if the host ends meanwhile.
///
/// # Errors
/// If the project cannot be used, or if a worker does not become ready.
pub fn run_project(home: &Home, file: &Path, notify: Notify<'_>) -> Result<Status, WorkerError> {
    let mut leaving = LeavingHost::new();
    loop {
        let host = prove(home);
        match block_on(client::run_project(home, file, true))? {
            Ok(status) => return Ok(status),
            Err(ClientError::Refused(error)) if error.code == ApiError::GONE => {
                leaving.wait(home, host, notify)?;
            }
            Err(ClientError::NoHost) if host_running_server(home, notify)? => {}
            Err(ClientError::NoHost) => {
                return Err(WorkerError::NoServer { command: "start", name: "all".to_owned() });
            }
            Err(ClientError::Unresponsive) => return Err(Unresponsive::host_of(home).into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns those of the names that the status of the host does not list. The host knows a worker that
/// is not listed yet for milliseconds after its own start. Empty if neither a host nor the server runs.
///
/// # Errors
/// If the host cannot be reached.
pub fn unlisted_workers<'n>(
    home: &Home,
    names: impl IntoIterator<Item = &'n str>,
    notify: Notify<'_>,
) -> Result<Vec<&'n str>, WorkerError> {
    let Some(status) = request(home, notify, || client::status(home))? else {
        return Ok(Vec::new());
    };
    let is_listed = |name: &str| name == "all" || status.workers.iter().any(|it| it.name == name);
    Ok(names.into_iter().filter(|name| !is_listed(name)).collect())
}

/// Sends a command (start, stop or restart) to a worker, and waits until it is done. A worker that is
/// started gets the environment of this process. Returns false if nothing was to be done, because
/// neither the server nor the worker runs.
///
/// # Errors
/// If there is no such worker, or if the command fails.
pub fn command_worker(
    home: &Home,
    name: &str,
    command: &'static str,
    notify: Notify<'_>,
) -> Result<bool, WorkerError> {
    let environment = (command != "stop").then(BaseEnvironment::own);
    loop {
        let send = || client::worker_command(home, name, command, environment.as_ref());
        if request(home, notify, send)?.is_some() {
            return Ok(true);
        }
        if command != "stop" {
            return Err(WorkerError::NoServer { command, name: name.to_owned() });
        }
        // `None` means that another host runs now.
        if let Some(has_run) = unhosted::stop_worker(home, name, notify)? {
            return Ok(has_run);
        }
    }
}

/// Sends a request to the host. Waits for a host that leaves, ends a host that does not respond or does
/// not finish leaving, and starts one if the server runs without a host. Returns `None` if neither a
/// host nor the server runs.
fn request<F: Future<Output = Result<Status, ClientError>>>(
    home: &Home,
    notify: Notify<'_>,
    send: impl Fn() -> F,
) -> Result<Option<Status>, WorkerError> {
    let mut leaving = LeavingHost::new();
    loop {
        let host = prove(home);
        match block_on(send())? {
            Ok(status) => return Ok(Some(status)),
            Err(ClientError::Refused(error)) if error.code != ApiError::GONE => {
                return Err(ClientError::Refused(error).into());
            }
            Err(ClientError::Refused(_)) => leaving.wait(home, host, notify)?,
            Err(ClientError::Unresponsive) => kill_unresponsive(home, host, notify)?,
            Err(ClientError::NoHost) if !host_running_server(home, notify)? => return Ok(None),
            Err(ClientError::NoHost) => {}
            Err(
                error @ (ClientError::Unreachable { .. }
                | ClientError::Garbled(_)
                | ClientError::Foreign(_)),
            ) => return Err(error.into()),
        }
    }
}
