//! Stores counts and lists of the user's workflows. They belong to one run of the server, because
//! another run may have other workflows.

use super::KnownProblems;
use super::text::harmless_text;
use crate::harmless::quote;
use crate::protocol::Status;
use crate::supervisor::Generation;
use crate::temporal::executions::{Execution, ExecutionStatus};
use crate::temporal::holdings::Holdings;
use crate::temporal::workflows::StatusCounts;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};
use stigmer_ui::loss;
use stigmer_ui::model::{
    ClosedCount, FoundWorkflows, Listing, ProblemRow, WorkflowCounts, WorkflowRow, WorkflowStatus,
};

impl From<StatusCounts> for WorkflowCounts {
    fn from(counts: StatusCounts) -> Self {
        let StatusCounts { open, completed, failed, timed_out, closed } = counts;
        Self { running: open, completed, failed, timed_out, closed }
    }
}

impl From<ExecutionStatus> for WorkflowStatus {
    fn from(status: ExecutionStatus) -> Self {
        match status {
            ExecutionStatus::Running | ExecutionStatus::Unknown => Self::Running,
            ExecutionStatus::Paused => Self::Paused,
            ExecutionStatus::Completed => Self::Completed,
            ExecutionStatus::Failed => Self::Failed,
            ExecutionStatus::Canceled => Self::Canceled,
            ExecutionStatus::Terminated => Self::Terminated,
            ExecutionStatus::ContinuedAsNew => Self::Continued,
            ExecutionStatus::TimedOut => Self::TimedOut,
        }
    }
}

/// The namespace of which the workflows are shown: the selected one if the server has it, else the
/// first one. `None` if the namespaces are unknown.
#[must_use]
pub fn shown_namespace<'a>(status: &'a Status, listing: &Listing) -> Option<&'a str> {
    let selected = listing.namespace.as_ref();
    let names = status.options.namespaces();
    names.iter().find(|name| Some(*name) == selected).or(names.first()).map(String::as_str)
}

/// The workflows of one namespace at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceSnapshot {
    /// Name of the namespace.
    pub namespace: String,
    /// Counts of all workflows.
    pub counts: StatusCounts,
    /// Open workflows, the newest start first; then closed ones, the newest end first. Not all of
    /// them.
    pub recent: Vec<Execution>,
    /// The ends of workflows in `recent` in one line each, by run ID: results, failures, reasons.
    pub closings: BTreeMap<String, String>,
    /// Workflows that ended within the same 2 minutes, oldest first. Empty if unknown.
    pub history: Vec<StatusCounts>,
}

/// The workflows of a namespace that match a query of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSample {
    /// Name of the namespace.
    pub namespace: String,
    /// The query.
    pub query: String,
    /// The workflows, and whether there are more. `Err` is the reason why the server does not run the
    /// query.
    pub result: Result<(Vec<Execution>, bool), String>,
}

/// Converts the workflows that match the query of the user.
pub(super) fn found(sample: &FoundSample, problems: &KnownProblems) -> FoundWorkflows {
    let query = sample.query.clone();
    match &sample.result {
        Ok((executions, more)) => {
            let now = SystemTime::now();
            let rows =
                executions.iter().map(|it| row(it, problems.cause(&it.run_id), now)).collect();
            FoundWorkflows { query, error: String::new(), rows: Some(rows), more: *more }
        }
        Err(error) => {
            FoundWorkflows { query, error: harmless_text(error), ..FoundWorkflows::default() }
        }
    }
}

/// Converts the recent workflows to rows, except those that are in the rows of problems.
pub(super) fn recent(
    namespace: &NamespaceSnapshot,
    problems: &KnownProblems,
    rows: &[ProblemRow],
) -> Vec<WorkflowRow> {
    let members = rows.iter().flat_map(|row| &row.members);
    let listed: HashSet<&str> = members.map(|member| member.run_id.as_str()).collect();
    let now = SystemTime::now();
    let rows = namespace.recent.iter().map(|it| {
        let closing = || namespace.closings.get(&it.run_id).map(String::as_str);
        row(it, problems.cause(&it.run_id).or_else(closing), now)
    });
    rows.filter(|row| !listed.contains(row.run_id.as_str())).collect()
}

