//! Merges problems with the same kind, type, queue and cause into one row, and sorts the rows.

use crate::protocol::{OTHERS, Problem, ProblemKind, WorkflowRef};
use std::collections::HashMap;

/// The values that all workflows of one row have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Likeness {
    kind: ProblemKind,
    namespace: Option<String>,
    workflow_type: Option<String>,
    activity: Option<String>,
    /// Workers of different queues run different code.
    queue: Option<String>,
    cause: String,
    /// The subject of a problem that is not about a workflow, because such problems are not merged.
    /// `None` for a problem of a workflow.
    alone: Option<String>,
}

impl Likeness {
    fn of(problem: &Problem) -> Self {
        Self {
            kind: problem.kind,
            namespace: problem.namespace.clone(),
            workflow_type: problem.workflow_type.clone(),
            activity: problem.activity.clone(),
            queue: problem.queue.clone(),
            cause: without_event(&problem.cause),
            alone: problem.run_id.is_none().then(|| problem.subject.clone()),
        }
    }
}

/// The cause without the number of the event: the same change of code meets the histories of different
/// runs at different events.
fn without_event(cause: &str) -> String {
    let number = |rest: &str| {
        let end = rest.find(')')?;
        let is_number = rest[..end].bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| rest[end + 1..].to_owned())
    };
    let split = cause.split_once(" (event ");
    let joined = split.and_then(|(before, rest)| Some(before.to_owned() + &number(rest)?));
    joined.unwrap_or_else(|| cause.to_owned())
}

/// Merges the problems with the same kind, type, queue and cause, and sorts them by kind, severity and
/// age: the worst first, then the newest first.
#[must_use]
pub fn group(mut problems: Vec<Problem>) -> Vec<Problem> {
    sort(&mut problems);
    let mut merged: Vec<Problem> = Vec::new();
    let mut places: HashMap<Likeness, usize> = HashMap::new();
    for problem in problems {
        match places.get(&Likeness::of(&problem)) {
            Some(place) => merge(&mut merged[*place], problem),
            None => {
                places.insert(Likeness::of(&problem), merged.len());
                merged.push(problem);
            }
        }
    }
    sort(&mut merged);
    merged
}

fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        let key = |it: &Problem| (it.kind, it.severity, it.since_ms);
        key(a).cmp(&key(b)).then_with(|| a.subject.cmp(&b.subject))
    });
}

/// Adds an older problem to the row of a newer one.
fn merge(row: &mut Problem, other: Problem) {
    // Two activities of one workflow may fail in the same way. The workflow counts once.
    let same_run = |it: &WorkflowRef| Some(&it.run_id) == other.run_id.as_ref();
    let is_new = row.run_id != other.run_id && !row.others.iter().any(same_run);
    row.severity = row.severity.min(other.severity);
    row.next_try_ms = [row.next_try_ms, other.next_try_ms].into_iter().flatten().min();
    if is_new {
        row.count += other.count;
        if let Some(run_id) = other.run_id.filter(|_| row.others.len() < OTHERS) {
            row.others.push(WorkflowRef {
                workflow_id: other.subject,
                run_id,
                workflow_type: other.workflow_type,
                attempt: other.attempt,
                since_ms: Some(other.since_ms),
            });
        }
    }
}
