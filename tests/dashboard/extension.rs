//! The dashboard of `temporal local --tui`, and the terminal after a dashboard was killed.

use crate::support::process::Process;
use crate::support::rig::Rig;
use crate::terminal::Dashboard;
use rustix::process::Signal;
use stigmer::process::linux;

#[test]
fn dashboard_of_the_temporal_cli_attaches_to_a_background_host() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::spawn(&rig, rig.extension(&["--tui"]), 120, 36);
    dashboard.until_shows(&["READY"]);
    let (host, server) = (rig.host(), rig.temporal());
    assert_eq!(rig.status()["host"]["mode"], "background");

    // The Temporal CLI kills its extension with SIGKILL.
    dashboard.process().signal(Signal::INT);
    dashboard.exits(1);
    dashboard.assert_restored();
    let status = rig.wait_state("ready");
    assert_eq!(status["host"]["pid"], host.pid);
    assert_eq!(status["temporal"]["pid"], server.pid);
}

#[test]
fn dashboard_of_the_temporal_cli_starts_a_new_background_host_on_request() {
    let rig = Rig::new();
    rig.start();
    let mut dashboard = Dashboard::spawn(&rig, rig.extension(&["--tui"]), 120, 36);
    dashboard.until_shows(&["READY"]);
    rig.run(&["stop"]).exits(0);
    dashboard.until_shows(&["STOPPED"]);
    dashboard.press_until_shows("s", &["READY"]);
    assert_eq!(rig.status()["host"]["mode"], "background");
    dashboard.press("q");
    dashboard.exits(0);
    dashboard.assert_restored();
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn dashboard_ends_when_the_temporal_cli_was_killed() {
    let rig = Rig::new();
    let cli = rig.extension(&["--tui"]);
    // The shell is the leader of the session, so the terminal stays open.
    let mut shell = rig.command("bash");
    shell.args(["-c", "\"$@\"; sleep 1000", "bash"]).arg(cli.get_program()).args(cli.get_args());
    shell.envs(cli.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let dashboard = Dashboard::spawn(&rig, shell, 120, 36);
    dashboard.until_shows(&["READY"]);
    let shell = dashboard.process().pid;
    let parent = |process: &Process| linux::stat(process.pid).unwrap().map(|stat| stat.ppid);
    let cli = rig.processes().into_iter().find(|it| parent(it) == Some(shell)).unwrap();
    cli.kill();
    dashboard.assert_restored();
    rig.wait_state("ready");
}

#[test]
fn killed_dashboard_leaves_a_usable_terminal() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    dashboard.process().kill();
    dashboard.assert_restored();
}
