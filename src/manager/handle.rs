//! How the rest of the program talks to the manager: commands with an outcome,
//! facts to watch.

use crate::config::Settings;
use crate::facts::{Facts, HandOver, Latest, Source, Stream};
use crate::protocol::ApiError;
use crate::supervisor::Cause;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The manager answers within milliseconds; its loop waits for nothing.
const RESPONSE: Duration = Duration::from_secs(1);

/// What the operator wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Bring it up.
    Start,
    /// Wait for the start that a background host begins on its own. Begins none, also after that start
    /// has failed.
    AwaitStart,
    /// Take it down.
    Stop(Cause),
    /// A new generation, with these options where they are given.
    Restart(Option<Box<Settings>>),
}

/// How a command ended: an error says what, on what, why, and what next.
pub type Outcome = Result<(), ApiError>;

#[derive(Debug)]
pub(super) enum Request {
    Command { command: Command, reply: oneshot::Sender<Outcome> },
    Trouble { with: &'static str, what: Option<String> },
    EndGrace,
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
    /// What is now.
    #[must_use]
    pub fn facts(&self) -> Arc<Facts> {
        self.facts.borrow().clone()
    }

    /// What is, once all is under way that was asked for before, and what was found running is
    /// known.
    pub async fn settled(&self) -> Arc<Facts> {
        let (reply, answer) = oneshot::channel();
        // A manager that is gone has nothing under way.
        if self.requests.send(Request::Settle { reply }).await.is_ok() {
            let _ = answer.await;
        }
        self.facts()
    }

    /// Whether the manager answers within a second.
    pub async fn responds(&self) -> bool {
        let round_trip = async {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Request::Settle { reply }).await.is_ok() && answer.await.is_ok()
        };
        tokio::time::timeout(RESPONSE, round_trip).await.unwrap_or(false)
    }

    /// What is, with each change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Facts>> {
        self.facts.clone()
    }

    /// What everybody is shown, with each change.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<Latest> {
        self.source.latest()
    }

    /// What one viewer is told, from now on.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.source.stream()
    }

    /// Gives a command and waits until it is done.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn command(&self, command: Command) -> Outcome {
        self.begin(command).await?.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Gives a command and returns at once.
    ///
    /// # Errors
    /// When the manager is gone.
    pub async fn begin(&self, command: Command) -> Result<oneshot::Receiver<Outcome>, ApiError> {
        let (reply, outcome) = oneshot::channel();
        self.requests.send(Request::Command { command, reply }).await.map_err(|_| gone())?;
        Ok(outcome)
    }

    /// Something of the host's own does not work; everybody who asks is told, and
    /// supervision goes on. `None`: it does again.
    pub async fn trouble(&self, with: &'static str, what: Option<String>) {
        if let Some(what) = &what {
            tracing::error!("{what}");
        }
        // A manager that is gone tells nobody anything any more.
        let _ = self.requests.send(Request::Trouble { with, what }).await;
    }

    /// Ends the grace period of a stop that is under way: the instance gets SIGKILL now.
    pub async fn end_grace(&self) {
        // A manager that is gone stops nothing any more.
        let _ = self.requests.send(Request::EndGrace).await;
    }

    /// Has the manager check the files of the home, which may have been deleted.
    pub async fn check_files(&self) {
        // A manager that is gone keeps no file.
        let _ = self.requests.send(Request::CheckFiles).await;
    }

    /// Returns when the manager is gone, which it is before the host only by a
    /// panic.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// Requests that the manager has not taken yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Ends the manager and leaves Temporal running.
    pub async fn release(&self) -> Option<HandOver> {
        let (reply, state) = oneshot::channel();
        self.requests.send(Request::Release { reply }).await.ok()?;
        state.await.ok()
    }
}

fn gone() -> ApiError {
    ApiError::new("gone", "the host is shutting down", "try again in a moment")
}
