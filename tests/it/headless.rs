//! `--no-tui`: a host in the foreground, or a follower of a host.

use crate::support::process::wait_gone;
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::wait_until;
use rustix::process::Signal;

#[test]
fn sigterm_and_sigint_stop_the_server_and_a_headless_host() {
    let rig = Rig::new();
    for (signal, generation) in [(Signal::TERM, 1), (Signal::INT, 2)] {
        let host = rig.headless(&[]);
        host.wait_for(&format!("\n{READY}\n"));
        let status = rig.wait_ready(generation);
        assert_eq!(status["host"]["mode"], "headless");
        assert_eq!(status["host"]["pid"], host.pid());
        host.process().signal(signal);
        host.finish().exits(0);
        rig.assert_nothing_runs();
    }
}

#[test]
fn dashboard_without_a_terminal_runs_headless_with_a_notice() {
    let rig = Rig::new();
    let host = Running::spawn(rig.local(&["--tui"]));
    host.wait_for(READY);
    host.process().signal(Signal::TERM);
    let said = host.finish().exits(0).stderr;
    assert!(said.starts_with("no terminal: ") && said.lines().count() == 1, "{said}");
    rig.assert_nothing_runs();
}

#[test]
fn sigterm_to_the_background_host_stops_the_server() {
    let rig = Rig::new();
    rig.start();
    let host = rig.host();
    host.signal(Signal::TERM);
    wait_gone(&host);
    rig.assert_nothing_runs();
}

#[test]
fn background_host_ignores_sighup() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::HUP);
    temporal.kill();
    assert_eq!(rig.wait_ready(2)["host"]["pid"], host.pid);
}

#[test]
fn follower_becomes_the_host_after_the_death_of_the_host() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    let follower = rig.headless(&[]);
    follower.wait_for(&format!("\n{REUSED}\n"));
    host.kill();
    let status = rig.wait_for("the follower to host", |status| {
        status["state"] == "ready" && status["host"]["pid"] == follower.pid()
    });
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert_eq!(status["temporal"]["adopted"], true);
    temporal.kill();
    rig.wait_ready(2);
    rig.stop();
    follower.finish().exits(0);
}

#[test]
fn follower_starts_nothing_while_the_intent_is_unreadable() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    let follower = rig.headless(&[]);
    follower.wait_for(&format!("\n{REUSED}\n"));
    // A folder makes the intent unreadable. Permissions would not, because root can read any file.
    std::fs::remove_file(rig.path("intent.json")).unwrap();
    std::fs::create_dir(rig.path("intent.json")).unwrap();
    host.kill();
    follower.finish().exits(1).complains(&["cannot become the host", "intent.json", "--home"]);
    assert!(temporal.is_alive() && !rig.is_locked("supervisor.lock"));
    std::fs::remove_dir(rig.path("intent.json")).unwrap();
    rig.stop();
}

#[test]
fn follower_ends_after_a_stop() {
    let rig = Rig::new();
    rig.start();
    let follower = rig.headless(&[]);
    follower.wait_for(REUSED);
    rig.run(&["stop"]).exits(0);
    follower.finish().exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn follower_that_is_terminated_leaves_the_server_alone() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    let follower = rig.headless(&[]);
    follower.wait_for(REUSED);
    follower.process().signal(Signal::TERM);
    follower.finish().exits(0);
    assert_eq!(rig.wait_ready(1)["temporal"]["pid"], temporal.pid);
}

