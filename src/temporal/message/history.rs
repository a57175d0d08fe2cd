//! Events of a workflow's history.

use super::failure::FailureInfo;
use super::{Timestamp, WorkflowExecution};

/// The request for a page of the history, with the newest event first.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HistoryReverseRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) execution: Option<WorkflowExecution>,
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) maximum_page_size: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::temporal) next_page_token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HistoryReverseResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) history: Option<EventPage>,
    #[prost(bytes = "vec", tag = "3")]
    pub(in crate::temporal) next_page_token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct EventPage {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::temporal) events: Vec<HistoryEvent>,
}

/// One event. At most one of the attributes is set: the one that belongs to the type of the event.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HistoryEvent {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) event_time: Option<Timestamp>,
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) event_type: i32,
    #[prost(message, optional, tag = "8")]
    pub(in crate::temporal) workflow_failed: Option<WorkflowFailedAttributes>,
    #[prost(message, optional, tag = "14")]
    pub(in crate::temporal) workflow_task_failed: Option<WorkflowTaskFailedAttributes>,
    #[prost(message, optional, tag = "15")]
    pub(in crate::temporal) activity_scheduled: Option<ActivityScheduledAttributes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityScheduledAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) activity_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkflowFailedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkflowTaskFailedAttributes {
    /// Why the task failed: 14 is an exception in the code of the workflow, 24 is non-determinism.
    /// The others are limits and bad commands.
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) cause: i32,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}
