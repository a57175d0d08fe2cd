//! Every way out: by key, by signal, without a terminal. None of them takes
//! Temporal down unless it was asked to.

use crate::home::{Home, signal, until_ended};
use crate::terminal::{CTRL_C, Dashboard, ESC};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use stigmer::process::Pid;
use stigmer::process::identity::Signal;

/// A ready dashboard and the pid of its Temporal.
fn ready(home: &Home) -> (Dashboard<'_>, Pid) {
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    (dashboard, home.temporal_pid())
}

fn assert_runs_on(home: &Home, pid: Pid) {
    let status = home.until("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
    assert_eq!(status["temporal"]["pid"], pid, "{}", home.log());
    assert_eq!(status["temporal"]["generation"], 1);
}

#[test]
fn q_asks_esc_stays_and_x_stops_and_quits() {
    let home = Home::new();
    let (mut dashboard, pid) = ready(&home);
    dashboard.press("q");
    dashboard.until_shows(&[
        "Quit",
        "stop the server and quit",
        "keep the server running",
        "stay in the dashboard",
    ]);
    dashboard.press(ESC);
    dashboard.until_hides("stay in the dashboard");
    assert_eq!(home.temporal_pid(), pid);

    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    home.until_nothing_runs();
    assert_eq!(home.status()["state"], "stopped");
}

#[test]
fn q_leaves_at_once_where_nothing_runs() {
    let home = Home::new();
    let (mut dashboard, _) = ready(&home);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPED"]);
    dashboard.press("q");
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    home.until_nothing_runs();
}

/// A Temporal that takes SIGTERM and ends once this file of the home is there.
fn slow() -> Home {
    Home::behind(r#"trap : TERM; real "$@"; until [ -e "$HOME/may-end" ]; do sleep 0.02; done"#)
}

/// The dashboard in a shell that says how it ended and reads a line then.
fn slowly_stopping(home: &Home) -> Dashboard<'_> {
    let dashboard =
        Dashboard::open_in(home, r#""$@"; echo "ended with $?"; read -r; echo "read <$REPLY>""#);
    dashboard.until_shows(&["READY"]);
    dashboard.press("q");
    dashboard.until_shows(&["stop the server and quit"]);
    dashboard.press("x");
    dashboard.until_shows(&["STOPPING", ", then quit", "b finish in the background"]);
    dashboard
}

#[test]
fn a_stop_that_takes_long_is_seen_and_what_is_typed_meanwhile_is_not_for_the_shell() {
    let home = slow();
    let mut dashboard = slowly_stopping(&home);
    let screen = dashboard.until_hides("stay in the dashboard");
    assert!(!screen.contains("help"), "a key that does nothing:\n{screen}");
    dashboard.press("2x\n");
    dashboard.resize(70, 20);
    dashboard.until("the whole, smaller", |screen| {
        let text = screen.contents();
        text.contains("b finish in the background") && text.lines().count() == 20
    });
    dashboard.press("echo typed\n");
    std::fs::write(home.path().join("may-end"), "").unwrap();
    dashboard.until_shows(&["ended with 0"]);
    dashboard.assert_restored();
    dashboard.press("fresh\n");
    dashboard.until_shows(&["read <fresh>"]);
    assert_eq!(dashboard.until_ended().code(), Some(0));
    home.until_nothing_runs();
}

#[test]
fn b_while_it_stops_leaves_the_rest_to_the_background() {
    for key in ["b", CTRL_C] {
        let home = slow();
        let mut dashboard = slowly_stopping(&home);
        dashboard.press(key);
        dashboard.until_shows(&["goes on to stop Temporal", "ended with 0"]);
        dashboard.assert_restored();
        let status = home.status();
        assert_eq!(status["host"]["mode"], "background", "{status:#}");
        assert_eq!(status["state"], "stopping", "{status:#}");
        std::fs::write(home.path().join("may-end"), "").unwrap();
        home.until("end of Temporal", |status| status["state"] == "stopped");
        dashboard.press("\n");
        assert_eq!(dashboard.until_ended().code(), Some(0));
    }
}

#[test]
fn a_stop_goes_on_in_the_background_although_nothing_can_be_handed_over() {
    let home = slow();
    // The host cannot write it, and the next host cannot read it.
    std::fs::create_dir(home.path().join("hand-over.json")).unwrap();
    let mut dashboard = slowly_stopping(&home);
    dashboard.press("b");
    dashboard.until_shows(&["goes on to stop Temporal", "ended with 0"]);
    let stopping = |status: &serde_json::Value| {
        assert_eq!(status["intent"], "down", "{status:#}");
        status["host"]["mode"] == "background" && status["state"] == "stopping"
    };
    home.until("stop in the background", stopping);
    std::fs::write(home.path().join("may-end"), "").unwrap();
    let status = home.until("end of Temporal", |status| status["state"] == "stopped");
    assert_eq!(status["intent"], "down", "{status:#}");
    dashboard.press("\n");
    assert_eq!(dashboard.until_ended().code(), Some(0));
}

#[test]
fn b_hands_over_with_counters_and_the_next_crash_is_repaired() {
    let home = Home::new();
    let (mut dashboard, _) = ready(&home);
    home.crash();
    dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    let pid = home.temporal_pid();

    dashboard.press("q");
    dashboard.until_shows(&["keep the server running in the background"]);
    dashboard.press("b");
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    dashboard.until_shows(&["Temporal keeps running, watched by the background host"]);

    let status = home.until("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
    assert_eq!(status["temporal"]["pid"], pid);
    assert_eq!(status["temporal"]["adopted"], true);
    assert_eq!(status["restarts"]["total"], 1);
    assert_eq!(status["restarts"]["last"]["cause"], "crash");

    home.crash();
    let status = home.until("repair", |status| {
        status["state"] == "ready" && status["temporal"]["generation"] == 3
    });
    assert_eq!(status["restarts"]["total"], 2);
}

#[test]
fn ctrl_c_twice_keeps_it_running() {
    let home = Home::new();
    let (mut dashboard, pid) = ready(&home);
    dashboard.press(CTRL_C);
    dashboard.until_shows(&["keep the server running in the background"]);
    dashboard.press(CTRL_C);
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    assert_runs_on(&home, pid);
}

#[test]
fn a_closed_terminal_keeps_it_running() {
    let home = Home::new();
    let (mut dashboard, pid) = ready(&home);
    dashboard.close_terminal();
    assert_eq!(dashboard.until_ended().code(), Some(0));
    assert_runs_on(&home, pid);
}

#[test]
fn a_terminal_that_closes_without_a_hangup_keeps_it_running() {
    let home = Home::new();
    let mut dashboard = Dashboard::open_after(&home, "trap '' HUP");
    dashboard.until_shows(&["READY"]);
    let pid = home.temporal_pid();
    dashboard.close_terminal();
    assert_eq!(dashboard.until_ended().code(), Some(0));
    assert_runs_on(&home, pid);
}

#[test]
fn sigterm_stops_temporal_and_gives_the_terminal_back() {
    let home = Home::new();
    let (mut dashboard, _) = ready(&home);
    signal(dashboard.pid(), Signal::Term);
    assert_eq!(dashboard.until_ended().code(), Some(0));
    dashboard.assert_restored();
    home.until_nothing_runs();
}

#[test]
#[cfg(debug_assertions)]
fn a_panic_gives_the_terminal_back_and_keeps_it_running() {
    let home = Home::new();
    let mut dashboard = Dashboard::open_after(&home, "export STIGMER_TEST_PANIC=/");
    assert_eq!(dashboard.until_ended().code(), Some(1));
    dashboard.assert_restored();
    dashboard.until_shows(&["panicked at", "STIGMER_TEST_PANIC"]);
    home.until("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
}

#[test]
#[cfg(debug_assertions)]
fn a_panic_under_a_pager_is_told_once_the_pager_has_ended() {
    let home = Home::new();
    let pager = r#"export PAGER="sh -c 'printf \\\\033[?1049h; echo in the pager; touch \$HOME/pager; read key; printf \\\\033[?1049l'""#;
    let script = format!(r#"{pager}; export STIGMER_TEST_PANIC="$HOME/pager""#);
    let mut dashboard = Dashboard::open_after(&home, &script);
    dashboard.until_shows(&["READY", "following"]);
    dashboard.press("e");
    dashboard.until_shows(&["in the pager"]);
    home.until_logged("asked for by STIGMER_TEST_PANIC");
    dashboard.press("\n");
    assert_eq!(dashboard.until_ended().code(), Some(1));
    dashboard.assert_restored();
    dashboard.until_shows(&["panicked at", "STIGMER_TEST_PANIC", "Temporal keeps running"]);
    home.until("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
}

#[test]
fn a_terminal_that_does_not_obey_is_told_with_what_was_left_behind() {
    let home = Home::new();
    // A job in the background whose shell is gone may not set its terminal.
    // Also where our caller ignores the signals that say so.
    let orphan = r#"trap '' TTIN TTOU; chmod 700 "$HOME"; (set -m; "$@" < /dev/tty 2> "$HOME/said" &); until [ -s "$HOME/said" ]; do sleep 0.02; done; cat "$HOME/said""#;
    let dashboard = Dashboard::open_in(&home, orphan);
    dashboard.until_shows(&["the terminal does not obey", "watched by the background host"]);
    home.until("background host", |status| {
        status["host"]["mode"] == "background" && status["state"] == "ready"
    });
}

#[test]
fn without_a_terminal_it_says_so_and_goes_on_without_the_screen() {
    let home = Home::new();
    let options = home.options();
    let mut words = vec!["--tui"];
    words.extend(options.iter().map(String::as_str));
    let mut child = home.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap() == "Temporal is ready"), "{}", home.log());
    signal(Pid::try_from(child.id()).unwrap(), Signal::Term);
    out.for_each(drop);
    assert_eq!(until_ended(&mut child, || home.log()).code(), Some(0));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("no terminal: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    home.until_nothing_runs();
}

#[test]
fn a_dashboard_that_is_killed_is_replaced_by_a_background_host() {
    let home = Home::guarded();
    let dashboard = home.dashboard();
    dashboard.until_shows(&["READY"]);
    let status = home.until("ready", |status| status["state"] == "ready");
    let (host, temporal) = (&status["host"], &status["temporal"]);
    assert_eq!(host["mode"], "tui");
    signal(Pid::try_from(host["pid"].as_i64().unwrap()).unwrap(), Signal::Kill);
    let next = home.until("the next host", |status| {
        let next = &status["host"];
        status["state"] == "ready" && next.is_object() && next["pid"] != host["pid"]
    });
    assert_eq!(next["host"]["mode"], "background");
    assert_eq!(next["temporal"]["pid"], temporal["pid"]);
    home.crash();
    home.until("a repair", |status| {
        status["state"] == "ready" && status["temporal"]["generation"] == 2
    });
}

#[test]
fn a_dumb_terminal_gets_lines_and_no_screen() {
    let home = Home::new();
    let errors = tempfile::NamedTempFile::new().unwrap();
    let script = format!("export TERM=dumb; exec \"$@\" 2>'{}'", errors.path().display());
    let dashboard = Dashboard::open_in(&home, &script);
    let status = home.until("ready", |status| status["state"] == "ready");
    assert_eq!(status["host"]["mode"], "headless");
    let said = std::fs::read_to_string(errors.path()).unwrap();
    assert!(said.starts_with("no terminal: TERM is `dumb`"), "{said}");
    dashboard.press(CTRL_C);
    home.until("stopped", |status| status["state"] == "stopped");
}
