use super::*;
use crate::temporal::executions::{Execution, PendingTask};
use crate::temporal::history::{EventFacts, RunEvent};
use std::time::UNIX_EPOCH;

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000 + second)
}

fn run(status: ExecutionStatus) -> Description {
    Description {
        execution: Execution {
            workflow_id: "a".to_owned(),
            run_id: "r".to_owned(),
            workflow_type: "Shipment".to_owned(),
            task_queue: "orders".to_owned(),
            status,
            started: Some(at(0)),
            closed: None,
            parent: None,
            has_reported_problem: false,
        },
        history_length: 5,
        activities: Vec::new(),
        operations: Vec::new(),
        task: None,
        children: Vec::new(),
    }
}

fn link(text: &str) -> FailureLink {
    FailureLink { text: text.to_owned(), ..FailureLink::default() }
}

fn activity(attempt: u32) -> PendingActivity {
    PendingActivity {
        id: "1".to_owned(),
        type_name: "call_bank".to_owned(),
        task_queue: "orders".to_owned(),
        is_started: false,
        is_paused: false,
        attempt,
        max_attempts: Some(50),
        scheduled: Some(at(0)),
        next_attempt: None,
        last_failure: None,
        failures: if attempt > 1 {
            vec![link("activity call_bank failed"), link("E: x")]
        } else {
            Vec::new()
        },
        worker: String::new(),
        times_out: None,
        last_started: Some(at(97)),
    }
}

fn items(events: &[(Subject, SubjectPhase, EventFacts)]) -> HistoryItems {
    let mut items = HistoryItems::default();
    for (id, (subject, phase, facts)) in (1..).zip(events) {
        items.add(RunEvent {
            id,
            first: id,
            at: Some(at(id)),
            type_name: "Type",
            subject: *subject,
            phase: *phase,
            facts: facts.clone(),
        });
    }
    items
}

fn texts(description: &Description, events: &[(Subject, SubjectPhase, EventFacts)]) -> Vec<String> {
    causes(description, &items(events)).into_iter().map(|cause| cause.text).collect()
}

fn failed(links: &[&str]) -> EventFacts {
    EventFacts { failures: links.iter().map(|text| link(text)).collect(), ..EventFacts::default() }
}

#[test]
fn causes_begin_with_the_innermost_failure() {
    use Subject::{Run, WorkflowTask};
    use SubjectPhase::{CancelRequested, Canceled, Failed, Terminated, TimedOut};
    let by = EventFacts {
        identity: "me@box".to_owned(),
        reason: "wrong queue".to_owned(),
        ..EventFacts::default()
    };
    let none = EventFacts::default();
    let drift = EventFacts { reason: "non-determinism".to_owned(), ..failed(&["E: drift"]) };
    let stuck = Description {
        task: Some(PendingTask { is_started: false, attempt: 4, scheduled: None }),
        ..run(ExecutionStatus::Running)
    };
    let retrying =
        Description { activities: vec![activity(2), activity(8)], ..run(ExecutionStatus::Running) };
    let waits = EventFacts { name: "ship".to_owned(), ..EventFacts::default() };
    for (description, events, expected) in [
        (
            run(ExecutionStatus::Failed),
            vec![(
                Run,
                Failed,
                failed(&["activity ship failed", "ShippingError: x", "ValueError: y"]),
            )],
            vec![
                "ValueError: y",
                "ShippingError: x",
                "activity ship failed",
                "workflow Shipment failed",
            ],
        ),
        (
            run(ExecutionStatus::TimedOut),
            vec![
                (Subject::Activity, SubjectPhase::Scheduled, waits),
                (Run, TimedOut, none.clone()),
            ],
            vec!["the workflow timed out; it waited for activity ship"],
        ),
        (
            run(ExecutionStatus::Terminated),
            vec![(Run, Terminated, by.clone())],
            vec!["terminated by me@box: wrong queue"],
        ),
        (
            run(ExecutionStatus::Canceled),
            vec![(Run, CancelRequested, by), (Run, Canceled, none)],
            vec!["canceled by me@box: wrong queue"],
        ),
        (
            stuck,
            vec![(WorkflowTask, Failed, failed(&["E: old"])), (WorkflowTask, Failed, drift)],
            vec!["non-determinism: E: drift"],
        ),
        (retrying, Vec::new(), vec!["E: x", "activity call_bank failed"]),
        (run(ExecutionStatus::Running), Vec::new(), Vec::new()),
        (run(ExecutionStatus::Completed), Vec::new(), Vec::new()),
    ] {
        assert_eq!(texts(&description, &events), expected, "{:?}", description.execution.status);
    }
}

