//! The rows of the screen itself, in the order in which footer and help show them.

use super::binding::{Binding, Command, Group};
use super::context::{Context, Scope};
use crate::app::view::{Order, Tab};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};
use crate::model::{Model, StateView};

pub(super) const fn key(code: KeyCode) -> Key {
    Key::plain(code)
}

const fn shifted(code: KeyCode) -> Key {
    Key { shift: true, ..Key::plain(code) }
}

pub(super) const SILENT: fn(&Context<'_>) -> &'static str = |_| "";
pub(super) const ALWAYS: fn(&Context<'_>) -> bool = |_| true;

/// What works while nothing is in front.
pub(super) static TABLE: &[Binding] = &[
    on_screen(
        Group::Temporal,
        &[(Key::char('s'), Command::Start)],
        ("s", "start", 1),
        "start Temporal; after a failure: try again",
        |c| c.model.can.start,
        |c| why_not(c.model, "Temporal is up already"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('x'), Command::Order(Order::Stop))],
        ("x", "stop", 1),
        "stop Temporal; the dashboard stays",
        |c| c.model.can.stop,
        |c| why_not(c.model, "nothing runs that could be stopped"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('r'), Command::Order(Order::Restart))],
        ("r", "restart", 1),
        "restart Temporal: a new generation, same options",
        |c| c.model.can.restart,
        |c| why_not(c.model, "nothing runs that could be restarted"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('o'), Command::OpenWebUi)],
        ("o", "web UI", 5),
        "open Temporal's web UI in the browser",
        |c| c.model.ui_url.is_some() && c.model.state.is_up(),
        |_| "there is no web UI to open now",
    ),
    on_screen(
        Group::Panels,
        &[(key(KeyCode::Tab), Command::NextTab), (key(KeyCode::BackTab), Command::PreviousTab)],
        ("Tab", "panel", 3),
        "next panel; with Shift the one before",
        ALWAYS,
        SILENT,
    ),
    // The numbers stand in the titles of the tabs.
    tab(&[(Key::char('1'), Command::Show(Tab::Log))], "1", "Temporal's log", |c| !c.on(Tab::Log)),
    tab(
        &[(Key::char('2'), Command::Show(Tab::Timeline))],
        "2",
        "timeline: starts, stops, repairs and what took the time",
        |c| !c.on(Tab::Timeline),
    ),
    tab(&[(Key::char('3'), Command::Show(Tab::OwnLog))], "3", "stigmer's own log", |c| {
        !c.on(Tab::OwnLog)
    }),
    on_screen(
        Group::Panels,
        SCROLL,
        ("↑↓", "choose", 6),
        "choose a line or an entry; also PgUp PgDn, Home End, wheel and click",
        moves,
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(key(KeyCode::Enter), Command::Open)],
        ("Enter", "open", 4),
        "open it in full; a click on what is chosen does the same",
        |c| match c.view.tab {
            Tab::Log => c.current().is_some(),
            Tab::Timeline => !c.model.timeline.is_empty() && c.fits(),
            Tab::OwnLog => false,
        },
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(Key::char('f'), Command::Follow)],
        ("f", "follow", 0),
        "follow the log again; back to the newest entry",
        |c| match c.view.tab {
            Tab::Log => c.in_log() && !c.view.log.follows(),
            Tab::Timeline => c.fits() && !c.view.timeline.is_newest(),
            Tab::OwnLog => false,
        },
        |c| match c.view.tab {
            Tab::Log => "the log is being followed",
            Tab::Timeline => "this is the newest entry",
            Tab::OwnLog => "",
        },
    ),
    log(
        &[(Key::char('/'), Command::OpenPrompt)],
        ("/", "search", 2),
        "search by regular expression; case-insensitive unless the pattern has a capital letter",
        in_log,
        |_| "search works in Temporal's log: 1",
    ),
    log(
        &[(Key::char('n'), Command::NextMatch), (Key::char('N'), Command::PreviousMatch)],
        ("n N", "match", 2),
        "next match below, previous match above",
        finds,
        |c| if c.on(Tab::Log) { "nothing else is found; / searches" } else { "" },
    ),
    log(
        &[(key(KeyCode::Esc), Command::Leave)],
        ("Esc", "leave", 3),
        "leave the search; drop the selection",
        |c| c.in_log() && (c.view.log.search().is_some() || c.view.log.marks()),
        SILENT,
    ),
    log(
        &[(Key::char('l'), Command::NextLevel)],
        ("l", "level", 3),
        "all lines, information, warnings, errors and above",
        in_log,
        SILENT,
    ),
    log(
        &[(Key::char('c'), Command::OpenComponents)],
        ("c", "component", 5),
        "only what one component says",
        |c| c.in_log() && !c.log.is_empty(),
        SILENT,
    ),
    log(
        &[(Key::char('y'), Command::Copy)],
        ("y", "copy", 4),
        "copy the chosen lines, or the newest; so does dragging the mouse",
        log_has_rows,
        SILENT,
    ),
    log(
        &[
            (Key::char('v'), Command::ToggleMark),
            (shifted(KeyCode::Up), Command::Extend(Move::Up(1))),
            (shifted(KeyCode::Down), Command::Extend(Move::Down(1))),
        ],
        ("v", "select", 7),
        "select more than one line: v, then move; or Shift with ↑↓",
        log_has_rows,
        SILENT,
    ),
    log(
        &[(Key::char('z'), Command::ToggleFolds)],
        ("z", "fold", 7),
        "fold what every start and stop writes, or unfold all of it",
        log_has_rows,
        SILENT,
    ),
    log(
        &[(Key::char('w'), Command::ToggleWrap)],
        ("w", "wrap", 7),
        "wrap long lines, or clip them",
        log_has_rows,
        SILENT,
    ),
    log(
        &[(key(KeyCode::Left), Command::ShiftLeft), (key(KeyCode::Right), Command::ShiftRight)],
        ("←→", "sideways", 9),
        "scroll clipped lines sideways",
        |c| c.log_has_rows() && !c.view.log.wrap,
        SILENT,
    ),
    log(
        &[(Key::ctrl('l'), Command::Clear)],
        ("Ctrl-L", "clear", 8),
        "hide all lines up to now; again: show them",
        |c| c.in_log() && (c.view.log.filter().from > 0 || !c.log.is_empty()),
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(Key::char('e'), Command::OpenFile)],
        ("e", "pager", 8),
        "open the log's file in $PAGER, or in $EDITOR",
        |c| !c.on(Tab::Timeline) && c.fits(),
        SILENT,
    ),
    pane(
        &[
            (key(KeyCode::Up), Command::ScrollPane(KeyCode::PageUp)),
            (key(KeyCode::Down), Command::ScrollPane(KeyCode::PageDown)),
            (key(KeyCode::PageUp), Command::Pane),
            (key(KeyCode::PageDown), Command::Pane),
        ],
        ("↑↓", "scroll"),
        "scroll its lines",
        |c| c.in_own_log() && !c.view.shows_targets(),
    ),
    pane(
        &[(key(KeyCode::Up), Command::Pane), (key(KeyCode::Down), Command::Pane)],
        ("↑↓", "target"),
        "choose a target",
        targets,
    ),
    pane(
        &[(key(KeyCode::Left), Command::Pane), (key(KeyCode::Right), Command::Pane)],
        ("←→", "level"),
        "show less or more of that target",
        targets,
    ),
    pane(
        &[(Key::char('-'), Command::Pane), (Key::char('+'), Command::Pane)],
        ("- +", ""),
        "record less or more of that target",
        targets,
    ),
    pane(
        &[(key(KeyCode::PageUp), Command::Pane), (key(KeyCode::PageDown), Command::Pane)],
        ("PgUp PgDn", "scroll"),
        "scroll its lines",
        targets,
    ),
    pane(
        &[(key(KeyCode::Esc), Command::Pane)],
        ("Esc", "newest"),
        "back to its newest lines",
        in_own_log,
    ),
    pane(
        &[(Key::char('h'), Command::ToggleTargets)],
        ("h", "targets"),
        "show or hide the list of targets",
        in_own_log,
    ),
    pane(&[(Key::char('f'), Command::Pane)], ("f", "focus"), "only the chosen target", targets),
    pane(
        &[(Key::char(' '), Command::Pane)],
        ("Space", ""),
        "show or hide targets that are off",
        targets,
    ),
    on_screen(
        Group::Program,
        &[(Key::char('t'), Command::NextTheme)],
        ("t", "theme", 8),
        "next theme: dark, light, high contrast, 16 colours, none",
        ALWAYS,
        SILENT,
    ),
    on_screen(
        Group::Program,
        &[(Key::char('?'), Command::OpenHelp)],
        ("?", "help", 0),
        "this page",
        fits,
        |_| "no room for help",
    ),
    on_screen(
        Group::Program,
        &[(Key::char('q'), Command::Quit), (Key::ctrl('c'), Command::Quit)],
        ("q", "quit", 0),
        "quit; asks first when Temporal would be left alone",
        ALWAYS,
        SILENT,
    ),
];

