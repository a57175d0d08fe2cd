//! Start, stop, restart, and many of them at once.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::wrapper;
use rustix::process::Signal;
use stigmer::hosting::background::SUBCOMMAND;
use stigmer::process::memory;

#[test]
fn start_stop_and_start_again() {
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

    assert_eq!(rig.stop().says(), "Temporal is stopped");
    assert_eq!(rig.start().says(), READY);
    assert_eq!(rig.status()["temporal"]["generation"], 2);
}

#[test]
fn a_repeated_start_reuses_the_server_and_says_so() {
    let rig = Rig::new();
    rig.start();
    let first = rig.temporal();
    assert_eq!(rig.start().says(), REUSED);
    assert_eq!(rig.temporal().pid, first.pid);
    assert_eq!(rig.status()["temporal"]["generation"], 1);
}

#[test]
fn restart_is_a_new_generation_and_no_automatic_restart() {
    let rig = Rig::new();
    rig.start();
    let first = rig.temporal();
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert!(!first.is_alive());
    let status = rig.status();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["temporal"]["generation"], 2);
    assert_eq!(status["restarts"]["total"], 0);
    let told = rig.wait_for("the server's version", |status| {
        let known = |key| status["temporal"][key].is_string();
        known("version") && known("server_version")
    });
    let [cli, server] = ["version", "server_version"].map(|key| told["temporal"][key].as_str());
    let told = rig.run(&["status"]).exits(0).stdout;
    let both = format!("Temporal {} (server {})", cli.unwrap(), server.unwrap());
    assert!(told.contains(&both), "no {both} in {told}");
}

#[test]
fn restart_starts_where_nothing_runs() {
    let rig = Rig::new();
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn stop_where_nothing_runs_says_so_and_is_no_error() {
    let rig = Rig::new();
    assert_eq!(rig.stop().says(), "Temporal is not running");
    rig.start();
    rig.stop();
    assert_eq!(rig.stop().says(), "Temporal is not running");
}

#[test]
fn twenty_starts_at_once_are_one_host_and_one_temporal() {
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
fn stop_and_start_at_once_end_as_one_or_the_other() {
    let rig = Rig::new();
    rig.start();
    for _ in 0..3 {
        let stop = Running::spawn(rig.local(&["stop"]));
        let start = Running::spawn(rig.local(&[]));
        let (stopped, started) = (stop.finish(), start.finish());
        // Whoever lost says so; what is, is one of the two, and settled.
        assert!(stopped.code == Some(0) || started.code == Some(0), "{stopped:?} {started:?}");
        let status = rig.status();
        assert!(["ready", "stopped"].iter().any(|state| status["state"] == *state), "{status:#}");
        rig.start();
    }
}

#[test]
fn the_lock_is_held_while_it_runs_and_free_after_a_stop() {
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
fn the_lock_is_free_after_everything_was_killed_and_the_next_start_works() {
    let rig = Rig::new();
    rig.start();
    rig.power_cut();
    assert!(!rig.is_locked("temporal.lock"));
    assert!(!rig.is_locked("supervisor.lock"));
    assert_eq!(rig.run(&["status"]).code, Some(3));
    assert_eq!(rig.start().says(), READY);
    assert_eq!(rig.status()["temporal"]["generation"], 2);
}

/// A program that no SIGTERM ends, with more time to end than the test takes.
fn stubborn() -> Rig {
    let mut rig = Rig::with(&[("stop-grace", "\"10m\""), ("start-timeout", "\"10m\"")]);
    let script = "trap '' TERM; while :; do sleep 1; done";
    rig.set_program(&wrapper::executable(&rig, "stubborn", script));
    rig
}

/// Sends SIGTERM twice to a host that starts its server. Returns once it stops the server.
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
fn a_second_sigterm_to_a_host_in_the_foreground_ends_the_grace_period() {
    let rig = stubborn();
    let host = rig.headless(&[]);
    rig.wait_for("the host", |status| status["host"].is_object());
    terminate_twice(&rig, &host.process());
    host.finish().exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn a_second_sigterm_to_a_host_in_the_background_ends_the_grace_period() {
    let rig = stubborn();
    let start = Running::spawn(rig.local(&[]));
    rig.wait_for("the host", |status| status["host"].is_object());
    let host = rig.host();
    terminate_twice(&rig, &host);
    wait_gone(&host);
    start.finish().exits(1);
    rig.assert_nothing_runs();
}