#[test]
fn pending_activities_name_their_attempt_and_what_they_wait_for() {
    let now = at(100);
    for (activity, expected) in [
        (activity(1), "attempt 1 of 50 waits for a worker on queue orders for 1 min"),
        (
            PendingActivity { next_attempt: Some(at(113)), ..activity(8) },
            "attempt 8 of 50, next try in 13 s",
        ),
        (
            PendingActivity { next_attempt: Some(at(219)), ..activity(8) },
            "attempt 8 of 50, next try in 1 min 59 s",
        ),
        (PendingActivity { is_started: true, ..activity(8) }, "attempt 8 of 50 runs for 3 s"),
        (PendingActivity { is_paused: true, ..activity(4) }, "attempt 4 of 50, paused"),
        (
            PendingActivity { max_attempts: None, scheduled: None, ..activity(2) },
            "attempt 2 waits for a worker on queue orders",
        ),
    ] {
        let description =
            Description { activities: vec![activity], ..run(ExecutionStatus::Running) };
        let pending = pending(&description, &HistoryItems::default(), now);
        assert_eq!(pending[0].text, expected);
    }
}

#[test]
fn workflow_tasks_timers_and_children_are_pending_too() {
    let task = |attempt, is_started| Description {
        task: Some(PendingTask { is_started, attempt, scheduled: Some(at(40)) }),
        ..run(ExecutionStatus::Running)
    };
    let texts = |description: &Description, items: &HistoryItems| -> Vec<String> {
        let pending = pending(description, items, at(100));
        pending.into_iter().map(|it| format!("{}: {}", it.name, it.text)).collect()
    };
    let none = HistoryItems::default();
    for (description, expected) in [
        (task(1, true), vec![]),
        (task(1, false), vec!["workflow task: waits for a worker on queue orders for 1 min"]),
        (
            task(2, true),
            vec![
                "workflow task: failed 1 time, attempt 2 runs, or the worker did not report its failure",
            ],
        ),
        (
            task(6, false),
            vec!["workflow task: failed 5 times, attempt 6 waits for a worker on queue orders"],
        ),
        (
            Description {
                task: Some(PendingTask { is_started: false, attempt: 6, scheduled: Some(at(113)) }),
                ..run(ExecutionStatus::Running)
            },
            vec!["workflow task: failed 5 times, attempt 6 in 13 s"],
        ),
    ] {
        assert_eq!(texts(&description, &none), expected);
    }
    let wait = Some(Duration::from_secs(3_600));
    let child =
        EventFacts { name: "Ship".to_owned(), key: "ship-1".to_owned(), ..EventFacts::default() };
    let items = items(&[
        (Subject::Timer, SubjectPhase::Scheduled, EventFacts { wait, ..EventFacts::default() }),
        (Subject::Child, SubjectPhase::Started, child.clone()),
        (Subject::Child, SubjectPhase::Completed, child),
    ]);
    assert_eq!(
        texts(&run(ExecutionStatus::Running), &items),
        ["timer: fires in 58 min", "child workflow Ship: ship-1 runs for 1 min"]
    );
    assert!(texts(&run(ExecutionStatus::Terminated), &items).is_empty());
}

#[test]
fn run_that_only_a_message_can_continue_says_so() {
    use Subject::{Activity, Run, Timer, WorkflowTask};
    use SubjectPhase::{Completed, Scheduled, Started};
    let none = EventFacts::default;
    let waits = |description: &Description, events: &[(Subject, SubjectPhase, EventFacts)]| {
        let pending = pending(description, &items(events), at(100));
        pending.iter().any(|it| it.text.starts_with("waits for a signal or an update"))
    };
    let started = (Run, Started, none());
    let ran = (WorkflowTask, Completed, none());
    let over =
        [started.clone(), ran.clone(), (Activity, Completed, none()), (Timer, Completed, none())];
    let open = Description { history_length: 4, ..run(ExecutionStatus::Running) };
    assert!(waits(&open, &over));
    let longer = Description { history_length: 5, ..open.clone() };
    assert!(!waits(&longer, &over), "the history is not read to its start");
    let timer = [started.clone(), ran.clone(), (Timer, Scheduled, none())];
    let three = Description { history_length: 3, ..open.clone() };
    assert!(!waits(&three, &timer), "a timer is open");
    let delayed = Description { history_length: 1, ..open.clone() };
    assert!(!waits(&delayed, &[started]), "the code has not run: a delayed start, or cron");
    let task = PendingTask { is_started: true, attempt: 1, scheduled: None };
    assert!(!waits(&Description { task: Some(task), ..open.clone() }, &over));
    assert!(!waits(&Description { activities: vec![activity(1)], ..open.clone() }, &over));
    assert!(!waits(&Description { children: vec!["c".to_owned()], ..open }, &over));
    let closed = Description { history_length: 4, ..run(ExecutionStatus::Completed) };
    assert!(!waits(&closed, &over));
}
