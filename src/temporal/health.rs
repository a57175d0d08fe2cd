//! Health and identity of a server, over one gRPC connection.

use super::connection::{Connection, describe};
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

/// The failure of layer `grpc` for a frontend that shuts down.
pub const NOT_SERVING: &str = "the frontend reports NOT_SERVING";

const NO_WORKFLOW: &str = "stigmer-probe-no-such-workflow";

/// The queue of the server's own per-namespace worker. It exists from the start. A description of an
/// unknown queue would write rows into the database.
const SYSTEM_QUEUE: &str = "temporal-sys-per-ns-tq";

/// A client of one server. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Arc<Connection>,
    timeout: Duration,
}

/// The identity that a server reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version of the Temporal server, not of the CLI.
    pub server_version: String,
    /// The id of the cluster. It is in the database file; a database in memory gets a new id at
    /// each start.
    pub cluster_id: String,
}

impl Client {
    /// A client of `HOST:PORT`. `timeout` limits each call.
    ///
    /// # Errors
    /// If `address` is not an address.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, String> {
        let connection = Arc::new(Connection::new(address, timeout)?);
        Ok(Self { connection, timeout })
    }

    /// A client with the same connection and another timeout.
    #[must_use]
    pub fn patient(&self, timeout: Duration) -> Self {
        Self { connection: Arc::clone(&self.connection), timeout }
    }

    /// Checks layer `grpc`: the frontend reports SERVING.
    ///
    /// # Errors
    /// The other status, or the reason why there is none.
    pub async fn serving(&self) -> Result<(), String> {
        let request = HealthCheckRequest { service: FRONTEND.to_owned() };
        let response: HealthCheckResponse = self
            .connection
            .unary(HEALTH, "Check", request, self.timeout)
            .await
            .map_err(|status| describe(&status))?;
        match response.status() {
            ServingStatus::Serving => Ok(()),
            ServingStatus::NotServing => Err(NOT_SERVING.to_owned()),
            other => Err(format!("the frontend reports {}", other.as_str_name())),
        }
    }

    /// Checks layer `store`: the server reads the namespace from the database.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn namespace(&self, name: &str) -> Result<(), String> {
        let request = message::DescribeNamespaceRequest { namespace: name.to_owned() };
        let response: message::DescribeNamespaceResponse =
            self.call("DescribeNamespace", request).await.map_err(|s| describe(&s))?;
        match response.namespace_info {
            Some(info) if info.name == name => Ok(()),
            Some(_) | None => {
                Err(format!("the description of namespace {} has another name", quote(name)))
            }
        }
    }

    /// Checks layer `engine`: history responds to an unknown workflow with `NOT_FOUND`, and matching
    /// describes the server's own queue.
    ///
    /// At the level `info` the server logs some of the calls between its services
    /// (`ContextMetadataInterceptor: …`, `TrailerToContextMetadataInterceptor: …`). An idle server of
    /// CLI 1.9.1 wrote 32 such lines in 6.5 minutes for its own calls, and 45 with these two calls
    /// every 5 s. Each call that reaches history or matching can do that. The frontend itself
    /// responds to `GetSystemInfo`, `GetClusterInfo` and `DescribeNamespace`, which log nothing.
    /// The screen folds these lines, see `log::noise`.
    ///
    /// # Errors
    /// The error of the server.
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
            Err(status) => Err(format!("history: {}", describe(&status))),
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
            .map_err(|status| format!("matching: {}", describe(&status)))
    }

    /// Reads the identity of the server. Only a Temporal server supports this call.
    ///
    /// # Errors
    /// The error of the peer.
    pub async fn info(&self) -> Result<ServerInfo, String> {
        let response: message::GetClusterInfoResponse = self
            .call("GetClusterInfo", message::GetClusterInfoRequest {})
            .await
            .map_err(|status| describe(&status))?;
        Ok(ServerInfo {
            server_version: quote(&response.server_version),
            cluster_id: quote(&response.cluster_id),
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
