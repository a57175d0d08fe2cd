//! Tests of the checks of workflows against the code of newer workers.

use super::plan::Rig;
use super::*;
use crate::problems::request::SampleRequest;
use crate::problems::sample::NamespaceSample;
use crate::temporal::queues::QueuePoller;
use std::collections::BTreeSet;

/// Workflows that started 60 s ago and wait, on a queue that one worker polls.
fn rig(count: usize, matching: impl IntoIterator<Item = &'static str>) -> Rig {
    let open = (0..count).map(|n| execution(&format!("w-{n}"), ExecutionStatus::Running));
    let mut rig = Rig::new(open.collect(), Vec::new());
    rig.matching = matching.into_iter().map(str::to_owned).collect();
    let polled = QueuePoller { identity: "58@box".to_owned(), last_poll: Some(now()) };
    rig.pollers = vec![polled];
    rig.run(Duration::from_secs(300));
    assert_eq!(checked(&rig).len(), 0, "the start of the worker is not known");
    rig
}

/// The worker that polls has this age.
fn worker_started(rig: &mut Rig, seconds_ago: u64) {
    rig.plan.update_code(now(), |_| PollerProcess::Runs {
        pid: 58,
        command: "python w.py".to_owned(),
        started: Some(ago(seconds_ago)),
    });
}

/// The IDs of the checked workflows, in the order of the checks.
fn checked(rig: &Rig) -> Vec<String> {
    let id = |(_, request): &(_, SampleRequest)| match request {
        SampleRequest::Replay { key, .. } => Some(key.workflow_id.clone()),
        _ => None,
    };
    rig.sent.iter().filter_map(id).collect()
}

fn sample(rig: &Rig) -> NamespaceSample {
    rig.plan.sample("default", now(), |_| runs())
}

fn mismatches(rig: &Rig) -> usize {
    sample(rig).open.iter().filter(|run| run.mismatch.is_some()).count()
}

#[test]
fn workflows_older_than_the_worker_are_checked_once() {
    let mut rig = rig(30, []);
    worker_started(&mut rig, 90);
    rig.run(Duration::from_secs(300));
    assert_eq!(checked(&rig).len(), 0, "the worker is older than the workflows");
    worker_started(&mut rig, 10);
    rig.run(Duration::from_secs(300));
    let all = checked(&rig);
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (30, 30), "each, because one does not match");
    assert_eq!(mismatches(&rig), 30);
    // Another start may be the old code again.
    worker_started(&mut rig, 5);
    assert_eq!(mismatches(&rig), 0, "nothing is known about this worker");
    rig.run(Duration::from_secs(300));
    assert_eq!(checked(&rig).len(), 60);
}

#[test]
fn a_type_whose_workflows_match_is_checked_by_a_few() {
    let matching = (0..200).map(|n| -> &'static str { format!("w-{n}").leak() });
    let mut rig = rig(200, matching);
    worker_started(&mut rig, 10);
    rig.run(Duration::from_secs(600));
    assert_eq!((checked(&rig).len(), mismatches(&rig)), (20, 0));
}

#[test]
fn workflow_that_continues_is_not_checked_again() {
    let mut rig = rig(1, []);
    worker_started(&mut rig, 10);
    rig.run(Duration::from_secs(60));
    assert_eq!(mismatches(&rig), 1);
    // It has continued after a reset, with a task that a worker handles.
    let task = Some(PendingTask { is_started: true, ..task(1) });
    rig.described = vec![Description { history_length: 9, task, ..description("w-0") }];
    rig.run(Duration::from_secs(60));
    assert_eq!((checked(&rig).len(), mismatches(&rig)), (1, 0));
}

#[test]
fn check_without_a_response_delays_nothing_else() {
    let mut rig = rig(3, []);
    worker_started(&mut rig, 10);
    let before = rig.count(|it| matches!(it, SampleRequest::Open(_)));
    rig.run_failing(Duration::from_secs(60), |it| matches!(it, SampleRequest::Replay { .. }));
    let checks = checked(&rig).len();
    assert!((3..=12).contains(&checks), "{checks}");
    let lists = rig.count(|it| matches!(it, SampleRequest::Open(_))) - before;
    assert!(lists >= 25, "{lists}");
    assert_eq!(mismatches(&rig), 0, "nothing is known");
    rig.run(Duration::from_secs(60));
    assert_eq!(mismatches(&rig), 3);
}
