//! The dashboard in the host and one that is attached draw the same cells.

use crate::support::rig::Rig;
use crate::support::{LIMIT, within};
use crate::terminal::{Dashboard, ESC};

/// Until both show the same, but for what is said of the host.
fn until_same(host: &Dashboard<'_>, attached: &Dashboard<'_>) {
    // Both tick by themselves and hear of news one after the other: what counts is
    // that they agree again and again, and entirely.
    if !within(LIMIT, || host.read(cells) == attached.read(cells)) {
        let [host, attached] = [host, attached].map(|it| it.read(vt100::Screen::contents));
        let differ: Vec<_> = host.lines().zip(attached.lines()).filter(|(a, b)| a != b).collect();
        panic!("the host's cells and the attached one's differ: {differ:#?}\n{host}");
    }
}

/// Every cell with its colours. The host label stands in the frame of the upper
/// tile, between its title and the home's path; both ends of that line count.
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
            if text.contains(" · ") && text.contains("stigmer local") {
                // A label that is longer leaves less of the line before it.
                text.split_whitespace()
                    .filter(|word| !word.contains('─'))
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
fn the_host_and_an_attached_dashboard_draw_the_same_cells_through_a_crash_and_every_tab() {
    let rig = Rig::new();
    let host = Dashboard::open(&rig);
    host.until_shows(&["READY", "generation 1"]);
    let attached = Dashboard::open(&rig);
    let label = format!("dashboard {}", host.pid());
    attached.until_shows(&["READY", "generation 1", &label]);
    host.until_shows(&["this dashboard"]);
    until_same(&host, &attached);

    rig.temporal().kill();
    for dashboard in [&host, &attached] {
        dashboard.until_shows(&["READY", "generation 2", "last: crash"]);
    }
    until_same(&host, &attached);
    for keys in ["2", "3", "1", "?"] {
        host.press(keys);
        attached.press(keys);
        until_same(&host, &attached);
    }
    for dashboard in [&host, &attached] {
        dashboard.press(ESC);
        dashboard.until_hides("Help");
        dashboard.resize(80, 24);
    }
    until_same(&host, &attached);
}

#[test]
fn a_command_from_either_side_is_seen_on_the_other() {
    let rig = Rig::new();
    let host = Dashboard::open(&rig);
    host.until_shows(&["READY", "generation 1"]);
    let attached = Dashboard::open(&rig);
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
