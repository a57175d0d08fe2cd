//! The server ends, hangs or fails without a request of the user.

use crate::support::process::wait_gone;
use crate::support::rig::{READY, Rig};
use crate::support::wait_until;
use crate::support::wrapper;
use rustix::process::Signal;

#[test]
fn killed_server_is_restarted() {
    let rig = Rig::new();
    rig.start();
    let first = rig.temporal();
    first.kill();
    let status = rig.wait_ready(2);
    assert!(!first.is_alive());
    assert_eq!(status["restarts"]["total"], 1);
    assert_eq!(status["restarts"]["last"]["cause"], "crash");
    assert_eq!(status["restarts"]["last"]["detail"], "signal 9 (SIGKILL)");
    assert!(status["restarts"]["last"]["recovery_ms"].is_u64(), "{status:#}");
}

#[test]
fn frozen_server_is_restarted() {
    let rig = Rig::with(&[("probe-period", "\"200ms\""), ("probe-timeout", "\"1s\"")]);
    rig.start();
    let first = rig.temporal();
    first.signal(Signal::STOP);
    let status = rig.wait_ready(2);
    assert!(!first.is_alive());
    assert_eq!(status["restarts"]["total"], 1);
    let last = &status["restarts"]["last"];
    assert_eq!(last["cause"], "unresponsive");
    // Downtime counts from the last passed check. Recovery counts only after three failed rounds of
    // checks, so downtime is longer.
    let [recovery, downtime] =
        ["recovery_ms", "downtime_ms"].map(|key| last[key].as_u64().unwrap());
    assert!(downtime >= recovery + 3 * 1000, "{last:#}");
    let shown = rig.run(&["status"]).stdout;
    assert!(shown.contains("since the last passed check"), "{shown}");
    let events = rig.run(&["events"]).exits(0).stdout;
    assert!(events.contains("after unresponsive, down for "), "{events}");
}

#[test]
fn server_that_someone_else_terminates_is_restarted() {
    let rig = Rig::new();
    rig.start();
    rig.temporal().signal(Signal::TERM);
    let status = rig.wait_ready(2);
    assert_eq!(status["restarts"]["last"]["cause"], "exited");
}

#[test]
fn server_that_shuts_down_slowly_is_not_killed_and_counts_as_exited() {
    let rig = Rig::with(&[("probe-period", "\"100ms\""), ("max-restarts", "100")]);
    rig.start();
    // The server closes its port within milliseconds and exits a second later. SIGSTOP between these
    // two moments makes the shutdown last. A busy machine may miss them.
    let stopped = (1..100).find_map(|generation| {
        rig.wait_ready(generation);
        let server = rig.temporal();
        server.signal(Signal::TERM);
        wait_until("the port to be closed", || !Rig::is_listening(rig.port) || !server.is_alive());
        server.signal(Signal::STOP);
        server.is_alive().then_some((generation, server))
    });
    let (generation, server) = stopped.unwrap();
    let status = rig.wait_for("more failures than the threshold", |status| {
        status["health"]["consecutive_failures"].as_u64().is_some_and(|failures| failures > 6)
    });
    assert!(status["message"].as_str().unwrap().contains("shutting down"), "{status:#}");
    assert!(server.is_alive());
    server.signal(Signal::CONT);
    assert_eq!(rig.wait_ready(generation + 1)["restarts"]["last"]["cause"], "exited");
}

#[test]
fn server_that_a_signal_stops_during_its_start_is_restarted_at_once() {
    let mut rig = Rig::with(&[("probe-period", "\"100ms\""), ("probe-timeout", "\"1s\"")]);
    let halted = rig.folder().join("halted");
    let script = format!(
        r#"if ! [ -e '{halted}' ]; then : > '{halted}'; kill -STOP $$; fi
        exec "$real" "$@""#,
        halted = halted.display(),
    );
    wrapper::install(&mut rig, &script);
    // This timeout is longer than the time limit of the test. So the test fails if stigmer waits
    // for the timeout.
    rig.set("start-timeout", "\"10m\"");
    rig.start();
    let last = &rig.wait_ready(2)["restarts"]["last"];
    assert_eq!(last["cause"], "unresponsive");
    assert!(last["detail"].as_str().unwrap().contains("stopped by a signal"), "{last}");
}

#[test]
fn stop_right_after_a_crash_prevents_the_restart() {
    let rig = Rig::new();
    for _ in 0..5 {
        rig.start();
        rig.temporal().kill();
        rig.stop();
        let status = rig.status();
        assert_eq!((&status["state"], &status["host"]), (&"stopped".into(), &().into()));
        // If a process were left, it could start the server later.
        rig.assert_nothing_runs();
    }
}

#[test]
fn sixth_crash_in_a_row_exceeds_the_restart_limit() {
    let rig = Rig::with(&[("restart-window", "\"10m\""), ("backoff-max", "\"20ms\"")]);
    rig.start();
    for generation in 1..=5 {
        rig.wait_ready(generation);
        rig.temporal().kill();
    }
    rig.wait_ready(6);
    rig.temporal().kill();
    let status = rig.wait_state("failed");
    assert_eq!(status["restarts"]["total"], 5);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("5 automatic restarts"), "{message}");
    assert!(message.contains("SIGKILL"), "{message}");
    assert!(!rig.is_locked("temporal.lock"));
    assert_eq!(rig.run(&["status"]).code, Some(4));
    let output = rig.run(&["events"]).exits(0).stdout;
    assert_eq!(output.matches("failed: gave up after").count(), 1, "{output}");
    assert_eq!(output.matches(" INFO ").count(), 0, "a kill has no last words: {output}");

    assert_eq!(rig.start().says(), READY);
    assert_eq!(rig.status()["temporal"]["generation"], 7);
}

#[test]
fn program_that_exits_at_once_fails_with_its_last_lines() {
    let mut rig = Rig::with(&[("backoff-max", "\"20ms\""), ("max-restarts", "3")]);
    let program = wrapper::executable(&rig, "broken", "echo 'Error: out of cheese' >&2; exit 1");
    rig.set_program(&program);
    rig.run(&[]).exits(1).complains(&["3 automatic restarts", "exit 1", "out of cheese"]);
    rig.assert_nothing_runs();
}

#[test]
fn workflow_survives_a_crash() {
    let rig = Rig::new();
    rig.start();
    let workflow = |arguments: &[&str]| {
        let words = [&["workflow"], arguments, &["--workflow-id", "survivor"]].concat();
        rig.cli(&words).exits(0)
    };
    workflow(&["start", "--type", "Any", "--task-queue", "none"]);
    rig.temporal().kill();
    rig.wait_ready(2);
    let found = workflow(&["describe"]);
    assert!(found.stdout.contains("survivor"), "{}", found.stdout);
}

#[test]
fn server_that_dies_while_it_creates_its_database_is_restarted() {
    let rig = Rig::new();
    let start = crate::support::rig::Running::spawn(rig.local(&[]));
    // The first line of the record is a pid only after the spawn.
    let mut first = 0;
    wait_until("the first spawn", || {
        let record = std::fs::read_to_string(rig.path("temporal.pid")).unwrap_or_default();
        first = record.lines().next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
        first > 1
    });
    let first = crate::support::process::Process::pin(first).unwrap();
    wait_until("the database file", || rig.database().exists());
    first.kill();
    wait_gone(&first);
    start.finish().exits(0);
    assert_eq!(rig.wait_ready(2)["restarts"]["total"], 1);
}
