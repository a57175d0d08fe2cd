//! The chain of failures of an activity or a workflow.

use super::{TypeName, WorkflowExecution};
use prost::bytes::Bytes;

/// A failure and its cause. Exactly one of the `…_info` fields is set, except in the inner errors
/// of the TypeScript SDK, which have none.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct FailureInfo {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) message: String,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) stack_trace: String,
    /// The encoded [`FailureInfo`] of the cause. Empty if there is none. The cause is not decoded together
    /// with this failure: a chain with more than about 90 failures would exceed the limit of nested
    /// messages, and the whole response would be an error.
    #[prost(bytes = "bytes", tag = "4")]
    pub(in crate::temporal) cause: Bytes,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) application: Option<ApplicationFailureInfo>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::temporal) timeout: Option<TimeoutFailureInfo>,
    #[prost(message, optional, tag = "7")]
    pub(in crate::temporal) canceled: Option<EmptyInfo>,
    #[prost(message, optional, tag = "8")]
    pub(in crate::temporal) terminated: Option<EmptyInfo>,
    #[prost(message, optional, tag = "9")]
    pub(in crate::temporal) server: Option<EmptyInfo>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::temporal) activity: Option<ActivityFailureInfo>,
    #[prost(message, optional, tag = "12")]
    pub(in crate::temporal) child: Option<ChildFailureInfo>,
    #[prost(message, optional, tag = "13")]
    pub(in crate::temporal) nexus_operation: Option<NexusOperationFailureInfo>,
    #[prost(message, optional, tag = "14")]
    pub(in crate::temporal) nexus_handler: Option<NexusHandlerFailureInfo>,
    /// Set if a codec has moved the message and the stack trace into this payload.
    #[prost(message, optional, tag = "20")]
    pub(in crate::temporal) encoded_attributes: Option<super::Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct EmptyInfo {}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ApplicationFailureInfo {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) type_name: String,
    #[prost(bool, tag = "2")]
    pub(in crate::temporal) non_retryable: bool,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct TimeoutFailureInfo {
    /// 1 is start to close, 2 is schedule to start, 3 is schedule to close, 4 is heartbeat.
    #[prost(int32, tag = "1")]
    pub(in crate::temporal) timeout_type: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityFailureInfo {
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) activity_type: Option<TypeName>,
    #[prost(string, tag = "5")]
    pub(in crate::temporal) activity_id: String,
    /// Why the activity is not tried again: 2 is an error that is not retryable, 3 is a timeout, 4
    /// is the maximum number of attempts.
    #[prost(int32, tag = "6")]
    pub(in crate::temporal) retry_state: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildFailureInfo {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) workflow_type: Option<TypeName>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NexusOperationFailureInfo {
    #[prost(string, tag = "3")]
    pub(in crate::temporal) service: String,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) operation: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NexusHandlerFailureInfo {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) error_type: String,
}
