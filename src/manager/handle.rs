//! The interface between the manager and the rest of the program. It sends commands, and reads or
//! watches the facts (the known state of server and host).

use super::{Outcome, WorkerCommand};
use crate::config::Settings;
use crate::facts::{Facts, HandOver, Intent, Latest, LoggedRuns, Source, Stream};
use crate::process::environment::BaseEnvironment;
use crate::process::threads::LOOKS;
use crate::project::{self, Project};
use crate::protocol::ApiError;
use crate::supervisor::Cause;
use crate::temporal::polls::LoadedQueues;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Time limit of a response of the manager. A response normally takes milliseconds, because the
/// loop of the manager never blocks.
const RESPONSE: Duration = Duration::from_secs(1);

/// Time limit for reading a project file.
const READ: Duration = Duration::from_secs(10);

/// A command of the operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start the server.
    Start,
    /// Wait for the start that a background host makes without a request. Start nothing, even if
    /// that start has failed already.
    AwaitStart,
    /// Stop the server.
    Stop(Cause),
    /// Stop the server and start it again. The options, if any, replace the current ones.
    Restart(Option<Box<Settings>>),
}

#[derive(Debug)]
pub(super) enum Request {
    Command {
        command: Command,
        reply: oneshot::Sender<Outcome>,
    },
    Trouble {
        with: &'static str,
        what: Option<String>,
    },
    EndGrace,
    Follow(Box<Intent>),
    CheckFiles,
    Project {
        project: Box<Project>,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
    },
    AwaitWorkers {
        project: PathBuf,
        reply: oneshot::Sender<Outcome>,
    },
    Worker {
        name: String,
        command: WorkerCommand,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
    },
    Settle {
        reply: oneshot::Sender<()>,
    },
    Release {
        reply: oneshot::Sender<HandOver>,
    },
}

/// A handle to the manager task. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) facts: watch::Receiver<Arc<Facts>>,
    pub(super) source: Source,
    pub(super) logged_runs: LoggedRuns,
    pub(super) queues: LoadedQueues,
}

impl Handle {
    /// Returns the current facts (the known state of server and host).
    #[must_use]
    pub fn facts(&self) -> Arc<Facts> {
        self.facts.borrow().clone()
    }

    /// Returns the facts after all earlier requests have begun, and after the manager has adopted a
    /// running server, if there is one.
    pub async fn settled(&self) -> Arc<Facts> {
        let (reply, response) = oneshot::channel();
        // Ignore an error: it means that the manager has ended, so no request is in progress.
        if self.requests.send(Request::Settle { reply }).await.is_ok() {
            let _ = response.await;
        }
        self.facts()
    }

    /// Whether the manager responds within a second.
    pub async fn responds(&self) -> bool {
        let round_trip = async {
            let (reply, response) = oneshot::channel();
            self.requests.send(Request::Settle { reply }).await.is_ok() && response.await.is_ok()
        };
        tokio::time::timeout(RESPONSE, round_trip).await.unwrap_or(false)
    }

