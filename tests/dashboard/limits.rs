//! The limit on processes, which also counts threads.

use crate::support::users::{limit_processes, unused_user};
use crate::terminal::Dashboard;

#[test]
fn dashboard_at_the_limit_of_processes_shows_errors_and_stops_its_server() {
    let Some(rig) = unused_user() else { return };
    let mut dashboard = Dashboard::ready(&rig);
    // The limit allows no further thread or process.
    limit_processes(&rig, &dashboard.process(), "1");
    dashboard.press("e");
    dashboard.until_shows(&["cannot run less"]);
    dashboard.press_until_shows("q", &["keep the server running"]);
    dashboard.press("x");
    dashboard.exits(0);
    dashboard.assert_restored();
    rig.assert_nothing_runs();
}

#[test]
fn dashboard_without_free_threads_is_an_error_on_the_plain_screen() {
    let Some(rig) = unused_user() else { return };
    // With the smaller limits, the runtime cannot start. With the largest limit, only the host
    // cannot start.
    for limit in [2, 3, 4, 7] {
        println!("ulimit -u {limit}");
        let mut dashboard = Dashboard::open_after(&rig, &format!("ulimit -u {limit}"));
        dashboard.exits(1);
        dashboard.until_shows(&["cannot create threads", "ulimit -u"]);
        dashboard.assert_restored();
        rig.assert_nothing_runs();
    }
}