fn row(it: &Execution, note: Option<&str>, now: SystemTime) -> WorkflowRow {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    WorkflowRow {
        status: it.status.into(),
        type_name: harmless_text(&it.workflow_type),
        workflow_id: harmless_text(&it.workflow_id),
        run_id: harmless_text(&it.run_id),
        queue: harmless_text(&it.task_queue),
        note: note.map(quote).unwrap_or_default(),
        took_ms: it
            .started
            .and_then(|started| it.closed.unwrap_or(now).duration_since(started).ok())
            .map(ms),
        // The clock of another machine may be ahead.
        ended_ms: it.closed.map(|closed| now.duration_since(closed).map_or(0, ms)),
    }
}

/// Converts the history of ended workflows for the graph.
pub(super) fn closed_history(namespace: &NamespaceSnapshot) -> Vec<ClosedCount> {
    let count = |it: &StatusCounts| ClosedCount {
        completed: it.completed,
        failed: it.failed.saturating_add(it.timed_out),
    };
    namespace.history.iter().map(count).collect()
}

impl From<Holdings> for loss::WorkflowTotals {
    fn from(Holdings { running, closed }: Holdings) -> Self {
        Self { running, closed }
    }
}

/// Identifies one run of a server, so that counts of different runs are not mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedServer {
    generation: Option<Generation>,
    pid: Option<i32>,
}

impl CountedServer {
    /// The run of the server in this status. `None` if the status has no server.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let temporal = status.temporal.as_ref()?;
        Some(Self { generation: temporal.generation, pid: temporal.pid })
    }

    /// The run of the server in this status, if the server is ready or degraded.
    #[must_use]
    pub fn up(status: &Status) -> Option<Self> {
        Self::of(status).filter(|_| status.state.is_up())
    }
}

/// The workflow counts of one run of a server at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSample {
    /// The server that was queried.
    pub server: CountedServer,
    /// The workflows of the shown namespace. `None` if a request has failed.
    pub found: Option<NamespaceSnapshot>,
    /// The answer to the query of the user. `None` without a query.
    pub matches: Option<FoundSample>,
    /// Totals of all namespaces. `None` if the query has failed.
    pub holdings: Option<Holdings>,
}

/// The last known workflow counts of one run of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownWorkflows {
    server: Option<CountedServer>,
    workflows: LatestCount<NamespaceSnapshot>,
    matches: Option<FoundSample>,
    holdings: LatestCount<Holdings>,
}

/// The last known count, and whether the latest query returned this count.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LatestCount<T> {
    found: Option<T>,
    is_current: bool,
}

impl<T> Default for LatestCount<T> {
    fn default() -> Self {
        Self { found: None, is_current: false }
    }
}

impl<T> LatestCount<T> {
    fn note(&mut self, found: Option<T>) {
        self.is_current = found.is_some();
        self.found = found.or_else(|| self.found.take());
    }
}

impl KnownWorkflows {
    /// Stores the result of a new query. Deletes the counts of another run of the server.
    pub fn note(&mut self, sample: WorkflowSample) {
        if self.server != Some(sample.server) {
            *self = Self { server: Some(sample.server), ..Self::default() };
        }
        self.workflows.note(sample.found);
        self.matches = sample.matches;
        self.holdings.note(sample.holdings);
    }

    /// The workflows of a namespace from the latest sample. `None` if that sample has failed or is of
    /// another namespace, or if the server is not up any more.
    pub(super) fn now(&self, status: &Status, namespace: &str) -> Option<&NamespaceSnapshot> {
        let is_now = self.is_of(status) && CountedServer::up(status).is_some();
        let found = self.workflows.found.as_ref().filter(|_| is_now && self.workflows.is_current);
        found.filter(|found| found.namespace == namespace)
    }

    /// The latest answer to this query. `None` before it, or if the server is not up any more.
    pub(super) fn found(
        &self,
        status: &Status,
        namespace: &str,
        query: &str,
    ) -> Option<&FoundSample> {
        let is_now = self.is_of(status) && CountedServer::up(status).is_some();
        let is_it = |it: &&FoundSample| it.namespace == namespace && it.query == query;
        self.matches.as_ref().filter(is_it).filter(|_| is_now)
    }

    /// The totals of the server in this status. They may be current, from an earlier query, or
    /// unknown.
    pub(super) fn held(&self, status: &Status) -> loss::WorkflowCount {
        let Some(held) = self.holdings.found.filter(|_| self.is_of(status)) else {
            return loss::WorkflowCount::Unknown;
        };
        let held = held.into();
        if self.holdings.is_current && CountedServer::up(status).is_some() {
            loss::WorkflowCount::Current(held)
        } else {
            loss::WorkflowCount::Earlier(held)
        }
    }

