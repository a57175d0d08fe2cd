//! Counts the workflows of a namespace by their status.
//!
//! The server allows about 100 count and list calls a second, which stigmer shares with the
//! programs of the user.

use super::connection::describe;
use super::executions::query_time;
use super::health::Client;
use super::message;
use std::time::SystemTime;

/// Numbers of workflows by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Workflows that run or are paused.
    pub open: u64,
    /// Workflows that returned a result.
    pub completed: u64,
    /// Workflows that failed or timed out. A terminated or canceled workflow does not count, because
    /// a user has ended that workflow.
    pub failed: u64,
    /// All workflows that have ended.
    pub closed: u64,
}

impl Client {
    /// Counts all workflows of a namespace that the server still has.
    ///
    /// # Errors
    /// The error of the server. The caller then shows no numbers.
    pub async fn status_counts(&self, namespace: &str) -> Result<StatusCounts, String> {
        self.count(namespace, "").await
    }

    /// Counts the workflows of a namespace that ended at `from` or later, and before `to`.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn ended_between(
        &self,
        namespace: &str,
        from: SystemTime,
        to: SystemTime,
    ) -> Result<StatusCounts, String> {
        let (from, to) = (query_time(from), query_time(to));
        let query = format!("CloseTime >= '{from}' AND CloseTime < '{to}'");
        self.count(namespace, &query).await
    }

    /// Counts the workflows that match `query`. An empty query matches all workflows.
    pub(super) async fn count(&self, namespace: &str, query: &str) -> Result<StatusCounts, String> {
        let request = message::CountRequest {
            namespace: namespace.to_owned(),
            query: format!("{query} GROUP BY ExecutionStatus").trim_start().to_owned(),
        };
        let counted: message::CountResponse =
            self.call("CountWorkflowExecutions", request).await.map_err(|s| describe(&s))?;
        let mut found = StatusCounts::default();
        for group in counted.groups {
            let count = u64::try_from(group.count).unwrap_or(0);
            let add = |to: &mut u64| *to = to.saturating_add(count);
            match group.status().as_deref() {
                Some("Running" | "Paused") => {
                    add(&mut found.open);
                    continue;
                }
                Some("Completed") => add(&mut found.completed),
                Some("Failed" | "TimedOut") => add(&mut found.failed),
                // Canceled, Terminated and ContinuedAsNew.
                Some(_) | None => {}
            }
            add(&mut found.closed);
        }
        Ok(found)
    }
}
