//! A session: the connection between a user interface and a host. The session reads the state of
//! the host and sends commands. The host may run in this process or in another process; the
//! interface is the same.

mod bring_up;
mod remote;

use crate::control::client::{self, ClientError};
use crate::facts::Latest;
use crate::manager::{Command, Handle, WorkerCommand};
use crate::paths::Home;
use crate::problems::watcher::Watcher;
use crate::protocol::{ApiError, ProblemList, Snapshot, WorkerList};
use crate::supervisor::Cause;
use remote::Received;
pub use remote::Remote;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A command of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCommand {
    /// Start the server.
    Start,
    /// Stop the server.
    Stop,
    /// Restart the server.
    Restart,
}

impl SessionCommand {
    fn path(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// A connection to a host.
#[derive(Debug, Clone)]
pub enum Session {
    /// The host in this process, with the watcher of its problems.
    Local(Handle, Watcher),
    /// A host in another process, reached through its socket.
    Remote(Remote),
}

/// The state of the connection to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The host responds.
    Up,
    /// The host does not respond, or its socket cannot be reached.
    Silent,
    /// The host has ended. The session connects to the next host as soon as another host runs.
    Gone,
    /// The session cannot attach to the host, usually because the host has another version. The
    /// string contains the reason and the fix.
    Foreign(String),
}

/// The state of a session at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The last snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Age of the snapshot. Add this value to an age in the snapshot to get the age now.
    pub age: Duration,
    /// The state of the connection to the host.
    pub link: Link,
}

impl Session {
    /// Connects to the host of a home. If the host ends, the session connects to the next host,
    /// until the session is dropped.
    ///
    /// # Errors
    /// If no host runs, or if the host does not respond or has another version.
    pub async fn connect(home: &Home) -> Result<Self, ClientError> {
        Remote::connect(home).await.map(Self::Remote)
    }

    /// Returns the current state.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Local(handle, _) => {
                let Latest { snapshot, at } = handle.latest().borrow().clone();
                View { snapshot, age: at.elapsed(), link: Link::Up }
            }
            Self::Remote(remote) => remote.view(),
        }
    }

    /// Returns a receiver of the changes of the state.
    #[must_use]
    pub fn changes(&self) -> Changes {
        match self {
            Self::Local(handle, _) => Changes(ChangeSource::Local(handle.latest())),
            Self::Remote(remote) => Changes(ChangeSource::Remote(remote.received())),
        }
    }

    /// Requests the problems of the server and its workflows. The first response may take 3 s.
    ///
    /// # Errors
    /// If the host does not respond.
    pub async fn problems(&self) -> Result<ProblemList, ClientError> {
        match self {
            Self::Local(_, watcher) => Ok(watcher.problems().await),
            Self::Remote(remote) => client::problems(remote.home()).await,
        }
    }

    /// Dismisses the problems with these IDs, for all dashboards. Returns the problems after that.
    ///
    /// # Errors
    /// If the host does not respond.
    pub async fn dismiss(&self, ids: Vec<String>) -> Result<ProblemList, ClientError> {
        match self {
            Self::Local(_, watcher) => Ok(watcher.dismiss(Some(&ids)).await),
            Self::Remote(remote) => client::dismiss(remote.home(), &ids).await,
        }
    }

    /// Ends the latest dismissal that hides a problem, for all dashboards. Returns the problems
    /// after that.
    ///
    /// # Errors
    /// If the host does not respond.
    pub async fn undo_dismissal(&self) -> Result<ProblemList, ClientError> {
        match self {
            Self::Local(_, watcher) => Ok(watcher.undo_dismissal().await),
            Self::Remote(remote) => client::undo_dismissal(remote.home()).await,
        }
    }

    /// Requests the workers of the server. The first response may take 3 s.
    ///
    /// # Errors
    /// If the host does not respond.
    pub async fn workers(&self) -> Result<WorkerList, ClientError> {
        match self {
            Self::Local(_, watcher) => Ok(watcher.workers().await),
            Self::Remote(remote) => client::workers(remote.home()).await,
        }
    }

    /// Requests that the host runs the workers of the project in this file, in the environment of this
    /// process. Does not wait for them.
    ///
    /// # Errors
    /// If the project cannot be used.
    pub async fn run_project(&self, file: &Path) -> Result<(), ApiError> {
        match self {
            Self::Local(handle, _) => handle.run_project_file(file.to_owned(), None).await,
            Self::Remote(remote) => {
                client::run_project(remote.home(), file, false).await.map(drop).map_err(refusal)
            }
        }
    }

    /// Sends a command to the worker of a project with this name, or to `all`, and waits until the
    /// command is done. The worker keeps its environment variables: the shell of a dashboard may be
    /// another one than that in which the worker was started.
    ///
    /// # Errors
    /// The reason why the command failed.
    pub async fn command_worker(
        &self,
        name: &str,
        command: SessionCommand,
    ) -> Result<(), ApiError> {
        match self {
            Self::Local(handle, _) => {
                let command = match command {
                    SessionCommand::Start => WorkerCommand::Start,
                    SessionCommand::Stop => WorkerCommand::Stop,
                    SessionCommand::Restart => WorkerCommand::Restart,
                };
                handle.worker(name.to_owned(), command, None).await
            }
            Self::Remote(remote) => {
                client::worker_command(remote.home(), name, command.path(), None)
                    .await
                    .map(drop)
                    .map_err(refusal)
            }
        }
    }

    /// Sends a command and waits until the command is done.
    ///
    /// # Errors
    /// The reason why the command failed.
    pub async fn command(&self, command: SessionCommand) -> Result<(), ApiError> {
        match self {
            Self::Local(handle, _) => {
                let command = match command {
                    SessionCommand::Start => Command::Start,
                    SessionCommand::Stop => Command::Stop(Cause::Operator),
                    SessionCommand::Restart => Command::Restart(None),
                };
                handle.command(command).await
            }
            Self::Remote(remote) => client::command(remote.home(), command.path(), None)
                .await
                .map(drop)
                .map_err(refusal),
        }
    }
}

/// The error of a command that a host has not carried out.
fn refusal(error: ClientError) -> ApiError {
    match error {
        ClientError::Refused(error) => error,
        ClientError::NoHost => {
            let hint = "start a host with `stigmer local`";
            ApiError::new("unreachable", error.to_string(), hint)
        }
        ClientError::Unresponsive => {
            let hint = "replace the host with `stigmer local restart`";
            ApiError::new("unreachable", error.to_string(), hint)
        }
        // The text of these errors contains the hint.
        ClientError::Unreachable { .. } | ClientError::Garbled(_) | ClientError::Foreign(_) => {
            ApiError::new("unreachable", error.to_string(), "")
        }
    }
}

/// Waits for changes of the state of a session; see [`Session::changes`].
#[derive(Debug)]
pub struct Changes(ChangeSource);

#[derive(Debug)]
enum ChangeSource {
    Local(watch::Receiver<Latest>),
    Remote(watch::Receiver<Received>),
}

impl Changes {
    /// Waits for the next change. Returns false if there will be no more changes.
    pub async fn next(&mut self) -> bool {
        match &mut self.0 {
            ChangeSource::Local(latest) => latest.changed().await.is_ok(),
            ChangeSource::Remote(received) => received.changed().await.is_ok(),
        }
    }
}
