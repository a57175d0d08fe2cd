//! Tests of the list of workers.

use super::*;
use crate::problems::pollers::ProcessDetails;
use crate::problems::sample::{NamespaceSample, WorkerSample};
use crate::problems::workers::workers;
use crate::protocol::{PolledQueue, Worker, WorkerStatus};
use crate::temporal::workers::WorkerHeartbeat;

fn named(identity: &str, poller: PollerSample) -> PollerSample {
    PollerSample { identity: identity.to_owned(), ..poller }
}

fn sample(namespace: &str, queues: Vec<QueueSample>) -> NamespaceSample {
    NamespaceSample { namespace: namespace.to_owned(), queues, ..NamespaceSample::default() }
}

fn details(_: &str) -> ProcessDetails {
    ProcessDetails {
        folder: "/home/me/src".to_owned(),
        unit: Some("orders".to_owned()),
        cpu_percent: Some(1.5),
        rss_bytes: Some(9),
        age: Some(Duration::from_secs(90)),
    }
}

fn found(samples: &[NamespaceSample]) -> Vec<Worker> {
    workers(samples, |_| ProcessDetails::default(), now())
}

fn places(worker: &Worker) -> Vec<(&str, &str)> {
    worker.queues.iter().map(|it| (it.namespace.as_str(), it.name.as_str())).collect()
}

#[test]
fn worker_has_the_queues_of_all_its_pollers() {
    let activities =
        QueueSample { kind: QueueKind::Activity, ..queue("orders", 0, vec![poller(30, runs())]) };
    let queues = vec![
        queue("orders", 0, vec![poller(50, runs())]),
        activities,
        queue("a", 0, vec![poller(9, runs())]),
    ];
    let other = sample("other", vec![queue("orders", 0, vec![poller(40, runs())])]);
    let found = workers(&[sample("default", queues), other], details, now());
    let expected = Worker {
        identity: "58@box".to_owned(),
        state: WorkerStatus::Polling,
        cause: None,
        is_remote: false,
        pid: Some(58),
        command: Some("python w.py".to_owned()),
        folder: Some("/home/me/src".to_owned()),
        unit: Some("orders".to_owned()),
        cpu_percent: Some(1.5),
        rss_bytes: Some(9),
        sdk: None,
        queues: [("default", "a"), ("default", "orders"), ("other", "orders")]
            .map(|(namespace, name)| PolledQueue { namespace: namespace.into(), name: name.into() })
            .into(),
        since_ms: Some(90_000),
        last_poll_ms: Some(9_000),
    };
    assert_eq!(found, [expected]);
}

#[test]
fn state_of_a_worker_follows_from_its_process_and_polls() {
    let lost = PollerProcess::Disconnected { pid: 58, command: String::new(), since: ago(4) };
    let unseen = PollerProcess::Ended { pid: 58, command: String::new(), since: None };
    let shut_down = PollerSample { has_shut_down: true, ..poller(8, PollerProcess::Remote) };
    let (polling, over) = (WorkerStatus::Polling, WorkerStatus::Ended);
    let cases = [
        (poller(60, runs()), polling, None, None),
        (poller(60, PollerProcess::Unknown), polling, None, None),
        (poller(60, PollerProcess::Remote), polling, None, None),
        (poller(1, ended("python b.py")), over, None, Some(3_000)),
        (poller(1, unseen), over, None, Some(1_000)),
        (poller(1, lost), over, Some("not connected; its process runs"), Some(4_000)),
        (poller(120, runs()), over, Some("has not polled for 2 min"), Some(120_000)),
        (poller(120, PollerProcess::Remote), over, Some("has not polled for 2 min"), Some(120_000)),
        (shut_down, over, Some("shut down"), Some(8_000)),
    ];
    for (poller, state, cause, since) in cases {
        let found = found(&[sample("default", vec![queue("orders", 0, vec![poller.clone()])])]);
        let [worker] = found.as_slice() else { panic!("{found:?}") };
        let shown = (worker.state, worker.cause.as_deref(), worker.since_ms);
        assert_eq!(shown, (state, cause, since), "{poller:?}");
        assert_eq!(worker.is_remote, poller.process == PollerProcess::Remote);
        assert_eq!(places(worker), [("default", "orders")]);
    }
}

#[test]
fn queue_that_a_running_worker_has_left_is_not_listed() {
    let queues =
        vec![queue("old", 0, vec![poller(200, runs())]), queue("new", 0, vec![poller(1, runs())])];
    assert_eq!(places(&found(&[sample("default", queues)])[0]), [("default", "new")]);
}

#[test]
fn report_adds_the_sdk_and_workers_without_described_queues() {
    let report = |identity: &str, started, at, process: PollerProcess| WorkerSample {
        heartbeat: WorkerHeartbeat {
            identity: identity.to_owned(),
            host: "ci-box".to_owned(),
            pid: Some(7),
            task_queue: "batch".to_owned(),
            kinds: vec![],
            sdk: "temporal-python 1.35.0".to_owned(),
            is_running: true,
            started: Some(ago(started)),
            at: Some(ago(at)),
        },
        poller: named(identity, poller(at, process)),
    };
    let queues = vec![queue("orders", 0, vec![poller(2, runs())])];
    let sample = NamespaceSample {
        workers: vec![
            report("7@ci-box", 540, 20, PollerProcess::Remote),
            report("58@box", 600, 10, runs()),
        ],
        ..sample("default", queues)
    };
    let found = found(&[sample]);
    let rows: Vec<_> = found
        .iter()
        .map(|it| (it.identity.as_str(), it.is_remote, places(it), it.since_ms, it.last_poll_ms))
        .collect();
    let expected = [
        ("7@ci-box", true, vec![("default", "batch")], Some(540_000), Some(20_000)),
        (
            "58@box",
            false,
            vec![("default", "batch"), ("default", "orders")],
            Some(600_000),
            Some(2_000),
        ),
    ];
    assert_eq!(rows, expected);
    assert!(found.iter().all(|it| it.sdk.as_deref() == Some("temporal-python 1.35.0")));
}

#[test]
fn workers_that_poll_are_listed_before_those_that_ended() {
    let queues = vec![
        queue(
            "a",
            0,
            vec![named("1@box", poller(1, ended(""))), named("2@box", poller(1, runs()))],
        ),
        queue("b", 0, vec![named("0@box", poller(1, runs()))]),
    ];
    let found = found(&[sample("default", queues)]);
    let order: Vec<&str> = found.iter().map(|it| it.identity.as_str()).collect();
    assert_eq!(order, ["2@box", "0@box", "1@box"]);
}
