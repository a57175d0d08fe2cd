//! Start, stop and restart by key, and the repair after a crash.

use crate::support::rig::{Rig, Running};
use crate::support::wait_until;
use crate::terminal::Dashboard;

#[test]
fn keys_r_x_and_s_restart_stop_and_start_the_server() {
    let rig = Rig::new();
    let dashboard = Dashboard::on_server(&rig);
    dashboard.until_shows(&["READY", "generation 1"]);
    let first = rig.temporal().pid;

    dashboard.press("r");
    dashboard.until_shows(&["READY", "generation 2"]);
    assert_ne!(rig.temporal().pid, first);

    dashboard.press("x");
    dashboard.until_shows(&["STOPPED", "s start"]);
    assert_eq!(rig.status()["temporal"], serde_json::Value::Null);

    dashboard.press("s");
    dashboard.until_shows(&["READY", "generation 3"]);
    assert_eq!(rig.status()["restarts"]["total"], 0, "restarts of the operator do not count");
}

#[test]
fn crash_is_repaired_and_shown() {
    let rig = Rig::new();
    let dashboard = Dashboard::on_server(&rig);
    dashboard.until_shows(&["READY", "generation 1", "none so far"]);
    rig.temporal().kill();
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    dashboard.until_shows(&["1 of 5 in 1 min", "signal 9 (SIGKILL)"]);
    assert_eq!(rig.status()["restarts"]["total"], 1);
    dashboard.until_shows(&["killed by signal 9 (SIGKILL)", "cleaned"]);
    dashboard.press("1");
    dashboard.until_shows(&[
        "restarted",
        "killed by signal 9 (SIGKILL); down for",
        "1 restart: crash",
    ]);
    dashboard.press("jd");
    dashboard.until_hides("; down for");
    dashboard.press("u");
    dashboard.until_shows(&["; down for"]);
}

#[test]
fn key_s_starts_a_failed_server() {
    let rig = Rig::with(&[("max-restarts", "0")]);
    let dashboard = Dashboard::ready(&rig);
    rig.temporal().kill();
    dashboard.until_shows(&["FAILED", "gave up", "s  try again", "0 restarts: crash"]);
    dashboard.press("5");
    dashboard.until_shows(&["last: crash", "not restarted"]);
    dashboard.press("s");
    dashboard.until_shows(&["READY", "generation 2", "last: crash", "restarted by you"]);
}

#[test]
fn key_x_shows_an_unproven_lock_holder_and_ends_the_server_once_it_is_proven() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    rig.kill_host();
    // Make it impossible to identify the server: delete the record of the server, and replace its
    // lock file by another file that another process locks.
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
    std::fs::rename(rig.path("temporal.lock"), rig.path("lock-of-the-server")).unwrap();
    std::fs::write(rig.path("temporal.lock"), "1").unwrap();
    let mut flock = rig.command("flock");
    flock.arg("--no-fork").arg(rig.path("temporal.lock")).args(["sleep", "300"]);
    let stranger = Running::spawn({
        flock.env_remove("TEST_RIG");
        flock
    });
    wait_until("the lock to be held", || rig.is_locked("temporal.lock"));
    let pid = format!("pid {}", stranger.pid());

    let mut dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["FAILED", &pid]);
    dashboard.press("x");
    let status = rig.wait_for("the end of the search", |status| {
        status["intent"] == "down" && status["state"] != "stopping"
    });
    assert_eq!(status["state"], "failed", "{status:#}");
    assert!(status["message"].as_str().unwrap().contains(&pid), "{status:#}");
    dashboard.until_shows(&["FAILED", "not stopped", &pid, "x  try again"]);
    assert!(temporal.is_alive() && stranger.process().is_alive());

    drop(stranger);
    std::fs::rename(rig.path("lock-of-the-server"), rig.path("temporal.lock")).unwrap();
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    assert!(!temporal.is_alive());
    dashboard.press("q");
    dashboard.exits(0);
    rig.assert_nothing_runs();
}
