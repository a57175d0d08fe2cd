//! Tests of the problems that follow from samples.

use super::*;
use crate::problems::group::group;
use crate::problems::judge::judge;
use crate::problems::sample::{EndedRun, Mismatch, NamespaceSample, OpenRun};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::executions::TaskStart;
use std::collections::BTreeMap;

pub(super) fn open(description: Description) -> OpenRun {
    OpenRun { description, described: None, events: None, mismatch: None, attempt_since: None }
}

pub(super) fn found(sample: &NamespaceSample) -> Vec<Problem> {
    group(judge(sample, &[], ADDRESS, now()))
}

pub(super) fn only(sample: &NamespaceSample) -> Problem {
    let mut found = found(sample);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn healthy_workflows_are_no_problem() {
    let open_runs = vec![
        open(description("timer")),
        open(Description { activities: vec![activity(1)], ..description("first attempt") }),
        open(Description {
            activities: vec![PendingActivity { is_paused: true, ..activity(1) }],
            ..description("paused before its first attempt")
        }),
        open(Description { task: Some(task(1)), ..description("new") }),
    ];
    let queues = vec![queue("orders", 3, vec![poller(1, runs())])];
    let activity_queue = QueueSample { kind: QueueKind::Activity, ..queues[0].clone() };
    let queues = [queues, vec![activity_queue]].concat();
    assert_eq!(found(&NamespaceSample { open: open_runs, queues, ..sample() }), []);
}

#[test]
fn activity_that_is_paused_after_a_failure_is_a_problem() {
    let paused = PendingActivity { is_paused: true, ..activity(8) };
    let run = open(Description { activities: vec![paused], ..description("refund-0") });
    let found = only(&NamespaceSample { open: vec![run], ..sample() });
    assert_eq!((found.kind, found.severity), (ProblemKind::Retrying, Severity::Amber));
    assert_eq!(found.cause, "call_bank paused after attempt 7: BankUnavailable: 503");
    assert_eq!((found.attempt, found.next_try_ms), (None, None));
    assert_eq!(
        found.hint.as_deref(),
        Some("unpause it: Temporal does not retry the activity call_bank before")
    );
    let command = found.command.unwrap();
    let expected = "temporal activity unpause --activity-id 1 --workflow-id refund-0";
    assert!(command.starts_with(expected), "{command}");
}

#[test]
fn failing_workflow_task_is_stuck_with_its_cause() {
    let message = "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: \
                   HistoryEvent(id: 5, ActivityTaskScheduled)";
    let cases = [
        (
            24,
            message,
            "non-determinism: the code expects a timer, history has ActivityTaskScheduled (event 5)",
        ),
        (
            24,
            "[TMPRL1100] Nondeterminism error: No command scheduled for event HistoryEvent(id: 5, \
             TimerStarted)",
            "non-determinism: the code expects nothing, history has TimerStarted (event 5)",
        ),
        (
            24,
            "something else",
            "non-determinism: the code does not match the history: something else",
        ),
        (14, "KeyError: boom", "KeyError: boom"),
        (
            14,
            "NotFoundError: Workflow class Refund is not registered on this worker",
            "no worker on queue orders knows the type Refund",
        ),
        (
            14,
            "TypeError: Failed to initialize workflow of type 'Refund': no such function is exported \
             by the workflow bundle",
            "no worker on queue orders knows the type Refund",
        ),
        (
            14,
            "unable to find workflow type: Refund. Supported types: []",
            "no worker on queue orders knows the type Refund",
        ),
        (14, "Workflow class hierarchy is broken", "Workflow class hierarchy is broken"),
    ];
    for (reason, message, expected) in cases {
        let description = Description { task: Some(task(4)), ..description("drift-11") };
        let run = OpenRun { events: Some(task_failure(reason, message)), ..open(description) };
        let problem = only(&NamespaceSample { open: vec![run], ..sample() });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Stuck, Severity::Red));
        assert_eq!((problem.cause.as_str(), problem.since_ms), (expected, 30_000));
        assert_eq!(problem.attempt, Some(4));
    }
}

