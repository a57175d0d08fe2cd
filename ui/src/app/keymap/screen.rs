//! The keys of the screen, in the order of the footer and the help.

use super::binding::{Binding, Group, KeyCommand, LogCommand};
use super::context::{Context, Scope};
use crate::app::view::{Interruption, Tab};
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

/// Rows of [`Scope::Screen`].
pub(super) static TABLE: &[Binding] = &[
    on_screen(
        Group::Temporal,
        &[(Key::char('s'), KeyCommand::Start)],
        ("s", "start", 1),
        "start the server; after a failure, try again",
        |c| c.model.can.start,
        |c| why_not(c.model, "the server is already running"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('x'), KeyCommand::Interrupt(Interruption::Stop))],
        ("x", "stop", 1),
        "stop the server; the dashboard stays open",
        |c| c.model.can.stop,
        |c| why_not(c.model, "the server is not running"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('r'), KeyCommand::Interrupt(Interruption::Restart))],
        ("r", "restart", 1),
        "restart the server: a new generation with the same options",
        |c| c.model.can.restart,
        |c| why_not(c.model, "the server is not running"),
    ),
    on_screen(
        Group::Temporal,
        &[(Key::char('o'), KeyCommand::OpenWebUi)],
        ("o", "web UI", 5),
        "open the web UI in the browser",
        |c| c.model.ui_url.is_some() && c.model.state.is_up(),
        |_| "the server has no web UI now",
    ),
    on_screen(
        Group::Panels,
        &[
            (key(KeyCode::Tab), KeyCommand::NextTab),
            (key(KeyCode::BackTab), KeyCommand::PreviousTab),
        ],
        ("Tab", "panel", 3),
        "next tab; with Shift, previous tab",
        ALWAYS,
        SILENT,
    ),
    // The footer does not show the keys 1 to 3, because the titles of the tabs show these numbers.
    tab(&[(Key::char('1'), KeyCommand::Show(Tab::Log))], "1", "server log", |c| !c.on(Tab::Log)),
    tab(
        &[(Key::char('2'), KeyCommand::Show(Tab::Timeline))],
        "2",
        "timeline: starts, stops and restarts with their durations",
        |c| !c.on(Tab::Timeline),
    ),
    tab(&[(Key::char('3'), KeyCommand::Show(Tab::OwnLog))], "3", "log of stigmer", |c| {
        !c.on(Tab::OwnLog)
    }),
    on_screen(
        Group::Panels,
        SCROLL,
        ("↑↓", "select", 6),
        "select a line or entry; PgUp PgDn, Home End, wheel, click",
        moves,
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(key(KeyCode::Enter), KeyCommand::Open)],
        ("Enter", "open", 4),
        "open the selected line or entry; a second click does the same",
        |c| match c.view.tab {
            Tab::Log => c.current().is_some(),
            Tab::Timeline => !c.model.timeline.is_empty() && c.fits(),
            Tab::OwnLog => false,
        },
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(Key::char('f'), KeyCommand::Follow)],
        ("f", "follow", 0),
        "follow the log again; select the newest entry",
        |c| match c.view.tab {
            Tab::Log => c.in_log() && !c.view.log.follows(),
            Tab::Timeline => c.fits() && !c.view.timeline.is_newest(),
            Tab::OwnLog => false,
        },
        |c| match c.view.tab {
            Tab::Log => "already following the log",
            Tab::Timeline => "already at the newest entry",
            Tab::OwnLog => "",
        },
    ),
    log(
        &[(Key::char('/'), KeyCommand::Log(LogCommand::OpenPrompt))],
        ("/", "search", 2),
        "search by regular expression; case-insensitive unless the pattern has a capital letter",
        in_log,
        |_| "search is available in the server log: 1",
    ),
    log(
        &[
            (Key::char('n'), KeyCommand::Log(LogCommand::NextMatch)),
            (Key::char('N'), KeyCommand::Log(LogCommand::PreviousMatch)),
        ],
        ("n N", "match", 2),
        "next match, previous match",
        has_other_match,
        |c| if c.on(Tab::Log) { "no other match; / searches" } else { "" },
    ),
    log(
        &[(key(KeyCode::Esc), KeyCommand::Log(LogCommand::Cancel))],
        ("Esc", "clear", 3),
        "clear the selected range; end the search",
        |c| c.in_log() && (c.view.log.search().is_some() || c.view.log.has_range()),
        SILENT,
    ),
    log(
        &[(Key::char('l'), KeyCommand::Log(LogCommand::NextLevel))],
        ("l", "level", 3),
        "minimum level: all, info, warnings, errors",
        in_log,
        SILENT,
    ),
    log(
        &[(Key::char('c'), KeyCommand::Log(LogCommand::OpenComponents))],
        ("c", "component", 5),
        "show one component only",
        |c| c.in_log() && !c.log.is_empty(),
        SILENT,
    ),
    log(
        &[(Key::char('y'), KeyCommand::Copy)],
        ("y", "copy", 4),
        "copy the selected lines, or the newest; or drag the mouse",
        log_has_rows,
        SILENT,
    ),
    log(
        &[
            (Key::char('v'), KeyCommand::Log(LogCommand::ToggleRange)),
            (shifted(KeyCode::Up), KeyCommand::Log(LogCommand::Extend(Move::Up(1)))),
            (shifted(KeyCode::Down), KeyCommand::Log(LogCommand::Extend(Move::Down(1)))),
        ],
        ("v", "range", 7),
        "select a range of lines: v, then move; or Shift with ↑↓",
        log_has_rows,
        SILENT,
    ),
    log(
        &[(Key::char('z'), KeyCommand::Log(LogCommand::ToggleFolds))],
        ("z", "fold", 7),
        "fold or unfold the routine lines of starts and stops",
        log_has_rows,
        SILENT,
    ),
    log(
        &[(Key::char('w'), KeyCommand::Log(LogCommand::ToggleWrap))],
        ("w", "wrap", 7),
        "wrap or clip long lines",
        log_has_rows,
        SILENT,
    ),
    log(
        &[
            (key(KeyCode::Left), KeyCommand::Log(LogCommand::ShiftLeft)),
            (key(KeyCode::Right), KeyCommand::Log(LogCommand::ShiftRight)),
        ],
        ("←→", "sideways", 9),
        "scroll clipped lines sideways",
        |c| c.log_has_rows() && !c.view.log.wrap,
        SILENT,
    ),
    log(
        &[(Key::ctrl('l'), KeyCommand::Log(LogCommand::Clear))],
        ("Ctrl-L", "clear", 8),
        "hide all lines up to now; press again to show them",
        |c| c.in_log() && (c.view.log.filter().from > 0 || !c.log.is_empty()),
        SILENT,
    ),
    on_screen(
        Group::Panels,
        &[(Key::char('e'), KeyCommand::OpenFile)],
        ("e", "pager", 8),
        "open the log file in $PAGER, or in $EDITOR",
        |c| !c.on(Tab::Timeline) && c.fits(),
        SILENT,
    ),
    pane(
        &[
            (key(KeyCode::Up), KeyCommand::ScrollPane(KeyCode::PageUp)),
            (key(KeyCode::Down), KeyCommand::ScrollPane(KeyCode::PageDown)),
            (key(KeyCode::PageUp), KeyCommand::Pane),
            (key(KeyCode::PageDown), KeyCommand::Pane),
        ],
        ("↑↓", "scroll"),
        "scroll the lines",
        |c| c.in_own_log() && !c.view.shows_targets(),
    ),
    pane(
        &[(key(KeyCode::Up), KeyCommand::Pane), (key(KeyCode::Down), KeyCommand::Pane)],
        ("↑↓", "target"),
        "select a target (a module of stigmer)",
        targets,
    ),
    pane(
        &[(key(KeyCode::Left), KeyCommand::Pane), (key(KeyCode::Right), KeyCommand::Pane)],
        ("←→", "level"),
        "show fewer or more log levels of the selected target",
        targets,
    ),
    pane(
        &[(Key::char('-'), KeyCommand::Pane), (Key::char('+'), KeyCommand::Pane)],
        ("- +", ""),
        "record fewer or more log levels of the selected target",
        targets,
    ),
    pane(
        &[(key(KeyCode::PageUp), KeyCommand::Pane), (key(KeyCode::PageDown), KeyCommand::Pane)],
        ("PgUp PgDn", "scroll"),
        "scroll the lines",
        targets,
    ),
    pane(
        &[(key(KeyCode::Esc), KeyCommand::Pane)],
        ("Esc", "newest"),
        "back to the newest lines",
        in_own_log,
    ),
    pane(
        &[(Key::char('h'), KeyCommand::ToggleTargets)],
        ("h", "targets"),
        "show or hide the list of targets",
        in_own_log,
    ),
    pane(
        &[(Key::char('f'), KeyCommand::Pane)],
        ("f", "focus"),
        "show the selected target only",
        targets,
    ),
    pane(
        &[(Key::char(' '), KeyCommand::Pane)],
        ("Space", ""),
        "show or hide disabled targets",
        targets,
    ),
    on_screen(
        Group::Program,
        &[(Key::char('t'), KeyCommand::NextTheme)],
        ("t", "theme", 8),
        "next theme: dark, light, high contrast, 16 colours, none",
        ALWAYS,
        SILENT,
    ),
    on_screen(
        Group::Program,
        &[(Key::char('?'), KeyCommand::OpenHelp)],
        ("?", "help", 0),
        "this page",
        fits,
        |_| "the screen is too small for the help",
    ),
    on_screen(
        Group::Program,
        &[(Key::char('q'), KeyCommand::Quit), (Key::ctrl('c'), KeyCommand::Quit)],
        ("q", "quit", 0),
        "quit; if this dashboard hosts the server, a dialog asks first",
        ALWAYS,
        SILENT,
    ),
];

