//! Counts of workflows on the real server.

use crate::support::python;
use crate::support::rig::Rig;
use crate::support::wait_until;
use rustix::process::Signal;
use std::time::{Duration, SystemTime};
use stigmer::temporal::health::Client;
use stigmer::temporal::workflows::StatusCounts;

#[test]
fn workflows_are_counted_by_status_and_by_the_time_of_their_end() {
    let rig = Rig::new();
    rig.start();
    let address = rig.address();
    let workflow = |words: &[&str]| {
        rig.cli(&[&["workflow"], words].concat()).exits(0);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async { Client::new(&address, Duration::from_secs(5)) }).unwrap();
    let count = || runtime.block_on(client.status_counts("default")).unwrap();
    assert_eq!(count(), StatusCounts::default());
    assert!(runtime.block_on(client.status_counts("nowhere")).is_err());

    let begin = SystemTime::now();
    let completes = python::worker(&rig, "default", "orders", "one");
    let order = ["start", "--type", "Checkout", "--task-queue", "orders", "--input", "\"o\""];
    workflow(&[&order[..], &["--workflow-id", "e"]].concat());
    for id in ["a", "b", "c"] {
        workflow(&["start", "--type", "T", "--task-queue", "billing", "--workflow-id", id]);
    }
    workflow(&["terminate", "--workflow-id", "b"]);
    let late = ["start", "--type", "T", "--task-queue", "mail", "--workflow-id", "d"];
    workflow(&[&late[..], &["--execution-timeout", "1s"]].concat());
    let expected =
        StatusCounts { open: 2, completed: 1, timed_out: 1, closed: 3, ..StatusCounts::default() };
    let mut last = StatusCounts::default();
    wait_until(&format!("{expected:?}"), || {
        last = count();
        last == expected
    });
    let many = runtime.block_on(client.many_status_counts("default"));
    assert_eq!(many.unwrap(), expected);
    let ended = |from, to| runtime.block_on(client.ended_between("default", from, to)).unwrap();
    let end = SystemTime::now();
    assert_eq!(ended(begin, end), StatusCounts { open: 0, ..expected });
    assert_eq!(ended(end, end + Duration::from_secs(60)), StatusCounts::default());
    completes.process().signal(Signal::INT);
    completes.finish();
}
