//! Workflows on the screen, and the confirmation before an interruption.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, ESC};
use rustix::process::Signal;

fn start_workflow(rig: &Rig, queue: &str) {
    let words = ["workflow", "start", "--type", "T", "--task-queue", queue];
    rig.cli(&words).exits(0);
}

#[test]
fn stop_with_running_workflows_is_confirmed_first() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&rig, "billing");
    dashboard.until_shows(&["1 running", "no worker", "billing", "1 workflow task waits"]);
    dashboard.press("5");

    let pid = rig.temporal().pid;
    for key in ["x", "r"] {
        dashboard.press(key);
        dashboard.until_shows(&["1 running workflow", "it continues after"]);
        dashboard.press(ESC);
        dashboard.until_hides("it continues after");
    }
    assert_eq!(rig.temporal().pid, pid);

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
fn stop_of_a_hanging_server_is_confirmed_if_workflows_would_be_lost() {
    // The threshold is so high that the host does not restart the server while the test lets it
    // hang.
    let rig = Rig::with(&[("in-memory", "true"), ("failure-threshold", "1000")]);
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&rig, "billing");
    dashboard.until_shows(&["1 running"]);
    let pid = rig.temporal().pid;
    const QUESTION: &[&str] = &["Stop the server?", "1 running workflow WILL BE LOST"];

    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    rig.temporal().signal(Signal::STOP);
    dashboard.until_hides("1 running   ");
    dashboard.until_shows(QUESTION);
    dashboard.press(ESC);
    dashboard.until_hides("Stop the server?");
    dashboard.press("x");
    dashboard.until_shows(QUESTION);
    assert_eq!(rig.temporal().pid, pid);
    dashboard.press("y");
    dashboard.until_shows(&["STOPPED"]);
}

#[test]
fn stop_with_a_deleted_database_announces_the_loss() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "0 running"]);
    start_workflow(&rig, "billing");
    dashboard.until_shows(&["1 running"]);
    std::fs::remove_file(rig.database()).unwrap();
    dashboard.until_shows(&["DEGRADED", "at risk", "the database file was deleted"]);
    dashboard.press("5");
    dashboard.until_shows(&["no restart: data would be lost"]);
    let pid = rig.temporal().pid;
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
    assert_eq!(rig.temporal().pid, pid);
    dashboard.press("y");
    dashboard.exits(0);
}

#[test]
fn command_on_a_terminal_asks_before_it_loses_data() {
    let rig = Rig::new();
    rig.run(&["--in-memory"]).exits(0);
    start_workflow(&rig, "billing");
    let pid = rig.temporal().pid;
    let run = |words: &str| {
        let home = "--home \"$HOME/home\"";
        let script = format!("\"$1\" local {words} {home}; echo \"ended $?\"; read -r");
        Dashboard::open_in(&rig, &script)
    };
    let lost = "1 running workflow WILL BE LOST: the database is in memory";
    for (words, refused) in [("stop", "not stopped"), ("restart", "not restarted")] {
        for answer in ["\r", "n\r", "\x04"] {
            let terminal = run(words);
            terminal.until_shows(&[lost, "Type `y` to confirm"]);
            terminal.press(answer);
            terminal.until_shows(&[refused, "ended 1"]);
        }
    }
    assert_eq!(rig.temporal().pid, pid);
    let terminal = run("restart --in-memory=false");
    terminal.until_shows(&[lost]);
    terminal.press("y\r");
    terminal.until_shows(&["Temporal is ready", "ended 0"]);
    start_workflow(&rig, "billing");
    run("stop").until_shows(&["the server is stopped", "ended 0"]);
}
