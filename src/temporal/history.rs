//! The history of a run, page by page.
//!
//! These calls are not in the limit of about 100 list and count calls per second, and they write
//! nothing into the database.

mod event;

use super::connection::describe;
use super::failure::FailureLink;
use super::health::Client;
use super::message::WorkflowExecution;
use super::message::history::{HistoryRequest, HistoryResponse};
use super::payload::DecodedPayload;
use std::time::{Duration, SystemTime};

/// Order of the events in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOrder {
    /// From the first event on.
    OldestFirst,
    /// From the last event back.
    NewestFirst,
}

/// A part of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The events, in the requested order.
    pub events: Vec<RunEvent>,
    /// Token of the next page. Empty if this is the last page.
    pub next: Vec<u8>,
}

/// An event of a run. Most things that happen in a workflow have several events: an activity is
/// scheduled, started and completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// Number of the event in its history, from 1.
    pub id: u64,
    /// Number of the first event about the same subject. Equal to `id` if this is the first one.
    pub first: u64,
    /// Time of the event.
    pub at: Option<SystemTime>,
    /// Name of the type, such as `ActivityTaskScheduled`.
    pub type_name: &'static str,
    /// What the event is about.
    pub subject: Subject,
    /// What happened to the subject.
    pub phase: SubjectPhase,
    /// Facts of the event.
    pub facts: EventFacts,
}

/// Facts of an event. Each type of event has some of them. All texts are harmless, in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// Type of the activity or the child workflow, name of the signal, ID of the timer.
    pub name: String,
    /// ID of the activity, or workflow ID of the child.
    pub key: String,
    /// Reason of a termination, of a request to cancel, or of a failed workflow task.
    pub reason: String,
    /// The worker or the client that caused the event.
    pub identity: String,
    /// Number of the attempt, from 1.
    pub attempt: Option<u32>,
    /// Time after which a timer fires.
    pub wait: Option<Duration>,
    /// Arguments.
    pub input: Vec<DecodedPayload>,
    /// Result.
    pub result: Vec<DecodedPayload>,
    /// Failures, the outermost one first.
    pub failures: Vec<FailureLink>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The start, the end, or a request to cancel the run.
    Run,
    /// A task in which a worker runs the code of the workflow.
    WorkflowTask,
    /// An activity.
    Activity,
    /// A timer.
    Timer,
    /// A child workflow.
    Child,
    /// A signal to this workflow.
    Signal,
    /// An update of this workflow.
    Update,
    /// A Nexus operation.
    Operation,
    /// A signal to another workflow.
    ExternalSignal,
    /// A request to cancel another workflow.
    ExternalCancel,
    /// A fact that the SDK stores, such as the result of a local activity.
    Marker,
    /// Anything else.
    Other,
}

/// What happened to the subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectPhase {
    /// It waits for a worker, or for its time.
    Scheduled,
    /// It runs.
    Started,
    /// It ended with a result.
    Completed,
    /// It ended with a failure.
    Failed,
    /// It ended because its time was over.
    TimedOut,
    /// Someone requested its end.
    CancelRequested,
    /// It ended on request.
    Canceled,
    /// It was ended at once, on request.
    Terminated,
    /// Another run continues it.
    Continued,
    /// It happened at one moment.
    Happened,
}

impl SubjectPhase {
    /// Whether nothing more happens to the subject.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Started | Self::CancelRequested)
    }
}

impl Client {
    /// Reads one page of the history of a run. `size` is the maximum number of events, but the server
    /// may return a few more, and a page of large events has fewer. `next` is the token of the page
    /// before, and empty for the first page. Returns `None` if there is no such run.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn history_page(
        &self,
        namespace: &str,
        run: (&str, &str),
        order: EventOrder,
        size: u16,
        next: &[u8],
    ) -> Result<Option<HistoryPage>, String> {
        let request = |maximum_page_size| HistoryRequest {
            namespace: namespace.to_owned(),
            execution: Some(WorkflowExecution {
                workflow_id: run.0.to_owned(),
                run_id: run.1.to_owned(),
            }),
            maximum_page_size,
            next_page_token: next.to_vec(),
        };
        let method = match order {
            EventOrder::OldestFirst => "GetWorkflowExecutionHistory",
            EventOrder::NewestFirst => "GetWorkflowExecutionHistoryReverse",
        };
        match self.page::<_, HistoryResponse>(method, size, request).await {
            Ok(response) => {
                let events = response.history.unwrap_or_default().events;
                let events = events.into_iter().map(RunEvent::of).collect();
                Ok(Some(HistoryPage { events, next: response.next_page_token }))
            }
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(describe(&status)),
        }
    }
}