    /// Returns a receiver of the current facts and of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Facts>> {
        self.facts.clone()
    }

    /// Returns a receiver of the latest snapshot for viewers, and of every change.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<Latest> {
        self.source.latest()
    }

    /// Returns the stream of workflows that the log of the server names with a failure.
    #[must_use]
    pub fn logged_runs(&self) -> LoggedRuns {
        self.logged_runs.clone()
    }

    /// Returns the task queues that the server has loaded, as far as its log names them.
    #[must_use]
    pub fn loaded_queues(&self) -> LoadedQueues {
        self.queues.clone()
    }

    /// Creates a stream of changes for one viewer. The stream begins with the current state.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.source.stream()
    }

    /// Sends a command and waits for its outcome.
    ///
    /// # Errors
    /// If the command fails, or the manager has ended.
    pub async fn command(&self, command: Command) -> Outcome {
        self.begin(command).await?.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends a command, and returns a receiver of its outcome at once.
    ///
    /// # Errors
    /// If the manager has ended.
    pub async fn begin(&self, command: Command) -> Result<oneshot::Receiver<Outcome>, ApiError> {
        let (reply, outcome) = oneshot::channel();
        self.requests.send(Request::Command { command, reply }).await.map_err(|_| gone())?;
        Ok(outcome)
    }

    /// Shows a problem of the host in the status under the name `with`, or removes that problem if
    /// `what` is `None`. The supervision of the server continues.
    pub async fn trouble(&self, with: &'static str, what: Option<String>) {
        if let Some(what) = &what {
            tracing::error!("{what}");
        }
        // Ignore an error: a manager that has ended shows no problems.
        let _ = self.requests.send(Request::Trouble { with, what }).await;
    }

    /// Runs the workers of a project, as long as the server is to run. Starts those that have stopped
    /// or failed again. `base` are the environment variables of the command that runs the project:
    /// workers that do not run get them. Without `base`, new workers get those of this host, and the
    /// others keep theirs. Does not wait for the starts.
    ///
    /// # Errors
    /// If the name of a worker belongs to another project, or the manager has ended.
    pub async fn run_project(&self, project: Project, base: Option<BaseEnvironment>) -> Outcome {
        let (project, base) = (Box::new(project), base.map(Arc::new));
        self.outcome(|reply| Request::Project { project, base, reply }).await
    }

    /// Reads a project file and runs its workers, see [`Self::run_project`].
    ///
    /// # Errors
    /// If the file cannot be used, too.
    pub async fn run_project_file(&self, file: PathBuf, base: Option<BaseEnvironment>) -> Outcome {
        let unusable = |why: String| ApiError::new("project", why, "");
        match LOOKS.run(READ, move || project::load(&file)).await {
            Ok(Ok(project)) => self.run_project(project, base).await,
            // The text of the error has its hint.
            Ok(Err(error)) => Err(unusable(error.to_string())),
            Err(error) => Err(unusable(format!("cannot read the project file: {error}"))),
        }
    }

    /// Waits until all workers of the project in this file that start with the server are ready.
    ///
    /// # Errors
    /// The error of the namespaces, and the reasons of all workers that have failed.
    pub async fn await_workers(&self, project: PathBuf) -> Outcome {
        self.outcome(|reply| Request::AwaitWorkers { project, reply }).await
    }

    /// Sends a command to the worker with this name, or to all workers (`all`), and waits for its
    /// outcome. `base` are the environment variables of the command: a worker that it starts or
    /// restarts gets them. Without `base`, the worker keeps those that it has.
    ///
    /// # Errors
    /// If there is no such worker, the command fails, or the manager has ended.
    pub async fn worker(
        &self,
        name: String,
        command: WorkerCommand,
        base: Option<BaseEnvironment>,
    ) -> Outcome {
        let base = base.map(Arc::new);
        self.outcome(|reply| Request::Worker { name, command, base, reply }).await
    }

    async fn outcome(&self, request: impl FnOnce(oneshot::Sender<Outcome>) -> Request) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| gone())?;
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the grace period of a stop in progress: the server is killed with SIGKILL now.
    pub async fn end_grace(&self) {
        // Ignore an error: a manager that has ended has no stop in progress.
        let _ = self.requests.send(Request::EndGrace).await;
    }

    /// Stops the server, because the intent file of the home contains the intent "down". Does
    /// nothing if this host has written that intent and a later command has started the server
    /// again.
    pub async fn follow(&self, down: Box<Intent>) {
        // Ignore an error: a manager that has ended starts nothing.
        let _ = self.requests.send(Request::Follow(down)).await;
    }

    /// Makes the manager check the files of the home at once, because they may have been deleted.
    pub async fn check_files(&self) {
        // Ignore an error: a manager that has ended writes no files.
        let _ = self.requests.send(Request::CheckFiles).await;
    }

    /// Waits until the manager has ended. While the host runs, the manager ends only after a panic.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// Number of requests in the queue of the manager.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Ends the manager and keeps the server running. Returns the state for the next host. `None`
    /// if the manager had ended already.
    pub async fn release(&self) -> Option<HandOver> {
        let (reply, state) = oneshot::channel();
        self.requests.send(Request::Release { reply }).await.ok()?;
        state.await.ok()
    }
}

/// The outcome of a request that the manager has not replied to before its end.
pub(super) fn gone() -> ApiError {
    ApiError::new(ApiError::GONE, "the host is shutting down", "try again in a moment")
}
