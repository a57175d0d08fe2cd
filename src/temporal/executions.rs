//! Workflows of a namespace: lists, counts, descriptions, and the newest events of a history.
//!
//! None of these calls adds rows to the database. Lists and counts share a limit of about 100 calls per
//! second and namespace with the user's programs, and a listed row costs the server about 0.5 ms.

use super::connection::describe;
use super::failure::{FailureLink, RootCause};
use super::health::Client;
use super::message;
use super::message::execution::{
    DescribeWorkflowResponse, ExecutionInfo, PendingActivityInfo, PendingNexusOperationInfo,
};
use super::message::history::{EventAttributes, HistoryEvent, HistoryRequest, HistoryResponse};
use crate::harmless::quote;
use std::time::SystemTime;

/// The search attribute that marks a workflow whose workflow task fails.
const REPORTED_PROBLEMS: &str = "TemporalReportedProblems";

/// Status of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionStatus {
    /// The workflow is open.
    Running,
    /// The workflow returned a result.
    Completed,
    /// The workflow returned an error.
    Failed,
    /// The workflow ended after a request to cancel it.
    Canceled,
    /// A user ended the workflow at once.
    Terminated,
    /// The workflow continued in a new run.
    ContinuedAsNew,
    /// The workflow reached its timeout.
    TimedOut,
    /// The workflow is open, and a user paused it.
    Paused,
    /// A status that this version of stigmer does not know.
    Unknown,
}

impl ExecutionStatus {
    fn numbered(number: i32) -> Self {
        match number {
            1 => Self::Running,
            2 => Self::Completed,
            3 => Self::Failed,
            4 => Self::Canceled,
            5 => Self::Terminated,
            6 => Self::ContinuedAsNew,
            7 => Self::TimedOut,
            8 => Self::Paused,
            _ => Self::Unknown,
        }
    }

    /// Whether the workflow has not ended.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A workflow, as a list shows it. The strings come from programs of the user and are unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
    /// Type of the workflow.
    pub workflow_type: String,
    /// Task queue of the workflow.
    pub task_queue: String,
    /// Status of the workflow.
    pub status: ExecutionStatus,
    /// When the workflow started.
    pub started: Option<SystemTime>,
    /// When the workflow ended. `None` while the workflow is open.
    pub closed: Option<SystemTime>,
    /// ID of the parent workflow.
    pub parent: Option<String>,
    /// Whether the server reports that the workflow task of this workflow fails.
    pub has_reported_problem: bool,
}

/// One page of a list of workflows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionPage {
    /// Open workflows first, the newest start first; then closed ones, the newest end first.
    pub executions: Vec<Execution>,
    /// The token with which [`Client::list`] returns the next page. Empty after the last page.
    pub next: Vec<u8>,
}

/// Details of one run of a workflow. A list does not contain them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The workflow, as a list shows it.
    pub execution: Execution,
    /// Number of events in the history.
    pub history_length: u64,
    /// Activities that have not ended.
    pub activities: Vec<PendingActivity>,
    /// Nexus operations that have not ended and failed at least once.
    pub operations: Vec<PendingActivity>,
    /// The open workflow task.
    pub task: Option<PendingTask>,
    /// IDs of the child workflows that have not ended.
    pub children: Vec<String>,
}

/// An activity, or a Nexus operation, that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingActivity {
    /// ID of the activity. Empty for a Nexus operation.
    pub id: String,
    /// Type of the activity, or `SERVICE.OPERATION` of the Nexus operation.
    pub type_name: String,
    /// Task queue of the activity. Empty if unknown.
    pub task_queue: String,
    /// Whether a worker runs the activity now.
    pub is_started: bool,
    /// Whether a user paused the activity.
    pub is_paused: bool,
    /// Number of the current attempt, from 1.
    pub attempt: u32,
    /// The last attempt that the retry policy allows. `None` if there is no limit.
    pub max_attempts: Option<u32>,
    /// When the current attempt was scheduled.
    pub scheduled: Option<SystemTime>,
    /// When the next attempt is scheduled.
    pub next_attempt: Option<SystemTime>,
    /// Why the last attempt failed.
    pub last_failure: Option<RootCause>,
    /// The failures of the last attempt, outermost first.
    pub failures: Vec<FailureLink>,
    /// Identity of the worker of the last attempt. Empty if unknown.
    pub worker: String,
    /// When a worker started the last attempt.
    pub last_started: Option<SystemTime>,
    /// When the current attempt times out, if the worker does not end it before.
    pub times_out: Option<SystemTime>,
}

