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
        dashboard.until_shows(&["1 running workflow", "it continues after"]);
        dashboard.press(ESC);
        dashboard.until_hides("it continues after");
    }
    assert_eq!(home.temporal_pid(), pid);

    dashboard.press("r");
    dashboard.until_shows(&["it continues after"]);
    dashboard.press("y");
    dashboard.until_shows(&["READY", "generation 2", "1 running"]);
    dashboard.press("x");
    dashboard.until_shows(&["it continues after"]);
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
    const QUESTION: &[&str] = &["Stop the server?", "1 running workflow WILL BE LOST"];

    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    freeze(pid);
    dashboard.until_hides("1 running   ");
    dashboard.until_shows(QUESTION);
    dashboard.press(ESC);
    dashboard.until_hides("Stop the server?");
    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    assert_eq!(home.temporal_pid(), pid);
    dashboard.press("y");
    dashboard.until_shows(&["STOPPED"]);
}

#[test]
fn who_stops_a_server_whose_database_was_deleted_is_told_that_it_is_lost() {
    let home = Home::new();
    let mut dashboard = Dashboard::open(&home, 120, 36);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&home, "billing");
    dashboard.until_shows(&["1 running"]);
    std::fs::remove_file(home.path().join("temporal-data/temporal.db")).unwrap();
    dashboard.until_shows(&["DEGRADED", "no restart: data would be lost"]);
    let pid = home.temporal_pid();
    let lost = "1 running workflow WILL BE LOST: the database file was deleted";
    for keys in ["x", "r", "q"] {
        dashboard.press(keys);
        dashboard.until_shows(&[lost]);
        dashboard.press(ESC);
        dashboard.until_hides(lost);
    }
    dashboard.press("q");
    dashboard.until_shows(&[lost, "stay in the dashboard"]);
    dashboard.press("x");
    dashboard.until_shows(&["Stop the server and quit?", lost]);
    dashboard.press("\r");
    dashboard.until_shows(&["only y confirms a loss of data"]);
    assert_eq!(home.temporal_pid(), pid);
    dashboard.press("y");
    assert!(dashboard.until_ended().success());
}

#[test]
fn a_command_on_a_terminal_asks_before_it_loses_data() {
    let home = Home::new();
    let options = home.options();
    let mut words: Vec<&str> = options.iter().map(String::as_str).collect();
    words.push("--in-memory");
    assert!(home.command(&words).output().unwrap().status.success());
    start_workflow(&home, "billing");
    let pid = home.temporal_pid();
    let run = |words: &str| {
        Dashboard::open_in(&home, &format!("\"$1\" local {words}; echo \"ended $?\"; read -r"))
    };
    let lost = "1 running workflow WILL BE LOST: the database is in memory";
    for (words, refused) in [("stop", "not stopped"), ("restart", "not restarted")] {
        for answer in ["\r", "n\r", "\x04"] {
            let terminal = run(words);
            terminal.until_shows(&[lost, "Only `y` confirms"]);
            terminal.press(answer);
            terminal.until_shows(&[refused, "ended 1"]);
        }
    }
    assert_eq!(home.temporal_pid(), pid);
    let terminal = run("restart --in-memory=false");
    terminal.until_shows(&[lost]);
    terminal.press("y\r");
    terminal.until_shows(&["Temporal is ready", "ended 0"]);
    start_workflow(&home, "billing");
    run("stop").until_shows(&["Temporal is stopped", "ended 0"]);
}
