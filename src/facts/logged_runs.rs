//! The workflows that the log of the server names with a failure, for readers that look for problems.

use tokio::sync::broadcast;

/// Maximum number of workflows that a reader can be behind.
const BEHIND: usize = 64;

/// A run of a workflow that a line of the log names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRun {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
}

/// The stream of these workflows. A clone belongs to the same stream.
#[derive(Debug, Clone)]
pub struct LoggedRuns(broadcast::Sender<LoggedRun>);

impl Default for LoggedRuns {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

impl LoggedRuns {
    /// Whether the stream has a reader.
    #[must_use]
    pub fn has_readers(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Sends a workflow to all readers.
    pub fn send(&self, run: LoggedRun) {
        // Without a reader, the workflow is not needed.
        let _ = self.0.send(run);
    }

    /// Creates a reader of the workflows that are sent from now on.
    #[must_use]
    pub fn read(&self) -> LoggedRunReader {
        LoggedRunReader(self.0.subscribe())
    }
}

/// A reader of the stream.
#[derive(Debug)]
pub struct LoggedRunReader(broadcast::Receiver<LoggedRun>);

impl LoggedRunReader {
    /// Waits for the next workflow. Skips workflows if the reader is too far behind. Cancel-safe.
    pub async fn next(&mut self) -> LoggedRun {
        loop {
            match self.0.recv().await {
                Ok(run) => return run,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}
