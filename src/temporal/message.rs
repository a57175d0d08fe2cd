//! The messages of Temporal's API (`temporal.api.workflowservice.v1`) that stigmer uses. The types
//! are written by hand with the published field numbers, and have only the fields that stigmer
//! uses.
//!
//! Generated code of the whole API would take minutes to build.

pub(super) mod action;
pub(super) mod execution;
pub(super) mod failure;
pub(super) mod history;
pub(super) mod namespace;
pub(super) mod worker;

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeNamespaceRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeNamespaceResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) namespace_info: Option<NamespaceInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NamespaceInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListNamespacesRequest {
    #[prost(int32, tag = "1")]
    pub(super) page_size: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListNamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) namespaces: Vec<DescribeNamespaceResponse>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) next_page_token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WorkflowExecution {
    #[prost(string, tag = "1")]
    pub(super) workflow_id: String,
    /// In a request, an empty value means the latest run.
    #[prost(string, tag = "2")]
    pub(super) run_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeWorkflowExecutionRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(super) execution: Option<WorkflowExecution>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TaskQueue {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// Kind of the queue. 1 is `TASK_QUEUE_KIND_NORMAL`.
    #[prost(int32, tag = "2")]
    pub(super) kind: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeTaskQueueRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(super) task_queue: Option<TaskQueue>,
    /// Type of the queue. 1 is `TASK_QUEUE_TYPE_WORKFLOW`.
    #[prost(int32, tag = "3")]
    pub(super) task_queue_type: i32,
    #[prost(bool, tag = "8")]
    pub(super) report_stats: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetClusterInfoRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetClusterInfoResponse {
    #[prost(string, tag = "2")]
    pub(super) server_version: String,
    #[prost(string, tag = "3")]
    pub(super) cluster_id: String,
}

/// A response of which stigmer uses no field.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Ignored {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CountRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
    #[prost(string, tag = "2")]
    pub(super) query: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CountResponse {
    #[prost(int64, tag = "1")]
    pub(super) count: i64,
    #[prost(message, repeated, tag = "2")]
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Group {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Payload>,
    #[prost(int64, tag = "2")]
    pub(super) count: i64,
}

impl Group {
    /// The status of the workflows in this group. The group contains the status as a JSON string.
    pub(super) fn status(&self) -> Option<String> {
        serde_json::from_slice(&self.values.first()?.data).ok()
    }
}

/// A value of a user: encoded data, and the name of the encoding.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payload {
    #[prost(map = "string, bytes", tag = "1")]
    pub(super) metadata: HashMap<String, Vec<u8>>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

/// Arguments, or a result.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payloads {
    #[prost(message, repeated, tag = "1")]
    pub(super) payloads: Vec<Payload>,
}

/// The name of a workflow type or an activity type.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TypeName {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListRequest {
    #[prost(string, tag = "1")]
    pub(super) namespace: String,
    #[prost(int32, tag = "2")]
    pub(super) page_size: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) next_page_token: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(super) query: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) executions: Vec<execution::ExecutionInfo>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) next_page_token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeQueueResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) pollers: Vec<Poller>,
    #[prost(message, optional, tag = "5")]
    pub(super) stats: Option<Stats>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Poller {
    #[prost(message, optional, tag = "1")]
    pub(super) last_access_time: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub(super) identity: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl Timestamp {
    /// The time, or `None` if it is before 1970 or out of range.
    pub(super) fn time(self) -> Option<SystemTime> {
        UNIX_EPOCH
            .checked_add(WireDuration { seconds: self.seconds, nanos: self.nanos }.duration()?)
    }
}

/// A `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct WireDuration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl WireDuration {
    /// The duration, or `None` if it is negative or out of range.
    pub(super) fn duration(self) -> Option<Duration> {
        let nanos = u32::try_from(self.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(u64::try_from(self.seconds).ok()?, nanos))
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Stats {
    #[prost(int64, tag = "1")]
    pub(super) approximate_backlog_count: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) approximate_backlog_age: Option<WireDuration>,
}