#[test]
fn non_determinism_names_the_worker_that_started_after_the_last_good_task() {
    let process = |started| PollerProcess::Runs {
        pid: 58,
        command: "python w.py".to_owned(),
        started: Some(ago(started)),
    };
    let last_good = 100;
    let cases = [
        (process(90), vec![], true),
        (process(110), vec![], false),
        // The worker that failed has ended.
        (ended("python b.py"), vec![process(90)], true),
        (ended("python b.py"), vec![process(90), process(110)], false),
        (PollerProcess::Unknown, vec![], false),
        (PollerProcess::Unknown, vec![PollerProcess::Unknown], false),
        (process(110), vec![process(90)], false),
    ];
    for (failing, polling, is_known) in cases {
        let description = Description { task: Some(task(4)), ..description("drift-11") };
        let last_completed = Some(ago(last_good));
        let events = NewestEvents { last_completed, ..task_failure(24, "x") };
        let pollers = polling.iter().map(|it| poller(1, it.clone())).collect();
        let problem = only(&NamespaceSample {
            open: vec![OpenRun { events: Some(events), ..open(description) }],
            queues: vec![queue("orders", 0, pollers)],
            ..started_by("58@box", failing.clone())
        });
        let hint = problem.hint.unwrap();
        let since = jiff::Timestamp::try_from(ago(90)).unwrap().to_zoned(crate::clock::zone());
        let since = since.strftime("since worker pid 58 python w.py started at %H:%M:%S, ");
        assert_eq!(
            hint.starts_with(&since.to_string()),
            is_known,
            "{failing:?} {polling:?}: {hint}"
        );
        assert!(hint.contains("restore the old code"), "{hint}");
    }
}

#[test]
fn waiting_workflows_that_no_longer_replay_are_one_problem() {
    let run = |id: &str, event| {
        let message = format!(
            "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: \
             HistoryEvent(id: {event}, ActivityTaskScheduled)"
        );
        let mismatch = Some(Mismatch { message, since: ago(600) });
        OpenRun { mismatch, ..open(description(id)) }
    };
    let queues = vec![queue("orders", 0, vec![poller(1, runs())])];
    let open_runs = vec![run("a", 5), run("b", 5), run("c", 11), open(description("d"))];
    let problem = only(&NamespaceSample { open: open_runs, queues, ..sample() });
    assert_eq!((problem.kind, problem.severity), (ProblemKind::Stuck, Severity::Red));
    assert_eq!((problem.count, problem.since_ms, problem.attempt), (3, 600_000, None));
    let expected = "non-determinism: the code expects a timer, history has ActivityTaskScheduled";
    assert!(problem.cause.starts_with(expected), "{}", problem.cause);
    let hint = problem.hint.unwrap();
    assert!(hint.starts_with("since worker pid 58 python w.py started at "), "{hint}");
}

#[test]
fn worker_that_started_after_the_last_attempt_may_have_the_fix() {
    let cases = [(590, Some(610), true), (610, Some(590), false), (590, None, false)];
    for (started, attempt, is_named) in cases {
        let process = PollerProcess::Runs {
            pid: 58,
            command: "python w.py".to_owned(),
            started: Some(ago(started)),
        };
        let run = OpenRun {
            events: Some(task_failure(14, "KeyError: boom")),
            attempt_since: attempt.map(ago),
            ..open(Description { task: Some(task(8)), ..description("a") })
        };
        let queues = vec![queue("orders", 0, vec![poller(1, process)])];
        let problem = only(&NamespaceSample { open: vec![run], queues, ..sample() });
        let hint = problem.hint.unwrap();
        let named = hint.starts_with("worker pid 58 python w.py started at ")
            && hint.contains("if this worker has the fix, reset the workflow");
        assert_eq!(named, is_named, "{hint}");
    }
}

#[test]
fn first_failure_of_a_workflow_task_may_heal_itself() {
    let task = PendingTask { scheduled: Some(ago(3)), ..task(2) };
    let description = Description { task: Some(task), ..description("a") };
    let problem = only(&NamespaceSample { open: vec![open(description)], ..sample() });
    assert_eq!(
        (problem.severity, problem.cause.as_str()),
        (Severity::Amber, "the workflow task fails; the reason is not known yet")
    );
}

#[test]
fn retry_has_its_attempts_and_becomes_red_after_five_minutes() {
    for (first, severity) in [(299, Severity::Amber), (301, Severity::Red)] {
        let description = Description { activities: vec![activity(8)], ..description("refund-0") };
        let activities = vec![("1".to_owned(), ago(first)), ("2".to_owned(), ago(9_999))];
        let events = Some(NewestEvents { activities, ..NewestEvents::default() });
        let problem = only(&NamespaceSample {
            open: vec![OpenRun { events, ..open(description) }],
            ..sample()
        });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Retrying, severity));
        assert_eq!(problem.cause, "BankUnavailable: 503");
        assert_eq!(problem.activity.as_deref(), Some("call_bank"));
        assert_eq!(problem.activity_id.as_deref(), Some("1"));
        assert_eq!((problem.attempt, problem.max_attempts), (Some(8), Some(50)));
        assert_eq!((problem.next_try_ms, problem.since_ms), (Some(13_000), first * 1_000));
        assert!(
            problem
                .command
                .unwrap()
                .starts_with("temporal workflow describe --workflow-id refund-0")
        );
    }
}

