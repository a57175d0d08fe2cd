//! Workflows on the screen, and the question before they are interrupted.

use crate::home::{Home, freeze, temporal};
use crate::terminal::{Dashboard, ESC};
use std::process::Command;

fn start_workflow(home: &Home, queue: &str) {
    let started = Command::new(temporal())
        .args(["workflow", "start", "--type", "T", "--task-queue", queue])
        .args(["--address", &home.address()])
        .env_clear()
        .envs(home.environment())
        .output()
        .unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
}

#[test]
fn who_stops_temporal_under_running_workflows_is_asked_first() {
    let home = Home::new();
    let dashboard = Dashboard::open(&home, 120, 36);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&home, "billing");
    dashboard.until_shows(&["1 running", "task queue billing", "no worker"]);

    let pid = home.temporal_pid();
    for key in ["x", "r"] {
        dashboard.press(key);
        dashboard.until_shows(&["1 workflow is running", "survive"]);
        dashboard.press(ESC);
        dashboard.until_hides("survive");
    }
    assert_eq!(home.temporal_pid(), pid);

    dashboard.press("r");
    dashboard.until_shows(&["survive"]);
    dashboard.press("y");
    dashboard.until_shows(&["READY", "generation 2", "1 running"]);
    dashboard.press("x");
    dashboard.until_shows(&["survive"]);
    dashboard.press("y");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.until_hides("1 running");
}

#[test]
fn who_stops_a_server_that_hangs_is_asked_as_well_where_its_workflows_would_be_lost() {
    let home = Home::new();
    // Longer than the test looks at a server that hangs.
    let setup = "export STIGMER_IN_MEMORY=true STIGMER_FAILURE_THRESHOLD=1000";
    let dashboard = Dashboard::open_after(&home, setup);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&home, "billing");
    dashboard.until_shows(&["1 running"]);
    let pid = home.temporal_pid();
    const QUESTION: &[&str] = &["Stop Temporal?", "1 running workflow is lost"];

    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    freeze(pid);
    dashboard.until_hides("1 running   ");
    dashboard.until_shows(QUESTION);
    dashboard.press(ESC);
    dashboard.until_hides("Stop Temporal?");
    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    assert_eq!(home.temporal_pid(), pid);
    dashboard.press("y");
    dashboard.until_shows(&["STOPPED"]);
}
