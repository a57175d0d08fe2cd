//! The ways in which a dashboard ends: by key, by signal, by the loss of its terminal. The server
//! stops only on request.

use crate::support::rig::Rig;
use crate::support::{wait_until, wrapper};
use crate::terminal::{CTRL_C, Dashboard, ESC};
use rustix::process::Signal;
use serde_json::Value;

/// Opens a dashboard and waits until it is ready. Returns it with the pid of the server.
fn ready(rig: &Rig) -> (Dashboard<'_>, i32) {
    let dashboard = Dashboard::ready(rig);
    (dashboard, rig.temporal().pid)
}

/// Waits until a background host has a ready server. Returns the status of that host.
fn in_background(rig: &Rig) -> Value {
    rig.wait_for("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    })
}

fn assert_runs_on(rig: &Rig, pid: i32) {
    let status = in_background(rig);
    assert_eq!(status["temporal"]["pid"], pid, "{}", rig.own_log());
    assert_eq!(status["temporal"]["generation"], 1);
}

#[test]
fn key_q_opens_the_quit_dialog_esc_stays_and_x_stops_and_quits() {
    let rig = Rig::new();
    let (mut dashboard, pid) = ready(&rig);
    dashboard.press("q");
    dashboard.until_shows(&[
        "Quit",
        "stop the server and quit",
        "keep the server running",
        "stay in the dashboard",
    ]);
    dashboard.press(ESC);
    dashboard.until_hides("stay in the dashboard");
    assert_eq!(rig.temporal().pid, pid);

    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    dashboard.exits(0);
    dashboard.assert_restored();
    rig.assert_nothing_runs();
    assert_eq!(rig.status()["state"], "stopped");
}

#[test]
fn key_q_quits_at_once_without_a_server() {
    let rig = Rig::new();
    let (mut dashboard, _) = ready(&rig);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.press("q");
    dashboard.exits(0);
    dashboard.assert_restored();
    rig.assert_nothing_runs();
}

/// A rig whose server, after SIGTERM, ends only once [`may_end`] was called.
fn slow() -> Rig {
    let mut rig = Rig::with(&[("stop-grace", "\"10m\"")]);
    let script = r#"trap : TERM; "$real" "$@"; until [ -e "$HOME/may-end" ]; do sleep 0.02; done"#;
    wrapper::install(&mut rig, script);
    rig
}

fn may_end(rig: &Rig) {
    std::fs::write(rig.folder().join("may-end"), "").unwrap();
}

/// A dashboard that is stopping its server, in a shell that then prints the exit code and reads a line.
fn slowly_stopping(rig: &Rig) -> Dashboard<'_> {
    let dashboard =
        Dashboard::open_in(rig, r#""$@"; echo "ended with $?"; read -r; echo "read <$REPLY>""#);
    dashboard.until_shows(&["READY"]);
    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    dashboard.until_shows(&[
        "STOPPING",
        ", then the dashboard quits",
        "b finish in the background",
    ]);
    dashboard
}

#[test]
fn slow_stop_is_shown_and_keys_typed_meanwhile_do_not_reach_the_shell() {
    let rig = slow();
    let mut dashboard = slowly_stopping(&rig);
    let screen = dashboard.until_hides("stay in the dashboard");
    assert!(!screen.contains("help"), "a key without an effect is shown:\n{screen}");
    dashboard.press("2x\n");
    dashboard.resize(70, 20);
    dashboard.until("the complete smaller screen", |screen| {
        let text = screen.contents();
        text.contains("b finish in the background") && text.lines().count() == 20
    });
    dashboard.press("echo typed\n");
    may_end(&rig);
    dashboard.until_shows(&["ended with 0"]);
    dashboard.assert_restored();
    dashboard.press("fresh\n");
    dashboard.until_shows(&["read <fresh>"]);
    dashboard.exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn key_b_during_a_stop_finishes_the_stop_in_the_background() {
    for key in ["b", CTRL_C] {
        let rig = slow();
        let mut dashboard = slowly_stopping(&rig);
        dashboard.press(key);
        dashboard.until_shows(&["continues to stop the server", "ended with 0"]);
        dashboard.assert_restored();
        let status = rig.status();
        assert_eq!(status["host"]["mode"], "background", "{status:#}");
        assert_eq!(status["state"], "stopping", "{status:#}");
        may_end(&rig);
        rig.wait_state("stopped");
        dashboard.press("\n");
        dashboard.exits(0);
    }
}

#[test]
fn stop_continues_in_the_background_without_a_hand_over_file() {
    let rig = slow();
    let mut dashboard = slowly_stopping(&rig);
    // A folder has the name of the hand-over file, so this host cannot write the file and the next
    // host cannot read it.
    std::fs::create_dir(rig.path("hand-over.json")).unwrap();
    dashboard.press("b");
    dashboard.until_shows(&["continues to stop the server", "ended with 0"]);
    let stopping = |status: &Value| {
        assert_eq!(status["intent"], "down", "{status:#}");
        status["host"]["mode"] == "background" && status["state"] == "stopping"
    };
    rig.wait_for("stop in the background", stopping);
    may_end(&rig);
    let status = rig.wait_state("stopped");
    assert_eq!(status["intent"], "down", "{status:#}");
    dashboard.press("\n");
    dashboard.exits(0);
}

#[test]
fn key_b_hands_over_with_counters_and_the_next_crash_is_repaired() {
    let rig = Rig::new();
    let (mut dashboard, _) = ready(&rig);
    rig.temporal().kill();
    dashboard.press("5");
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    let pid = rig.temporal().pid;

    dashboard.press("q");
    dashboard.until_shows(&["keep the server running in the background"]);
    dashboard.press("b");
    dashboard.exits(0);
    dashboard.assert_restored();
    dashboard.until_shows(&["the server keeps running, supervised by the background host"]);

    let status = in_background(&rig);
    assert_eq!(status["temporal"]["pid"], pid);
    assert_eq!(status["temporal"]["adopted"], true);
    assert_eq!(status["restarts"]["total"], 1);
    assert_eq!(status["restarts"]["last"]["cause"], "crash");

    rig.temporal().kill();
    assert_eq!(rig.wait_ready(3)["restarts"]["total"], 2);
}

#[test]
fn ctrl_c_twice_keeps_the_server_running() {
    let rig = Rig::new();
    let (mut dashboard, pid) = ready(&rig);
    dashboard.press(CTRL_C);
    dashboard.until_shows(&["keep the server running in the background"]);
    dashboard.press(CTRL_C);
    dashboard.exits(0);
    dashboard.assert_restored();
    assert_runs_on(&rig, pid);
}

#[test]
fn closed_terminal_keeps_the_server_running() {
    let rig = Rig::new();
    let (mut dashboard, pid) = ready(&rig);
    dashboard.close_terminal();
    dashboard.exits(0);
    assert_runs_on(&rig, pid);
}

#[test]
fn terminal_that_closes_without_sighup_keeps_the_server_running() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::open_after(&rig, "trap '' HUP");
    dashboard.until_shows(&["READY"]);
    let pid = rig.temporal().pid;
    dashboard.close_terminal();
    dashboard.exits(0);
    assert_runs_on(&rig, pid);
}

#[test]
fn sigterm_stops_the_server_and_restores_the_terminal() {
    let rig = Rig::new();
    let (mut dashboard, _) = ready(&rig);
    dashboard.process().signal(Signal::TERM);
    dashboard.exits(0);
    dashboard.assert_restored();
    rig.assert_nothing_runs();
}

#[test]
#[cfg(debug_assertions)]
fn panic_restores_the_terminal_and_keeps_the_server_running() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::open_after(&rig, "export STIGMER_TEST_PANIC=/");
    dashboard.exits(1);
    dashboard.assert_restored();
    dashboard.until_shows(&["panicked at", "STIGMER_TEST_PANIC"]);
    in_background(&rig);
}

