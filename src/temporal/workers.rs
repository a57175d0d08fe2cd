//! Workers, as their SDKs report them once a minute.

use super::connection::describe;
use super::health::Client;
use super::message;
use super::message::worker::{HeartbeatInfo, ListWorkersRequest, ListWorkersResponse, PollerCount};
use super::queues::QueueKind;
use std::time::SystemTime;

/// Maximum number of workers in a response.
const PAGE: i32 = 200;

/// The last report of a worker. A worker first reports a minute after its start. The server forgets a
/// worker that has not reported for about five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerHeartbeat {
    /// The name that the worker gives itself.
    pub identity: String,
    /// Name of the machine of the worker. Empty if unknown.
    pub host: String,
    /// Process id of the worker on its machine.
    pub pid: Option<i32>,
    /// The task queue that the worker polls.
    pub task_queue: String,
    /// The kinds of tasks for which the worker polls.
    pub kinds: Vec<QueueKind>,
    /// Name and version of the SDK.
    pub sdk: String,
    /// Whether the worker runs. False if it shuts down or has shut down.
    pub is_running: bool,
    /// When the worker started.
    pub started: Option<SystemTime>,
    /// The time of the report.
    pub at: Option<SystemTime>,
}

impl Client {
    /// Lists the workers of a namespace. This call is not in the limit of list calls.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn workers(&self, namespace: &str) -> Result<Vec<WorkerHeartbeat>, String> {
        let request = ListWorkersRequest { namespace: namespace.to_owned(), page_size: PAGE };
        let response: ListWorkersResponse =
            self.call("ListWorkers", request).await.map_err(|s| describe(&s))?;
        let heartbeats = response.workers.into_iter().filter_map(|worker| worker.heartbeat);
        Ok(heartbeats.map(Into::into).collect())
    }
}

impl From<HeartbeatInfo> for WorkerHeartbeat {
    fn from(info: HeartbeatInfo) -> Self {
        let host = info.host.unwrap_or_default();
        let polls = |pollers: Option<PollerCount>| pollers.is_some_and(|it| it.current > 0);
        let kinds = [
            (QueueKind::Workflow, polls(info.workflow_pollers)),
            (QueueKind::Activity, polls(info.activity_pollers)),
        ];
        Self {
            identity: info.identity,
            host: host.host_name,
            pid: host.process_id.parse().ok().filter(|pid| *pid > 0),
            task_queue: info.task_queue,
            kinds: kinds.into_iter().filter(|(_, polls)| *polls).map(|(kind, _)| kind).collect(),
            sdk: format!("{} {}", info.sdk_name, info.sdk_version).trim().to_owned(),
            is_running: info.status == 1,
            started: info.start_time.and_then(message::Timestamp::time),
            at: info.heartbeat_time.and_then(message::Timestamp::time),
        }
    }
}
