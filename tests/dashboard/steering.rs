//! Start, stop, restart and repair, by key and by crash.

use crate::support::rig::Rig;
use crate::terminal::Dashboard;

#[test]
fn r_x_and_s_restart_stop_and_start() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
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
    assert_eq!(rig.status()["restarts"]["total"], 0, "the operator's own do not count");
}

#[test]
fn a_crash_is_repaired_and_shown() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "generation 1", "none so far"]);
    rig.temporal().kill();
    let shown = dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    assert!(shown.contains("1/5 in 1 min") && shown.contains("signal 9 (SIGKILL)"), "{shown}");
    assert_eq!(rig.status()["restarts"]["total"], 1);
    dashboard.press("2");
    dashboard.until_shows(&["crash: signal 9 (SIGKILL)", "cleaned"]);
}

#[test]
fn s_starts_again_what_was_given_up() {
    let rig = Rig::with(&[("max-restarts", "0")]);
    let dashboard = Dashboard::ready(&rig);
    rig.temporal().kill();
    dashboard.until_shows(&["FAILED", "gave up", "s  try again", "last: crash", "not restarted"]);
    dashboard.press("s");
    dashboard.until_shows(&["READY", "generation 2", "last: crash", "restarted by you"]);
}
