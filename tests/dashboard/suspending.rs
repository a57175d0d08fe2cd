//! Ctrl-Z suspends the dashboard: the shell gets its terminal back, and a background host
//! supervises the server.

use crate::support::rig::Rig;
use crate::terminal::{CTRL_Z, Dashboard};
use rustix::process::Signal;
use std::fs::File;
use std::io::Write;
use stigmer::log::bound::FileBound;
use stigmer::process::{linux, memory};

/// A script for a shell with job control, whose job is the dashboard. When the job stops, the shell
/// prints a line. After a line of input, the shell continues the job.
const SHELL: &str = r#"set -m; "$@"; echo "stopped with $?"; read -r; fg; exit $?"#;

fn stopped(rig: &Rig) -> Dashboard<'_> {
    let dashboard = Dashboard::open_in(rig, SHELL);
    dashboard.until_shows(&["READY"]);
    dashboard.press(CTRL_Z);
    dashboard
        .until_shows(&["keeps running, supervised by the background host", "stopped with 148"]);
    dashboard.assert_restored();
    dashboard
}

#[test]
fn suspended_dashboard_hands_over_and_continues_attached() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    let status = rig.status();
    assert_eq!(status["host"]["mode"], "background");
    assert_eq!(status["temporal"]["generation"], 1, "the same process was adopted");
    assert_eq!(status["temporal"]["adopted"], true);
    rig.temporal().kill();
    rig.wait_for("repair", |status| status["state"] == "ready" && status["restarts"]["total"] == 1);

    dashboard.press("\n");
    // Only the cause is compared: on a busy machine the screen has "down for" instead of "repaired
    // in".
    dashboard.press("5");
    dashboard.until_shows(&["READY", "generation 2", "background host", "last: crash"]);
    dashboard.press("4");
    dashboard.until("each generation once", |screen| {
        let text = screen.contents();
        ["── generation 1", "── generation 2"].iter().all(|it| text.matches(it).count() == 1)
    });
    dashboard.press("q");
    dashboard.exits(0);
    dashboard.assert_restored();
    assert_eq!(rig.status()["state"], "ready", "a viewer does not stop the server");
}

#[test]
fn server_stopped_while_suspended_stays_stopped_until_a_start() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    rig.run(&["stop"]).exits(0);
    dashboard.press("\n");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.press_until_shows("5s", &["READY", "generation 2"]);
    assert_eq!(rig.status()["host"]["mode"], "tui");
    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    dashboard.exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn signal_during_the_suspension_is_not_lost() {
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
    // Wait, because the background host may not have checked the adopted server yet.
    rig.wait_state("ready");
}

#[test]
fn dashboard_that_continues_without_its_terminal_leaves_the_server_with_a_host() {
    let rig = Rig::new();
    let mut dashboard = stopped(&rig);
    let pid = rig.temporal().pid;
    rig.host().kill();
    rig.wait_for("a server without a host", |status| status["host"].is_null());
    // When the shell ends, the kernel continues its stopped job.
    dashboard.close_terminal();
    let status = rig.wait_for("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
    assert_eq!(status["temporal"]["pid"], pid, "{}", rig.own_log());
}

#[test]
fn pager_is_suspended_with_the_dashboard_and_the_shell_gets_the_terminal() {
    let rig = Rig::new();
    let pager = r#"export PAGER="sh -c 'echo in the pager; exec sleep 300'""#;
    let dashboard = Dashboard::open_in(&rig, &format!("{pager}; {SHELL}"));
    dashboard.until_shows(&["READY"]);
    // Write a long log and deallocate its beginning. For such a log, the dashboard gives the pager
    // a copy.
    let log = rig.path("logs/temporal.log");
    let mut writer = File::options().append(true).open(&log).unwrap();
    writer.write_all("a line\n".repeat(100_000).as_bytes()).unwrap();
    assert!(FileBound::new(&log, 64 << 10).enforce().unwrap() > 0);
    let copy = log.with_extension("view");
    dashboard.press("e");
    dashboard.until_shows(&["in the pager"]);
    assert!(copy.exists());
    dashboard.press(CTRL_Z);
    dashboard
        .until_shows(&["keeps running, supervised by the background host", "stopped with 148"]);
    assert_eq!(rig.status()["host"]["mode"], "background");
    assert!(!copy.exists());
    dashboard.press("\n");
    dashboard.press("5");
    dashboard.until_shows(&["READY", "background host"]);
}
