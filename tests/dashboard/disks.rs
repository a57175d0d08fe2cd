//! The disk of the home is full for a while.

use crate::support::mounts::{Full, rig_on_small_disk};
use crate::terminal::Dashboard;

#[test]
fn dashboard_on_a_full_disk_restarts_the_server_and_names_unwritten_files() {
    let Some(rig) = rig_on_small_disk(|| (), &[("in-memory", "true")]) else { return };
    let dashboard = Dashboard::on_server(&rig);
    dashboard.until_shows(&["READY", "generation 1"]);
    let host = rig.status()["host"]["pid"].clone();
    let full = Full::new(&rig.home);
    let mut generation = 1;
    let is_unwritten = |status: &serde_json::Value| {
        let message = status["message"].as_str().unwrap();
        message.contains("cannot write") && message.contains("No space left on device")
    };
    // Crash the server until a file cannot be written. Files that are overwritten in place still
    // have room for a while.
    while !is_unwritten(&rig.status()) {
        assert!(generation < 40, "all files were written on a full disk");
        rig.temporal().kill();
        generation += 1;
        dashboard.until_shows(&["READY", &format!("generation {generation}")]);
    }
    dashboard.until_shows(&["READY", "cannot write"]);
    drop(full);
    rig.wait_for("recovery", |status| {
        status["state"] == "ready" && !status["message"].as_str().unwrap().contains("cannot write")
    });
    assert_eq!(rig.status()["host"]["pid"], host);
    dashboard.until_shows(&["killed by signal 9 (SIGKILL)"]);
}
