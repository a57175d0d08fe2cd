//! Messages with a value in each field.

use crate::harmless::tests::HOSTILE;
use crate::temporal::message::action::{QueryResponse, ResetResponse, UpdateResponse};
use crate::temporal::message::execution::{
    ActivityOptions, DescribeWorkflowResponse, ExecutionInfo, PendingActivityInfo,
    PendingNexusOperationInfo, PendingWorkflowTaskInfo, SearchAttributes,
};
use crate::temporal::message::failure::{
    ActivityFailureInfo, ApplicationFailureInfo, ChildFailureInfo, FailureInfo,
};
use crate::temporal::message::history::{
    ActivityFailedAttributes, ActivityScheduledAttributes, EventAttributes, EventPage,
    HistoryEvent, HistoryResponse, ReasonAttributes, SignaledAttributes, TimerStartedAttributes,
    UpdateOutcome,
};
use crate::temporal::message::worker::{
    HeartbeatInfo, ListWorkersResponse, PollerCount, WorkerHostInfo, WorkerInfo,
};
use crate::temporal::message::{
    DescribeQueueResponse, ListResponse, Payload, Payloads, Poller, Stats, TaskQueue, Timestamp,
    TypeName, WireDuration, WorkflowExecution,
};
use prost::Message;
use prost::bytes::Bytes;

/// The content of the answers: a text with control characters, and the causes of each failure.
pub(super) struct Content {
    text: String,
    cause: Bytes,
}

impl Content {
    /// Texts that are longer than any limit, and 10,000 causes.
    pub(super) fn huge() -> Self {
        let mut cause = Bytes::new();
        for _ in 0..10_000 {
            let info = FailureInfo { message: "x".to_owned(), cause, ..FailureInfo::default() };
            cause = info.encode_to_vec().into();
        }
        Self { text: HOSTILE.repeat(1 + 100_000 / HOSTILE.len()), cause }
    }

    /// Short texts, so that most bytes of an answer have a meaning.
    pub(super) fn small() -> Self {
        let info = FailureInfo { message: "x".to_owned(), ..FailureInfo::default() };
        Self { text: "a".to_owned(), cause: info.encode_to_vec().into() }
    }

    fn execution(&self) -> Option<WorkflowExecution> {
        Some(WorkflowExecution { workflow_id: self.text.clone(), run_id: self.text.clone() })
    }

    fn type_name(&self) -> Option<TypeName> {
        Some(TypeName { name: self.text.clone() })
    }

    /// The largest time, which is out of the range of a clock.
    fn time(&self) -> Option<Timestamp> {
        Some(Timestamp { seconds: i64::MAX, nanos: i32::MAX })
    }

    fn duration(&self) -> Option<WireDuration> {
        Some(WireDuration { seconds: i64::MIN, nanos: -1 })
    }

    fn payloads(&self) -> Option<Payloads> {
        let metadata = [("encoding".to_owned(), self.text.clone().into_bytes())].into();
        let json = [("encoding".to_owned(), b"json/plain".to_vec())].into();
        let payloads = vec![
            Payload { metadata, data: self.text.clone().into_bytes() },
            Payload { metadata: json, data: serde_json::to_vec(&self.text).unwrap() },
        ];
        Some(Payloads { payloads })
    }

    fn failure(&self) -> Option<FailureInfo> {
        Some(FailureInfo {
            message: self.text.clone(),
            stack_trace: self.text.clone(),
            cause: self.cause.clone(),
            application: Some(ApplicationFailureInfo {
                type_name: self.text.clone(),
                non_retryable: true,
            }),
            activity: Some(ActivityFailureInfo {
                activity_type: self.type_name(),
                activity_id: self.text.clone(),
                retry_state: i32::MAX,
            }),
            child: Some(ChildFailureInfo {
                execution: self.execution(),
                workflow_type: self.type_name(),
            }),
            ..FailureInfo::default()
        })
    }

    fn listed(&self) -> ExecutionInfo {
        ExecutionInfo {
            execution: self.execution(),
            workflow_type: self.type_name(),
            start_time: self.time(),
            close_time: self.time(),
            status: i32::MIN,
            history_length: i64::MIN,
            parent_execution: self.execution(),
            search_attributes: Some(SearchAttributes {
                indexed_fields: [(self.text.clone(), Payload::default())].into(),
            }),
            task_queue: self.text.clone(),
        }
    }

