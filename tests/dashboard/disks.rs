//! The disk of the home is full, and has room again.

use crate::home::Home;
use crate::mounts::{Full, own_mounts, small_disk};
use crate::terminal::Dashboard;

#[test]
fn a_dashboard_on_a_full_disk_repairs_and_says_what_it_cannot_write() {
    if !own_mounts(|| ()) {
        return;
    }
    let home = Home::new();
    small_disk(home.path(), 48);
    let dashboard =
        Dashboard::open_after(&home, "export STIGMER_IN_MEMORY=true STIGMER_MAX_RESTARTS=1000");
    dashboard.until_shows(&["READY", "generation 1"]);
    let host = home.status()["host"]["pid"].clone();
    let full = Full::new(home.path());
    let mut generation = 1;
    let is_unwritten = |status: &serde_json::Value| {
        let message = status["message"].as_str().unwrap();
        message.contains("cannot write") && message.contains("No space left on device")
    };
    // What is written in place has room for a while.
    while !is_unwritten(&home.status()) {
        assert!(generation < 40, "everything is written on a full disk");
        home.crash();
        generation += 1;
        dashboard.until_shows(&["READY", &format!("generation {generation}")]);
    }
    dashboard.until_shows(&["READY", "cannot write"]);
    drop(full);
    home.until("recovery", |status| {
        status["state"] == "ready" && !status["message"].as_str().unwrap().contains("cannot write")
    });
    assert_eq!(home.status()["host"]["pid"], host);
    dashboard.press("2");
    dashboard.until_shows(&["crash: signal 9 (SIGKILL)"]);
}