pub(super) const SCROLL: &[(Key, Command)] = &[
    (key(KeyCode::Up), Command::Scroll(Move::Up(1))),
    (key(KeyCode::Down), Command::Scroll(Move::Down(1))),
    (key(KeyCode::PageUp), Command::Scroll(Move::PageUp)),
    (key(KeyCode::PageDown), Command::Scroll(Move::PageDown)),
    (key(KeyCode::Home), Command::Scroll(Move::First)),
    (key(KeyCode::End), Command::Scroll(Move::Last)),
];

fn in_log(c: &Context<'_>) -> bool {
    c.in_log()
}

fn log_has_rows(c: &Context<'_>) -> bool {
    c.log_has_rows()
}

pub(super) fn finds(c: &Context<'_>) -> bool {
    c.finds()
}

fn in_own_log(c: &Context<'_>) -> bool {
    c.in_own_log()
}

/// The keys of the targets are pressed where those are seen.
fn targets(c: &Context<'_>) -> bool {
    c.in_own_log() && c.view.shows_targets()
}

fn moves(c: &Context<'_>) -> bool {
    c.moves()
}

fn fits(c: &Context<'_>) -> bool {
    c.fits()
}

/// `footer` is how it is written, its word and its rank there.
const fn on_screen(
    group: Group,
    keys: &'static [(Key, Command)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    let (shown, short, rank) = footer;
    Binding { scope: Scope::Screen, group, keys, shown, short, long, rank, works, why_not }
}

const fn tab(
    keys: &'static [(Key, Command)],
    shown: &'static str,
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::Panels, keys, (shown, "", 9), long, works, SILENT)
}

const fn log(
    keys: &'static [(Key, Command)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    on_screen(Group::Log, keys, footer, long, works, why_not)
}

const fn pane(
    keys: &'static [(Key, Command)],
    (shown, short): (&'static str, &'static str),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::OwnLog, keys, (shown, short, 4), long, works, SILENT)
}

fn why_not(model: &Model, otherwise: &'static str) -> &'static str {
    if !model.managed && model.state != StateView::Stopped {
        return "not started by stigmer: it is only watched";
    }
    match model.state {
        StateView::Stopping => "it is being stopped; wait a moment",
        StateView::Stopped
        | StateView::Starting
        | StateView::Ready
        | StateView::Degraded
        | StateView::Backoff
        | StateView::Failed => otherwise,
    }
}
