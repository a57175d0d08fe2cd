//! Converts what is known about the open run to the page of a workflow.

use super::KnownProblems;
use super::text::harmless_text;
use crate::clock;
use crate::harmless::quote;
use crate::protocol::{Problem, ProblemKind as ProblemKindOfHost};
use crate::temporal::executions::{Description, PendingActivity};
use crate::temporal::history::{Subject, SubjectPhase};
use crate::temporal::payload::DecodedPayload;
use crate::workflow::items::{HistoryItem, HistoryItems};
use crate::workflow::json::pretty;
use crate::workflow::story::{self, Obstacle};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use stigmer_ui::human;
use stigmer_ui::model::{
    CauseRow, HistoryDetails, HistoryRow, HistoryState, OpenWorkflow, PendingRow, ProblemKind,
    ResetEvent, RunFound, Severity, WorkflowPage,
};
use stigmer_ui::request::RetriedActivity;

/// Maximum characters of a value in a row.
const VALUE: usize = 200;
/// Maximum number of events from which a reset can continue.
const RESET_POINTS: usize = 20;

/// What the dashboard knows about the open run.
#[derive(Debug, Clone, Default)]
pub struct RunSample {
    run_id: String,
    found: RunFound,
    error: String,
    description: Option<Arc<Description>>,
    items: HistoryItems,
    rows: Arc<[HistoryRow]>,
    reset_points: Arc<[ResetEvent]>,
}

impl RunSample {
    /// A run that the server describes, and the part of its history that is read.
    pub(crate) fn described(
        run_id: &str,
        description: Arc<Description>,
        items: HistoryItems,
    ) -> Self {
        Self {
            run_id: run_id.to_owned(),
            found: RunFound::Yes,
            error: String::new(),
            rows: rows(&description, &items),
            reset_points: reset_points(&items),
            description: Some(description),
            items,
        }
    }

    /// A run that the server does not have.
    pub(crate) fn missing(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), found: RunFound::No, ..Self::default() }
    }

    /// The same run after a request failed. What is known about it stays.
    pub(crate) fn failed(self, run_id: &str, error: String) -> Self {
        let known = if self.run_id == run_id { self } else { Self::default() };
        Self { run_id: run_id.to_owned(), error, ..known }
    }

    /// Whether the latest request succeeded.
    pub(crate) fn is_current(&self) -> bool {
        self.error.is_empty()
    }
}

/// Creates the page of the open run. `None` if no data of this run have arrived.
pub(super) fn page(
    sample: &RunSample,
    open: Option<&OpenWorkflow>,
    problems: &KnownProblems,
) -> Option<WorkflowPage> {
    let open = open?;
    let RunSample { run_id, found, error, description, items, rows, reset_points } = sample;
    if *run_id != open.run_id {
        return None;
    }
    let unknown = WorkflowPage {
        run_id: run_id.clone(),
        found: *found,
        error: error.clone(),
        ..WorkflowPage::default()
    };
    let Some(description) = description else { return Some(unknown) };
    let now = SystemTime::now();
    let execution = &description.execution;
    let value =
        |values: Option<&Vec<DecodedPayload>>| values.map(|it| line(it)).unwrap_or_default();
    let first = items.get(1);
    let end = items.iter().next_back().map(|(_, item)| item);
    let end = end.filter(|item| item.subject == Subject::Run && item.phase.is_over());
    let mut causes = causes(story::causes(description, items));
    let problem = problem(description, open, problems);
    let summary = problem.map(|it| sentence(it, &mut causes)).unwrap_or_default();
    Some(WorkflowPage {
        status: execution.status.into(),
        problem: trouble(description, problem),
        type_name: harmless_text(&execution.workflow_type),
        queue: harmless_text(&execution.task_queue),
        took_ms: execution.started.map(|started| between(started, execution.closed.unwrap_or(now))),
        ended_ms: execution.closed.map(|closed| between(closed, now)),
        worker: worker(description, items),
        summary,
        hint: problem.and_then(|it| it.hint.as_deref()).map(harmless_text).unwrap_or_default(),
        causes,
        pending: story::pending(description, items, now)
            .into_iter()
            .map(|it| PendingRow {
                name: harmless_text(&it.name),
                text: harmless_text(&it.text),
                failed: it.has_failed,
            })
            .collect(),
        retried: retried(description),
        reset_points: Arc::clone(reset_points),
        events: description.history_length.max(items.newest()),
        events_read: items.count(),
        started: execution.started.map(|it| time_of_day(it, "%H:%M:%S")).unwrap_or_default(),
        history: Arc::clone(rows),
        details: open.row.and_then(|id| Some(details(id, items.get(id)?))),
        input: value(first.map(|item| &item.facts.input)),
        result: value(end.map(|item| &item.facts.result)),
        children: description.children.iter().map(|id| harmless_text(id)).collect(),
        signals: items.iter().filter(|(_, item)| item.subject == Subject::Signal).count() as u64,
        started_by: match &execution.parent {
            Some(parent) => format!("workflow {}", harmless_text(parent)),
            None => first.map(|item| item.facts.identity.clone()).unwrap_or_default(),
        },
        ..unknown
    })
}

