//! Converts the problems that the host reports to rows.

use super::Now;
use super::text::harmless_text;
use crate::harmless::quote;
use crate::protocol::{Problem, ProblemKind, ProblemList, Severity, WorkflowRef};
use std::time::{Duration, Instant};
use stigmer_ui::model;
use stigmer_ui::model::{Member, ProblemRow};

/// The latest problems that a host reported to this dashboard.
#[derive(Debug, Clone, Default)]
pub struct KnownProblems {
    latest: Option<(ProblemList, Instant)>,
    /// Whether the latest request succeeded.
    is_current: bool,
}

impl KnownProblems {
    /// Stores the response to a request. `None` if the request failed.
    pub fn note(&mut self, list: Option<ProblemList>) {
        self.is_current = list.is_some();
        self.latest = list.map(|list| (list, Instant::now())).or(self.latest.take());
    }

    /// The age of the problems, if newer ones cannot be obtained. `None` if they are current, or if
    /// none is known.
    pub(super) fn outdated_for(&self) -> Option<Duration> {
        let (list, at) = self.latest.as_ref()?;
        let sampled = Duration::from_millis(list.as_of_ms?);
        (!self.is_current || list.unknown.is_some()).then(|| at.elapsed() + sampled)
    }

    /// The cause of the problem of this run.
    pub(super) fn cause(&self, run_id: &str) -> Option<&str> {
        let (list, _) = self.latest.as_ref()?;
        let is_of_run = |problem: &&Problem| {
            let others = problem.others.iter().map(|other| other.run_id.as_str());
            problem.run_id.as_deref().into_iter().chain(others).any(|it| it == run_id)
        };
        list.problems.iter().find(is_of_run).map(|problem| problem.cause.as_str())
    }
}

/// Returns the known problems, in the order of the host. `None` if no problem is known and some may
/// be missing.
pub(super) fn problems(now: Now<'_>) -> Option<Vec<ProblemRow>> {
    let (list, at) = now.viewer.problems.latest.as_ref()?;
    let age = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let rows: Vec<ProblemRow> = list.problems.iter().map(|it| row(now, it, age)).collect();
    let is_complete = list.unknown.is_none() || list.as_of_ms.is_some();
    (is_complete || !rows.is_empty()).then_some(rows)
}

/// Converts a problem that was reported `age` milliseconds ago.
fn row(now: Now<'_>, problem: &Problem, age: u64) -> ProblemRow {
    let text = |text: &Option<String>| text.as_deref().map(harmless_text).unwrap_or_default();
    let is_of_server =
        matches!(problem.kind, ProblemKind::Server | ProblemKind::Data | ProblemKind::Restarted);
    let address = now.status().temporal.as_ref().map(|server| server.address.clone());
    let subject = match address.filter(|_| is_of_server) {
        Some(address) => address,
        None => harmless_text(&problem.subject),
    };
    let type_name = match (&problem.workflow_type, problem.kind) {
        (Some(name), _) => harmless_text(name),
        (None, ProblemKind::NoWorker) => "queue".to_owned(),
        (None, ProblemKind::Worker) => "worker".to_owned(),
        (None, _) if is_of_server => "server".to_owned(),
        (None, _) => String::new(),
    };
    let newest = problem.run_id.clone().map(|run_id| {
        let workflow_id = problem.subject.clone();
        WorkflowRef { workflow_id, run_id }
    });
    ProblemRow {
        id: id(problem),
        kind: problem.kind.into(),
        severity: problem.severity.into(),
        namespace: text(&problem.namespace),
        type_name,
        subject,
        run_id: problem.run_id.as_deref().map(harmless_text),
        queue: text(&problem.queue),
        count: if problem.run_id.is_some() { problem.count } else { 1 },
        members: newest.iter().chain(&problem.others).map(member).collect(),
        cause: quote(&problem.cause),
        activity: problem.activity.as_deref().map(harmless_text),
        activity_id: text(&problem.activity_id),
        attempt: problem.attempt,
        max_attempts: problem.max_attempts,
        next_try_ms: problem.next_try_ms.map(|next| next.saturating_sub(age)),
        since_ms: Some(problem.since_ms.saturating_add(age)),
        hint: text(&problem.hint),
        command: text(&problem.command),
    }
}

fn member(workflow: &WorkflowRef) -> Member {
    let WorkflowRef { workflow_id, run_id } = workflow;
    Member { workflow_id: harmless_text(workflow_id), run_id: harmless_text(run_id) }
}

/// Identifies the row of a problem. Workflows with the same type and cause share one row, which
/// must stay the same row when a workflow joins or leaves it.
fn id(problem: &Problem) -> String {
    let Problem { kind, namespace, workflow_type, activity, .. } = problem;
    let (what, cause) = match &problem.run_id {
        Some(_) => (workflow_type.as_deref(), problem.cause.as_str()),
        None => (Some(problem.subject.as_str()), ""),
    };
    let parts = [Some(kind.as_str()), namespace.as_deref(), what, activity.as_deref(), Some(cause)];
    parts.map(Option::unwrap_or_default).join("\u{1f}")
}

impl From<ProblemKind> for model::ProblemKind {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Server => Self::Server,
            ProblemKind::Data => Self::Data,
            ProblemKind::Worker => Self::Worker,
            ProblemKind::Stuck => Self::Stuck,
            ProblemKind::NoWorker => Self::NoWorker,
            ProblemKind::Retrying => Self::Retrying,
            ProblemKind::Failed => Self::Failed,
            ProblemKind::TimedOut => Self::TimedOut,
            ProblemKind::Restarted => Self::Restarted,
        }
    }
}

impl From<Severity> for model::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Red => Self::Red,
            Severity::Amber => Self::Amber,
            Severity::Notice => Self::Notice,
        }
    }
}
