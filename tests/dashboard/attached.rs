//! A dashboard that is attached to a host in another process.

use crate::support::rig::Rig;
use crate::support::wait_until;
use crate::terminal::Dashboard;
use rustix::process::Signal;

#[test]
fn attached_dashboard_shows_and_controls_the_host_and_leaves_it_running() {
    let rig = Rig::new();
    rig.start();
    let (host, pid) = (rig.host().pid, rig.temporal().pid);
    let mut dashboard = Dashboard::on_server(&rig);
    let label = format!("background host {host}");
    dashboard.until_shows(&[
        "READY",
        "generation 1",
        &format!("pid {pid}"),
        &label,
        "started by you",
    ]);

    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    assert_eq!(rig.status()["host"]["pid"], host, "the same host runs");
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
fn dashboard_shows_a_silent_host_and_continues_when_it_responds() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    dashboard.press("5");
    let host = rig.host();
    host.signal(Signal::STOP);
    let silent = format!("host {} unresponsive", host.pid);
    dashboard.until_shows(&[&silent, "no response from the host for"]);
    host.signal(Signal::CONT);
    dashboard.until_shows(&["READY", &format!("background host {}", host.pid)]);
}

#[test]
fn dashboard_shows_a_lost_host_and_attaches_to_the_next() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    dashboard.press("5");
    let pid = rig.temporal().pid;
    let gone = rig.host();
    gone.kill();
    dashboard.until_shows(&[&format!("host {} is gone", gone.pid), "reconnecting"]);
    rig.start();
    let label = format!("background host {}", rig.host().pid);
    dashboard.until_shows(&["READY", &label, &format!("pid {pid}")]);
}

#[test]
fn dashboard_shows_a_server_without_a_host_and_s_becomes_its_host() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    dashboard.press("5");
    let pid = rig.temporal().pid;
    rig.host().kill();
    dashboard.until_shows(&["READY", "no host, a crash is not repaired", "s start"]);
    dashboard.until("facts without figures", |screen| {
        let shown = screen.contents();
        let facts: Vec<&str> = shown.lines().skip(3).take(6).collect();
        let measured = [" µs", " MB", "✓", "restart after"];
        facts.iter().any(|row| row.contains("not checked"))
            && !facts.iter().any(|row| measured.iter().any(|it| row.contains(it)))
    });
    dashboard.press("s");
    dashboard.until_shows(&["READY", "this dashboard", &format!("pid {pid}")]);
    rig.temporal().kill();
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
}

#[test]
fn dashboard_shows_a_stopped_server_and_s_starts_it() {
    let rig = Rig::new();
    rig.start();
    let dashboard = Dashboard::ready(&rig);
    dashboard.press("5");
    rig.run(&["stop"]).exits(0);
    dashboard.until_shows(&["STOPPED", "no host and no server", "s start"]);
    dashboard.press("s");
    dashboard.until_shows(&["READY", "this dashboard", "generation 2"]);
}

#[test]
fn dashboard_whose_home_another_host_took_attaches_to_that_host() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::on_server(&rig);
    dashboard.until_shows(&["READY", "this dashboard"]);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.process().signal(Signal::STOP);
    wait_until("the dashboard to be stopped", || dashboard.process().is_stopped());
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
fn external_server_is_never_shown_as_stopped() {
    let theirs = Rig::new();
    let mut mine = theirs.second();
    theirs.start();
    let pid = theirs.temporal().pid;
    mine.set("address", &format!("{:?}", theirs.address()));
    let mut dashboard = Dashboard::on_server(&mine);
    dashboard.until_shows(&["READY", "not started by stigmer", "this dashboard"]);
    dashboard.press_until_shows("x", &["external server: not started by stigmer"]);
    let output = mine.run(&["stop"]).exits(0).stdout;
    assert!(output.contains("a dashboard still watches it"), "{output}");
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