fn causes(causes: Vec<story::RunCause>) -> Vec<CauseRow> {
    let row = |it: story::RunCause| CauseRow { text: it.text, place: it.place, lines: it.lines };
    causes.into_iter().map(row).collect()
}

/// The problem of the run, or of a queue for which the run waits.
fn problem<'a>(
    description: &Description,
    open: &OpenWorkflow,
    problems: &'a KnownProblems,
) -> Option<&'a Problem> {
    let of_queue = || {
        let task = description.task.filter(|task| !task.is_started);
        let task = task.map(|_| &description.execution.task_queue);
        let activities = description.activities.iter().filter(|it| !it.is_started);
        let mut queues = task.into_iter().chain(activities.map(|it| &it.task_queue));
        queues.find_map(|queue| problems.of_queue(&open.namespace, queue))
    };
    problems.of_run(&open.run_id).or_else(of_queue)
}

/// What is wrong with an open run. The list of problems knows whether somebody must act; without it, a retry may heal
/// itself.
fn trouble(
    description: &Description,
    problem: Option<&Problem>,
) -> Option<(ProblemKind, Severity)> {
    let (kind, usual) = match story::obstacle(description) {
        Some(Obstacle::Stuck) => (ProblemKind::Stuck, Severity::Red),
        Some(Obstacle::Retrying) => (ProblemKind::Retrying, Severity::Amber),
        None => {
            let queue = problem.filter(|it| it.kind == ProblemKindOfHost::NoWorker)?;
            return Some((ProblemKind::NoWorker, queue.severity.into()));
        }
    };
    let listed = problem.filter(|it| ProblemKind::from(it.kind) == kind);
    Some((kind, listed.map_or(usual, |it| it.severity.into())))
}

/// What the list of problems says about the run. Empty if the innermost cause says the same: it then begins
/// with exactly this sentence.
fn sentence(problem: &Problem, causes: &mut [CauseRow]) -> String {
    let sentence = quote(&problem.cause);
    if problem.kind == ProblemKindOfHost::NoWorker {
        return format!("no worker on queue {}: {sentence}", harmless_text(&problem.subject));
    }
    match causes.first_mut() {
        // The innermost cause may begin with the reason of the server.
        Some(first) if !sentence.is_empty() && first.text.ends_with(&sentence) => {
            first.text = sentence;
            String::new()
        }
        _ => sentence,
    }
}

/// The activity that waits for its next attempt, and failed most often.
fn retried(description: &Description) -> Option<RetriedActivity> {
    let waiting = description.activities.iter().filter(|it| it.waits_for_retry());
    let most = waiting.max_by_key(|it| it.attempt)?;
    let type_name = harmless_text(&most.type_name);
    Some(RetriedActivity { type_name, id: harmless_text(&most.id) })
}

/// The newest ends of workflow tasks.
fn reset_points(items: &HistoryItems) -> Arc<[ResetEvent]> {
    let tasks = items.iter().rev().map(|(_, item)| item);
    let ends = tasks.filter_map(|item| match (item.subject, item.phase) {
        (Subject::WorkflowTask, SubjectPhase::Completed | SubjectPhase::Failed) => {
            let is_completed = item.phase == SubjectPhase::Completed;
            Some(ResetEvent { event: item.events.last()?.0, is_completed })
        }
        _ => None,
    });
    ends.take(RESET_POINTS).collect()
}

