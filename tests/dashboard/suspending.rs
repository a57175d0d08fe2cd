//! Ctrl-Z: the shell has its terminal back, and Temporal is watched meanwhile.

use crate::support::rig::Rig;
use crate::terminal::{CTRL_Z, Dashboard};
use rustix::process::Signal;
use std::fs::File;
use std::io::Write;
use stigmer::log::bound::FileBound;
use stigmer::process::{linux, memory};

/// A shell with job control, in which the dashboard is the job: once it is
/// stopped the shell says so, and brings it back for a line of input.
const SHELL: &str = r#"set -m; "$@"; echo "stopped with $?"; read -r; fg; exit $?"#;

fn stopped(rig: &Rig) -> Dashboard<'_> {
    let dashboard = Dashboard::open_in(rig, SHELL);
    dashboard.until_shows(&["READY"]);
    dashboard.press(CTRL_Z);
    dashboard.until_shows(&["keeps running, watched by the background host", "stopped with 148"]);
    dashboard.assert_restored();
    dashboard
}

#[test]
fn it_hands_over_first_and_comes_back_attached() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    let status = rig.status();
    assert_eq!(status["host"]["mode"], "background");
    assert_eq!(status["temporal"]["generation"], 1, "the same process, adopted");
    assert_eq!(status["temporal"]["adopted"], true);
    rig.temporal().kill();
    rig.wait_for("repair", |status| status["state"] == "ready" && status["restarts"]["total"] == 1);

    dashboard.press("\n");
    // On a busy machine "down for" replaces "repaired in": the host was late itself.
    dashboard.until_shows(&["READY", "generation 2", "background host", "last: crash"]);
    let screen = dashboard.until_shows(&["── generation 1", "── generation 2"]);
    assert_eq!(screen.matches("── generation 1").count(), 1, "told twice:\n{screen}");
    dashboard.press("q");
    dashboard.exits(0);
    dashboard.assert_restored();
    assert_eq!(rig.status()["state"], "ready", "a viewer leaves it alone");
}

#[test]
fn what_was_stopped_meanwhile_stays_stopped_until_someone_asks() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    rig.run(&["stop"]).exits(0);
    dashboard.press("\n");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.press_until_shows("s", &["READY", "generation 2"]);
    assert_eq!(rig.status()["host"]["mode"], "tui");
    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    dashboard.exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn a_signal_that_came_meanwhile_is_not_lost() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    let suspended = rig.processes().into_iter().find(|process| {
        let parent = linux::stat(process.pid).unwrap().map(|stat| stat.ppid);
        parent == Some(dashboard.pid()) && memory::command_line(process.pid).contains("--tui")
    });
    suspended.unwrap().signal(Signal::TERM);
    dashboard.press("\n");
    dashboard.exits(0);
    dashboard.assert_restored();
    // The background host has just adopted it.
    rig.wait_state("ready");
}

#[test]
fn a_terminal_that_is_gone_when_it_is_continued_leaves_temporal_with_a_host() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    let pid = rig.temporal().pid;
    rig.host().kill();
    rig.wait_for("Temporal without a host", |status| status["host"].is_null());
    // The kernel continues a job whose shell is gone.
    dashboard.close_terminal();
    let status = rig.wait_for("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
    assert_eq!(status["temporal"]["pid"], pid, "{}", rig.own_log());
}

#[test]
fn a_pager_is_suspended_with_it_and_the_shell_has_its_terminal_back() {
    let rig = Rig::new();
    let pager = r#"export PAGER="sh -c 'echo in the pager; exec sleep 300'""#;
    let dashboard = Dashboard::open_in(&rig, &format!("{pager}; {SHELL}"));
    dashboard.until_shows(&["READY"]);
    // With its front given back, the log is shown as a copy.
    let log = rig.path("logs/temporal.log");
    let mut writer = File::options().append(true).open(&log).unwrap();
    writer.write_all("a line\n".repeat(100_000).as_bytes()).unwrap();
    assert!(FileBound::new(&log, 64 << 10).enforce().unwrap() > 0);
    let copy = log.with_extension("view");
    dashboard.press("e");
    dashboard.until_shows(&["in the pager"]);
    assert!(copy.exists());
    dashboard.press(CTRL_Z);
    dashboard.until_shows(&["keeps running, watched by the background host", "stopped with 148"]);
    assert_eq!(rig.status()["host"]["mode"], "background");
    assert!(!copy.exists());
    dashboard.press("\n");
    dashboard.until_shows(&["READY", "background host"]);
}
