//! What a Temporal developer looks for: workflows that run and that failed, and
//! task queues that have work but no worker.
//!
//! Counting and listing share a limit of about 100 calls a second with the
//! user's own programs, and describing a queue that nobody knows writes rows
//! into the database. So this is asked rarely, in two such calls, and only
//! queues are described on which a workflow runs: those exist.

use super::connection::words;
use super::health::Client;
use super::message;
use crate::harmless::quote;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Running workflows whose queues are looked at: enough to meet every queue of a
/// developer's machine.
const PAGE: i32 = 200;
/// Queues that are described in one look.
const QUEUES: usize = 16;
/// A worker that waits for work asks anew within a minute; the server remembers
/// those that have gone for five.
const STALE: Duration = Duration::from_secs(75);

/// What there is in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workflows {
    /// The namespace.
    pub namespace: String,
    /// Open now.
    pub running: u64,
    /// Closed as failed or timed out, as far as they are still kept. Someone asked for what was
    /// terminated.
    pub failed: u64,
    /// Queues with workflow tasks that nobody takes, by name, with how many wait.
    pub unserved: Vec<(String, u64)>,
}

impl Client {
    /// Counts the workflows of a namespace and looks for queues without worker.
    ///
    /// # Errors
    /// What the server said; then nothing is known, and nothing should be shown.
    pub async fn workflows(&self, namespace: &str) -> Result<Workflows, String> {
        let request = message::CountRequest {
            namespace: namespace.to_owned(),
            query: "GROUP BY ExecutionStatus".to_owned(),
        };
        let counted: message::CountResponse =
            self.call("CountWorkflowExecutions", request).await.map_err(|s| words(&s))?;
        let mut found = Workflows { namespace: namespace.to_owned(), ..Workflows::default() };
        for group in counted.groups {
            let count = u64::try_from(group.count).unwrap_or(0);
            match group.status().as_deref() {
                Some("Running") => found.running = found.running.saturating_add(count),
                Some("Failed" | "TimedOut") => {
                    found.failed = found.failed.saturating_add(count);
                }
                // Completed, Canceled, Terminated, ContinuedAsNew, Paused: none of these asks for anything.
                Some(_) | None => {}
            }
        }
        if found.running > 0 {
            for queue in self.queues(namespace).await?.into_iter().take(QUEUES) {
                let waiting = self.unserved(namespace, &queue).await?;
                if waiting > 0 {
                    found.unserved.push((quote(&queue), waiting));
                }
            }
        }
        Ok(found)
    }

    /// The queues of workflows that run.
    async fn queues(&self, namespace: &str) -> Result<BTreeSet<String>, String> {
        let request = message::ListRequest {
            namespace: namespace.to_owned(),
            page_size: PAGE,
            query: "ExecutionStatus = 'Running'".to_owned(),
        };
        let listed: message::ListResponse =
            self.call("ListWorkflowExecutions", request).await.map_err(|s| words(&s))?;
        let names = listed.executions.into_iter().map(|execution| execution.task_queue);
        Ok(names.filter(|name| !name.is_empty()).collect())
    }

    /// How many workflow tasks wait in a queue that no worker asks.
    async fn unserved(&self, namespace: &str, queue: &str) -> Result<u64, String> {
        let request = message::DescribeTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(message::TaskQueue { name: queue.to_owned(), kind: 1 }),
            task_queue_type: 1,
            report_stats: true,
        };
        let described: message::DescribeQueueResponse =
            self.call("DescribeTaskQueue", request).await.map_err(|s| words(&s))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_served = described.pollers.iter().any(|poller| {
            let seen = poller.last_access_time.as_ref().map_or(0, |time| time.seconds);
            now.saturating_sub(Duration::from_secs(u64::try_from(seen).unwrap_or(0))) < STALE
        });
        let waiting = described.stats.map_or(0, |stats| stats.approximate_backlog_count);
        Ok(if is_served { 0 } else { u64::try_from(waiting).unwrap_or(0) })
    }
}
