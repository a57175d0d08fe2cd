//! Task queues: their pollers, and the tasks that wait.

use super::connection::describe;
use super::health::Client;
use super::message;
use std::time::{Duration, SystemTime};

/// The kind of the tasks in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueueKind {
    /// Workflow tasks.
    Workflow,
    /// Activity tasks.
    Activity,
}

/// A task queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    /// All workers that polled the queue within the last five minutes, including processes that
    /// have ended.
    pub pollers: Vec<QueuePoller>,
    /// Number of waiting tasks. The number may be 5 s old.
    pub waiting: u64,
    /// Age of the oldest waiting task. The value may be 5 s old.
    pub oldest: Duration,
}

/// A worker that polls a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePoller {
    /// The name that the worker gives itself: `PID@HOST` by default.
    pub identity: String,
    /// When the worker last polled the queue. An idle worker polls once a minute.
    pub last_poll: Option<SystemTime>,
}

/// The machine and the process id in the identity of a worker, such as `4712@host` or
/// `4712@host@queue`. `None` for a worker with a name of its own.
#[must_use]
pub fn place(identity: &str) -> Option<(&str, i32)> {
    let (pid, rest) = identity.split_once('@')?;
    let host = rest.split_once('@').map_or(rest, |(host, _)| host);
    Some((host, pid.parse().ok().filter(|pid| *pid > 0)?))
}

impl Client {
    /// Describes a queue. A workflow or an activity must have used the queue with this kind before:
    /// the description of any other queue writes rows into the database.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn queue(
        &self,
        namespace: &str,
        name: &str,
        kind: QueueKind,
    ) -> Result<QueueState, String> {
        let request = message::DescribeTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(message::TaskQueue { name: name.to_owned(), kind: 1 }),
            task_queue_type: match kind {
                QueueKind::Workflow => 1,
                QueueKind::Activity => 2,
            },
            report_stats: true,
        };
        let response: message::DescribeQueueResponse =
            self.call("DescribeTaskQueue", request).await.map_err(|s| describe(&s))?;
        let stats = response.stats.unwrap_or_default();
        Ok(QueueState {
            pollers: response
                .pollers
                .into_iter()
                .map(|poller| QueuePoller {
                    identity: poller.identity,
                    last_poll: poller.last_access_time.and_then(message::Timestamp::time),
                })
                .collect(),
            waiting: u64::try_from(stats.approximate_backlog_count).unwrap_or(0),
            oldest: stats
                .approximate_backlog_age
                .and_then(message::WireDuration::duration)
                .unwrap_or_default(),
        })
    }
}