    fn description(&self) -> DescribeWorkflowResponse {
        let activity = PendingActivityInfo {
            activity_id: self.text.clone(),
            activity_type: self.type_name(),
            state: 99,
            last_heartbeat_time: self.time(),
            last_started_time: Some(Timestamp { seconds: 1 << 40, nanos: 0 }),
            attempt: i32::MIN,
            maximum_attempts: -1,
            scheduled_time: self.time(),
            last_failure: self.failure(),
            last_worker_identity: self.text.clone(),
            next_attempt_schedule_time: self.time(),
            paused: true,
            options: Some(ActivityOptions {
                task_queue: Some(TaskQueue { name: self.text.clone(), kind: -1 }),
                start_to_close_timeout: Some(WireDuration { seconds: i64::MAX, nanos: 0 }),
                heartbeat_timeout: self.duration(),
            }),
        };
        let operation = PendingNexusOperationInfo {
            service: self.text.clone(),
            operation: self.text.clone(),
            scheduled_time: self.time(),
            attempt: -1,
            last_attempt_failure: self.failure(),
            next_attempt_schedule_time: self.time(),
        };
        DescribeWorkflowResponse {
            info: Some(self.listed()),
            pending_activities: vec![activity],
            pending_children: vec![self.execution().unwrap()],
            pending_workflow_task: Some(PendingWorkflowTaskInfo {
                state: -1,
                scheduled_time: self.time(),
                attempt: i32::MIN,
            }),
            pending_nexus_operations: vec![operation],
        }
    }

    fn history(&self) -> HistoryResponse {
        let attributes = [
            EventAttributes::ActivityScheduled(ActivityScheduledAttributes {
                activity_id: self.text.clone(),
                activity_type: self.type_name(),
                input: self.payloads(),
            }),
            EventAttributes::ActivityFailed(Box::new(ActivityFailedAttributes {
                failure: self.failure(),
                scheduled_event_id: i64::MIN,
            })),
            EventAttributes::TimerStarted(TimerStartedAttributes {
                timer_id: self.text.clone(),
                start_to_fire_timeout: self.duration(),
            }),
            EventAttributes::Signaled(SignaledAttributes {
                signal_name: self.text.clone(),
                input: self.payloads(),
                identity: self.text.clone(),
            }),
            EventAttributes::WorkflowTerminated(ReasonAttributes {
                reason: self.text.clone(),
                identity: self.text.clone(),
            }),
        ];
        let events = attributes.map(|attributes| HistoryEvent {
            event_id: -1,
            event_time: self.time(),
            event_type: i32::MAX,
            attributes: Some(attributes),
        });
        let history = Some(EventPage { events: events.to_vec() });
        HistoryResponse { history, next_page_token: vec![] }
    }

    fn queue(&self) -> DescribeQueueResponse {
        DescribeQueueResponse {
            pollers: vec![Poller { last_access_time: self.time(), identity: self.text.clone() }],
            stats: Some(Stats {
                approximate_backlog_count: i64::MIN,
                approximate_backlog_age: self.duration(),
            }),
        }
    }

    fn workers(&self) -> ListWorkersResponse {
        let heartbeat = HeartbeatInfo {
            identity: self.text.clone(),
            host: Some(WorkerHostInfo {
                host_name: self.text.clone(),
                process_id: "-1".to_owned(),
            }),
            task_queue: self.text.clone(),
            sdk_name: self.text.clone(),
            sdk_version: self.text.clone(),
            status: -1,
            start_time: self.time(),
            heartbeat_time: self.time(),
            workflow_pollers: Some(PollerCount { current: i32::MIN }),
            activity_pollers: Some(PollerCount { current: i32::MAX }),
        };
        let worker = WorkerInfo { heartbeat: Some(heartbeat) };
        ListWorkersResponse { workers: vec![worker, WorkerInfo::default()] }
    }

    /// The answer to a call of this method, encoded.
    pub(super) fn answer(&self, method: &str) -> Vec<u8> {
        match method {
            "ListWorkflowExecutions" => {
                ListResponse { executions: vec![self.listed(); 3], next_page_token: vec![0xff; 9] }
                    .encode_to_vec()
            }
            "DescribeWorkflowExecution" => self.description().encode_to_vec(),
            "GetWorkflowExecutionHistory" | "GetWorkflowExecutionHistoryReverse" => {
                self.history().encode_to_vec()
            }
            "DescribeTaskQueue" => self.queue().encode_to_vec(),
            "ListWorkers" => self.workers().encode_to_vec(),
            "QueryWorkflow" => QueryResponse { query_result: self.payloads() }.encode_to_vec(),
            "UpdateWorkflowExecution" => {
                let outcome = UpdateOutcome { success: self.payloads(), failure: self.failure() };
                UpdateResponse { outcome: Some(outcome) }.encode_to_vec()
            }
            "ResetWorkflowExecution" => ResetResponse { run_id: self.text.clone() }.encode_to_vec(),
            _ => vec![],
        }
    }
}
