//! The limit on processes, which counts threads.

use crate::home::Home;
use crate::terminal::Dashboard;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets the dashboard create no further thread or process.
fn limit_processes(dashboard: &Dashboard<'_>, user: u32) {
    let mut prlimit = Command::new("prlimit");
    prlimit.arg(format!("--pid={}", dashboard.pid())).arg("--nproc=1:").uid(user).gid(user);
    assert!(prlimit.status().unwrap().success());
}

#[test]
fn a_dashboard_at_the_limit_of_processes_shows_what_fails_and_stops_its_server() {
    let Some(home) = Home::of_unused_user() else { return };
    let mut dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    limit_processes(&dashboard, home.user().unwrap());
    dashboard.press("e");
    dashboard.until_shows(&["cannot run less"]);
    dashboard.press_until_shows("q", &["keep the server running"]);
    dashboard.press("x");
    assert_eq!(dashboard.until_ended().code(), Some(0), "{}", home.log());
    dashboard.assert_restored();
    home.until_nothing_runs();
}

#[test]
fn a_dashboard_without_threads_for_it_is_an_error_on_the_plain_screen() {
    let Some(home) = Home::of_unused_user() else { return };
    let mut dashboard = Dashboard::open_after(&home, "ulimit -u 7");
    assert_eq!(dashboard.until_ended().code(), Some(1), "{}", home.log());
    dashboard.until_shows(&["cannot create threads", "ulimit -u"]);
    dashboard.assert_restored();
    home.until_nothing_runs();
}
