//! Tests of the problems of queues that have tasks and no worker.

use super::judge::{found, only, open};
use super::*;
use crate::problems::sample::{NamespaceSample, STALE};
use crate::protocol::{ProblemKind, Severity};

#[test]
fn queue_without_a_worker_names_the_last_one() {
    let long = STALE.as_secs() + 5;
    let lost = |since| PollerProcess::Disconnected {
        pid: 58,
        command: "python w.py".to_owned(),
        since: ago(since),
    };
    let shut_down = PollerSample { has_shut_down: true, ..poller(1, runs()) };
    let cases = [
        (vec![], "2 workflow tasks wait; no worker polls this queue"),
        (
            vec![poller(1, ended("python b.py"))],
            "2 workflow tasks wait; last worker: pid 4712 python b.py, ended",
        ),
        (vec![poller(1, ended(""))], "2 workflow tasks wait; last worker: pid 4712, ended"),
        (
            vec![poller(1, lost(3))],
            "2 workflow tasks wait; last worker: pid 58 python w.py, not connected",
        ),
        (vec![shut_down], "2 workflow tasks wait; last worker: pid 58 python w.py, shut down"),
        (
            vec![poller(long, PollerProcess::Unknown)],
            "2 workflow tasks wait; last worker: 58@box, has not polled for 1 min",
        ),
        (
            vec![poller(long, runs())],
            "2 workflow tasks wait; last worker: pid 58 python w.py, has not polled for 1 min",
        ),
    ];
    for (pollers, expected) in cases {
        let problem =
            only(&NamespaceSample { queues: vec![queue("billing", 2, pollers)], ..sample() });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::NoWorker, Severity::Red));
        assert_eq!(
            (problem.cause.as_str(), problem.count, problem.since_ms),
            (expected, 2, 40_000)
        );
    }
}

#[test]
fn worker_that_polls_serves_its_queue() {
    for process in [runs(), PollerProcess::Unknown] {
        let queues = vec![queue("billing", 2, vec![poller(60, process)])];
        assert_eq!(found(&NamespaceSample { queues, ..sample() }), []);
    }
}

#[test]
fn waiting_task_of_a_described_workflow_counts_before_the_server_counts_it() {
    let waiting = Description { task: Some(task(1)), ..description("a") };
    let queues = vec![queue("orders", 0, vec![])];
    let problem = only(&NamespaceSample { open: vec![open(waiting)], queues, ..sample() });
    assert_eq!((problem.count, problem.since_ms), (1, 25_000));
    assert_eq!(problem.severity, Severity::Amber, "younger than 30 s");
}

#[test]
fn queue_without_a_worker_names_the_workflows_that_wait_there() {
    let at_queue = |name: &str, id: &str, seconds_ago| {
        let mut waiting = description(id);
        waiting.execution.task_queue = name.to_owned();
        waiting.execution.started = Some(ago(seconds_ago));
        waiting
    };
    let elsewhere = PendingActivity { task_queue: "billing".to_owned(), ..activity(1) };
    let due = PendingActivity { next_attempt: None, ..elsewhere.clone() };
    let due = PendingActivity { id: "2".to_owned(), attempt: 3, ..due };
    let later = PendingActivity { id: "3".to_owned(), attempt: 3, ..elsewhere.clone() };
    let open_runs = vec![
        open(Description { task: Some(task(1)), ..at_queue("billing", "old", 90) }),
        open(Description { task: Some(task(1)), ..at_queue("billing", "new", 30) }),
        open(Description { activities: vec![elsewhere, due, later], ..description("calls") }),
        open(at_queue("billing", "waits for a timer", 5)),
        open(Description { children: vec!["parent".to_owned()], ..at_queue("orders", "top", 99) }),
        open(Description { children: vec!["old".to_owned()], ..at_queue("orders", "parent", 95) }),
    ];
    let activities = QueueSample { kind: QueueKind::Activity, ..queue("billing", 0, vec![]) };
    let workflows = queue("billing", 0, vec![poller(1, ended("python b.py"))]);
    let served = queue("orders", 0, vec![poller(1, runs())]);
    let queues = vec![activities.clone(), workflows, served];
    let first = found(&NamespaceSample { open: open_runs.clone(), queues, ..sample() });
    let kinds: Vec<_> = first.iter().map(|it| (it.kind, it.subject.as_str())).collect();
    let calls = (ProblemKind::Retrying, "calls");
    assert_eq!(kinds, [(ProblemKind::NoWorker, "billing"), calls], "no workflow is stuck");
    let problem = &first[0];
    let expected =
        "2 workflow tasks and 2 activities wait; last worker: pid 4712 python b.py, ended";
    assert_eq!((problem.cause.as_str(), problem.count), (expected, 4));
    let ids: Vec<&str> = problem.others.iter().map(|it| it.workflow_id.as_str()).collect();
    assert_eq!(ids, ["new", "calls", "old", "parent", "top"], "the newest first");
    assert_eq!(problem.others[0].workflow_type.as_deref(), Some("Refund"));
    assert_eq!(problem.run_id, None);

    let queues = vec![activities, queue("billing", 0, vec![poller(1, runs())])];
    let problem = found(&NamespaceSample { open: open_runs, queues, ..sample() }).remove(0);
    assert_eq!(problem.cause, "2 activities wait; its workers run no activities");
    let of_workflow = "queue billing: its workers run no activities";
    assert_eq!(problem.workflow_cause.as_deref(), Some(of_workflow));
    let hint = "start a worker that runs activities of the queue `billing`";
    assert_eq!(problem.hint.as_deref(), Some(hint));
    assert_eq!(problem.others.len(), 1);
}

#[test]
fn queue_name_near_a_served_one_is_suggested() {
    let served = ["orders", "ab"].map(|name| queue(name, 0, vec![poller(1, runs())]));
    let unserved = queue("invoice", 0, vec![poller(1, ended(""))]);
    let cases = [
        ("ordres", Some("orders")),
        ("Orders", Some("orders")),
        ("order", Some("orders")),
        ("order-", Some("orders")),
        ("orde", Some("orders")),
        ("ord", None),
        ("billing", None),
        ("a", None),
        ("invoices", None),
    ];
    for (name, expected) in cases {
        let queues = [served.to_vec(), vec![unserved.clone(), queue(name, 1, vec![])]].concat();
        let problem = only(&NamespaceSample { queues, ..sample() });
        let question = expected.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let why = expected.map_or_else(
            || "no worker polls this queue".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        assert_eq!(problem.cause, format!("1 workflow task waits; {why}"));
        let of_workflow = format!("queue {name}: nobody polls it{question}");
        assert_eq!(problem.workflow_cause, Some(of_workflow));
        let hint = problem.hint.unwrap();
        let expected = expected.map_or_else(
            || format!("start a worker that polls the queue `{name}`"),
            |near| {
                format!(
                    "a worker polls `{near}`: start the workflow there, because it cannot change its \
                     queue, and terminate this one; or start a worker that polls `{name}`"
                )
            },
        );
        assert_eq!(hint, expected, "{name}");
    }
}

#[test]
fn queue_that_a_worker_has_polled_has_no_wrong_name() {
    let served = queue("orders", 0, vec![poller(1, runs())]);
    let polled = queue("ordres", 1, vec![poller(1, ended("python b.py"))]);
    let problem = only(&NamespaceSample { queues: vec![served, polled], ..sample() });
    assert!(problem.cause.ends_with("last worker: pid 4712 python b.py, ended"), "{problem:?}");
    assert_eq!(problem.hint.as_deref(), Some("start a worker that polls the queue `ordres`"));
}
