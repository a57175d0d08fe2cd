//! Events of a workflow's history.
//!
//! Many events of different types have the same form, with the same field numbers. They share one
//! message here.

use super::failure::FailureInfo;
use super::{Payload, Payloads, Timestamp, TypeName, WireDuration, WorkflowExecution};

/// The request for a page of the history. The same for both orders.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HistoryRequest {
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
pub(in crate::temporal) struct HistoryResponse {
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

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HistoryEvent {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) event_time: Option<Timestamp>,
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) event_type: i32,
    #[prost(
        oneof = "EventAttributes",
        tags = "6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, \
                30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 46, 47, 48, 52, 53, 54, 55, \
                56, 57, 58, 59"
    )]
    pub(in crate::temporal) attributes: Option<EventAttributes>,
}

/// The attributes that belong to the type of an event. The types that are missing here have none
/// that stigmer uses.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(in crate::temporal) enum EventAttributes {
    #[prost(message, tag = "6")]
    WorkflowStarted(Box<WorkflowStartedAttributes>),
    #[prost(message, tag = "7")]
    WorkflowCompleted(ResultAttributes),
    #[prost(message, tag = "8")]
    WorkflowFailed(Box<WorkflowFailedAttributes>),
    #[prost(message, tag = "10")]
    TaskScheduled(TaskScheduledAttributes),
    #[prost(message, tag = "11")]
    TaskStarted(StartedAttributes),
    #[prost(message, tag = "12")]
    TaskCompleted(TaskEndAttributes),
    #[prost(message, tag = "13")]
    TaskTimedOut(TaskEndAttributes),
    #[prost(message, tag = "14")]
    TaskFailed(Box<TaskFailedAttributes>),
    #[prost(message, tag = "15")]
    ActivityScheduled(ActivityScheduledAttributes),
    #[prost(message, tag = "16")]
    ActivityStarted(Box<ActivityStartedAttributes>),
    #[prost(message, tag = "17")]
    ActivityCompleted(ActivityCompletedAttributes),
    #[prost(message, tag = "18")]
    ActivityFailed(Box<ActivityFailedAttributes>),
    #[prost(message, tag = "19")]
    ActivityTimedOut(Box<ActivityFailedAttributes>),
    #[prost(message, tag = "20")]
    TimerStarted(TimerStartedAttributes),
    #[prost(message, tag = "21")]
    TimerFired(TimerEndAttributes),
    #[prost(message, tag = "22")]
    ActivityCancelRequested(ReferenceAttributes),
    #[prost(message, tag = "23")]
    ActivityCanceled(ActivityCanceledAttributes),
    #[prost(message, tag = "24")]
    TimerCanceled(TimerEndAttributes),
    #[prost(message, tag = "25")]
    MarkerRecorded(Box<MarkerAttributes>),
    #[prost(message, tag = "26")]
    Signaled(SignaledAttributes),
    #[prost(message, tag = "27")]
    WorkflowTerminated(ReasonAttributes),
    #[prost(message, tag = "28")]
    WorkflowCancelRequested(CancelRequestedAttributes),
    #[prost(message, tag = "29")]
    WorkflowCanceled(DetailsAttributes),
    #[prost(message, tag = "30")]
    ExternalCancelInitiated(ExternalCancelAttributes),
    #[prost(message, tag = "31")]
    ExternalCancelFailed(ExternalFailedAttributes),
    #[prost(message, tag = "32")]
    ExternalCancelRequested(ReferenceAttributes),
    #[prost(message, tag = "33")]
    WorkflowContinued(Box<ContinuedAttributes>),
    #[prost(message, tag = "34")]
    ChildInitiated(ChildInitiatedAttributes),
    #[prost(message, tag = "35")]
    ChildStartFailed(ChildStartFailedAttributes),
    #[prost(message, tag = "36")]
    ChildStarted(ChildStartedAttributes),
    #[prost(message, tag = "37")]
    ChildCompleted(ChildEndAttributes),
    #[prost(message, tag = "38")]
    ChildFailed(Box<ChildFailedAttributes>),
    #[prost(message, tag = "39")]
    ChildCanceled(ChildEndAttributes),
    #[prost(message, tag = "40")]
    ChildTimedOut(ChildStopAttributes),
    #[prost(message, tag = "41")]
    ChildTerminated(ChildStopAttributes),
    #[prost(message, tag = "42")]
    ExternalSignalInitiated(ExternalSignalAttributes),
    #[prost(message, tag = "43")]
    ExternalSignalFailed(ExternalFailedAttributes),
    #[prost(message, tag = "44")]
    ExternalSignaled(ReferenceAttributes),
    #[prost(message, tag = "46")]
    UpdateAccepted(UpdateRequestAttributes),
    #[prost(message, tag = "47")]
    UpdateRejected(Box<UpdateRejectedAttributes>),
    #[prost(message, tag = "48")]
    UpdateCompleted(Box<UpdateCompletedAttributes>),
    #[prost(message, tag = "52")]
    UpdateAdmitted(UpdateAdmittedAttributes),
    #[prost(message, tag = "53")]
    NexusScheduled(NexusScheduledAttributes),
    #[prost(message, tag = "54")]
    NexusStarted(ReferenceAttributes),
    #[prost(message, tag = "55")]
    NexusCompleted(NexusCompletedAttributes),
    #[prost(message, tag = "56")]
    NexusFailed(Box<NexusFailedAttributes>),
    #[prost(message, tag = "57")]
    NexusCanceled(Box<NexusFailedAttributes>),
    #[prost(message, tag = "58")]
    NexusTimedOut(Box<NexusFailedAttributes>),
    #[prost(message, tag = "59")]
    NexusCancelRequested(ReferenceAttributes),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkflowStartedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) workflow_type: Option<TypeName>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::temporal) input: Option<Payloads>,
    #[prost(string, tag = "15")]
    pub(in crate::temporal) identity: String,
    #[prost(int32, tag = "18")]
    pub(in crate::temporal) attempt: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ResultAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) result: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkflowFailedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct StartedAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
    #[prost(string, tag = "2")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct TaskEndAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct TaskFailedAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
    /// Why the task failed: 14 is an exception in the code of the workflow, 24 is non-determinism.
    /// The others are limits and bad commands.
    #[prost(int32, tag = "3")]
    pub(in crate::temporal) cause: i32,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
    #[prost(string, tag = "5")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityScheduledAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) activity_id: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) activity_type: Option<TypeName>,
    #[prost(message, optional, tag = "6")]
    pub(in crate::temporal) input: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityStartedAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
    #[prost(string, tag = "2")]
    pub(in crate::temporal) identity: String,
    #[prost(int32, tag = "4")]
    pub(in crate::temporal) attempt: i32,
    /// Why the attempt before failed.
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) last_failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityCompletedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) result: Option<Payloads>,
    #[prost(int64, tag = "2")]
    pub(in crate::temporal) scheduled_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityFailedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
    #[prost(int64, tag = "2")]
    pub(in crate::temporal) scheduled_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ActivityCanceledAttributes {
    #[prost(int64, tag = "3")]
    pub(in crate::temporal) scheduled_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct TimerStartedAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) timer_id: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) start_to_fire_timeout: Option<WireDuration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct TimerEndAttributes {
    #[prost(int64, tag = "2")]
    pub(in crate::temporal) started_event_id: i64,
}