impl PendingActivity {
    /// Whether an attempt has failed, and the next one has not begun.
    #[must_use]
    pub fn waits_for_retry(&self) -> bool {
        !self.is_started && self.attempt > 1
    }
}

/// The open workflow task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingTask {
    /// Whether a worker handles the task now.
    pub is_started: bool,
    /// Number of the current attempt, from 1. A number above 1 means that the code of the workflow
    /// fails.
    pub attempt: u32,
    /// The time at which the task was scheduled.
    pub scheduled: Option<SystemTime>,
}

/// The newest failure of a workflow task of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// Why the task failed, as a number in the API: 24 is non-determinism.
    pub reason: i32,
    /// The time of the failure.
    pub at: Option<SystemTime>,
    /// The failure that the worker reported.
    pub failure: Option<RootCause>,
    /// Identity of the worker.
    pub worker: String,
}

impl TaskFailure {
    /// Whether the task failed because the code of the workflow no longer fits the history of the
    /// run.
    #[must_use]
    pub fn is_non_determinism(&self) -> bool {
        self.reason == 24
    }
}

/// The start of a workflow task by a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStart {
    /// Identity of the worker.
    pub worker: String,
    /// When the task times out, if the worker does not complete it before.
    pub times_out: Option<SystemTime>,
}

/// What the newest events in the history of a run show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewestEvents {
    /// Why the workflow failed.
    pub failure: Option<RootCause>,
    /// The newest failure of a workflow task.
    pub task_failure: Option<TaskFailure>,
    /// When a workflow task last succeeded. `None` if not within these events.
    pub last_completed: Option<SystemTime>,
    /// The start of the open workflow task. `None` for its second and later attempts.
    pub task_start: Option<TaskStart>,
    /// Whether the last attempt of a workflow task timed out.
    pub has_task_timed_out: bool,
    /// The type of the event that says what the workflow waited for when it ended, as its number in
    /// the API.
    pub before_end: Option<i32>,
    /// IDs of activities, each with the time at which the first attempt of the activity was
    /// scheduled.
    pub activities: Vec<(String, SystemTime)>,
}

impl Client {
    /// Lists workflows. `query` is a query of Temporal without `ORDER BY`, and empty for all
    /// workflows. `page` is the maximum number of rows; a page of large rows has fewer. `next` is the
    /// token from the previous page, and empty for the first page.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn list(
        &self,
        namespace: &str,
        query: &str,
        page: u16,
        next: &[u8],
    ) -> Result<ExecutionPage, String> {
        let request = |page_size| message::ListRequest {
            namespace: namespace.to_owned(),
            page_size,
            next_page_token: next.to_vec(),
            query: query.to_owned(),
        };
        let response: message::ListResponse =
            self.page("ListWorkflowExecutions", page, request).await.map_err(|s| describe(&s))?;
        Ok(ExecutionPage {
            executions: response.executions.into_iter().map(Execution::of).collect(),
            next: response.next_page_token,
        })
    }

    /// Describes a run. An empty `run_id` is the latest run.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn describe_run(
        &self,
        namespace: &str,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Option<Description>, String> {
        let request = message::DescribeWorkflowExecutionRequest {
            namespace: namespace.to_owned(),
            execution: Some(message::WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: run_id.to_owned(),
            }),
        };
        match self.call("DescribeWorkflowExecution", request).await {
            Ok(response) => Ok(Description::of(response)),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(describe(&status)),
        }
    }

    /// Reads the newest events of a run. `page` is the maximum number of events, but the server may
    /// return a few more. Returns `None` if there is no such workflow.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn newest_events(
        &self,
        namespace: &str,
        workflow_id: &str,
        run_id: &str,
        page: u16,
    ) -> Result<Option<NewestEvents>, String> {
        let request = |maximum_page_size| HistoryRequest {
            namespace: namespace.to_owned(),
            execution: Some(message::WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: run_id.to_owned(),
            }),
            maximum_page_size,
            next_page_token: Vec::new(),
        };
        match self.page("GetWorkflowExecutionHistoryReverse", page, request).await {
            Ok(response) => Ok(Some(NewestEvents::of(response))),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(describe(&status)),
        }
    }
}

