//! Converts the problems that the host reports to rows.

use super::Now;
use super::text::harmless_text;
use crate::harmless::quote;
use crate::protocol::{Problem, ProblemKind, ProblemList, Severity, WorkflowRef};
use std::time::{Duration, Instant};
use stigmer_ui::model;
use stigmer_ui::model::{Dismissed, Member, ProblemRow};

/// The latest problems that a host reported to this dashboard.
#[derive(Debug, Clone, Default)]
pub struct KnownProblems {
    latest: Option<(ProblemList, Instant)>,
    /// IDs of the problems that this dashboard hides, although the host may not have dismissed them
    /// yet.
    hidden: Vec<String>,
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

    /// Hides the problems with these IDs, and no longer those of the call before.
    pub fn hide(&mut self, ids: Vec<String>) {
        self.hidden = ids;
    }

    /// The numbers of the dismissed problems and of their workflows.
    pub(super) fn dismissed(&self) -> Dismissed {
        let known = self.latest.iter().flat_map(|(list, _)| &list.problems);
        let hidden = known.filter(|problem| self.hides(problem));
        hidden.fold(Dismissed::default(), |sum, it| Dismissed {
            problems: sum.problems + 1,
            workflows: sum.workflows + workflows(it),
        })
    }

    fn hides(&self, problem: &Problem) -> bool {
        problem.dismissed || self.hidden.contains(&problem.id)
    }

    /// The first problem of this run.
    pub(super) fn of_run(&self, run_id: &str) -> Option<&Problem> {
        let is_of_run = |problem: &&Problem| {
            let others = problem.others.iter().map(|other| other.run_id.as_str());
            problem.run_id.as_deref().into_iter().chain(others).any(|it| it == run_id)
        };
        self.latest.as_ref()?.0.problems.iter().find(is_of_run)
    }

    /// The problem of a queue that has no worker.
    pub(super) fn of_queue(&self, namespace: &str, queue: &str) -> Option<&Problem> {
        let mut problems = self.latest.as_ref()?.0.problems.iter();
        problems.find(|problem| {
            problem.kind == ProblemKind::NoWorker
                && problem.subject == queue
                && problem.namespace.as_deref().is_none_or(|it| it == namespace)
        })
    }

    /// Why this run fails or does not continue.
    pub(super) fn cause(&self, run_id: &str) -> Option<&str> {
        let problem = self.of_run(run_id)?;
        Some(problem.workflow_cause.as_ref().unwrap_or(&problem.cause))
    }
}

/// The number of workflows with this problem.
fn workflows(problem: &Problem) -> u64 {
    match problem.run_id {
        Some(_) => problem.count,
        None => problem.others.len() as u64,
    }
}

/// Returns the known problems that are not dismissed, in the order of the host. `None` if no problem
/// is known and some may be missing.
pub(super) fn problems(now: Now<'_>) -> Option<Vec<ProblemRow>> {
    let known = &now.viewer.problems;
    let (list, at) = known.latest.as_ref()?;
    let age = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let shown = list.problems.iter().filter(|it| !known.hides(it));
    let is_complete = list.unknown.is_none() || list.as_of_ms.is_some();
    let is_known = is_complete || !list.problems.is_empty();
    is_known.then(|| shown.map(|it| row(now, it, age)).collect())
}

/// Converts a problem that was reported `age` milliseconds ago.
fn row(now: Now<'_>, problem: &Problem, age: u64) -> ProblemRow {
    let text = |text: &Option<String>| text.as_deref().map(harmless_text).unwrap_or_default();
    let is_of_server = match problem.kind {
        ProblemKind::Server | ProblemKind::Data => true,
        ProblemKind::Restarted => problem.subject == "server",
        _ => false,
    };
    let address = now.status().temporal.as_ref().map(|server| server.address.clone());
    let subject = match address.filter(|_| is_of_server) {
        Some(address) => address,
        None => harmless_text(&problem.subject),
    };
    let type_name = match (&problem.workflow_type, problem.kind) {
        (Some(name), _) => harmless_text(name),
        (None, ProblemKind::NoWorker) => "queue".to_owned(),
        (None, ProblemKind::Project) => "project".to_owned(),
        (None, _) if is_of_server => "server".to_owned(),
        (
            None,
            ProblemKind::Worker
            | ProblemKind::Outdated
            | ProblemKind::Backoff
            | ProblemKind::Restarted,
        ) => "worker".to_owned(),
        (None, _) => String::new(),
    };
    let newest = problem.run_id.clone().map(|run_id| {
        let workflow_id = problem.subject.clone();
        let workflow_type = problem.workflow_type.clone();
        let (attempt, since_ms) = (problem.attempt, Some(problem.since_ms));
        WorkflowRef { workflow_id, run_id, workflow_type, attempt, since_ms }
    });
    ProblemRow {
        id: problem.id.clone(),
        kind: problem.kind.into(),
        severity: problem.severity.into(),
        namespace: text(&problem.namespace),
        type_name,
        subject,
        run_id: problem.run_id.as_deref().map(harmless_text),
        queue: text(&problem.queue),
        count: if problem.run_id.is_some() { problem.count } else { 1 },
        members: newest.iter().chain(&problem.others).map(|it| member(it, age)).collect(),
        cause: quote(&problem.cause),
        workflow_cause: problem.workflow_cause.as_deref().map(quote).unwrap_or_default(),
        activity: problem.activity.as_deref().map(harmless_text),
        activity_id: text(&problem.activity_id),
        attempt: problem.attempt,
        max_attempts: problem.max_attempts,
        next_try_ms: problem.next_try_ms.map(|next| next.saturating_sub(age)),
        as_of_ms: problem.as_of_ms.map(|as_of| as_of.saturating_add(age)),
        since_ms: Some(problem.since_ms.saturating_add(age)),
        hint: text(&problem.hint),
        command: text(&problem.command),
    }
}

fn member(workflow: &WorkflowRef, age: u64) -> Member {
    let WorkflowRef { workflow_id, run_id, workflow_type, attempt, since_ms } = workflow;
    Member {
        workflow_id: harmless_text(workflow_id),
        run_id: harmless_text(run_id),
        type_name: workflow_type.as_deref().map(harmless_text).unwrap_or_default(),
        attempt: *attempt,
        since_ms: since_ms.map(|since| since.saturating_add(age)),
    }
}

impl From<ProblemKind> for model::ProblemKind {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Server => Self::Server,
            ProblemKind::Data => Self::Data,
            ProblemKind::Project => Self::Project,
            ProblemKind::Worker => Self::Worker,
            ProblemKind::Outdated => Self::Outdated,
            ProblemKind::Backoff => Self::Backoff,
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
