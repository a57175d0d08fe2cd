//! All facts of a problem, a workflow or a worker as names and values, for its page and for copying.

use super::rows::Item;
use crate::human;
use crate::model::{Member, Model, ProblemRow, TimelineKind, TimelineRow, WorkerRow, WorkflowRow};
use std::collections::BTreeSet;

/// Maximum number of ends of a worker on its page.
const ENDS: usize = 5;

/// Page of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowDetails {
    /// Path to the row: `Refund › refund-0`.
    pub(crate) title: String,
    /// Names and values. No value is empty.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl RowDetails {
    /// Returns the details of a row. `None` if the row has no page.
    pub(crate) fn of(item: Item, model: &Model) -> Option<Self> {
        let problem = item.problem(model).map(Self::of_problem);
        let member = item.member(model).map(|(row, it)| Self::of_member(row, it));
        let worker = item.worker(model).map(|row| Self::of_worker(row, model));
        problem.or(member).or(worker).or_else(|| item.workflow(model).map(Self::of_workflow))
    }

    /// Returns the page as text. Each line ends with a line feed.
    pub(crate) fn plain(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| format!("{name:<12} {value}\n"));
        format!("{}\n", self.title) + &facts.collect::<String>()
    }

    fn new(title: String, facts: Vec<(&'static str, String)>) -> Self {
        let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { title, facts }
    }

    fn of_problem(row: &ProblemRow) -> Self {
        let attempt = match (row.attempt, row.max_attempts) {
            (Some(attempt), Some(most)) => format!("{attempt} of {most}"),
            (Some(attempt), None) => attempt.to_string(),
            (None, _) => String::new(),
        };
        let attempt = match human::as_of(row.as_of_ms, row.next_try_ms) {
            Some(as_of) if !attempt.is_empty() => format!("{attempt}, {as_of}"),
            _ => attempt,
        };
        let workflows: Vec<String> = row
            .members
            .iter()
            .map(|member| format!("{} (run {})", member.workflow_id, member.run_id))
            .collect();
        let facts = vec![
            ("State", row.kind.label().to_owned()),
            ("Cause", row.cause.clone()),
            ("What to do", row.hint.clone()),
            ("Activity", row.activity.clone().unwrap_or_default()),
            ("Attempt", attempt),
            (
                "Next try",
                row.next_try_ms
                    .map(|ms| format!("in {}", human::remaining(ms)))
                    .unwrap_or_default(),
            ),
            ("Since", row.since_ms.map(human::ago).unwrap_or_default()),
            ("Queue", row.queue.clone()),
            ("Namespace", row.namespace.clone()),
            ("Run", row.run_id.clone().unwrap_or_default()),
            ("Workflows", workflows.join("\n")),
            ("Command", row.command.clone()),
        ];
        Self::new(format!("{} › {}", row.type_name, row.subject), facts)
    }

    fn of_member(row: &ProblemRow, it: &Member) -> Self {
        let cause = match row.waiting() {
            [] => row.cause.clone(),
            _ => row.workflow_cause.clone(),
        };
        let row = ProblemRow {
            type_name: it.type_name.clone(),
            subject: it.workflow_id.clone(),
            cause,
            run_id: Some(it.run_id.clone()),
            count: 1,
            members: Vec::new(),
            // These are facts of the newest workflow.
            attempt: None,
            max_attempts: None,
            next_try_ms: None,
            as_of_ms: None,
            since_ms: None,
            command: String::new(),
            ..row.clone()
        };
        Self::of_problem(&row)
    }

    fn of_workflow(row: &WorkflowRow) -> Self {
        let facts = vec![
            ("State", row.status.label().to_owned()),
            ("Result", row.note.clone()),
            ("Took", row.took_ms.map(human::duration).unwrap_or_default()),
            ("Ended", row.ended_ms.map(human::ago).unwrap_or_default()),
            ("Queue", row.queue.clone()),
            ("Run", row.run_id.clone()),
        ];
        Self::new(format!("{} › {}", row.type_name, row.workflow_id), facts)
    }

    fn of_worker(row: &WorkerRow, model: &Model) -> Self {
        let place = match (row.external, row.remote) {
            (_, true) => "on another machine",
            (true, false) => "external: stigmer did not start it",
            (false, false) => "started by stigmer",
        };
        let facts = vec![
            ("State", row.state.label().to_owned()),
            ("Cause", row.cause.clone()),
            ("What to do", row.hint.clone()),
            ("Process", row.pid.map(|pid| format!("pid {pid}")).unwrap_or_default()),
            ("Started", place.to_owned()),
            ("Since", row.since_ms.map(human::ago).unwrap_or_default()),
            ("Generation", row.generation.map(human::count).unwrap_or_default()),
            ("Restarts", row.restarts.map(human::count).unwrap_or_default()),
            ("Ends", ends(row, model).join("\n")),
            ("Queues", row.queues.join(", ")),
            ("Types", types(row, model).into_iter().collect::<Vec<_>>().join(", ")),
            ("Command", row.command.clone()),
            ("Folder", row.folder.clone()),
            ("CPU", row.cpu_percent.map(human::percent).unwrap_or_default()),
            ("Memory", row.rss_bytes.map(human::bytes).unwrap_or_default()),
            ("Last lines", row.last_lines.join("\n")),
        ];
        Self::new(row.name.clone(), facts)
    }
}

