//! Tests of the problems of the server itself.

use crate::problems::of_server::of_server;
use crate::protocol::{
    DatabaseStatus, Detached, LastRestart, Layer, NoRestart, ProblemKind, Severity, Snapshot,
    State, tests,
};
use crate::supervisor::Cause;

/// Kind, severity, cause and age of each problem. The snapshot is 5 s old.
fn found(snapshot: &Snapshot) -> Vec<(ProblemKind, Severity, String, u64)> {
    let row = |it: crate::protocol::Problem| (it.kind, it.severity, it.cause, it.since_ms);
    of_server(snapshot, 5_000).into_iter().map(row).collect()
}

fn in_state(state: State, message: &str) -> Snapshot {
    let mut snapshot = tests::running();
    snapshot.status.state = state;
    snapshot.status.message = message.to_owned();
    snapshot.state_ms = 2_000;
    snapshot
}

#[test]
fn state_that_needs_attention_is_a_problem() {
    for state in [State::Ready, State::Stopped, State::Starting, State::Stopping] {
        assert_eq!(found(&in_state(state, "text")), [], "{state}");
    }
    let (server, red, amber) = (ProblemKind::Server, Severity::Red, Severity::Amber);
    let cases = [
        (State::Failed, None, red),
        (State::Backoff, None, amber),
        (State::Degraded, None, amber),
        (State::Degraded, Some(NoRestart::DataLoss), red),
        (State::Degraded, Some(NoRestart::NoHelp), red),
    ];
    for (state, no_restart, severity) in cases {
        let mut snapshot = in_state(state, "exit code 1\nsecond line");
        snapshot.status.health.no_restart = no_restart;
        let expected = (server, severity, "exit code 1".to_owned(), 7_000);
        assert_eq!(found(&snapshot), [expected], "{state} {no_restart:?}");
        assert!(of_server(&snapshot, 0)[0].hint.is_some(), "{state} {no_restart:?}");
    }
}

#[test]
fn hint_and_next_start_come_from_the_host() {
    let mut snapshot = in_state(State::Failed, "x");
    assert!(of_server(&snapshot, 0)[0].hint.as_deref().unwrap().contains("stigmer local"));
    snapshot.hint = Some("free the port".to_owned());
    assert_eq!(of_server(&snapshot, 0)[0].hint.as_deref(), Some("free the port"));
    let mut snapshot = in_state(State::Backoff, "x");
    snapshot.next_start_ms = Some(800);
    assert_eq!(of_server(&snapshot, 0)[0].next_try_ms, Some(800));
}

#[test]
fn database_that_is_gone_is_data_at_risk_and_not_a_failed_check() {
    for (detached, word) in [(Detached::Deleted, "deleted"), (Detached::Replaced, "replaced")] {
        let mut snapshot = in_state(State::Degraded, "the database file is gone");
        let database =
            DatabaseStatus { path: "/h/x.db".into(), bytes: None, detached: Some(detached) };
        snapshot.status.temporal.as_mut().unwrap().database = Some(database);
        let store = snapshot.status.health.layers.iter_mut().find(|it| it.name == Layer::Store);
        let store = store.unwrap();
        (store.ok, store.since_ms) = (Some(false), Some(1_000));
        let cause =
            format!("the database file was {word}; a stop or a restart loses all workflows");
        let expected = (ProblemKind::Data, Severity::Red, cause, 6_000);
        assert_eq!(found(&snapshot), [expected]);
        snapshot.status.state = State::Backoff;
        assert_eq!(found(&snapshot)[0].0, ProblemKind::Server, "the server has ended");
    }
}

#[test]
fn automatic_restart_is_a_notice_for_fifteen_minutes() {
    let restarted = |cause, detail: &str, ago_ms, downtime_ms| {
        let mut snapshot = tests::running();
        snapshot.status.restarts.last = Some(LastRestart {
            cause,
            detail: detail.to_owned(),
            ago_ms,
            recovery_ms: Some(300),
            downtime_ms,
        });
        snapshot
    };
    let cases = [
        (Cause::Crash, "signal 9 (SIGKILL)", "killed by signal 9 (SIGKILL); down for 200 ms"),
        (Cause::Crash, "exit 1", "exit code 1; down for 200 ms"),
        (Cause::Exited, "exit 0", "exit code 0; down for 200 ms"),
        (Cause::Unresponsive, "grpc: no answer", "no response: grpc: no answer; down for 200 ms"),
        (Cause::StartTimeout, "grpc", "not ready in time: grpc; down for 200 ms"),
        (Cause::SpawnFailed, "no file", "not started: no file; down for 200 ms"),
    ];
    for (cause, detail, expected) in cases {
        let row = (ProblemKind::Restarted, Severity::Notice, expected.to_owned(), 65_000);
        assert_eq!(found(&restarted(cause, detail, 60_000, Some(200))), [row]);
    }
    let without_downtime = found(&restarted(Cause::Crash, "exit 1", 0, None));
    assert_eq!(without_downtime[0].2, "exit code 1; down for 300 ms");
    assert_eq!(found(&restarted(Cause::Crash, "exit 1", 15 * 60_000, Some(200))), []);
    let mut down = restarted(Cause::Crash, "exit 1", 0, Some(200));
    down.status.state = State::Starting;
    assert_eq!(found(&down), []);
}