#[test]
fn unknown_activity_has_the_same_cause_in_each_sdk() {
    let unknown = "no worker on queue orders knows the activity call_bank";
    for (message, expected) in [
        (
            "NotFoundError: Activity function call_bank for workflow refund-0 is not registered on this \
             worker, available activities: fail",
            unknown,
        ),
        (
            "NotFoundError: Activity function call_bank is not registered on this Worker, available \
             activities: [\"fail\"]",
            unknown,
        ),
        (
            "ActivityNotRegisteredError: unable to find activityType=call_bank. Supported types: [fail]",
            unknown,
        ),
        (
            "java.lang.IllegalStateException: Activity Type \"call_bank\" is not registered with a worker. \
             Known types are: fail",
            unknown,
        ),
        ("ValueError: Activity function broken", "ValueError: Activity function broken"),
    ] {
        let call = PendingActivity { last_failure: Some(cause(message)), ..activity(3) };
        let description = Description { activities: vec![call], ..description("refund-0") };
        let problem = only(&NamespaceSample { open: vec![open(description)], ..sample() });
        assert_eq!(problem.cause, expected);
        let registers = problem.hint.unwrap().starts_with("register the activity `call_bank`");
        assert_eq!(registers, expected == unknown, "{message}");
    }
}

fn started_by(identity: &str, process: PollerProcess) -> NamespaceSample {
    NamespaceSample { starters: BTreeMap::from([(identity.to_owned(), process)]), ..sample() }
}

#[test]
fn activity_of_an_ended_worker_waits_for_its_timeout() {
    let started = |attempt| PendingActivity {
        is_started: true,
        worker: "4712@box".to_owned(),
        times_out: Some(now() + Duration::from_secs(40)),
        next_attempt: None,
        ..activity(attempt)
    };
    let run = |attempt| {
        vec![open(Description { activities: vec![started(attempt)], ..description("refund-0") })]
    };
    for (attempt, next) in [(1, Some(40_000)), (7, Some(40_000)), (50, None)] {
        let sample = started_by("4712@box", ended("python b.py"));
        let problem = only(&NamespaceSample { open: run(attempt), ..sample });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Retrying, Severity::Amber));
        assert_eq!(
            problem.cause,
            "started by pid 4712 python b.py, which has ended; the server waits for its timeout"
        );
        assert_eq!((problem.next_try_ms, problem.since_ms), (next, 3_000), "attempt {attempt}");
        assert_eq!(problem.attempt, Some(attempt));
    }
    for process in [runs(), PollerProcess::Remote, PollerProcess::Unknown] {
        let sample = NamespaceSample { open: run(1), ..started_by("4712@box", process) };
        assert_eq!(found(&sample), []);
    }
}

#[test]
fn workflow_task_of_an_ended_worker_waits_for_its_timeout() {
    let task = PendingTask { is_started: true, ..task(1) };
    let start = TaskStart {
        worker: "4712@box".to_owned(),
        times_out: Some(now() + Duration::from_secs(8)),
    };
    let run = || OpenRun {
        events: Some(NewestEvents { task_start: Some(start.clone()), ..NewestEvents::default() }),
        ..open(Description { task: Some(task), ..description("a") })
    };
    let sample = started_by("4712@box", ended("python b.py"));
    let problem = only(&NamespaceSample { open: vec![run()], ..sample });
    assert_eq!((problem.kind, problem.severity), (ProblemKind::Stuck, Severity::Amber));
    let expected = "workflow task started by pid 4712 python b.py, which has ended; the server waits for its timeout";
    assert_eq!((problem.cause.as_str(), problem.next_try_ms), (expected, Some(8_000)));
    let alive = NamespaceSample { open: vec![run()], ..started_by("4712@box", runs()) };
    assert_eq!(found(&alive), []);
}

#[test]
fn second_attempt_after_an_ended_worker_waits_for_a_worker() {
    let timed_out = NewestEvents { has_task_timed_out: true, ..NewestEvents::default() };
    let again = |events| OpenRun {
        events: Some(events),
        ..open(Description { task: Some(task(2)), ..description("a") })
    };
    let queues = vec![queue("orders", 0, vec![poller(1, ended("python b.py"))])];
    let waits = NamespaceSample { open: vec![again(timed_out.clone())], queues, ..sample() };
    let problem = only(&waits);
    assert_eq!((problem.kind, problem.count), (ProblemKind::NoWorker, 1));
    // With a worker, the task is stuck, and so is a task that failed.
    let served = vec![queue("orders", 0, vec![poller(1, runs())])];
    let problem = only(&NamespaceSample { queues: served, ..waits.clone() });
    assert_eq!(
        (problem.kind, problem.cause.as_str()),
        (ProblemKind::Stuck, "the workflow task timed out")
    );
    let failed = again(task_failure(14, "KeyError: boom"));
    let problem = only(&NamespaceSample { open: vec![failed], ..waits });
    assert_eq!((problem.kind, problem.cause.as_str()), (ProblemKind::Stuck, "KeyError: boom"));
}

