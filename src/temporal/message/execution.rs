//! A workflow in a list, and its description.

use super::failure::FailureInfo;
use super::{Payload, TaskQueue, Timestamp, TypeName, WireDuration, WorkflowExecution};
use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ExecutionInfo {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) workflow_type: Option<TypeName>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) close_time: Option<Timestamp>,
    #[prost(int32, tag = "5")]
    pub(in crate::temporal) status: i32,
    /// 0 in a list while the workflow runs.
    #[prost(int64, tag = "6")]
    pub(in crate::temporal) history_length: i64,
    #[prost(message, optional, tag = "8")]
    pub(in crate::temporal) parent_execution: Option<WorkflowExecution>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::temporal) search_attributes: Option<SearchAttributes>,
    #[prost(string, tag = "13")]
    pub(in crate::temporal) task_queue: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct SearchAttributes {
    #[prost(map = "string, message", tag = "1")]
    pub(in crate::temporal) indexed_fields: HashMap<String, Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct DescribeWorkflowResponse {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) info: Option<ExecutionInfo>,
    #[prost(message, repeated, tag = "3")]
    pub(in crate::temporal) pending_activities: Vec<PendingActivityInfo>,
    #[prost(message, repeated, tag = "4")]
    pub(in crate::temporal) pending_children: Vec<WorkflowExecution>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) pending_workflow_task: Option<PendingWorkflowTaskInfo>,
    #[prost(message, repeated, tag = "7")]
    pub(in crate::temporal) pending_nexus_operations: Vec<PendingNexusOperationInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct PendingActivityInfo {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) activity_id: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) activity_type: Option<TypeName>,
    /// 1 is scheduled, 2 is started, 3 is cancel requested, 4 is paused, 5 is pause requested.
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) state: i32,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) last_heartbeat_time: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::temporal) last_started_time: Option<Timestamp>,
    #[prost(int32, tag = "7")]
    pub(in crate::temporal) attempt: i32,
    /// 0 if there is no limit.
    #[prost(int32, tag = "8")]
    pub(in crate::temporal) maximum_attempts: i32,
    #[prost(message, optional, tag = "9")]
    pub(in crate::temporal) scheduled_time: Option<Timestamp>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::temporal) last_failure: Option<FailureInfo>,
    #[prost(string, tag = "12")]
    pub(in crate::temporal) last_worker_identity: String,
    #[prost(message, optional, tag = "18")]
    pub(in crate::temporal) next_attempt_schedule_time: Option<Timestamp>,
    #[prost(bool, tag = "19")]
    pub(in crate::temporal) paused: bool,
    #[prost(message, optional, tag = "24")]
    pub(in crate::temporal) options: Option<ActivityOptions>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityOptions {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) task_queue: Option<TaskQueue>,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) start_to_close_timeout: Option<WireDuration>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) heartbeat_timeout: Option<WireDuration>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct PendingWorkflowTaskInfo {
    /// 1 is scheduled, 2 is started.
    #[prost(int32, tag = "1")]
    pub(in crate::temporal) state: i32,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) scheduled_time: Option<Timestamp>,
    #[prost(int32, tag = "5")]
    pub(in crate::temporal) attempt: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct PendingNexusOperationInfo {
    #[prost(string, tag = "2")]
    pub(in crate::temporal) service: String,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) operation: String,
    #[prost(message, optional, tag = "6")]
    pub(in crate::temporal) scheduled_time: Option<Timestamp>,
    #[prost(int32, tag = "8")]
    pub(in crate::temporal) attempt: i32,
    #[prost(message, optional, tag = "10")]
    pub(in crate::temporal) last_attempt_failure: Option<FailureInfo>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::temporal) next_attempt_schedule_time: Option<Timestamp>,
}
