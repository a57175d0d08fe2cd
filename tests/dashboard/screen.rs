//! The content of the screen at each size of the terminal.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, ESC, PAGE_UP, TAB};

const LAYERS: [&str; 6] = ["lock", "process", "tcp", "grpc", "store", "engine"];

#[test]
fn required_information_is_shown_at_every_size() {
    let rig = Rig::new();
    let dashboard = Dashboard::sized(&rig, 80, 24);
    dashboard.until_shows(&["READY", "CPU", "Temporal 1."]);
    let pid = format!("pid {}", rig.temporal().pid);
    let address = rig.address();

    let compact = LAYERS.map(|layer| format!("✓{layer}"));
    dashboard.until_shows(&compact.each_ref().map(String::as_str));
    dashboard.until_shows(&["READY", "gen 1", &pid, &address, "ui :", "up ", "CPU", "RSS"]);
    dashboard.until_shows(&[
        "Restarts",
        "none so far",
        "Probe",
        "p50",
        "routine lines",
        "following",
    ]);
    dashboard.until_shows(&["x stop", "r restart", "? help", "q quit"]);

    dashboard.resize(120, 36);
    let wide = LAYERS.map(|layer| format!("✓ {layer}"));
    dashboard.until_shows(&wide.each_ref().map(String::as_str));
    dashboard.until_shows(&["READY", "generation 1", &pid, &address, "6 of 6", "temporal.db"]);

    dashboard.resize(40, 10);
    dashboard.until_shows(&["READY", "gen 1", &pid, &address, "Restarts 0", "Probe", "✓✓✓✓✓✓"]);
    dashboard.resize(20, 5);
    dashboard.until_shows(&["READY", "needs 40x10"]);
    dashboard.resize(80, 24);
    dashboard.until_shows(&["READY", "gen 1", "routine lines"]);
}

#[test]
fn many_resizes_leave_a_complete_screen() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let pid = rig.temporal().pid;
    for i in 0..120_u16 {
        dashboard.resize(1 + i * 37 % 200, 1 + i * 23 % 60);
        dashboard.press(["1", "2", "3"][usize::from(i % 3)]);
    }
    dashboard.resize(80, 24);
    // The dashboard must not lose a key that arrives together with a resize.
    dashboard.press("1");
    dashboard.until_shows(&["READY", "gen 1", "Restarts", "Probe", "following", "q quit"]);
    assert_eq!(rig.temporal().pid, pid);
}

#[test]
fn resize_and_back_leaves_a_complete_screen() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "following"]);
    for _ in 0..10 {
        dashboard.resize(40, 10);
        dashboard.resize(120, 36);
        dashboard.until_shows(&["READY", "Health", "engine", "Resources", "following", "q quit"]);
    }
}

#[test]
fn keys_change_tabs_help_theme_and_scroll_position() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "following"]);

    dashboard.press("2");
    dashboard.until_shows(&["started by operator", "ready in"]);
    dashboard.press("3");
    dashboard.until_shows(&["targets", "hosting", "started the server"]);
    dashboard.resize(40, 10);
    dashboard.until_hides("targets");
    dashboard.until_shows(&["manager", "state=ready"]);
    dashboard.resize(120, 36);
    dashboard.until_shows(&["targets", "hosting"]);
    dashboard.press(TAB);
    dashboard.until_shows(&["following"]);
    dashboard.press(TAB);
    dashboard.until_shows(&["started by operator"]);
    dashboard.press("1");

    dashboard.until_shows(&["following"]);
    dashboard.press(PAGE_UP);
    dashboard.until_shows(&["paused"]);
    dashboard.press("f");
    dashboard.until_shows(&["following"]);

    dashboard.press("?");
    dashboard.until_shows(&["Help", "a new generation with the same options"]);
    dashboard.press(ESC);
    dashboard.until_hides("Help");

    let colours =
        |screen: &vt100::Screen| screen.cell(1, 4).map(|cell| (cell.fgcolor(), cell.bgcolor()));
    let before = std::cell::Cell::new(None);
    dashboard.until("a colour", |screen| {
        before.set(colours(screen));
        before.get().is_some()
    });
    dashboard.press("t");
    dashboard.until("another theme", |screen| colours(screen) != before.get());
    dashboard.until_shows(&["READY"]);
}