#[test]
#[cfg(debug_assertions)]
fn panic_under_a_pager_is_reported_after_the_end_of_the_pager() {
    let rig = Rig::new();
    let pager = r#"export PAGER="sh -c 'printf \\\\033[?1049h; echo in the pager; touch \$HOME/pager; read key; printf \\\\033[?1049l'""#;
    let script = format!(r#"{pager}; export STIGMER_TEST_PANIC="$HOME/pager""#);
    let mut dashboard = Dashboard::open_after(&rig, &script);
    dashboard.until_shows(&["READY", "routine lines"]);
    dashboard.press("e");
    dashboard.until_shows(&["in the pager"]);
    wait_until("the panic in the log", || {
        rig.own_log().contains("requested by STIGMER_TEST_PANIC")
    });
    dashboard.press("\n");
    dashboard.exits(1);
    dashboard.assert_restored();
    dashboard.until_shows(&["panicked at", "STIGMER_TEST_PANIC", "the server keeps running"]);
    in_background(&rig);
}

#[test]
fn terminal_that_cannot_be_set_up_is_an_error_and_the_server_keeps_running() {
    let rig = Rig::new();
    // If a background job changes the settings of its terminal, the kernel sends the job a signal
    // instead. The dashboard must report an error even if the caller has made the process ignore
    // this signal.
    let orphan = r#"trap '' TTIN TTOU; (set -m; "$@" < /dev/tty 2> "$HOME/said" &); until [ -s "$HOME/said" ]; do sleep 0.02; done; cat "$HOME/said""#;
    let dashboard = Dashboard::open_in(&rig, orphan);
    dashboard.until_shows(&["cannot set up the terminal", "supervised by the background host"]);
    in_background(&rig);
}

#[test]
fn killed_dashboard_is_replaced_by_a_background_host() {
    let rig = Rig::with(&[("watchdog", "true")]);
    let _dashboard = Dashboard::ready(&rig);
    let status = rig.wait_state("ready");
    assert_eq!(status["host"]["mode"], "tui");
    let temporal = rig.temporal();
    rig.host().kill();
    assert_eq!(in_background(&rig)["temporal"]["pid"], temporal.pid);
    temporal.kill();
    rig.wait_ready(2);
}

#[test]
fn dumb_terminal_gets_lines_and_no_screen() {
    let rig = Rig::new();
    let errors = tempfile::NamedTempFile::new().unwrap();
    let script = format!("export TERM=dumb; exec \"$@\" 2>'{}'", errors.path().display());
    let dashboard = Dashboard::open_in(&rig, &script);
    let status = rig.wait_state("ready");
    assert_eq!(status["host"]["mode"], "headless");
    let said = std::fs::read_to_string(errors.path()).unwrap();
    assert!(said.starts_with("no terminal: TERM is `dumb`"), "{said}");
    dashboard.press(CTRL_C);
    rig.wait_state("stopped");
}
