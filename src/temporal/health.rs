//! What the server says about itself, over one kept gRPC connection.

use super::message;
use std::time::Duration;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const FRONTEND: &str = "temporal.api.workflowservice.v1.WorkflowService";

/// An id that no workflow has.
const NO_WORKFLOW: &str = "stigmer-probe-no-such-workflow";

/// The queue of the server's own per-namespace worker. It exists from the
/// start; describing a name that does not exist would write rows.
const SYSTEM_QUEUE: &str = "temporal-sys-per-ns-tq";

/// A connection to one server, made when it is first needed and again whenever
/// it breaks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
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
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("{address} is no address: {error}"))?
            .connect_timeout(timeout)
            .timeout(timeout)
            .tcp_nodelay(true);
        Ok(Self { channel: endpoint.connect_lazy(), timeout })
    }

    /// Layer `grpc`: the frontend says SERVING.
    ///
    /// # Errors
    /// What it said instead, or why it said nothing.
    pub async fn serving(&self) -> Result<(), String> {
        let request = HealthCheckRequest { service: FRONTEND.to_owned() };
        let mut client = HealthClient::new(self.channel.clone());
        let answer = self.bounded(client.check(request)).await.map_err(|s| words(&s))?;
        match answer.into_inner().status() {
            ServingStatus::Serving => Ok(()),
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
            Some(_) | None => Err(format!("namespace {name} came back without its name")),
        }
    }

    /// Layer `engine`: history does not know an unknown workflow, and matching
    /// knows the server's own queue.
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
        Ok(ServerInfo { server_version: answer.server_version, cluster_id: answer.cluster_id })
    }

    pub(super) async fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        let path = PathAndQuery::try_from(format!("/{FRONTEND}/{method}"))
            .expect("a service and a method make a path");
        self.bounded(async {
            grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let codec = tonic_prost::ProstCodec::default();
            grpc.unary(Request::new(request), path, codec).await
        })
        .await
        .map(tonic::Response::into_inner)
    }

    /// The channel's own time-out begins with the request on the wire; a
    /// connection that a frozen server accepted and never answers needs this one.
    async fn bounded<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        tokio::time::timeout(self.timeout, call).await.unwrap_or_else(|_| {
            Err(Status::deadline_exceeded(format!("no answer within {:?}", self.timeout)))
        })
    }
}

/// A status as people read it. The transport's own words say little; what lies
/// below them says `Connection refused`.
pub(super) fn words(status: &Status) -> String {
    let mut deepest: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(below) = deepest.and_then(std::error::Error::source) {
        deepest = Some(below);
    }
    match (status.code(), deepest) {
        (Code::DeadlineExceeded, _) | (Code::Cancelled, _) => {
            if status.message().starts_with("no answer") {
                status.message().to_owned()
            } else {
                "no answer in time".to_owned()
            }
        }
        (_, Some(cause)) => cause.to_string(),
        (code, None) => format!("{code:?}: {}", status.message()),
    }
}
