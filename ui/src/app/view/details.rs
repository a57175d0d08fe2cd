//! All facts of a problem, a workflow or a worker as names and values, for its page and for copying.

use super::rows::Item;
use crate::human;
use crate::model::{Member, Model, ProblemRow, WorkerRow, WorkflowRow};

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
        let worker = item.worker(model).map(Self::of_worker);
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
        let workflows: Vec<String> = row
            .members
            .iter()
            .map(|member| format!("{} (run {})", member.workflow_id, member.run_id))
            .collect();
        let facts = vec![
            ("State", row.kind.label().to_owned()),
            ("Cause", row.cause.clone()),
            ("Hint", row.hint.clone()),
            ("Activity", row.activity.clone().unwrap_or_default()),
            ("Attempt", attempt),
            (
                "Next try",
                row.next_try_ms.map(|ms| format!("in {}", human::age(ms))).unwrap_or_default(),
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
        let row = ProblemRow {
            subject: it.workflow_id.clone(),
            run_id: Some(it.run_id.clone()),
            count: 1,
            members: Vec::new(),
            // These are facts of the newest workflow.
            attempt: None,
            max_attempts: None,
            next_try_ms: None,
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

    fn of_worker(row: &WorkerRow) -> Self {
        let place = match (row.external, row.remote) {
            (_, true) => "on another machine",
            (true, false) => "external: stigmer did not start it",
            (false, false) => "started by stigmer",
        };
        let facts = vec![
            ("State", row.state.label().to_owned()),
            ("Cause", row.cause.clone()),
            ("Process", row.pid.map(|pid| format!("pid {pid}")).unwrap_or_default()),
            ("Started", place.to_owned()),
            ("Since", row.since_ms.map(human::ago).unwrap_or_default()),
            ("Restarts", row.restarts.map(human::count).unwrap_or_default()),
            ("Queues", row.queues.join(", ")),
            ("Command", row.command.clone()),
            ("Folder", row.folder.clone()),
            ("CPU", row.cpu_percent.map(human::percent).unwrap_or_default()),
            ("Memory", row.rss_bytes.map(human::bytes).unwrap_or_default()),
        ];
        Self::new(row.name.clone(), facts)
    }
}