#[test]
fn ended_workflows_have_their_root_cause() {
    let failed = EndedRun {
        execution: execution("shipment-7", ExecutionStatus::Failed),
        events: NewestEvents {
            failure: Some(cause("ValueError: postcode")),
            ..NewestEvents::default()
        },
    };
    let timed_out = EndedRun {
        execution: execution("timeout-15", ExecutionStatus::TimedOut),
        events: NewestEvents { before_end: Some(5), ..NewestEvents::default() },
    };
    let found = found(&NamespaceSample { ended: vec![timed_out, failed], ..sample() });
    let causes: Vec<(ProblemKind, &str)> =
        found.iter().map(|it| (it.kind, it.cause.as_str())).collect();
    let expected = [
        (ProblemKind::Failed, "ValueError: postcode"),
        (ProblemKind::TimedOut, "no worker polled queue orders within 50 s"),
    ];
    assert_eq!(causes, expected);
    let hint = found[1].hint.as_deref().unwrap();
    assert!(
        hint.starts_with("start a worker on queue orders and start the workflow again"),
        "{hint}"
    );
    assert!(found.iter().all(|it| it.since_ms == 10_000 && it.severity == Severity::Red));
}

#[test]
fn parent_that_failed_because_of_its_child_is_no_problem_of_its_own() {
    let failed = |id: &str, is_of_child, parent: Option<&str>| EndedRun {
        execution: Execution {
            parent: parent.map(str::to_owned),
            ..execution(id, ExecutionStatus::Failed)
        },
        events: NewestEvents {
            failure: Some(RootCause { is_of_child, ..cause("E: x") }),
            ..NewestEvents::default()
        },
    };
    let (parent, child) = (failed("parent", true, None), failed("child", false, Some("parent")));
    let problem = only(&NamespaceSample { ended: vec![parent.clone(), child], ..sample() });
    assert_eq!(problem.subject, "child");
    let problem = only(&NamespaceSample { ended: vec![parent], ..sample() });
    assert_eq!(problem.subject, "parent", "the child is not in the list");
}

#[test]
fn problems_with_the_same_kind_type_and_cause_share_one_row() {
    let failed = |id: &str, closed: u64, message: &str| EndedRun {
        execution: Execution {
            closed: Some(ago(closed)),
            ..execution(id, ExecutionStatus::Failed)
        },
        events: NewestEvents { failure: Some(cause(message)), ..NewestEvents::default() },
    };
    let ended = vec![failed("old", 30, "x"), failed("new", 5, "x"), failed("other", 20, "y")];
    let found = found(&NamespaceSample { ended, ..sample() });
    let rows: Vec<(&str, u64)> = found.iter().map(|it| (it.subject.as_str(), it.count)).collect();
    assert_eq!(rows, [("new", 2), ("other", 1)]);
    assert_eq!(found[0].others[0].workflow_id, "old");
}

#[test]
fn two_failing_activities_of_one_workflow_are_one_row() {
    let activities = vec![activity(3), PendingActivity { id: "2".to_owned(), ..activity(4) }];
    let description = Description { activities, ..description("a") };
    assert_eq!(only(&NamespaceSample { open: vec![open(description)], ..sample() }).count, 1);
}

#[test]
fn commands_are_quoted_and_name_the_server() {
    let run = EndedRun {
        execution: execution("it's; rm -rf /", ExecutionStatus::Failed),
        events: NewestEvents::default(),
    };
    let sample = NamespaceSample { namespace: "a b".to_owned(), ended: vec![run], ..sample() };
    let found = judge(&sample, &[], "127.0.0.1:7300", now());
    let command = found[0].command.clone().unwrap();
    let expected = "temporal workflow show --workflow-id \"it's; rm -rf /\" --run-id ";
    assert!(command.starts_with(expected), "{command}");
    assert!(command.ends_with(" --namespace 'a b' --address 127.0.0.1:7300"), "{command}");
}

#[test]
fn marked_workflow_is_stuck_also_at_the_first_attempt_of_a_new_task() {
    let mut marked = description("signalled");
    marked.execution.has_reported_problem = true;
    marked.task = Some(task(1));
    let run = OpenRun { events: Some(task_failure(14, "E: x")), ..open(marked) };
    let problem = only(&NamespaceSample { open: vec![run], ..sample() });
    assert_eq!((problem.kind, problem.attempt), (ProblemKind::Stuck, None));
}
