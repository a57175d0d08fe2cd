//! Calls of the programs of a user: starts of workflows, and a worker that ends them. stigmer itself
//! makes none of these calls.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};

const SERVICE: &str = "/temporal.api.workflowservice.v1.WorkflowService";
const NAMESPACE: &str = "default";
const IDENTITY: &str = "benchmark";
/// Time limit of a call. A poll waits for a task almost as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the server. Clones share the connection.
#[derive(Clone)]
pub struct Api(Channel);

impl Api {
    pub async fn connect(address: &str) -> Result<Self> {
        Ok(Self(Endpoint::from_shared(format!("http://{address}"))?.connect().await?))
    }

    /// Starts a workflow.
    pub async fn start(&self, workflow_type: &str, id: &str, queue: &str) -> Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let request = StartRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(Name { name: workflow_type.to_owned() }),
            task_queue: Some(Name { name: queue.to_owned() }),
            identity: IDENTITY.to_owned(),
            request_id: format!("{id}-{count}"),
        };
        self.call::<_, Empty>("StartWorkflowExecution", request).await.map(drop)
    }

    /// Handles one workflow task of this queue: `Order` completes, `Refund` fails, and every other
    /// type stays open.
    pub async fn work(&self, queue: &str) -> Result<()> {
        let poll = PollRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(Name { name: queue.to_owned() }),
            identity: IDENTITY.to_owned(),
        };
        let task: Task = self.call("PollWorkflowTaskQueue", poll).await?;
        if task.token.is_empty() {
            return Ok(());
        }
        let commands = match task.workflow_type.unwrap_or_default().name.as_str() {
            "Order" => vec![Command { kind: 4, complete: Some(Empty {}), fail: None }],
            "Refund" => {
                let failure =
                    Failure { message: "bank API answered 503 Service Unavailable".to_owned() };
                let fail = Some(Fail { failure: Some(failure) });
                vec![Command { kind: 5, complete: None, fail }]
            }
            _ => vec![],
        };
        let respond = RespondRequest {
            token: task.token,
            commands,
            identity: IDENTITY.to_owned(),
            namespace: NAMESPACE.to_owned(),
        };
        self.call::<_, Empty>("RespondWorkflowTaskCompleted", respond).await.map(drop)
    }

    async fn call<Q, A>(&self, method: &str, request: Q) -> Result<A>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(format!("{SERVICE}/{method}"))?;
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await?;
        let codec = tonic_prost::ProstCodec::default();
        let mut request = tonic::Request::new(request);
        // The server refuses a poll without a time limit.
        request.set_timeout(PATIENCE);
        let response = grpc.unary(request, path, codec).await;
        Ok(response.with_context(|| method.to_owned())?.into_inner())
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

/// The name of a type or a queue.
#[derive(Clone, PartialEq, prost::Message)]
struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StartRequest {
    #[prost(string, tag = "1")]
    namespace: String,
    #[prost(string, tag = "2")]
    workflow_id: String,
    #[prost(message, optional, tag = "3")]
    workflow_type: Option<Name>,
    #[prost(message, optional, tag = "4")]
    task_queue: Option<Name>,
    #[prost(string, tag = "9")]
    identity: String,
    #[prost(string, tag = "10")]
    request_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PollRequest {
    #[prost(string, tag = "1")]
    namespace: String,
    #[prost(message, optional, tag = "2")]
    task_queue: Option<Name>,
    #[prost(string, tag = "3")]
    identity: String,
}

/// A workflow task. The token is empty if the queue had no task.
#[derive(Clone, PartialEq, prost::Message)]
struct Task {
    #[prost(bytes = "vec", tag = "1")]
    token: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    workflow_type: Option<Name>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RespondRequest {
    #[prost(bytes = "vec", tag = "1")]
    token: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    commands: Vec<Command>,
    #[prost(string, tag = "3")]
    identity: String,
    #[prost(string, tag = "9")]
    namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Command {
    /// 4 completes the workflow, 5 fails it.
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "4")]
    complete: Option<Empty>,
    #[prost(message, optional, tag = "5")]
    fail: Option<Fail>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Fail {
    #[prost(message, optional, tag = "1")]
    failure: Option<Failure>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Failure {
    #[prost(string, tag = "1")]
    message: String,
}
