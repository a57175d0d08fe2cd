//! The dashboard of the host and an attached dashboard draw the same cells.

use crate::support::rig::Rig;
use crate::support::{LIMIT, within};
use crate::terminal::{Dashboard, ESC};

/// Waits until both dashboards show the same cells, except for the label of the host.
fn until_same(host: &Dashboard<'_>, attached: &Dashboard<'_>) {
    // Each dashboard has its own clock and receives a change at another time, so the cells may
    // differ for a moment. But the cells must become equal again after each change.
    if !within(LIMIT, || host.read(cells) == attached.read(cells)) {
        let [host, attached] = [host, attached].map(|it| it.read(vt100::Screen::contents));
        let differ: Vec<_> = host.lines().zip(attached.lines()).filter(|(a, b)| a != b).collect();
        panic!("the cells of host and viewer differ: {differ:#?}\n{host}");
    }
}

/// Returns every cell with its colours, without the label of the host. That label is in the row
/// of the processes, on the tab of the server.
fn cells(screen: &vt100::Screen) -> Vec<Vec<String>> {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    (0..rows)
        .map(|row| {
            let line = (0..columns).filter_map(|column| screen.cell(row, column)).map(|cell| {
                let colours = (cell.fgcolor(), cell.bgcolor());
                let weight = (cell.bold(), cell.dim(), cell.inverse(), cell.underline());
                format!("{} {colours:?} {weight:?}", cell.contents())
            });
            let line: Vec<String> = line.collect();
            let text = screen.contents_between(row, 0, row, columns);
            if text.contains("Processes") {
                // The words after the label are further to the right if the label is longer.
                text.split_whitespace()
                    .map(|word| word.trim_end_matches(','))
                    .filter(|word| !["this", "dashboard"].contains(word))
                    .filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()))
                    .map(str::to_owned)
                    .collect()
            } else {
                line
            }
        })
        .collect()
}

#[test]
fn host_and_attached_dashboard_draw_the_same_cells_through_a_crash_and_every_tab() {
    let rig = Rig::new();
    let host = Dashboard::on_server(&rig);
    host.until_shows(&["READY", "generation 1"]);
    let attached = Dashboard::on_server(&rig);
    let label = format!("dashboard {}", host.pid());
    attached.until_shows(&["READY", "generation 1", &label]);
    host.until_shows(&["this dashboard"]);
    until_same(&host, &attached);

    rig.temporal().kill();
    for dashboard in [&host, &attached] {
        dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    }
    until_same(&host, &attached);
    for keys in ["1", "2", "3", "4", "5", "?"] {
        host.press(keys);
        attached.press(keys);
        until_same(&host, &attached);
    }
    for dashboard in [&host, &attached] {
        dashboard.press(ESC);
        dashboard.until_hides("Commands");
        dashboard.resize(80, 24);
    }
    until_same(&host, &attached);
}

#[test]
fn command_of_host_or_viewer_is_shown_on_both() {
    let rig = Rig::new();
    let host = Dashboard::on_server(&rig);
    host.until_shows(&["READY", "generation 1"]);
    let attached = Dashboard::on_server(&rig);
    attached.until_shows(&["READY", "generation 1"]);

    attached.press("r");
    for dashboard in [&attached, &host] {
        dashboard.until_shows(&["READY", "generation 2"]);
    }
    host.press("r");
    for dashboard in [&host, &attached] {
        dashboard.until_shows(&["READY", "generation 3"]);
    }
    attached.press("x");
    for dashboard in [&attached, &host] {
        dashboard.until_shows(&["STOPPED"]);
    }
    host.press("s");
    for dashboard in [&host, &attached] {
        dashboard.until_shows(&["READY", "generation 4"]);
    }
    rig.run(&["stop"]).exits(0);
    for dashboard in [&host, &attached] {
        dashboard.until_shows(&["STOPPED"]);
    }
}
