//! The page of a workflow, as plain rows.

use std::sync::Arc;

use super::{ProblemKind, Severity, WorkflowStatus};
use crate::request::RetriedActivity;

/// The run whose page is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenWorkflow {
    /// Namespace. Empty if unknown.
    pub namespace: String,
    /// Workflow ID.
    pub workflow_id: String,
    /// Run ID.
    pub run_id: String,
    /// Number of the history row whose details are open.
    pub row: Option<u64>,
}

/// Data of the open page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowPage {
    /// Run that the page shows.
    pub run_id: String,
    /// Whether the server has the run.
    pub found: RunFound,
    /// Why the page cannot be refreshed. Empty if it is current.
    pub error: String,
    /// State of the run.
    pub status: WorkflowStatus,
    /// What is wrong with an open run, and whether somebody must act.
    pub problem: Option<(ProblemKind, Severity)>,
    /// Workflow type.
    pub type_name: String,
    /// Task queue.
    pub queue: String,
    /// Running time, so far or in total.
    pub took_ms: Option<u64>,
    /// Time since its end. `None` while it runs.
    pub ended_ms: Option<u64>,
    /// Worker of the last activity or workflow task. Empty if unknown.
    pub worker: String,
    /// What is wrong in one sentence, as the list of problems says it. Empty if the first cause says the same.
    pub summary: String,
    /// Possible next step in one sentence. Empty if none is known.
    pub hint: String,
    /// Why the run failed or does not progress, innermost failure first.
    pub causes: Vec<CauseRow>,
    /// What the run waits for.
    pub pending: Vec<PendingRow>,
    /// The activity that waits for its next attempt, and failed most often.
    pub retried: Option<RetriedActivity>,
    /// IDs of events that ended a workflow task, the newest first. Not all of them.
    pub reset_points: Arc<[ResetEvent]>,
    /// Number of events in the history.
    pub events: u64,
    /// Number of events that are read so far.
    pub events_read: u64,
    /// Time of day of the start: `14:01:05`. Empty if unknown.
    pub started: String,
    /// History, oldest row first.
    pub history: Arc<[HistoryRow]>,
    /// Details of the open history row.
    pub details: Option<HistoryDetails>,
    /// Arguments in one line. Empty if unknown.
    pub input: String,
    /// Result in one line. Empty if there is none.
    pub result: String,
    /// Workflow IDs of the children that have not ended.
    pub children: Vec<String>,
    /// Number of signals so far.
    pub signals: u64,
    /// Who started the run. Empty if unknown.
    pub started_by: String,
}

/// An event from which a reset can continue: the end of a workflow task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetEvent {
    /// ID of the event.
    pub event: u64,
    /// Whether the workflow task was completed. Otherwise it failed.
    pub is_completed: bool,
}

/// Whether the server has a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunFound {
    /// The server was not asked yet, or does not respond.
    #[default]
    Unknown,
    /// The server does not have it.
    No,
    /// The server has it.
    Yes,
}

/// One failure in the chain of causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CauseRow {
    /// `Type: message` in one line.
    pub text: String,
    /// Innermost place in the user's code: `worker.py:13 in call_bank`. Empty if unknown.
    pub place: String,
    /// Whole message and stack trace. Empty if there is nothing more than `text`.
    pub lines: Vec<String>,
}

/// Something that a run waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRow {
    /// Activity type, `workflow task`.
    pub name: String,
    /// `attempt 8 of 50, next try in 13 s`.
    pub text: String,
    /// Whether an attempt failed.
    pub failed: bool,
}

/// One activity, timer, child workflow, signal, update or workflow task, or the start or the end of
/// the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRow {
    /// Number of its first event. Rows are in the order of these numbers.
    pub id: u64,
    /// Name: `call_bank`, `workflow task`.
    pub name: String,
    /// State and facts in one line: `completed, attempt 2`.
    pub text: String,
    /// State.
    pub state: HistoryState,
    /// Whether it is a workflow task that did not fail. Such rows are hidden at first.
    pub routine: bool,
    /// Its begin, as time since the start of the run. `None` if not read yet.
    pub from_ms: Option<u64>,
    /// Its end. `None` while it lasts.
    pub to_ms: Option<u64>,
    /// Time of the next attempt.
    pub next_ms: Option<u64>,
}

/// State of a row of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryState {
    /// It ended without a failure, or happened at one moment.
    #[default]
    Done,
    /// It runs or waits.
    Open,
    /// An attempt failed, and another one follows.
    Retrying,
    /// It failed.
    Failed,
}

impl HistoryRow {
    /// Returns its begin and its end, as times since the start of the run. `now_ms` is the end of a
    /// row that lasts.
    pub(crate) fn span(&self, now_ms: u64) -> Option<(u64, u64)> {
        let from = self.from_ms?;
        Some((from, self.to_ms.unwrap_or(now_ms).max(from)))
    }
}

/// Details of one row of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryDetails {
    /// Number of the row.
    pub id: u64,
    /// Names and texts. A text may have several lines.
    pub lines: Vec<(String, String)>,
}