/// The worker of the newest activity or workflow task.
fn worker(description: &Description, items: &HistoryItems) -> String {
    let pending = description.activities.iter().max_by_key(|it| it.last_started);
    let pending = pending.map(|it| it.worker.clone()).filter(|worker| !worker.is_empty());
    let is_of_worker =
        |item: &&HistoryItem| matches!(item.subject, Subject::Activity | Subject::WorkflowTask);
    let of_items = || {
        let mut newest = items.iter().rev().map(|(_, item)| item).filter(is_of_worker);
        newest.find(|item| !item.facts.identity.is_empty()).map(|item| item.facts.identity.clone())
    };
    pending.or_else(of_items).unwrap_or_default()
}

fn rows(description: &Description, items: &HistoryItems) -> Arc<[HistoryRow]> {
    let start = description.execution.started;
    let pending: HashMap<&str, &PendingActivity> =
        description.activities.iter().map(|it| (it.id.as_str(), it)).collect();
    let row = |(id, item): (u64, &HistoryItem)| {
        let is_open = item.subject == Subject::Activity && !item.phase.is_over();
        let pending = pending.get(item.facts.key.as_str()).filter(|_| is_open);
        let row = row(id, item, pending.copied(), start);
        match unended(item).filter(|_| !description.execution.status.is_open()) {
            Some(text) => HistoryRow { text: text.to_owned(), ..row },
            None => row,
        }
    };
    items.iter().map(row).collect()
}

/// What a closed run has left undone.
fn unended(item: &HistoryItem) -> Option<&'static str> {
    match (item.subject, item.phase) {
        (Subject::Run, _) => None,
        (_, SubjectPhase::Scheduled) => Some("not started"),
        (_, SubjectPhase::Started) => Some("not ended"),
        _ => None,
    }
}

fn row(
    id: u64,
    item: &HistoryItem,
    pending: Option<&PendingActivity>,
    start: Option<SystemTime>,
) -> HistoryRow {
    let offset = |time: Option<SystemTime>| Some(between(start?, time?));
    let (name, text) = (name(item), text(item, pending));
    let state = match (item.phase, pending) {
        (SubjectPhase::Failed | SubjectPhase::TimedOut, _) => HistoryState::Failed,
        (_, Some(pending)) if pending.attempt > 1 => HistoryState::Retrying,
        (phase, _) if phase.is_over() || item.subject == Subject::Run => HistoryState::Done,
        _ => HistoryState::Open,
    };
    let from_ms = offset(item.begun);
    HistoryRow {
        id,
        name: harmless_text(&name),
        text: harmless_text(&text),
        state,
        routine: item.is_routine_task(),
        from_ms,
        to_ms: if item.subject == Subject::Run { from_ms } else { offset(item.ended) },
        next_ms: offset(pending.and_then(|it| it.next_attempt)),
    }
}

fn name(item: &HistoryItem) -> String {
    let name: &str = match item.subject {
        Subject::Run => word(item.phase),
        Subject::WorkflowTask => "workflow task",
        Subject::Timer => "timer",
        Subject::ExternalCancel => "cancel",
        Subject::Other => item.events.first().map_or("", |event| event.1),
        _ => &item.facts.name,
    };
    // The event with the name is not read yet.
    if name.is_empty() { format!("{:?}", item.subject).to_lowercase() } else { name.to_owned() }
}

