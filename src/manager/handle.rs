//! The interface of the manager for the rest of the program: commands with an outcome, and facts to
//! watch.

use crate::config::Settings;
use crate::facts::{Facts, HandOver, Intent, Latest, Source, Stream};
use crate::protocol::ApiError;
use crate::supervisor::Cause;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Time limit for a response of the manager. It takes milliseconds, because the loop of the manager never
/// blocks.
const RESPONSE: Duration = Duration::from_secs(1);

/// A command of the operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start the server.
    Start,
    /// Wait for the start that a background host begins on its own. Starts nothing, even after that start
    /// has failed.
    AwaitStart,
    /// Stop the server.
    Stop(Cause),
    /// Start a new generation, with these options if given.
    Restart(Option<Box<Settings>>),
}

/// The outcome of a command. An error has what failed, on which object, why, and what to do next.
pub type Outcome = Result<(), ApiError>;

#[derive(Debug)]
pub(super) enum Request {
    Command { command: Command, reply: oneshot::Sender<Outcome> },
    Trouble { with: &'static str, what: Option<String> },
    EndGrace,
    Follow(Box<Intent>),
    CheckFiles,
    Settle { reply: oneshot::Sender<()> },
    Release { reply: oneshot::Sender<HandOver> },
}

/// A cheap handle to the manager.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) facts: watch::Receiver<Arc<Facts>>,
    pub(super) source: Source,
}

impl Handle {
    /// The current facts.
    #[must_use]
    pub fn facts(&self) -> Arc<Facts> {
        self.facts.borrow().clone()
    }

    /// The facts after all earlier requests have begun and the adoption has ended.
    pub async fn settled(&self) -> Arc<Facts> {
        let (reply, response) = oneshot::channel();
        // A manager that has ended has no request in progress.
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

    /// The facts and each change of them.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Facts>> {
        self.facts.clone()
    }

    /// The latest snapshot for viewers and each change of it.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<Latest> {
        self.source.latest()
    }

    /// A stream of changes for one viewer, from now on.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.source.stream()
    }

    /// Gives a command and waits for its outcome.
    ///
    /// # Errors
    /// If the command fails, or the manager has ended.
    pub async fn command(&self, command: Command) -> Outcome {
        self.begin(command).await?.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Gives a command and returns at once.
    ///
    /// # Errors
    /// If the manager has ended.
    pub async fn begin(&self, command: Command) -> Result<oneshot::Receiver<Outcome>, ApiError> {
        let (reply, outcome) = oneshot::channel();
        self.requests.send(Request::Command { command, reply }).await.map_err(|_| gone())?;
        Ok(outcome)
    }

    /// Shows a trouble of the host in the status, or with `None` removes it. Supervision continues.
    pub async fn trouble(&self, with: &'static str, what: Option<String>) {
        if let Some(what) = &what {
            tracing::error!("{what}");
        }
        // A manager that has ended publishes nothing.
        let _ = self.requests.send(Request::Trouble { with, what }).await;
    }

    /// Ends the grace period of a stop in progress: the instance gets SIGKILL now.
    pub async fn end_grace(&self) {
        // A manager that has ended stops nothing.
        let _ = self.requests.send(Request::EndGrace).await;
    }

    /// Stops the server, because the home has this intent "down". Does nothing if this host has written
    /// the intent itself and a later command has started the server.
    pub async fn follow(&self, down: Box<Intent>) {
        // A manager that has ended starts nothing.
        let _ = self.requests.send(Request::Follow(down)).await;
    }

    /// Makes the manager check the files of the home at once, because they may have been deleted.
    pub async fn check_files(&self) {
        // A manager that has ended keeps no file.
        let _ = self.requests.send(Request::CheckFiles).await;
    }

    /// Waits for the end of the manager. It ends before its host only after a panic.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// The number of requests that the manager has not received yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Ends the manager and leaves the server running. Returns the state for the next host.
    pub async fn release(&self) -> Option<HandOver> {
        let (reply, state) = oneshot::channel();
        self.requests.send(Request::Release { reply }).await.ok()?;
        state.await.ok()
    }
}

fn gone() -> ApiError {
    ApiError::new("gone", "the host is shutting down", "try again in a moment")
}