impl Execution {
    fn of(info: ExecutionInfo) -> Self {
        let execution = info.execution.unwrap_or_default();
        let attributes = info.search_attributes.unwrap_or_default();
        Self {
            workflow_id: execution.workflow_id,
            run_id: execution.run_id,
            workflow_type: info.workflow_type.unwrap_or_default().name,
            task_queue: info.task_queue,
            status: ExecutionStatus::numbered(info.status),
            started: info.start_time.and_then(message::Timestamp::time),
            closed: info.close_time.and_then(message::Timestamp::time),
            parent: info.parent_execution.map(|parent| parent.workflow_id),
            has_reported_problem: attributes.indexed_fields.contains_key(REPORTED_PROBLEMS),
        }
    }
}

impl Description {
    fn of(response: DescribeWorkflowResponse) -> Option<Self> {
        let info = response.info?;
        Some(Self {
            history_length: u64::try_from(info.history_length).unwrap_or(0),
            execution: Execution::of(info),
            activities: response.pending_activities.into_iter().map(Into::into).collect(),
            operations: response.pending_nexus_operations.into_iter().map(Into::into).collect(),
            task: response.pending_workflow_task.map(|task| PendingTask {
                is_started: task.state == 2,
                attempt: attempt(task.attempt),
                scheduled: task.scheduled_time.and_then(message::Timestamp::time),
            }),
            children: response.pending_children.into_iter().map(|it| it.workflow_id).collect(),
        })
    }
}

impl From<PendingActivityInfo> for PendingActivity {
    fn from(info: PendingActivityInfo) -> Self {
        let options = info.options.unwrap_or_default();
        let started = info.last_started_time.and_then(message::Timestamp::time);
        let heartbeat = info.last_heartbeat_time.and_then(message::Timestamp::time);
        let timeouts = [
            end(started, options.start_to_close_timeout),
            end(started.max(heartbeat), options.heartbeat_timeout),
        ];
        Self {
            id: info.activity_id,
            type_name: info.activity_type.unwrap_or_default().name,
            task_queue: options.task_queue.unwrap_or_default().name,
            is_started: info.state == 2,
            is_paused: info.paused,
            attempt: attempt(info.attempt),
            max_attempts: u32::try_from(info.maximum_attempts).ok().filter(|max| *max > 0),
            scheduled: info.scheduled_time.and_then(message::Timestamp::time),
            next_attempt: info.next_attempt_schedule_time.and_then(message::Timestamp::time),
            last_failure: info.last_failure.as_ref().map(RootCause::of),
            failures: info.last_failure.as_ref().map(FailureLink::chain).unwrap_or_default(),
            worker: quote(&info.last_worker_identity),
            last_started: started,
            times_out: timeouts.into_iter().flatten().min(),
        }
    }
}

impl From<PendingNexusOperationInfo> for PendingActivity {
    fn from(info: PendingNexusOperationInfo) -> Self {
        Self {
            id: String::new(),
            type_name: format!("{}.{}", info.service, info.operation),
            task_queue: String::new(),
            is_started: false,
            is_paused: false,
            attempt: attempt(info.attempt),
            max_attempts: None,
            scheduled: info.scheduled_time.and_then(message::Timestamp::time),
            next_attempt: info.next_attempt_schedule_time.and_then(message::Timestamp::time),
            last_failure: info.last_attempt_failure.as_ref().map(RootCause::of),
            failures: info
                .last_attempt_failure
                .as_ref()
                .map(FailureLink::chain)
                .unwrap_or_default(),
            worker: String::new(),
            last_started: None,
            times_out: None,
        }
    }
}

