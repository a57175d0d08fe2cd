//! Beside a host that runs already.

use crate::home::{Home, freeze, signal};
use crate::terminal::Dashboard;
use stigmer::process::Pid;
use stigmer::process::identity::Signal;

fn host(home: &Home) -> Pid {
    Pid::try_from(home.status()["host"]["pid"].as_i64().unwrap()).unwrap()
}

#[test]
fn it_shows_and_steers_the_background_host_and_leaves_it_alone() {
    let home = Home::new();
    home.start();
    let (host, pid) = (host(&home), home.temporal_pid());
    let mut dashboard = home.dashboard();
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
    assert_eq!(home.status()["host"]["pid"], host, "the host stays");
    dashboard.press("s");
    dashboard.until_shows(&["READY", "generation 2"]);
    home.crash();
    dashboard.until_shows(&["READY", "generation 3", "last: crash"]);

    let pid = home.temporal_pid();
    dashboard.press("q");
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    let status = home.status();
    assert_eq!(status["host"]["pid"], host);
    assert_eq!(status["temporal"]["pid"], pid);
    assert_eq!(status["state"], "ready");
}

#[test]
fn it_says_that_the_host_is_silent_and_goes_on_when_it_speaks_again() {
    let home = Home::new();
    home.start();
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    let silent = host(&home);
    freeze(silent);
    dashboard.until_shows(&[&format!("host {silent} is silent"), "no word from the host for"]);
    signal(silent, Signal::Cont);
    dashboard.until_shows(&["READY", &format!("background host {silent}")]);
}

#[test]
fn it_says_that_the_host_is_gone_and_finds_the_next_one() {
    let home = Home::new();
    home.start();
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    let pid = home.temporal_pid();
    let gone = host(&home);
    signal(gone, Signal::Kill);
    dashboard.until_shows(&[&format!("host {gone} is gone"), "reconnecting"]);
    home.start();
    let label = format!("background host {}", host(&home));
    dashboard.until_shows(&["READY", &label, &format!("pid {pid}")]);
}

#[test]
fn where_nobody_watches_any_more_it_says_so_and_s_takes_over() {
    let home = Home::new();
    home.start();
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    let pid = home.temporal_pid();
    signal(host(&home), Signal::Kill);
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
    home.crash();
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
}

#[test]
fn where_everything_was_stopped_it_says_so_and_s_starts_it() {
    let home = Home::new();
    home.start();
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    assert!(home.command(&["stop"]).output().unwrap().status.success());
    dashboard.until_shows(&["STOPPED", "the host is gone", "s start"]);
    dashboard.press("s");
    dashboard.until_shows(&["READY", "this dashboard", "generation 2"]);
}

#[test]
fn a_dashboard_whose_home_another_host_has_taken_shows_that_host_and_leaves_its_server_alone() {
    let home = Home::new();
    let mut dashboard = home.dashboard();
    dashboard.until_shows(&["READY", "this dashboard"]);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    freeze(dashboard.pid());
    std::fs::remove_dir_all(home.path()).unwrap();
    home.start();
    let pid = home.temporal_pid();
    dashboard.press("s");
    signal(dashboard.pid(), Signal::Cont);
    dashboard.until_shows(&["READY", &format!("background host {}", host(&home))]);
    assert_eq!(home.temporal_pid(), pid, "{}", home.log());
    dashboard.press("q");
    assert_eq!(dashboard.until_ended().code(), Some(0));
    assert_eq!(home.status()["state"], "ready");
}

#[test]
fn a_server_that_someone_else_runs_is_never_shown_as_stopped() {
    let (theirs, mine) = (Home::new(), Home::new());
    theirs.start();
    let pid = theirs.temporal_pid();
    let script = format!(
        "exec \"$1\" local --tui --home {} --address {}",
        mine.path().display(),
        theirs.address()
    );
    let mut dashboard = Dashboard::open_in(&mine, &script);
    dashboard.until_shows(&["READY", "not started by stigmer", "this dashboard"]);
    dashboard.press_until_shows("x", &["external server: not started by stigmer"]);
    let stopped = mine.command(&["stop"]).output().unwrap();
    let told = String::from_utf8(stopped.stdout).unwrap();
    assert!(told.contains("a dashboard still watches it"), "{told}");
    let status = mine.status();
    assert_eq!(
        (&status["state"], &status["intent"]),
        (&"ready".into(), &"down".into()),
        "{status:#}"
    );
    dashboard.until_shows(&["READY", "not started by stigmer"]);
    assert_eq!(theirs.temporal_pid(), pid);
    dashboard.press("q");
    dashboard.until_ended();
}
