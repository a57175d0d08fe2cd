//! The requests to a server for its problems, the answers, and the queries of the lists.

use crate::temporal::executions::{
    Description, Execution, ExecutionPage, NewestEvents, query_literal, query_time,
};
use crate::temporal::queues::{QueueKind, QueueState};
use crate::temporal::workers::WorkerHeartbeat;
use std::time::{Duration, SystemTime};

/// A request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleRequest {
    /// Open workflows whose workflow task fails.
    Reported,
    /// One page of the open workflows. The bytes are the token of the page, empty for the first
    /// page.
    Open(Vec<u8>),
    /// The workflows that failed or timed out. If a time is set, only those that ended after it.
    Ended(Option<SystemTime>),
    /// The workflows with these IDs that have completed.
    Completed(Vec<String>),
    /// The workers that report to the server.
    Workers,
    /// One open workflow.
    Run {
        /// The workflow.
        key: RunKey,
        /// Why the workflow is described.
        purpose: DescribePurpose,
    },
    /// Why the workflow task of this workflow fails, and when its failing activities began.
    Events(RunKey),
    /// Whether the code of the workers still matches the history of a workflow.
    Replay {
        /// The workflow.
        key: RunKey,
        /// The start of the newest worker of its queue.
        code: SystemTime,
    },
    /// Why this workflow failed or timed out.
    End(RunKey),
    /// The description of a queue.
    Queue(String, QueueKind),
}

/// Why a workflow is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribePurpose {
    /// The workflow was not described before.
    New,
    /// Its problem is shown, and its attempts are to be current.
    Shown,
    /// It was described before, and may have a new problem.
    Again,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
}

impl RunKey {
    pub(super) fn of(execution: &Execution) -> Self {
        let Execution { workflow_id, run_id, .. } = execution;
        Self { workflow_id: workflow_id.clone(), run_id: run_id.clone() }
    }
}

/// The response to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The response to [`SampleRequest::Reported`], [`SampleRequest::Open`],
    /// [`SampleRequest::Ended`] and [`SampleRequest::Completed`].
    Page(ExecutionPage),
    /// The response to [`SampleRequest::Run`], and the time of the response. `None` if there is no such
    /// workflow.
    Run(Option<Description>, SystemTime),
    /// The response to [`SampleRequest::Events`] and [`SampleRequest::End`]. `None` if there is no
    /// such workflow.
    Events(Option<NewestEvents>),
    /// The response to [`SampleRequest::Queue`].
    Queue(QueueState),
    /// The response to [`SampleRequest::Replay`]: the message of the SDK if the code does not match.
    Replay(Option<String>),
    /// The response to [`SampleRequest::Workers`].
    Workers(Vec<WorkerHeartbeat>),
}

/// The queries of a list request. Failures before `earliest` are not listed. None for other requests.
#[must_use]
pub fn queries(request: &SampleRequest, earliest: SystemTime) -> Vec<String> {
    match request {
        // Only running workflows: a terminated workflow keeps the search attribute.
        SampleRequest::Reported => {
            vec!["ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL".to_owned()]
        }
        SampleRequest::Open(_) => vec!["ExecutionStatus = 'Running'".to_owned()],
        SampleRequest::Ended(after) => {
            // One millisecond less, because several workflows may end at the same time. So the list
            // contains the newest known workflow again.
            let after = after.map_or(earliest, |after| after - Duration::from_millis(1));
            let after = query_time(after);
            // With one query for both, SQLite reads all workflows: 44 ms of 20,000, instead of 1 ms.
            let ended = |status| format!("ExecutionStatus = '{status}' AND CloseTime > '{after}'");
            vec![ended("Failed"), ended("TimedOut")]
        }
        SampleRequest::Completed(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| query_literal(id)).collect();
            vec![format!("ExecutionStatus = 'Completed' AND WorkflowId IN ({})", ids.join(", "))]
        }
        SampleRequest::Workers
        | SampleRequest::Run { .. }
        | SampleRequest::Events(_)
        | SampleRequest::Replay { .. }
        | SampleRequest::End(_)
        | SampleRequest::Queue(..) => vec![],
    }
}
