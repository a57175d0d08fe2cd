use super::*;
use crate::protocol::{ProblemList, SCHEMA, Severity as SeverityOfHost, WorkflowRef};
use crate::temporal::executions::{Execution, ExecutionStatus, PendingTask};
use crate::temporal::failure::FailureLink;
use crate::temporal::history::{EventFacts, RunEvent};

/// A run whose workflow task failed with `reason` and `failure`, or waits for its first attempt.
fn sample(attempt: u32, reason: &str, failure: &str) -> RunSample {
    let description = Description {
        execution: Execution {
            workflow_id: "unknown-14".to_owned(),
            run_id: "r".to_owned(),
            workflow_type: "Unknown".to_owned(),
            task_queue: "orders".to_owned(),
            status: ExecutionStatus::Running,
            started: None,
            closed: None,
            parent: None,
            has_reported_problem: false,
        },
        history_length: 1,
        activities: Vec::new(),
        operations: Vec::new(),
        task: Some(PendingTask { is_started: false, attempt, scheduled: None }),
        children: Vec::new(),
    };
    let mut items = HistoryItems::default();
    let failures = vec![FailureLink { text: failure.to_owned(), ..FailureLink::default() }];
    items.add(RunEvent {
        id: 1,
        first: 1,
        at: None,
        type_name: "Type",
        subject: Subject::WorkflowTask,
        phase: SubjectPhase::Failed,
        facts: EventFacts { reason: reason.to_owned(), failures, ..EventFacts::default() },
    });
    RunSample::described("r", Arc::new(description), items)
}

fn shown(sample: &RunSample, problem: Problem) -> WorkflowPage {
    let open = OpenWorkflow {
        namespace: "default".to_owned(),
        workflow_id: "unknown-14".to_owned(),
        run_id: "r".to_owned(),
        row: None,
    };
    let mut problems = KnownProblems::default();
    let list = |problem| ProblemList {
        schema: SCHEMA,
        as_of_ms: Some(1),
        unknown: None,
        problems: vec![problem],
    };
    problems.note(Some(list(problem)));
    page(sample, Some(&open), &problems).unwrap()
}

#[test]
fn page_says_what_the_list_of_problems_says_and_what_to_do() {
    let problem = |cause: &str| Problem {
        run_id: Some("r".to_owned()),
        cause: cause.to_owned(),
        hint: Some("restart the worker".to_owned()),
        ..Problem::new(ProblemKindOfHost::Stuck, "unknown-14")
    };
    let sentence = "no worker on queue orders knows the type Unknown";
    let drift = sample(4, "non-determinism", "NotFoundError: no class Unknown");
    let page = shown(&drift, problem(sentence));
    assert_eq!((page.summary.as_str(), page.hint.as_str()), (sentence, "restart the worker"));
    assert_eq!(page.causes[0].text, "non-determinism: NotFoundError: no class Unknown");

    let page = shown(&drift, problem("NotFoundError: no class Unknown"));
    assert_eq!(page.summary, "", "the first cause says it");
    assert_eq!(page.causes[0].text, "NotFoundError: no class Unknown");

    let other = Problem { run_id: Some("another".to_owned()), ..problem(sentence) };
    let page = shown(&drift, other.clone());
    assert_eq!((page.summary, page.hint), (String::new(), String::new()));
    let member = WorkflowRef {
        workflow_id: "unknown-14".to_owned(),
        run_id: "r".to_owned(),
        workflow_type: None,
        attempt: None,
        since_ms: None,
    };
    let page = shown(&drift, Problem { others: vec![member], ..other });
    assert_eq!(page.summary, sentence, "one of a group");
}

#[test]
fn page_of_a_run_that_waits_for_a_queue_shows_the_problem_of_the_queue() {
    let problem = |queue: &str| Problem {
        namespace: Some("default".to_owned()),
        cause: "1 workflow task waits; no worker polls this queue".to_owned(),
        hint: Some("start a worker".to_owned()),
        ..Problem::new(ProblemKindOfHost::NoWorker, queue)
    };
    let waiting = sample(1, "", "");
    let page = shown(&waiting, problem("orders"));
    let summary = "no worker on queue orders: 1 workflow task waits; no worker polls this queue";
    assert_eq!((page.summary.as_str(), page.hint.as_str()), (summary, "start a worker"));
    assert_eq!(page.problem, Some((ProblemKind::NoWorker, Severity::Red)));
    assert_eq!(shown(&waiting, problem("billing")).summary, "");
}

#[test]
fn page_is_as_urgent_as_the_problem_in_the_list() {
    let problem = |kind, severity| Problem {
        severity,
        run_id: Some("r".to_owned()),
        ..Problem::new(kind, "a")
    };
    let stuck = sample(2, "", "E: x");
    for (listed, expected) in [
        (problem(ProblemKindOfHost::Stuck, SeverityOfHost::Amber), Severity::Amber),
        (problem(ProblemKindOfHost::Stuck, SeverityOfHost::Red), Severity::Red),
        (problem(ProblemKindOfHost::NoWorker, SeverityOfHost::Amber), Severity::Red),
    ] {
        let page = shown(&stuck, listed);
        assert_eq!(page.problem, Some((ProblemKind::Stuck, expected)));
    }
}

#[test]
fn history_of_a_closed_run_says_what_was_left_undone() {
    let run = |status, phase| {
        let before = sample(1, "", "");
        let RunSample { description: Some(description), .. } = &before else { panic!() };
        let mut description = (**description).clone();
        description.execution.status = status;
        let mut items = HistoryItems::default();
        items.add(RunEvent {
            id: 2,
            first: 2,
            at: None,
            type_name: "WorkflowTaskScheduled",
            subject: Subject::WorkflowTask,
            phase,
            facts: EventFacts::default(),
        });
        rows(&description, &items)[0].text.clone()
    };
    assert_eq!(run(ExecutionStatus::Running, SubjectPhase::Scheduled), "waits");
    assert_eq!(run(ExecutionStatus::TimedOut, SubjectPhase::Scheduled), "not started");
    assert_eq!(run(ExecutionStatus::Terminated, SubjectPhase::Started), "not ended");
    assert_eq!(run(ExecutionStatus::Completed, SubjectPhase::Completed), "completed");
}