fn text(item: &HistoryItem, pending: Option<&PendingActivity>) -> String {
    let facts = &item.facts;
    let root = || facts.failures.last().map(|it| it.text.clone()).unwrap_or_default();
    let state = word(item.phase);
    match (item.subject, item.phase) {
        (Subject::Run, SubjectPhase::Started) => {
            format!("{}({})", facts.name, line(&facts.input))
        }
        (Subject::Run, SubjectPhase::Failed) => root(),
        (Subject::Run, SubjectPhase::Completed) => line(&facts.result),
        (Subject::Run, SubjectPhase::Continued) => format!("run {}", facts.key),
        (Subject::Run, _) => facts.reason.clone(),
        (Subject::WorkflowTask, SubjectPhase::Failed) => match facts.reason.as_str() {
            "" => format!("failed: {}", root()),
            reason => format!("failed: {reason}"),
        },
        (Subject::Activity, phase) => match pending {
            Some(it) if it.attempt > 1 => {
                human::counted(u64::from(it.attempt - 1), "attempt failed", "attempts failed")
            }
            Some(it) if it.is_started => "running".to_owned(),
            Some(_) => "waits for a worker".to_owned(),
            None => match facts.attempt {
                Some(attempt) if attempt > 1 || phase == SubjectPhase::Failed => {
                    format!("{state}, attempt {attempt}")
                }
                _ => state.to_owned(),
            },
        },
        (Subject::Timer, SubjectPhase::Completed) => format!("{} fired", wait(item)),
        (Subject::Timer, SubjectPhase::Scheduled) => format!("{} waits", wait(item)),
        (Subject::Timer, _) => format!("{} {state}", wait(item)),
        (Subject::Child, _) => format!("{state}, {}", facts.key),
        (Subject::Signal, _) => format!("signal {}", line(&facts.input)),
        (Subject::Update, _) => format!("update {state}"),
        (Subject::ExternalSignal, _) => format!("signal to {}, {state}", facts.key),
        (Subject::ExternalCancel, _) => format!("of {}, {state}", facts.key),
        (Subject::Marker, _) => "marker".to_owned(),
        (Subject::Other, _) => String::new(),
        (Subject::WorkflowTask | Subject::Operation, _) => state.to_owned(),
    }
}

fn wait(item: &HistoryItem) -> String {
    let wait = item.facts.wait.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
    wait.map(human::interval).unwrap_or_default()
}

fn word(phase: SubjectPhase) -> &'static str {
    match phase {
        SubjectPhase::Scheduled => "waits",
        SubjectPhase::Started => "started",
        SubjectPhase::Completed => "completed",
        SubjectPhase::Failed => "failed",
        SubjectPhase::TimedOut => "timed out",
        SubjectPhase::CancelRequested => "cancel requested",
        SubjectPhase::Canceled => "canceled",
        SubjectPhase::Terminated => "terminated",
        SubjectPhase::Continued => "continued",
        SubjectPhase::Happened => "",
    }
}

/// Values in one short line, separated by commas.
fn line(values: &[DecodedPayload]) -> String {
    let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
    let text: String = texts.join(", ").split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn details(id: u64, item: &HistoryItem) -> HistoryDetails {
    let facts = &item.facts;
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push((name.to_owned(), text));
        }
    };
    add("ID", facts.key.clone());
    add("Reason", facts.reason.clone());
    add("By", facts.identity.clone());
    add("Attempt", facts.attempt.map(|it| it.to_string()).unwrap_or_default());
    for (name, values) in [("Input", &facts.input), ("Result", &facts.result)] {
        for value in values {
            let text = if value.is_json { pretty(&value.text) } else { value.text.clone() };
            add(name, text);
            if value.is_cut() {
                add(" ", format!("{} in total", human::bytes(value.size as u64)));
            }
        }
    }
    for (at, cause) in story::chain(&facts.failures, "").into_iter().enumerate() {
        add(if at == 0 { "Failure" } else { "then" }, cause.text);
        add(" ", cause.lines.join("\n"));
    }
    if item.is_reduced {
        add("Left out", "values or stack traces: this history has too many".to_owned());
    }
    let events = item.events.iter().map(|(id, type_name, at)| {
        let at = at.map(|at| time_of_day(at, "%H:%M:%S%.3f")).unwrap_or_default();
        format!("{id:>6}  {at}  {type_name}")
    });
    add("Events", events.collect::<Vec<_>>().join("\n"));
    HistoryDetails { id, lines }
}

fn time_of_day(time: SystemTime, format: &str) -> String {
    jiff::Timestamp::try_from(time)
        .map(|it| it.to_zoned(clock::zone()).strftime(format).to_string())
        .unwrap_or_default()
}

/// Milliseconds between two times. 0 if the first one is later.
fn between(first: SystemTime, second: SystemTime) -> u64 {
    let span: Duration = second.duration_since(first).unwrap_or_default();
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
