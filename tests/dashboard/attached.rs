//! Beside a host that runs already.

use crate::support::rig::Rig;
use crate::terminal::Dashboard;
use rustix::process::Signal;

#[test]
fn it_shows_and_steers_the_background_host_and_leaves_it_alone() {
    let rig = Rig::new();
    rig.start();
    let (host, pid) = (rig.host().pid, rig.temporal().pid);
    let mut dashboard = Dashboard::open(&rig);
    let label = format!("background host {host}");
    dashboard.until_shows(&[
        "READY",
        "generation 1",
        &format!("pid {pid}"),
        &label,
        "routine lines",
    ]);

    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    assert_eq!(rig.status()["host"]["pid"], host, "the host stays");
    dashboard.press("s");
    dashboard.until_shows(&["READY", "generation 2"]);
    rig.temporal().kill();
    dashboard.until_shows(&["READY", "generation 3", "last: crash"]);

    let pid = rig.temporal().pid;
    dashboard.press("q");
    dashboard.exits(0);
    dashboard.assert_restored();
    let status = rig.status();
    assert_eq!(status["host"]["pid"], host);
    assert_eq!(status["temporal"]["pid"], pid);
    assert_eq!(status["state"], "ready");
}

#[test]
fn it_says_that_the_host_is_silent_and_goes_on_when_it_speaks_again() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    let host = rig.host();
    host.signal(Signal::STOP);
    let silent = format!("host {} unresponsive", host.pid);
    dashboard.until_shows(&[&silent, "no response from the host for"]);
    host.signal(Signal::CONT);
    dashboard.until_shows(&["READY", &format!("background host {}", host.pid)]);
}

#[test]
fn it_says_that_the_host_is_gone_and_finds_the_next_one() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    let pid = rig.temporal().pid;
    let gone = rig.host();
    gone.kill();
    dashboard.until_shows(&[&format!("host {} is gone", gone.pid), "reconnecting"]);
    rig.start();
    let label = format!("background host {}", rig.host().pid);
    dashboard.until_shows(&["READY", &label, &format!("pid {pid}")]);
}

#[test]
fn where_nobody_watches_any_more_it_says_so_and_s_takes_over() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    let pid = rig.temporal().pid;
    rig.host().kill();
    dashboard.until_shows(&["READY", "no host, a crash is not repaired", "s start"]);
    dashboard.until("tiles without figures", |screen| {
        let shown = screen.contents();
        let tiles: Vec<&str> =
            shown.lines().skip(4).take(8).filter(|row| !row.starts_with('╭')).collect();
        let measured = [" µs", " ms", "%", " MB", "✓", "restart after"];
        tiles.iter().any(|row| row.contains("not checked"))
            && !tiles.iter().any(|row| measured.iter().any(|it| row.contains(it)))
    });
    dashboard.press("s");
    dashboard.until_shows(&["READY", "this dashboard", &format!("pid {pid}")]);
    rig.temporal().kill();
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
}

#[test]
fn where_everything_was_stopped_it_says_so_and_s_starts_it() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    rig.run(&["stop"]).exits(0);
    dashboard.until_shows(&["STOPPED", "no host, no server", "s start"]);
    dashboard.press("s");
    dashboard.until_shows(&["READY", "this dashboard", "generation 2"]);
}

#[test]
fn a_dashboard_whose_home_another_host_has_taken_shows_that_host_and_leaves_its_server_alone() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "this dashboard"]);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.process().signal(Signal::STOP);
    std::fs::remove_dir_all(&rig.home).unwrap();
    rig.configure();
    rig.start();
    let pid = rig.temporal().pid;
    dashboard.press("s");
    dashboard.process().signal(Signal::CONT);
    dashboard.until_shows(&["READY", &format!("background host {}", rig.host().pid)]);
    assert_eq!(rig.temporal().pid, pid, "{}", rig.own_log());
    dashboard.press("q");
    dashboard.exits(0);
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn a_server_that_someone_else_runs_is_never_shown_as_stopped() {
    let theirs = Rig::new();
    let mut mine = theirs.beside();
    theirs.start();
    let pid = theirs.temporal().pid;
    mine.set("address", &format!("{:?}", theirs.address()));
    let mut dashboard = Dashboard::open(&mine);
    dashboard.until_shows(&["READY", "not started by stigmer", "this dashboard"]);
    dashboard.press_until_shows("x", &["external server: not started by stigmer"]);
    let told = mine.run(&["stop"]).exits(0).stdout;
    assert!(told.contains("a dashboard still watches it"), "{told}");
    let status = mine.status();
    assert_eq!(
        (&status["state"], &status["intent"]),
        (&"ready".into(), &"down".into()),
        "{status:#}"
    );
    dashboard.until_shows(&["READY", "not started by stigmer"]);
    assert_eq!(theirs.temporal().pid, pid);
    dashboard.press("q");
    dashboard.exits(0);
}