/// Attributes of which stigmer uses only the ID of the first event about the same activity,
/// operation or request.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ReferenceAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct MarkerAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) marker_name: String,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct SignaledAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) signal_name: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) input: Option<Payloads>,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ReasonAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) reason: String,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct CancelRequestedAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) cause: String,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct DetailsAttributes {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) details: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ContinuedAttributes {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) new_execution_run_id: String,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) input: Option<Payloads>,
    #[prost(message, optional, tag = "10")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

/// A request to cancel another workflow.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ExternalCancelAttributes {
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) workflow_execution: Option<WorkflowExecution>,
}

/// A signal to another workflow.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ExternalSignalAttributes {
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) workflow_execution: Option<WorkflowExecution>,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) signal_name: String,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) input: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ExternalFailedAttributes {
    #[prost(int64, tag = "5")]
    pub(in crate::temporal) initiated_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildInitiatedAttributes {
    #[prost(string, tag = "2")]
    pub(in crate::temporal) workflow_id: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) workflow_type: Option<TypeName>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) input: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildStartFailedAttributes {
    #[prost(int64, tag = "6")]
    pub(in crate::temporal) initiated_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildStartedAttributes {
    #[prost(int64, tag = "2")]
    pub(in crate::temporal) initiated_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildEndAttributes {
    /// The result of a completed child. The details of a canceled one.
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) result: Option<Payloads>,
    #[prost(int64, tag = "5")]
    pub(in crate::temporal) initiated_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildFailedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
    #[prost(int64, tag = "5")]
    pub(in crate::temporal) initiated_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ChildStopAttributes {
    #[prost(int64, tag = "4")]
    pub(in crate::temporal) initiated_event_id: i64,
}

/// An accepted update.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateRequestAttributes {
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) request: Option<UpdateRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateRejectedAttributes {
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) request: Option<UpdateRequest>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateAdmittedAttributes {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) request: Option<UpdateRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateCompletedAttributes {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) outcome: Option<UpdateOutcome>,
    #[prost(int64, tag = "3")]
    pub(in crate::temporal) accepted_event_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateRequest {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) meta: Option<UpdateMeta>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) input: Option<UpdateInput>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateMeta {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) update_id: String,
    #[prost(string, tag = "2")]
    pub(in crate::temporal) identity: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateInput {
    #[prost(string, tag = "2")]
    pub(in crate::temporal) name: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) args: Option<Payloads>,
}

/// One of the fields is set.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateOutcome {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) success: Option<Payloads>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NexusScheduledAttributes {
    #[prost(string, tag = "2")]
    pub(in crate::temporal) service: String,
    #[prost(string, tag = "3")]
    pub(in crate::temporal) operation: String,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) input: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NexusCompletedAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) result: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NexusFailedAttributes {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) failure: Option<FailureInfo>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct TaskScheduledAttributes {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) start_to_close_timeout: Option<WireDuration>,
}
