//! Counts the workflows of a namespace that run or have failed, and finds task queues that have
//! tasks but no worker.
//!
//! The server allows about 100 count and list calls a second, which stigmer shares with the
//! programs of the user. So stigmer calls this module rarely, and each time makes only two such
//! calls. The description of a queue that does not exist writes rows into the database. So stigmer
//! describes only the queues of running workflows, because these queues exist.

use super::connection::describe;
use super::health::Client;
use super::message;
use crate::harmless::quote;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Maximum number of running workflows whose queues are read. This is enough to find every queue on
/// the machine of a developer.
const PAGE: i32 = 200;
/// Maximum number of queues that one call of [`Client::workflows`] describes.
const QUEUES: usize = 16;
/// A worker that has not polled its queue for this time counts as ended. An idle worker polls at
/// least once a minute. The server still lists a worker for five minutes after its last poll.
const STALE: Duration = Duration::from_secs(75);

/// The workflows of a namespace, and its task queues that have tasks but no worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workflows {
    /// The name of the namespace.
    pub namespace: String,
    /// Number of running workflows.
    pub running: u64,
    /// Number of workflows that have failed or timed out and are still in the database. A
    /// terminated workflow does not count, because a user has ended that workflow.
    pub failed: u64,
    /// Names of the task queues without a worker, each with the number of waiting workflow tasks.
    pub unserved: Vec<(String, u64)>,
}

impl Client {
    /// Counts the workflows of a namespace, and finds its task queues that have tasks but no
    /// worker.
    ///
    /// # Errors
    /// The error of the server. The caller then shows no numbers.
    pub async fn workflows(&self, namespace: &str) -> Result<Workflows, String> {
        let request = message::CountRequest {
            namespace: namespace.to_owned(),
            query: "GROUP BY ExecutionStatus".to_owned(),
        };
        let counted: message::CountResponse =
            self.call("CountWorkflowExecutions", request).await.map_err(|s| describe(&s))?;
        let mut found = Workflows { namespace: namespace.to_owned(), ..Workflows::default() };
        for group in counted.groups {
            let count = u64::try_from(group.count).unwrap_or(0);
            match group.status().as_deref() {
                Some("Running") => found.running = found.running.saturating_add(count),
                Some("Failed" | "TimedOut") => {
                    found.failed = found.failed.saturating_add(count);
                }
                // The other statuses (Completed, Canceled, Terminated, ContinuedAsNew and Paused)
                // need no action by the user.
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

    /// The names of the task queues of the running workflows.
    async fn queues(&self, namespace: &str) -> Result<BTreeSet<String>, String> {
        let request = message::ListRequest {
            namespace: namespace.to_owned(),
            page_size: PAGE,
            next_page_token: Vec::new(),
            query: "ExecutionStatus = 'Running'".to_owned(),
        };
        let listed: message::ListResponse =
            self.call("ListWorkflowExecutions", request).await.map_err(|s| describe(&s))?;
        let names = listed.executions.into_iter().map(|info| info.task_queue);
        Ok(names.filter(|name| !name.is_empty()).collect())
    }

    /// The number of workflow tasks that wait in this queue. 0 if a worker polls the queue.
    async fn unserved(&self, namespace: &str, queue: &str) -> Result<u64, String> {
        let request = message::DescribeTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(message::TaskQueue { name: queue.to_owned(), kind: 1 }),
            task_queue_type: 1,
            report_stats: true,
        };
        let described: message::DescribeQueueResponse =
            self.call("DescribeTaskQueue", request).await.map_err(|s| describe(&s))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_served = described.pollers.iter().any(|poller| {
            let seen = poller.last_access_time.as_ref().map_or(0, |time| time.seconds);
            now.saturating_sub(Duration::from_secs(u64::try_from(seen).unwrap_or(0))) < STALE
        });
        let waiting = described.stats.map_or(0, |stats| stats.approximate_backlog_count);
        Ok(if is_served { 0 } else { u64::try_from(waiting).unwrap_or(0) })
    }
}
