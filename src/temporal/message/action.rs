//! Actions on a workflow: cancel, terminate, signal, query, update, reset, delete, and the retry of
//! an activity.

use super::history::{UpdateOutcome, UpdateRequest};
use super::{Payloads, WorkflowExecution};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct CancelRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) identity: String,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) request_id: String,
    #[prost(string, tag = "6")]
    pub(in crate::temporal) reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct TerminateRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) reason: String,
    #[prost(string, tag = "5")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct SignalWorkflowRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) signal_name: String,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) input: Option<Payloads>,
    #[prost(string, tag = "5")]
    pub(in crate::temporal) identity: String,
    #[prost(string, tag = "6")]
    pub(in crate::temporal) request_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct QueryRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) query: Option<QueryCall>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct QueryCall {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) query_type: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) query_args: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct QueryResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) query_result: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateWorkflowRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) wait_policy: Option<WaitPolicy>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) request: Option<UpdateRequest>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct WaitPolicy {
    /// 1 is admitted, 2 is accepted, 3 is completed.
    #[prost(int32, tag = "1")]
    pub(in crate::temporal) lifecycle_stage: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateResponse {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) outcome: Option<UpdateOutcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ResetRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) reason: String,
    /// ID of the event that completed, failed or started a workflow task.
    #[prost(int64, tag = "4")]
    pub(in crate::temporal) workflow_task_finish_event_id: i64,
    #[prost(string, tag = "5")]
    pub(in crate::temporal) request_id: String,
    #[prost(string, tag = "9")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ResetResponse {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) run_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct DeleteRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
}

/// The request to pause an activity. The request to unpause it has the same fields.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct PauseRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) identity: String,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) activity_id: String,
}
