//! The disk of the home is full or read-only for a while.

use crate::support::mounts::{Full, ReadOnly, rig_on_small_disk};
use crate::support::process::Process;
use crate::support::rig::Rig;
use crate::support::wait_until;
use serde_json::Value;

fn message(status: &Value) -> &str {
    status["message"].as_str().unwrap()
}

/// Waits until the server is ready. Checks that the host is still the same, and that all files of
/// the home describe the running server.
#[track_caller]
fn assert_recovered(rig: &Rig, host: &Process) {
    let status = rig.wait_for("ready, without trouble", |status| {
        status["state"] == "ready" && !message(status).contains("cannot write")
    });
    assert!(host.is_alive(), "another host runs");
    let temporal = &status["temporal"];
    let recorded = std::fs::read_to_string(rig.path("temporal.pid")).unwrap();
    assert_eq!(recorded.lines().next().unwrap(), temporal["pid"].to_string());
    let locked = std::fs::read_to_string(rig.path("temporal.lock")).unwrap();
    assert_eq!(locked, temporal["generation"].to_string());
    let holder = std::fs::read_to_string(rig.path("supervisor.lock")).unwrap();
    assert!(holder.contains(&format!("pid={}\n", status["host"]["pid"])), "{holder}");
    let events = rig.run(&["events", "--json"]).exits(0).stdout;
    let newest: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&newest["happened"], &newest["generation"]),
        (&"ready".into(), &temporal["generation"])
    );
}

/// Kills the server repeatedly until the host cannot write a file. Checks that each crash is
/// repaired.
#[track_caller]
fn crash_until_unwritten(rig: &Rig) {
    for _ in 0..40 {
        let generation = rig.status()["temporal"]["generation"].as_u64().unwrap();
        rig.temporal().kill();
        let status = rig.wait_ready(generation + 1);
        if message(&status).contains("cannot write") {
            assert!(message(&status).contains("No space left on device"), "{status:#}");
            assert!(message(&status).contains("free some disk space"), "{status:#}");
            return;
        }
    }
    panic!("all files were written on a full disk: {:#}", rig.status());
}

#[test]
fn server_in_memory_restarts_on_a_full_disk_and_files_are_written_once_there_is_room() {
    let Some(rig) = rig_on_small_disk(|| (), &[("in-memory", "true")]) else { return };
    rig.start();
    let host = rig.host();
    let full = Full::new(&rig.home);
    crash_until_unwritten(&rig);
    drop(full);
    assert_recovered(&rig, &host);
    rig.stop();
}

#[test]
fn headless_host_survives_a_full_disk() {
    let Some(rig) = rig_on_small_disk(|| (), &[("in-memory", "true")]) else { return };
    let headless = rig.headless(&[]);
    headless.wait_for("Temporal is ready");
    let host = headless.process();
    let full = Full::new(&rig.home);
    crash_until_unwritten(&rig);
    drop(full);
    assert_recovered(&rig, &host);
    rig.stop();
    headless.finish().exits(0);
}

#[test]
fn stop_works_on_a_full_disk_and_start_reports_the_reason() {
    let Some(rig) = rig_on_small_disk(|| (), &[]) else { return };
    rig.start();
    let full = Full::new(&rig.home);
    rig.stop();
    drop(full);
    rig.start();
    let full = Full::new(&rig.home);
    rig.host().kill();
    // Not `rig.stop()`: the killed host has left its socket, which stays until the next host
    // starts.
    rig.run(&["stop"]).exits(0);
    assert!(rig.processes().is_empty());
    rig.run(&[]).exits(1).complains(&["No space left on device", "free some disk space"]);
    rig.assert_nothing_runs();
    drop(full);
    rig.start();
    rig.stop();
}

#[test]
fn crash_on_a_full_disk_is_repaired_as_soon_as_there_is_room() {
    let Some(rig) = rig_on_small_disk(|| (), &[]) else { return };
    rig.start();
    let host = rig.host();
    let full = Full::new(&rig.home);
    rig.temporal().kill();
    let failed = rig.wait_state("failed");
    assert!(message(&failed).contains("No space left on device"), "{failed:#}");
    assert_eq!(failed["intent"], "up");
    drop(full);
    assert_recovered(&rig, &host);
    let events = rig.run(&["events", "--json"]).exits(0).stdout;
    let failures = events.lines().filter(|line| line.contains("\"happened\":\"failed\"")).count();
    assert_eq!(failures, 1, "{events}");
    rig.stop();
}

#[test]
fn crash_on_a_read_only_home_is_repaired_once_it_is_writable() {
    let Some(rig) = rig_on_small_disk(|| (), &[]) else { return };
    rig.start();
    let host = rig.host();
    let read_only = ReadOnly::new(&rig.home);
    rig.temporal().kill();
    let failed = rig.wait_state("failed");
    assert!(message(&failed).contains("Read-only file system"), "{failed:#}");
    drop(read_only);
    assert_recovered(&rig, &host);

    let read_only = ReadOnly::new(&rig.home);
    rig.run(&["stop"]).exits(0);
    drop(read_only);
    wait_until("the end of all processes", || rig.processes().is_empty());
}
