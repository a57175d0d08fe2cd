//! Tests of the problems of queues whose workers stigmer runs.

use super::*;
use crate::problems::judge::judge;
use crate::problems::sample::NamespaceSample;
use crate::protocol::{ProjectWorker, State};

#[test]
fn queue_of_a_worker_that_stigmer_runs_names_its_state() {
    let unit = |state, message: &str| ProjectWorker {
        state,
        message: message.to_owned(),
        own_queues: vec!["billing".to_owned()],
        ..crate::protocol::tests::worker("bills")
    };
    let log = "stigmer local logs bills -n 50";
    let describe = "temporal task-queue describe --task-queue billing";
    let failed = "gave up after 5 automatic restarts in 60 s; last cause: crash, exit 1";
    let found = |units: &[ProjectWorker]| {
        let queues = vec![queue("billing", 1, vec![poller(1, ended("python b.py"))])];
        let found = judge(&NamespaceSample { queues, ..sample() }, units, ADDRESS, now());
        let [problem] = found.as_slice() else { panic!("{found:?}") };
        let command = problem.command.clone().unwrap();
        (problem.cause.clone(), problem.hint.clone().unwrap(), command)
    };
    for (state, message, reason, hint, command) in [
        (State::Stopped, "", "is stopped", "start it with `stigmer local start bills`", describe),
        (
            State::Failed,
            failed,
            "gave up: exit code 1 · gave up after 5 automatic restarts in 60 s",
            "repair the cause, then start the worker: `stigmer local start bills`",
            log,
        ),
        (
            State::Backoff,
            "restart after crash: exit 1",
            "waits for its restart: exit code 1",
            "stigmer starts the worker again; its log shows why it ends",
            log,
        ),
        (
            State::Degraded,
            "polls: does not poll billing",
            "does not work: polls: does not poll billing",
            "stigmer restarts the worker if it does not poll again",
            log,
        ),
        (State::Starting, "", "starts", "wait until the worker polls", describe),
        (State::Stopping, "", "stops", "see `stigmer local status`", describe),
    ] {
        let (cause, is_hint, is_command) = found(&[unit(state, message)]);
        assert_eq!(cause, format!("1 workflow task waits; worker `bills` {reason}"));
        assert_eq!(is_hint, hint);
        assert!(is_command.starts_with(command), "{state}: {is_command}");
    }
    let failed = unit(State::Failed, failed);
    let (cause, ..) =
        found(&[unit(State::Stopped, ""), ProjectWorker { name: "zbills".to_owned(), ..failed }]);
    assert!(cause.starts_with("1 workflow task waits; worker `zbills` gave up: "), "{cause}");
    let of_namespace = |name: &str| {
        let namespace = Some(name.to_owned());
        found(&[ProjectWorker { namespace, ..unit(State::Stopped, "") }]).0
    };
    assert!(of_namespace("default").ends_with("worker `bills` is stopped"));
    assert!(of_namespace("other").ends_with("; last worker: pid 4712 python b.py, ended"));
    let (ready, stopped) = (unit(State::Ready, ""), unit(State::Stopped, ""));
    let other = ProjectWorker { own_queues: vec!["orders".to_owned()], ..stopped.clone() };
    for units in [vec![], vec![stopped, ready], vec![other]] {
        let (cause, ..) = found(&units);
        assert!(cause.ends_with("; last worker: pid 4712 python b.py, ended"), "{cause}");
    }
}
