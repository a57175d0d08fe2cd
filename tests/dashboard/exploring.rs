//! The log of the server, with keys and mouse.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, END, ESC};

const ENTER: &str = "\r";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const CTRL_L: &str = "\x0c";

/// A dashboard that shows the log without folds.
fn open(rig: &Rig) -> Dashboard<'_> {
    let dashboard = Dashboard::open(rig);
    dashboard.until_shows(&["READY", "0 running", "routine lines"]);
    dashboard.press("4");
    dashboard.until_shows(&["following", "routine lines"]);
    dashboard.press("z");
    dashboard.until_shows(&["unfolded"]);
    until_log_fills_the_page(&dashboard);
    dashboard
}

/// A frame arrives in parts, from the top to the bottom.
fn until_log_fills_the_page(dashboard: &Dashboard<'_>) {
    dashboard.until("the log to fill the page", |screen| {
        let (rows, columns) = screen.size();
        // The last row is the footer.
        let last = screen.rows(0, columns.get()).nth(usize::from(rows.get()) - 2);
        last.is_some_and(|row| [" INFO ", " WARN "].iter().any(|level| row.contains(level)))
    });
}

#[test]
fn search_finds_while_typing_steps_and_ends() {
    let rig = Rig::new();
    let dashboard = open(&rig);
    dashboard.press("/quota chan");
    dashboard.until_shows(&["/quota chan▏", "Enter done", "Quota changed", "paused"]);
    dashboard.press("ge(");
    dashboard.until_shows(&["unclosed group"]);
    dashboard.press("\x7f");
    dashboard.until_hides("unclosed group");
    dashboard.press(ENTER);
    dashboard.until_hides("Enter done");
    dashboard.until_shows(&["n N match", "/quota change"]);
    // Step beyond the last match to the first match, and back. Several steps may be necessary,
    // because the server may still write lines of its start.
    dashboard.press_until_shows("n", &["/quota change 1/"]);
    dashboard.press("N");
    dashboard.until_hides("/quota change 1/");
    dashboard.press(ESC);
    dashboard.until_hides("n N match");
    dashboard.press("f");
    dashboard.until_shows(&["following"]);
}

#[test]
fn lines_are_filtered_cleared_opened_and_folded() {
    let rig = Rig::new();
    let dashboard = open(&rig);
    dashboard.press("ll");
    dashboard.until_shows(&["warnings and errors"]);
    dashboard.until_hides(" INFO ");
    dashboard.press("ll");
    dashboard.until_shows(&[" INFO "]);

    dashboard.press("c");
    dashboard.until_shows(&["Source", "show only this", "frontend"]);
    dashboard.click("  frontend   ");
    dashboard.until_shows(&["only frontend"]);
    dashboard.until_hides(" matching ");
    dashboard.press(ENTER);
    dashboard.until_shows(&["Line ", "component", "\"service\":\"frontend\""]);
    dashboard.press(ESC);
    dashboard.until_hides("\"service\"");
    dashboard.press("c");
    dashboard.until_shows(&["show only this"]);
    dashboard.press("\x1b[H");
    dashboard.press(ENTER);
    dashboard.until_hides("only frontend");

    dashboard.press(CTRL_L);
    dashboard.until_shows(&["hidden; Ctrl-L", "cleared"]);
    dashboard.press(CTRL_L);
    dashboard.until_hides("hidden; Ctrl-L");
    dashboard.press("z");
    dashboard.until_shows(&["routine lines"]);
}

#[test]
fn selected_lines_are_copied_to_the_clipboard_of_the_terminal() {
    let rig = Rig::new();
    let dashboard = open(&rig);
    dashboard.press("y");
    dashboard.until_shows(&["copied 1 line"]);
    let line = dashboard.until_copied();
    let has_level = [" INFO ", " WARN "].iter().any(|level| line.contains(level));
    assert!(has_level && !line.contains('\n'), "{line:?}");

    dashboard.press(UP);
    dashboard.until_shows(&["paused"]);
    dashboard.press(&format!("v{UP}{DOWN}{UP}{UP}"));
    dashboard.press("y");
    dashboard.until_shows(&["copied 3 lines"]);
    let lines = dashboard.until_copied();
    assert_eq!(lines.lines().count(), 3, "{lines:?}");
}

#[test]
fn mouse_changes_tabs_scrolls_selects_and_copies() {
    let rig = Rig::new();
    let dashboard = open(&rig);
    dashboard.click_until_shows("5 Server", &["started by you"]);
    // A frame arrives in parts. When its last row (the footer) is there, the frame is complete.
    dashboard.click_until_shows("4 Logs", &["following", "y copy", "? help  q quit"]);
    dashboard.click_until_shows("? help", &["Commands", "Esc back"]);
    dashboard.mouse(0, (0, 0), true);
    dashboard.until_hides("Esc back");
    until_log_fills_the_page(&dashboard);

    let (x, y) = dashboard.find(" INFO ");
    dashboard.mouse(64, (x, y), true);
    dashboard.until_shows(&["paused"]);
    // A new line moves the end of the log.
    dashboard.repeat_until_shows(|| dashboard.mouse(65, (x, y), true), &["following"]);

    // Pause the log, so that new lines do not move it.
    dashboard.mouse(64, (x, y), true);
    dashboard.until_shows(&["paused"]);
    // Positions of rows, counted upwards from the last row of the log.
    let place = |up: u16| (x, y - up);
    dashboard.mouse(0, place(0), true);
    dashboard.mouse(32, place(1), true);
    dashboard.mouse(32, place(2), true);
    dashboard.mouse(0, place(2), false);
    dashboard.until_shows(&["copied 3 lines"]);
    assert_eq!(dashboard.until_copied().lines().count(), 3);

    // Drag above the first row: each mouse report selects one more line, which was not visible
    // before.
    let (_, tabs) = dashboard.find("4 Logs");
    dashboard.mouse(0, (x, tabs + 2), true);
    for _ in 0..3 {
        dashboard.mouse(32, (x, tabs), true);
    }
    dashboard.mouse(0, (x, tabs), false);
    dashboard.until_shows(&["copied 4 lines"]);
    assert_eq!(dashboard.until_copied().lines().count(), 4);
    dashboard.mouse(0, place(5), true);
    dashboard.mouse(0, place(5), false);
    dashboard.mouse(0, place(5), true);
    dashboard.mouse(0, place(5), false);
    dashboard.until_shows(&["Line ", "level"]);
}

#[test]
fn pager_has_the_terminal_until_it_ends() {
    let rig = Rig::new();
    let pager = r#"export PAGER="sh -c 'echo this is \$0; read key'""#;
    let dashboard = Dashboard::open_after(&rig, pager);
    dashboard.until_shows(&["READY", "routine lines"]);
    dashboard.press("e");
    dashboard.until_shows(&["this is ", "logs/temporal.log"]);
    dashboard.assert_restored();
    dashboard.press("\n");
    dashboard.until_shows(&["READY", "routine lines"]);
    dashboard.press(&format!("4c{END}{ENTER}"));
    dashboard.until_shows(&["targets"]);
    dashboard.press("e");
    dashboard.until_shows(&["this is ", "logs/stigmer.log"]);
    dashboard.press("\n");
    dashboard.until_shows(&["READY", "targets"]);
    dashboard.press("1");
    dashboard.until_shows(&["routine lines"]);
}
