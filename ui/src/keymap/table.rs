//! The rows of the table, in the order in which footer and help show them.

use super::{Binding, Command, Context, Group, Scope};
use crate::input::{Key, KeyCode};
use crate::model::{Model, StateView};
use crate::view::{Move, Tab};

const fn key(code: KeyCode) -> Key {
    Key::plain(code)
}

const SILENT: fn(&Context<'_>) -> &'static str = |_| "";
const ALWAYS: fn(&Context<'_>) -> bool = |_| true;

/// The table.
pub(crate) static TABLE: &[Binding] = &[
    Binding {
        scope: Scope::Screen,
        group: Group::Temporal,
        keys: &[(Key::char('s'), Command::Start)],
        shown: "s",
        short: "start",
        long: "start Temporal; after a failure: try again",
        rank: 1,
        works: |c| c.model.can.start,
        why_not: |c| why_not(c.model, "Temporal is up already"),
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Temporal,
        keys: &[(Key::char('x'), Command::Stop)],
        shown: "x",
        short: "stop",
        long: "stop Temporal; the dashboard stays",
        rank: 1,
        works: |c| c.model.can.stop,
        why_not: |c| why_not(c.model, "nothing runs that could be stopped"),
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Temporal,
        keys: &[(Key::char('r'), Command::Restart)],
        shown: "r",
        short: "restart",
        long: "restart Temporal: a new generation, same options",
        rank: 1,
        works: |c| c.model.can.restart,
        why_not: |c| why_not(c.model, "nothing runs that could be restarted"),
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Temporal,
        keys: &[(Key::char('o'), Command::OpenWebUi)],
        shown: "o",
        short: "web UI",
        long: "open Temporal's web UI in the browser",
        rank: 5,
        works: |c| c.model.ui_url.is_some() && c.model.state.is_up(),
        why_not: |_| "there is no web UI to open now",
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Panels,
        keys: &[
            (key(KeyCode::Tab), Command::NextTab),
            (key(KeyCode::BackTab), Command::PreviousTab),
        ],
        shown: "Tab",
        short: "panel",
        long: "next panel; with Shift the one before",
        rank: 3,
        works: ALWAYS,
        why_not: SILENT,
    },
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
    Binding {
        scope: Scope::Screen,
        group: Group::Panels,
        keys: &[(Key::char('f'), Command::Follow)],
        shown: "f",
        short: "follow",
        long: "follow the log again",
        rank: 2,
        works: |c| c.on(Tab::Log) && !c.view.log.follows(),
        why_not: |c| if c.on(Tab::Log) { "the log is being followed" } else { "" },
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Panels,
        keys: SCROLL,
        shown: "↑↓",
        short: "scroll",
        long: "scroll; also PgUp PgDn, Home End and the wheel",
        rank: 6,
        works: |c| c.scrolls(),
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Panels,
        keys: &[
            (key(KeyCode::Left), Command::ShiftLeft),
            (key(KeyCode::Right), Command::ShiftRight),
        ],
        shown: "←→",
        short: "sideways",
        long: "scroll long lines sideways",
        rank: 7,
        works: |c| c.on(Tab::Log) && !c.log.is_empty(),
        why_not: SILENT,
    },
    pane(
        &[(key(KeyCode::Up), Command::Pane), (key(KeyCode::Down), Command::Pane)],
        "↑↓",
        "target",
        "choose a target",
    ),
    pane(
        &[(key(KeyCode::Left), Command::Pane), (key(KeyCode::Right), Command::Pane)],
        "←→",
        "level",
        "show less or more of that target",
    ),
    pane(
        &[(Key::char('-'), Command::Pane), (Key::char('+'), Command::Pane)],
        "- +",
        "",
        "record less or more of that target",
    ),
    pane(
        &[(key(KeyCode::PageUp), Command::Pane), (key(KeyCode::PageDown), Command::Pane)],
        "PgUp PgDn",
        "scroll",
        "scroll its lines",
    ),
    pane(&[(key(KeyCode::Esc), Command::Pane)], "Esc", "newest", "back to its newest lines"),
    pane(&[(Key::char('f'), Command::Pane)], "f", "focus", "only the chosen target"),
    pane(
        &[(Key::char('h'), Command::Pane), (Key::char(' '), Command::Pane)],
        "h Space",
        "",
        "hide the list of targets; hide targets that are off",
    ),
    Binding {
        scope: Scope::Screen,
        group: Group::Program,
        keys: &[(Key::char('t'), Command::NextTheme)],
        shown: "t",
        short: "theme",
        long: "next theme: dark, light, high contrast, 16 colours, none",
        rank: 8,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Program,
        keys: &[(Key::char('?'), Command::OpenHelp)],
        shown: "?",
        short: "help",
        long: "this page",
        rank: 0,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Screen,
        group: Group::Program,
        keys: &[(Key::char('q'), Command::Quit), (Key::ctrl('c'), Command::Quit)],
        shown: "q",
        short: "quit",
        long: "quit; asks first when Temporal would be left alone",
        rank: 0,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Help,
        group: Group::Dialog,
        keys: &[
            (key(KeyCode::Esc), Command::CloseOverlay),
            (Key::char('?'), Command::CloseOverlay),
            (Key::char('q'), Command::CloseOverlay),
        ],
        shown: "Esc",
        short: "close",
        long: "close this page",
        rank: 0,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Help,
        group: Group::Dialog,
        keys: SCROLL,
        shown: "↑↓",
        short: "scroll",
        long: "scroll",
        rank: 1,
        works: |c| c.view.help.scrolls(),
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Help,
        group: Group::Dialog,
        keys: &[(Key::ctrl('c'), Command::Quit)],
        shown: "Ctrl-C",
        short: "quit",
        long: "quit",
        rank: 2,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Quit,
        group: Group::Dialog,
        keys: &[(Key::char('x'), Command::StopAndQuit)],
        shown: "x",
        short: "stop and quit",
        long: "stop Temporal and quit",
        rank: 0,
        works: ALWAYS,
        why_not: SILENT,
    },
    Binding {
        scope: Scope::Quit,
        group: Group::Dialog,
        // The key that opened the dialog, pressed again, must never cost anything: Temporal stays up.
        keys: &[
            (Key::char('b'), Command::Background),
            (Key::char('q'), Command::Background),
            (Key::ctrl('c'), Command::Background),
        ],
        shown: "b",
        short: "background",
        long: "keep it running in the background and quit",
        rank: 0,
        works: |c| c.model.can.background,
        why_not: |_| "it cannot be kept running from here: x or Esc",
    },
    Binding {
        scope: Scope::Quit,
        group: Group::Dialog,
        keys: &[(key(KeyCode::Esc), Command::CloseOverlay)],
        shown: "Esc",
        short: "stay",
        long: "stay here",
        rank: 0,
        works: ALWAYS,
        why_not: SILENT,
    },
];

const SCROLL: &[(Key, Command)] = &[
    (key(KeyCode::Up), Command::Scroll(Move::Up(1))),
    (key(KeyCode::Down), Command::Scroll(Move::Down(1))),
    (key(KeyCode::PageUp), Command::Scroll(Move::PageUp)),
    (key(KeyCode::PageDown), Command::Scroll(Move::PageDown)),
    (key(KeyCode::Home), Command::Scroll(Move::First)),
    (key(KeyCode::End), Command::Scroll(Move::Last)),
];

const fn tab(
    keys: &'static [(Key, Command)],
    shown: &'static str,
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    let (scope, group) = (Scope::Screen, Group::Panels);
    Binding { scope, group, keys, shown, short: "", long, rank: 9, works, why_not: SILENT }
}

const fn pane(
    keys: &'static [(Key, Command)],
    shown: &'static str,
    short: &'static str,
    long: &'static str,
) -> Binding {
    let (scope, group) = (Scope::Screen, Group::OwnLog);
    let works: fn(&Context<'_>) -> bool = |c| c.on(Tab::OwnLog);
    Binding { scope, group, keys, shown, short, long, rank: 4, works, why_not: SILENT }
}

fn why_not(model: &Model, otherwise: &'static str) -> &'static str {
    if !model.managed && model.state != StateView::Stopped {
        return "somebody else runs this Temporal: stigmer only watches it";
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
