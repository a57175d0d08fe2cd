//! The content of the screen at each size of the terminal.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, END, ESC, PAGE_UP, TAB};

const LAYERS: [&str; 6] = ["lock", "process", "tcp", "grpc", "store", "engine"];

#[test]
fn required_information_is_shown_at_every_size() {
    let rig = Rig::new();
    let dashboard = Dashboard::sized(&rig, 80, 24);
    let address = rig.address();
    dashboard.until_shows(&["READY", "up ", "0 restarts", &address, "UI :", "✓", " %", " MB"]);
    dashboard.until_shows(&["1 Overview", "5 Server", "Problems", "Workers", "Recent workflows"]);
    dashboard.until_shows(&["Log", "routine lines", "x stop", "r restart", "? help", "q quit"]);
    let pid = format!("pid {}", rig.temporal().pid);

    dashboard.press("5");
    let checks = LAYERS.map(|layer| format!("✓ {layer}"));
    dashboard.until_shows(&checks.each_ref().map(String::as_str));
    dashboard.until_shows(&["Health", "generation 1", &pid, "median", "none so far", "Restarts"]);
    dashboard.resize(120, 36);
    dashboard.until_shows(&["READY", "6 checks", "CPU", "temporal.db", "Temporal 1."]);
    dashboard.until_shows(&checks.each_ref().map(String::as_str));

    dashboard.resize(40, 10);
    dashboard.until_shows(&["READY", "up ", "✓✓✓✓✓✓"]);
    dashboard.resize(20, 5);
    dashboard.until_shows(&["READY", "needs 40x10"]);
    dashboard.resize(80, 24);
    dashboard.until_shows(&["READY", "generation 1", &pid]);
    dashboard.press("1");
    dashboard.until_shows(&["READY", "routine lines"]);
}

#[test]
fn many_resizes_leave_a_complete_screen() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let pid = rig.temporal().pid;
    for i in 0..120_u16 {
        dashboard.resize(1 + i * 37 % 200, 1 + i * 23 % 60);
        dashboard.press(["1", "2", "3", "4", "5"][usize::from(i % 5)]);
    }
    dashboard.resize(80, 24);
    // A key at the same moment as a resize must not be lost.
    dashboard.press("4");
    dashboard.until_shows(&["READY", "restarts", "following", "routine lines", "q quit"]);
    assert_eq!(rig.temporal().pid, pid);
}

#[test]
fn resize_and_back_leaves_a_complete_screen() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "routine lines"]);
    dashboard.press("5");
    for _ in 0..10 {
        dashboard.resize(40, 10);
        dashboard.resize(120, 36);
        dashboard.until_shows(&[
            "READY",
            "Health",
            "engine",
            "Processes",
            "started by you",
            "q quit",
        ]);
    }
}

#[test]
fn keys_change_tabs_help_theme_and_scroll_position() {
    let rig = Rig::new();
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "Recent workflows"]);

    dashboard.press("5");
    dashboard.until_shows(&["started by you", "ready in"]);
    dashboard.press("4c");
    dashboard.until_shows(&["Source", "stigmer"]);
    dashboard.press(&format!("{END}\r"));
    dashboard.until_shows(&["targets", "hosting", "started the server process"]);
    dashboard.resize(40, 10);
    dashboard.until_hides("targets");
    dashboard.until_shows(&["manager", "state=ready"]);
    dashboard.resize(120, 36);
    dashboard.until_shows(&["targets", "hosting"]);
    dashboard.press(TAB);
    dashboard.until_shows(&["started by you"]);
    dashboard.press(TAB);
    dashboard.until_shows(&["Recent workflows"]);

    dashboard.press("/");
    dashboard.until_shows(&["Enter done", "following"]);
    dashboard.press(ESC);
    dashboard.until_hides("Enter done");
    dashboard.press(PAGE_UP);
    dashboard.until_shows(&["paused"]);
    dashboard.press("f");
    dashboard.until_shows(&["following"]);

    dashboard.press("?");
    dashboard.until_shows(&["Commands", "a new generation with the same options"]);
    dashboard.press(ESC);
    dashboard.until_hides("Commands");
    dashboard.press("X");
    dashboard.until_shows(&["unknown key, ? lists all keys"]);

    let colours =
        |screen: &vt100::Screen| screen.cell(0, 20).map(|cell| (cell.fgcolor(), cell.bgcolor()));
    let before = std::cell::Cell::new(None);
    dashboard.until("a colour", |screen| {
        before.set(colours(screen));
        before.get().is_some()
    });
    dashboard.press("t");
    dashboard.until("another theme", |screen| colours(screen) != before.get());
    dashboard.press(":theme dark\r");
    dashboard.until("the first theme", |screen| colours(screen) == before.get());
    dashboard.until_shows(&["READY"]);
}