/// Types of events, as their numbers in the API.
mod event {
    pub(super) const TASK_SCHEDULED: i32 = 5;
    pub(super) const TASK_COMPLETED: i32 = 7;
    pub(super) const TASK_TIMED_OUT: i32 = 8;
    pub(super) const TASK_FAILED: i32 = 9;
}

/// The reason of a workflow task that a reset of the workflow ended.
const RESET: i32 = 20;

impl NewestEvents {
    /// Evaluates a response, in which the newest event is the first.
    fn of(response: HistoryResponse) -> Self {
        let events = response.history.unwrap_or_default().events;
        let failure = events.iter().find_map(|it| match &it.attributes {
            Some(EventAttributes::WorkflowFailed(failed)) => failed.failure.as_ref(),
            _ => None,
        });
        let current = events.iter().take_while(|it| it.event_type != event::TASK_COMPLETED);
        let task_failure = current
            .filter_map(|it| match &it.attributes {
                Some(EventAttributes::TaskFailed(task)) => Some((it, task)),
                _ => None,
            })
            .find(|(_, task)| task.cause != RESET);
        let before: Vec<i32> = events.iter().skip(1).map(|it| it.event_type).collect();
        // A task that nobody took, or that was not completed, says more than the events before it.
        let last = before.first().copied();
        let is_task = |it: &i32| (event::TASK_SCHEDULED..=event::TASK_COMPLETED).contains(it);
        let before_end = match last {
            Some(event::TASK_COMPLETED) => before.iter().find(|it| !is_task(it)).copied(),
            last => last,
        };
        Self {
            failure: failure.map(RootCause::of),
            task_failure: task_failure.map(|(event, task)| TaskFailure {
                reason: task.cause,
                at: event.event_time.and_then(message::Timestamp::time),
                failure: task.failure.as_ref().map(RootCause::of),
                worker: quote(&task.identity),
            }),
            last_completed: events
                .iter()
                .find(|it| it.event_type == event::TASK_COMPLETED)
                .and_then(|it| it.event_time?.time()),
            task_start: TaskStart::of(&events),
            has_task_timed_out: events
                .iter()
                .map(|event| event.event_type)
                .find(|it| (event::TASK_COMPLETED..=event::TASK_FAILED).contains(it))
                .is_some_and(|it| it == event::TASK_TIMED_OUT),
            before_end,
            activities: events.iter().filter_map(scheduled_activity).collect(),
        }
    }
}

/// Returns a string literal of a query.
#[must_use]
pub fn query_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A time in a query.
#[must_use]
pub fn query_time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |it| it.to_string())
}

/// The ID of an activity, and the time at which it was scheduled.
fn scheduled_activity(event: &HistoryEvent) -> Option<(String, SystemTime)> {
    match &event.attributes {
        Some(EventAttributes::ActivityScheduled(scheduled)) => {
            Some((scheduled.activity_id.clone(), event.event_time?.time()?))
        }
        _ => None,
    }
}

impl TaskStart {
    /// The start of the workflow task that is open after these events, of which the newest is the first.
    fn of(events: &[HistoryEvent]) -> Option<Self> {
        let is_end = |it: i32| (event::TASK_COMPLETED..=event::TASK_FAILED).contains(&it);
        let mut open = events.iter().take_while(|it| !is_end(it.event_type));
        let (begun, start) = open.find_map(|it| match &it.attributes {
            Some(EventAttributes::TaskStarted(start)) => Some((it, start)),
            _ => None,
        })?;
        let timeout = open.find_map(|it| match &it.attributes {
            Some(EventAttributes::TaskScheduled(task)) => task.start_to_close_timeout,
            _ => None,
        });
        let begun = begun.event_time.and_then(message::Timestamp::time);
        Some(Self { worker: start.identity.clone(), times_out: end(begun, timeout) })
    }
}

/// The end of a timeout that began at this time. A timeout of zero is none.
fn end(begun: Option<SystemTime>, timeout: Option<message::WireDuration>) -> Option<SystemTime> {
    begun?.checked_add(timeout?.duration().filter(|it| !it.is_zero())?)
}

fn attempt(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(1).max(1)
}