/// The latest ends of a worker that stigmer runs, newest first, for example as
/// `21:16:39 exit code 1 after 12 s, repaired in 131 ms`.
fn ends(row: &WorkerRow, model: &Model) -> Vec<String> {
    let is_end = |entry: &&TimelineRow| {
        entry.worker == row.name && !row.external && entry.kind != TimelineKind::Start
    };
    let text = |entry: &TimelineRow| match entry.recovery.as_str() {
        "" => format!("{} {}", entry.when(), entry.what),
        recovery => format!("{} {}, {recovery}", entry.when(), entry.what),
    };
    model.timeline.iter().filter(is_end).take(ENDS).map(text).collect()
}

/// The types of the listed workflows that use a queue of the worker.
fn types(row: &WorkerRow, model: &Model) -> BTreeSet<String> {
    let of_problems =
        model.problems.iter().flatten().map(|it| (&it.queue, &it.type_name, &it.run_id));
    let of_problems =
        of_problems.filter(|(.., run)| run.is_some()).map(|(queue, name, _)| (queue, name));
    let recent = model.recent.iter().flatten().map(|it| (&it.queue, &it.type_name));
    let own = of_problems.chain(recent).filter(|(queue, _)| row.queues.contains(queue));
    own.map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_a_worker_has_its_ends_and_the_types_on_its_queues() {
        let entry = |worker: &str, kind, what: &str, recovery: &str| TimelineRow {
            clock: "21:16:39".into(),
            worker: worker.into(),
            kind,
            what: what.into(),
            recovery: recovery.into(),
            ..TimelineRow::default()
        };
        let recent = |name: &str, queue: &str| WorkflowRow {
            type_name: name.into(),
            queue: queue.into(),
            ..WorkflowRow::default()
        };
        let problem = |name: &str, run_id: Option<&str>| ProblemRow {
            type_name: name.into(),
            queue: "orders".into(),
            run_id: run_id.map(Into::into),
            ..ProblemRow::default()
        };
        let model = Model {
            timeline: [
                entry(
                    "orders",
                    TimelineKind::Restart,
                    "exit code 1 after 12 s",
                    "repaired in 9 ms",
                ),
                entry("orders", TimelineKind::Start, "started by the operator", ""),
                entry("", TimelineKind::Stop, "stopped by the operator", ""),
                entry("emails", TimelineKind::Stop, "stopped by the operator", ""),
            ]
            .into_iter()
            .chain(vec![entry("orders", TimelineKind::Stop, "stopped", ""); ENDS])
            .collect(),
            recent: Some(vec![recent("Checkout", "orders"), recent("Invoice", "billing")]),
            problems: Some(vec![problem("Refund", Some("1")), problem("queue", None)]),
            ..Model::default()
        };
        let row = WorkerRow {
            name: "orders".into(),
            queues: vec!["orders".into()],
            ..WorkerRow::default()
        };
        let facts = RowDetails::of_worker(&row, &model).facts;
        let fact = |name| facts.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str());
        let ends: Vec<&str> = fact("Ends").unwrap().lines().collect();
        assert_eq!(
            ends[..2],
            ["21:16:39 exit code 1 after 12 s, repaired in 9 ms", "21:16:39 stopped"]
        );
        assert_eq!((ends.len(), fact("Types")), (ENDS, Some("Checkout, Refund")));
        let external = WorkerRow { external: true, ..row };
        let facts = RowDetails::of_worker(&external, &model).facts;
        assert!(facts.iter().all(|(name, _)| *name != "Ends"), "{facts:?}");
    }

    #[test]
    fn number_of_an_attempt_has_its_age_if_it_may_be_outdated() {
        let attempt = |next_try_ms, as_of_ms| {
            let row = ProblemRow {
                attempt: Some(8),
                max_attempts: Some(50),
                next_try_ms,
                as_of_ms: Some(as_of_ms),
                ..ProblemRow::default()
            };
            let facts = RowDetails::of_problem(&row).facts;
            facts.into_iter().find(|(name, _)| *name == "Attempt").unwrap().1
        };
        assert_eq!(attempt(Some(9_000), 12_000), "8 of 50", "the next attempt is later");
        assert_eq!(attempt(Some(0), 4_000), "8 of 50");
        assert_eq!(attempt(Some(0), 12_000), "8 of 50, as of 12 s ago");
        assert_eq!(attempt(None, 12_000), "8 of 50, as of 12 s ago");
    }
}
