//! What the server says about itself, over one kept gRPC connection.

use super::connection::{Connection, words};
use super::message;
use crate::harmless::quote;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

#[cfg(test)]
mod tests;

const HEALTH: &str = "grpc.health.v1.Health";
const FRONTEND: &str = "temporal.api.workflowservice.v1.WorkflowService";

/// What layer `grpc` says of a frontend that was ready and shuts down.
pub const NOT_SERVING: &str = "the frontend says NOT_SERVING";

/// An id that no workflow has.
const NO_WORKFLOW: &str = "stigmer-probe-no-such-workflow";

/// The queue of the server's own per-namespace worker. It exists from the
/// start; describing a name that does not exist would write rows.
const SYSTEM_QUEUE: &str = "temporal-sys-per-ns-tq";

/// A connection to one server, made when it is first needed and again whenever
/// it breaks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Arc<Connection>,
    timeout: Duration,
}

/// Who a server says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Version of the Temporal server, which is not that of the CLI.
    pub server_version: String,
    /// The cluster's id: kept in the database file, new at every start in memory.
    pub cluster_id: String,
}

impl Client {
    /// A client of `HOST:PORT`; each call may take `timeout`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, String> {
        let connection = Arc::new(Connection::new(address, timeout)?);
        Ok(Self { connection, timeout })
    }

    /// The same connection, with another bound for each call.
    #[must_use]
    pub fn patient(&self, timeout: Duration) -> Self {
        Self { connection: Arc::clone(&self.connection), timeout }
    }

    /// Layer `grpc`: the frontend says SERVING.
    ///
    /// # Errors
    /// What it said instead, or why it said nothing.
    pub async fn serving(&self) -> Result<(), String> {
        let request = HealthCheckRequest { service: FRONTEND.to_owned() };
        let answer: HealthCheckResponse = self
            .connection
            .unary(HEALTH, "Check", request, self.timeout)
            .await
            .map_err(|status| words(&status))?;
        match answer.status() {
            ServingStatus::Serving => Ok(()),
            ServingStatus::NotServing => Err(NOT_SERVING.to_owned()),
            other => Err(format!("the frontend says {}", other.as_str_name())),
        }
    }

    /// Layer `store`: the namespace is read back from the database.
    ///
    /// # Errors
    /// What the server said.
    pub async fn namespace(&self, name: &str) -> Result<(), String> {
        let request = message::DescribeNamespaceRequest { namespace: name.to_owned() };
        let answer: message::DescribeNamespaceResponse =
            self.call("DescribeNamespace", request).await.map_err(|s| words(&s))?;
        match answer.namespace_info {
            Some(info) if info.name == name => Ok(()),
            Some(_) | None => Err(format!("namespace {} came back without its name", quote(name))),
        }
    }

    /// Layer `engine`: history does not know an unknown workflow, and matching
    /// knows the server's own queue.
    ///
    /// At the level `info` the server writes a line for some of the calls from one of its services
    /// to another (`ContextMetadataInterceptor: …`, `TrailerToContextMetadataInterceptor: …`). An
    /// idle server of CLI 1.9.1 wrote 32 of them in 6.5 minutes for its own calls, and 45 with these
    /// two every 5 s. Each call that reaches history or matching does that; those that write
    /// nothing (`GetSystemInfo`, `GetClusterInfo`, `DescribeNamespace`) are answered by the frontend.
    /// The screen folds these lines, see `log::noise`.
    ///
    /// # Errors
    /// What the server said.
    pub async fn engine(&self, namespace: &str) -> Result<(), String> {
        tokio::try_join!(self.history(namespace), self.matching(namespace)).map(drop)
    }

    async fn history(&self, namespace: &str) -> Result<(), String> {
        let request = message::DescribeWorkflowExecutionRequest {
            namespace: namespace.to_owned(),
            execution: Some(message::WorkflowExecution { workflow_id: NO_WORKFLOW.to_owned() }),
        };
        match self.call::<_, message::Ignored>("DescribeWorkflowExecution", request).await {
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Ok(_) => Err("history knows a workflow that nobody started".to_owned()),
            Err(status) => Err(format!("history: {}", words(&status))),
        }
    }

    async fn matching(&self, namespace: &str) -> Result<(), String> {
        let request = message::DescribeTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(message::TaskQueue { name: SYSTEM_QUEUE.to_owned(), kind: 1 }),
            task_queue_type: 1,
            report_stats: false,
        };
        self.call::<_, message::Ignored>("DescribeTaskQueue", request)
            .await
            .map(drop)
            .map_err(|status| format!("matching: {}", words(&status)))
    }

    /// Who it is; only a Temporal can say.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn info(&self) -> Result<ServerInfo, String> {
        let answer: message::GetClusterInfoResponse = self
            .call("GetClusterInfo", message::GetClusterInfoRequest {})
            .await
            .map_err(|status| words(&status))?;
        Ok(ServerInfo {
            server_version: quote(&answer.server_version),
            cluster_id: quote(&answer.cluster_id),
        })
    }

    pub(super) async fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.connection.unary(FRONTEND, method, request, self.timeout).await
    }
}
