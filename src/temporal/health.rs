//! The health checks of a Temporal server, and the identity that it reports, over one gRPC
//! connection.

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
const OPERATOR: &str = "temporal.api.operatorservice.v1.OperatorService";

/// The error of the `grpc` check while the frontend of the server shuts down.
pub const NOT_SERVING: &str = "the frontend reports NOT_SERVING";

const NO_WORKFLOW: &str = "stigmer-probe-no-such-workflow";

/// The task queue of a worker inside the server. This queue exists from the start. The description
/// of a queue that does not exist would write rows into the database.
const SYSTEM_QUEUE: &str = "temporal-sys-per-ns-tq";

/// A client of one Temporal server. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Arc<Connection>,
    timeout: Duration,
}

/// What a Temporal server reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version of the Temporal server. The CLI has a version of its own.
    pub server_version: String,
    /// The id of the cluster. A database file stores the id. With a database in memory, each start
    /// creates a new id.
    pub cluster_id: String,
}

impl Client {
    /// Creates a client for `HOST:PORT`. `timeout` is the time limit of each call.
    ///
    /// # Errors
    /// If `address` is not a valid address.
    pub fn new(address: &str, timeout: Duration) -> Result<Self, String> {
        let connection = Arc::new(Connection::new(address, timeout)?);
        Ok(Self { connection, timeout })
    }

    /// `HOST:PORT` of the server.
    pub(super) fn address(&self) -> &str {
        self.connection.address()
    }

    /// Creates a client that uses the same connection with another time limit.
    #[must_use]
    pub fn patient(&self, timeout: Duration) -> Self {
        Self { connection: Arc::clone(&self.connection), timeout }
    }

    /// Makes the `grpc` check: the health service of the frontend returns SERVING.
    ///
    /// # Errors
    /// Any other status, or the reason why there is no status.
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

    /// Makes the `store` check: the server can read the namespace from its database.
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
                Err(format!("the server described another namespace instead of {}", quote(name)))
            }
        }
    }

    /// Makes the `engine` check: the history service reports `NOT_FOUND` for a workflow that does
    /// not exist, and the matching service describes a task queue of the server itself.
    ///
    /// At the level `info` the server logs some calls between its own services
    /// (`ContextMetadataInterceptor: …`, `TrailerToContextMetadataInterceptor: …`). Any call that
    /// reaches history or matching can cause such lines. Measured: an idle server of CLI 1.9.1
    /// wrote 32 of them in 6.5 minutes, and 45 with these two calls every 5 s. The calls
    /// `GetSystemInfo`, `GetClusterInfo` and `DescribeNamespace` cause none, because the frontend
    /// itself responds to them. The screen folds these lines, see `log::noise`.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn engine(&self, namespace: &str) -> Result<(), String> {
        tokio::try_join!(self.history(namespace), self.matching(namespace)).map(drop)
    }

    async fn history(&self, namespace: &str) -> Result<(), String> {
        let request = message::DescribeWorkflowExecutionRequest {
            namespace: namespace.to_owned(),
            execution: Some(message::WorkflowExecution {
                workflow_id: NO_WORKFLOW.to_owned(),
                run_id: String::new(),
            }),
        };
        match self.call::<_, message::Ignored>("DescribeWorkflowExecution", request).await {
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Ok(_) => Err("the history service returned a workflow that nobody started".to_owned()),
            Err(status) => Err(format!("history service: {}", describe(&status))),
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
            .map_err(|status| format!("matching service: {}", describe(&status)))
    }

    /// Reads what the server reports about itself. Only a Temporal server supports this call.
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

    /// Calls a method of the service for operators.
    pub(super) async fn operate<Q, A>(&self, method: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.connection.unary(OPERATOR, method, request, self.timeout).await
    }

    /// Calls a method whose response is a page of at most `size` rows. If the page is larger than a
    /// response may be, requests a smaller one.
    pub(super) async fn page<Q, A>(
        &self,
        method: &'static str,
        mut size: u16,
        request: impl Fn(i32) -> Q,
    ) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        loop {
            match self.call(method, request(size.into())).await {
                Err(status) if status.code() == Code::OutOfRange && size > 1 => {
                    size = (size / 8).max(1);
                }
                result => return result,
            }
        }
    }
}