    fn is_of(&self, status: &Status) -> bool {
        let server = CountedServer::of(status);
        server.is_some() && self.server == server
    }
}

#[cfg(test)]
mod tests {
    use super::loss::WorkflowCount;
    use super::*;
    use crate::protocol::State;

    fn status(state: State, generation: u64, pid: i32) -> Status {
        let mut status = crate::protocol::tests::running().status;
        status.state = state;
        let temporal = status.temporal.as_mut().unwrap();
        (temporal.generation, temporal.pid) = (Some(Generation(generation)), Some(pid));
        status
    }

    fn sample(status: &Status, running: Option<u64>) -> WorkflowSample {
        let found = running.map(|open| NamespaceSnapshot {
            counts: StatusCounts { open, ..StatusCounts::default() },
            ..NamespaceSnapshot::default()
        });
        let holdings = running.map(|running| Holdings { running, closed: 1 });
        WorkflowSample {
            server: CountedServer::of(status).unwrap(),
            found,
            matches: None,
            holdings,
        }
    }

    fn running(workflows: Option<&NamespaceSnapshot>) -> Option<u64> {
        workflows.map(|workflows| workflows.counts.open)
    }

    fn held(running: u64) -> loss::WorkflowTotals {
        loss::WorkflowTotals { running, closed: 1 }
    }

    #[test]
    fn counts_are_shown_while_their_server_is_up() {
        let first = status(State::Ready, 1, 7);
        let mut known = KnownWorkflows::default();
        assert_eq!(known.now(&first, ""), None);
        known.note(sample(&first, Some(3)));
        assert_eq!(running(known.now(&first, "")), Some(3));
        assert_eq!(running(known.now(&status(State::Degraded, 1, 7), "")), Some(3));
        for state in State::ALL.into_iter().filter(|state| !state.is_up()) {
            assert_eq!(known.now(&status(state, 1, 7), ""), None, "{state}");
        }
        let next = status(State::Ready, 2, 8);
        assert_eq!((known.now(&next, ""), known.held(&next)), (None, WorkflowCount::Unknown));
        let nothing = Status { temporal: None, ..first };
        assert_eq!((known.now(&nothing, ""), known.held(&nothing)), (None, WorkflowCount::Unknown));
    }

    #[test]
    fn workflows_of_another_namespace_are_not_shown() {
        let mut status = status(State::Ready, 1, 7);
        status.options.values.namespace = Some(vec!["default".into(), "orders".into()]);
        let shown = |namespace: Option<&str>| {
            let namespace = namespace.map(str::to_owned);
            shown_namespace(&status, &Listing { namespace, ..Listing::default() })
        };
        assert_eq!(shown(None), Some("default"));
        assert_eq!(shown(Some("orders")), Some("orders"));
        assert_eq!(shown(Some("gone")), Some("default"));
        let mut known = KnownWorkflows::default();
        let mut sample = sample(&status, Some(3));
        sample.found.as_mut().unwrap().namespace = "orders".into();
        known.note(sample);
        assert_eq!(running(known.now(&status, "orders")), Some(3));
        assert_eq!(known.now(&status, "default"), None);
        assert_eq!(known.held(&status), WorkflowCount::Current(held(3)), "of all namespaces");
    }

    #[test]
    fn last_count_of_an_unresponsive_server_is_kept_but_not_shown() {
        let first = status(State::Degraded, 1, 7);
        let mut known = KnownWorkflows::default();
        known.note(sample(&first, None));
        assert_eq!(known.held(&first), WorkflowCount::Unknown);
        known.note(sample(&first, Some(3)));
        assert_eq!(known.held(&first), WorkflowCount::Current(held(3)));
        known.note(sample(&first, None));
        known.note(sample(&first, None));
        assert_eq!(
            (known.now(&first, ""), known.held(&first)),
            (None, WorkflowCount::Earlier(held(3)))
        );
        known.note(sample(&first, Some(0)));
        assert_eq!(running(known.now(&first, "")), Some(0));
        assert_eq!(known.held(&status(State::Starting, 1, 7)), WorkflowCount::Earlier(held(0)));
        let next = status(State::Ready, 2, 8);
        known.note(sample(&next, None));
        assert_eq!(
            known.held(&next),
            WorkflowCount::Unknown,
            "counts of another server do not apply"
        );
    }
}