pub(super) const SCROLL: &[(Key, KeyCommand)] = &[
    (key(KeyCode::Up), KeyCommand::Scroll(Move::Up(1))),
    (key(KeyCode::Down), KeyCommand::Scroll(Move::Down(1))),
    (key(KeyCode::PageUp), KeyCommand::Scroll(Move::PageUp)),
    (key(KeyCode::PageDown), KeyCommand::Scroll(Move::PageDown)),
    (key(KeyCode::Home), KeyCommand::Scroll(Move::First)),
    (key(KeyCode::End), KeyCommand::Scroll(Move::Last)),
];

fn in_log(c: &Context<'_>) -> bool {
    c.in_log()
}

fn log_has_rows(c: &Context<'_>) -> bool {
    c.log_has_rows()
}

pub(super) fn has_other_match(c: &Context<'_>) -> bool {
    c.has_other_match()
}

fn in_own_log(c: &Context<'_>) -> bool {
    c.in_own_log()
}

/// Whether the list of targets of stigmer's own log is visible.
fn targets(c: &Context<'_>) -> bool {
    c.in_own_log() && c.view.shows_targets()
}

fn moves(c: &Context<'_>) -> bool {
    c.moves()
}

fn fits(c: &Context<'_>) -> bool {
    c.fits()
}

/// Returns a row of the table for the screen. `footer` is the text of the keys, the label and the
/// rank.
const fn on_screen(
    group: Group,
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    let (shown, short, rank) = footer;
    Binding { scope: Scope::Screen, group, keys, shown, short, long, rank, works, why_not }
}

const fn tab(
    keys: &'static [(Key, KeyCommand)],
    shown: &'static str,
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::Panels, keys, (shown, "", 9), long, works, SILENT)
}

const fn log(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    on_screen(Group::Log, keys, footer, long, works, why_not)
}

const fn pane(
    keys: &'static [(Key, KeyCommand)],
    (shown, short): (&'static str, &'static str),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::OwnLog, keys, (shown, short, 4), long, works, SILENT)
}

fn why_not(model: &Model, otherwise: &'static str) -> &'static str {
    if !model.managed && model.state != StateView::Stopped {
        return "external server: not started by stigmer";
    }
    match model.state {
        StateView::Stopping => "the server is stopping",
        StateView::Stopped
        | StateView::Starting
        | StateView::Ready
        | StateView::Degraded
        | StateView::Backoff
        | StateView::Failed => otherwise,
    }
}
