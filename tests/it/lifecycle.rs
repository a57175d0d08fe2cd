//! Start, stop and restart, also concurrently.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::wrapper;
use rustix::process::Signal;
use stigmer::hosting::background::SUBCOMMAND;
use stigmer::process::memory;

#[test]
fn server_starts_stops_and_starts_again() {
    let rig = Rig::new();
    assert_eq!(rig.start().says(), READY);
    let status = rig.status();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["managed"], true);
    assert_eq!(status["host"]["mode"], "background");
    assert_eq!(status["temporal"]["address"], rig.address());
    assert_eq!(status["temporal"]["ui_url"], format!("http://127.0.0.1:{}", rig.ui_port));
    assert!(Rig::is_listening(rig.port) && Rig::is_listening(rig.ui_port));
    for layer in status["health"]["layers"].as_array().unwrap() {
        assert_eq!(layer["ok"], true, "{layer}");
    }

    assert_eq!(rig.stop().says(), "the server is stopped");
    assert_eq!(rig.start().says(), READY);
    assert_eq!(rig.status()["temporal"]["generation"], 2);
}

#[test]
fn repeated_start_reuses_the_server() {
    let rig = Rig::new();
    rig.start();
    let first = rig.temporal();
    assert_eq!(rig.start().says(), REUSED);
    assert_eq!(rig.temporal().pid, first.pid);
    assert_eq!(rig.status()["temporal"]["generation"], 1);
}

#[test]
fn restart_is_a_new_generation_and_not_an_automatic_restart() {
    let rig = Rig::new();
    rig.start();
    let first = rig.temporal();
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert!(!first.is_alive());
    let status = rig.status();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["temporal"]["generation"], 2);
    assert_eq!(status["restarts"]["total"], 0);
    let status = rig.wait_for("the server's version", |status| {
        let known = |key| status["temporal"][key].is_string();
        known("version") && known("server_version")
    });
    let [cli, server] = ["version", "server_version"].map(|key| status["temporal"][key].as_str());
    let output = rig.run(&["status"]).exits(0).stdout;
    let both = format!("Temporal {} (server {})", cli.unwrap(), server.unwrap());
    assert!(output.contains(&both), "no {both} in {output}");
}

#[test]
fn restart_starts_a_server_that_is_not_running() {
    let rig = Rig::new();
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn stop_without_a_server_is_not_an_error() {
    let rig = Rig::new();
    assert_eq!(rig.stop().says(), "the server is not running");
    rig.start();
    rig.stop();
    assert_eq!(rig.stop().says(), "the server is not running");
}

#[test]
fn twenty_concurrent_starts_give_one_host_and_one_server() {
    let rig = Rig::new();
    let starts: Vec<Running> = (0..20).map(|_| Running::spawn(rig.local(&[]))).collect();
    let said: Vec<String> =
        starts.into_iter().map(|start| start.finish().exits(0).says().to_owned()).collect();
    let first = said.iter().filter(|line| *line == READY).count();
    let later = said.iter().filter(|line| *line == REUSED).count();
    assert_eq!((first, later), (1, 19), "{said:#?}");

    let lines: Vec<String> =
        rig.processes().iter().map(|it| memory::command_line(it.pid)).collect();
    let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!((count(SUBCOMMAND), count("start-dev")), (1, 1), "{lines:#?}");
    assert_eq!(rig.status()["temporal"]["generation"], 1);
}

#[test]
fn concurrent_stop_and_start_end_in_a_settled_state() {
    let rig = Rig::new();
    rig.start();
    for _ in 0..3 {
        let stop = Running::spawn(rig.local(&["stop"]));
        let start = Running::spawn(rig.local(&[]));
        let (stopped, started) = (stop.finish(), start.finish());
        // One command may fail, because the other command may supersede it.
        assert!(stopped.code == Some(0) || started.code == Some(0), "{stopped:?} {started:?}");
        let status = rig.status();
        assert!(["ready", "stopped"].iter().any(|state| status["state"] == *state), "{status:#}");
        rig.start();
    }
}

#[test]
fn locks_are_held_while_the_server_runs_and_free_after_a_stop() {
    let rig = Rig::new();
    assert!(!rig.is_locked("temporal.lock"));
    rig.start();
    assert!(rig.is_locked("temporal.lock"));
    assert!(rig.is_locked("supervisor.lock"));
    assert!(rig.is_locked("temporal-data/temporal.db.stigmer"));
    rig.stop();
    assert!(!rig.is_locked("temporal-data/temporal.db.stigmer"));
}

#[test]
fn locks_are_free_after_all_processes_are_killed_and_the_next_start_works() {
    let rig = Rig::new();
    rig.start();
    rig.power_cut();
    assert!(!rig.is_locked("temporal.lock"));
    assert!(!rig.is_locked("supervisor.lock"));
    assert_eq!(rig.run(&["status"]).code, Some(3));
    assert_eq!(rig.start().says(), READY);
    assert_eq!(rig.status()["temporal"]["generation"], 2);
}

/// A rig whose program ignores SIGTERM, with a grace period longer than the time limit of the test.
fn stubborn() -> Rig {
    let mut rig = Rig::with(&[("stop-grace", "\"10m\""), ("start-timeout", "\"10m\"")]);
    let script = "trap '' TERM; while :; do sleep 1; done";
    rig.set_program(&wrapper::executable(&rig, "stubborn", script));
    rig
}

/// Sends SIGTERM to a host that starts its server. Sends SIGTERM again when the host is stopping
/// the server.
fn terminate_twice(rig: &Rig, host: &Process) {
    let becomes = |state: &str| {
        rig.wait_for(state, |status| status["state"] == state && status["temporal"].is_object());
    };
    becomes("starting");
    host.signal(Signal::TERM);
    becomes("stopping");
    host.signal(Signal::TERM);
}

#[test]
fn second_sigterm_to_a_headless_host_ends_the_grace_period() {
    let rig = stubborn();
    let host = rig.headless(&[]);
    rig.wait_for("the host", |status| status["host"].is_object());
    terminate_twice(&rig, &host.process());
    host.finish().exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn second_sigterm_to_a_background_host_ends_the_grace_period() {
    let rig = stubborn();
    let start = Running::spawn(rig.local(&[]));
    rig.wait_for("the host", |status| status["host"].is_object());
    let host = rig.host();
    terminate_twice(&rig, &host);
    wait_gone(&host);
    start.finish().exits(1);
    rig.assert_nothing_runs();
}