#[test]
fn background_host_takes_over_at_sighup_and_continues_the_counts() {
    let rig = Rig::new();
    let host = rig.headless(&[]);
    host.wait_for(READY);
    rig.wait_ready(1);
    rig.temporal().kill();
    let before = rig.wait_ready(2);
    host.process().signal(Signal::HUP);
    host.finish().exits(0);
    let after = rig.wait_for("the background host", |status| {
        status["state"] == "ready" && status["host"]["mode"] == "background"
    });
    assert_eq!(after["temporal"]["pid"], before["temporal"]["pid"]);
    assert_eq!(after["temporal"]["adopted"], true);
    assert_eq!(after["restarts"]["total"], 1);
    assert_eq!(after["restarts"]["in_window"], 1);
    assert_eq!(after["restarts"]["last"]["cause"], "crash");
    // The options were handed over, too: after another crash, the server has the same port.
    rig.temporal().kill();
    assert_eq!(rig.wait_ready(3)["restarts"]["total"], 2);
    assert!(Rig::is_listening(rig.port));
}

#[test]
fn headless_host_exits_with_1_after_it_gives_up() {
    let mut rig = Rig::with(&[("max-restarts", "1")]);
    let broken = crate::support::wrapper::executable(&rig, "broken", "exit 1");
    rig.set_program(&broken);
    let ran = rig.headless(&[]).finish().exits(1);
    assert!(ran.stdout.contains("failed: gave up after 1 automatic restart in "), "{}", ran.stdout);
    rig.assert_nothing_runs();
}

#[test]
fn reader_that_stops_reading_does_not_stop_supervision() {
    use std::io::Write;
    use std::process::Stdio;
    let rig = Rig::new();
    let mut command = rig.local(&["--no-tui"]);
    let mut host = command.stdout(Stdio::piped()).spawn().unwrap();
    // The pipe to stdout stays open and the test never reads from it. The pipe is full after 64
    // KiB.
    let _unread = host.stdout.take().unwrap();
    rig.wait_ready(1);
    let log = std::fs::OpenOptions::new().append(true).open(rig.path("logs/temporal.log"));
    let lines = "a line of some length\n".repeat(100_000);
    log.unwrap().write_all(lines.as_bytes()).unwrap();
    rig.wait_for("the log to be read", |status| status["log"]["lines"].as_u64() > Some(100_000));
    rig.temporal().kill();
    assert_eq!(rig.wait_ready(2)["restarts"]["total"], 1);
    rig.host().signal(Signal::TERM);
    wait_until("the end of the host", || host.try_wait().unwrap().is_some());
    assert_eq!(host.wait().unwrap().code(), Some(0));
    rig.assert_nothing_runs();
}

#[test]
fn stop_reaches_a_host_that_took_over_meanwhile() {
    let rig = Rig::new();
    for _ in 0..3 {
        let host = rig.headless(&[]);
        host.wait_for(READY);
        let stop = Running::spawn(rig.local(&["stop"]));
        host.process().signal(Signal::HUP);
        let stopped = stop.finish().exits(0);
        let ended = host.finish();
        assert!(ended.code.is_some(), "the host was killed: {ended:?}, {stopped:?}");
        rig.stop();
    }
}

#[test]
fn follower_ends_with_its_reader_and_a_host_continues() {
    use std::process::Stdio;
    let piped = |rig: &Rig, arguments: &[&str]| {
        let mut child = rig.local(arguments).stdout(Stdio::piped()).spawn().unwrap();
        // Wait until the program has started, which the first byte of its output shows.
        let mut first = [0];
        let stdout = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(stdout, &mut first).unwrap();
        child
    };
    let rig = Rig::new();
    let mut host = piped(&rig, &["--no-tui"]);
    rig.wait_ready(1);
    for arguments in [&["--no-tui"][..], &["--tui"], &["logs", "-f"]] {
        let mut follower = piped(&rig, arguments);
        drop(follower.stdout.take());
        wait_until(&format!("the end of {arguments:?}"), || follower.try_wait().unwrap().is_some());
        assert_eq!(follower.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
    drop(host.stdout.take());
    rig.temporal().kill();
    assert_eq!(rig.wait_ready(2)["host"]["pid"], host.id());
    rig.host().signal(Signal::TERM);
    assert_eq!(host.wait().unwrap().code(), Some(0));
}
