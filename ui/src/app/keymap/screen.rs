//! The keys that every tab has.

use super::binding::{Binding, Group, KeyCommand};
use super::context::{Context, Scope};
use crate::app::view::{Interruption, Tab};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};
use crate::model::StateView;

pub(super) const fn key(code: KeyCode) -> Key {
    Key::plain(code)
}

/// A key without an own reason why it has no effect.
pub(super) const SILENT: fn(&Context<'_>) -> &'static str = |_| "";
pub(super) const ALWAYS: fn(&Context<'_>) -> bool = |_| true;

/// The keys of the unit, which are the first ones in the footer.
pub(super) static UNIT: &[Binding] = &[
    start(Scope::Screen),
    stop(Scope::Screen),
    restart(Scope::Screen),
    start(Scope::Page),
    stop(Scope::Page),
    restart(Scope::Page),
    start(Scope::Workflow),
    stop(Scope::Workflow),
    restart(Scope::Workflow),
];

const fn start(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('s'), KeyCommand::Start)];
    unit(
        scope,
        KEYS,
        ("s", "start"),
        "start the server; after a failure, try again",
        |c| c.model.can.start && c.is_server_the_unit(),
        |c| why_not(c, "the server is already running"),
    )
}

const fn stop(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] =
        &[(Key::char('x'), KeyCommand::Interrupt(Interruption::Stop))];
    unit(
        scope,
        KEYS,
        ("x", "stop"),
        "stop the server; the dashboard stays open",
        |c| c.model.can.stop && c.is_server_the_unit(),
        |c| why_not(c, "the server is not running"),
    )
}

const fn restart(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] =
        &[(Key::char('r'), KeyCommand::Interrupt(Interruption::Restart))];
    unit(
        scope,
        KEYS,
        ("r", "restart"),
        "restart the server: a new generation with the same options",
        |c| c.model.can.restart && c.is_server_the_unit(),
        |c| why_not(c, "the server is not running"),
    )
}

/// The other keys.
pub(super) static PROGRAM: &[Binding] = &[
    program(
        &[
            (Key::char('1'), KeyCommand::Show(Tab::Overview)),
            (Key::char('2'), KeyCommand::Show(Tab::Workflows)),
            (Key::char('3'), KeyCommand::Show(Tab::Workers)),
            (Key::char('4'), KeyCommand::Show(Tab::Logs)),
            (Key::char('5'), KeyCommand::Show(Tab::Server)),
        ],
        // Not in the footer: the numbers are in the titles of the tabs.
        ("1–5", "", 9),
        "open a tab: overview, workflows, workers, logs, server",
        ALWAYS,
        SILENT,
    ),
    program(
        &[
            (key(KeyCode::Tab), KeyCommand::NextTab),
            (key(KeyCode::BackTab), KeyCommand::PreviousTab),
        ],
        ("Tab", "", 9),
        "next tab; with Shift, previous tab",
        ALWAYS,
        SILENT,
    ),
    program(
        SCROLL,
        ("↑↓", "", 9),
        "select; also j k, g G, PgUp PgDn, Ctrl-U Ctrl-D, Home End, wheel, click",
        |c| c.moves(),
        SILENT,
    ),
    program(
        &[(Key::char('f'), KeyCommand::Follow)],
        ("f", "follow", 4),
        "follow the log again; select the newest entry",
        |c| match c.view.tab {
            Tab::Overview | Tab::Workflows | Tab::Workers => false,
            Tab::Logs => c.in_log() && !c.view.log.follows(),
            Tab::Server => c.fits() && !c.view.timeline.is_newest(),
        },
        |c| match c.view.tab {
            Tab::Overview | Tab::Workflows | Tab::Workers => "",
            Tab::Logs => "already following the log",
            Tab::Server => "already at the newest entry",
        },
    ),
    program(
        &[(Key::char('o'), KeyCommand::OpenWebUi)],
        ("o", "web UI", 6),
        "open the web UI in the browser",
        |c| c.model.ui_url.is_some() && c.model.state.is_up(),
        |_| "the server has no web UI now",
    ),
    program(
        &[(Key::char('e'), KeyCommand::OpenFile)],
        ("e", "", 9),
        "open the log file in $PAGER, or in $EDITOR",
        |c| c.fits(),
        SILENT,
    ),
    program(
        &[(Key::char('t'), KeyCommand::NextTheme)],
        ("t", "", 9),
        "next theme: dark, light, high contrast, 16 colours, none",
        ALWAYS,
        SILENT,
    ),
    program(
        &[(Key::char('?'), KeyCommand::OpenHelp)],
        ("?", "help", 0),
        "this page",
        |c| c.fits(),
        |_| "the screen is too small for the help",
    ),
    program(
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
    (Key::char('k'), KeyCommand::Scroll(Move::Up(1))),
    (Key::char('j'), KeyCommand::Scroll(Move::Down(1))),
    (key(KeyCode::PageUp), KeyCommand::Scroll(Move::PageUp)),
    (key(KeyCode::PageDown), KeyCommand::Scroll(Move::PageDown)),
    (Key::ctrl('u'), KeyCommand::Scroll(Move::PageUp)),
    (Key::ctrl('d'), KeyCommand::Scroll(Move::PageDown)),
    (key(KeyCode::Home), KeyCommand::Scroll(Move::First)),
    (key(KeyCode::End), KeyCommand::Scroll(Move::Last)),
    (Key::char('g'), KeyCommand::Scroll(Move::First)),
    (Key::char('G'), KeyCommand::Scroll(Move::Last)),
];

/// Returns a row of the screen. `footer` is the text of the keys, the label and the rank.
pub(super) const fn on_screen(
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

const fn unit(
    scope: Scope,
    keys: &'static [(Key, KeyCommand)],
    (shown, short): (&'static str, &'static str),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    Binding { scope, ..on_screen(Group::Unit, keys, (shown, short, 1), long, works, why_not) }
}

const fn program(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    on_screen(Group::Program, keys, footer, long, works, why_not)
}

fn why_not(c: &Context<'_>, otherwise: &'static str) -> &'static str {
    let model = c.model;
    if !c.is_server_the_unit() {
        let row = c.selected().and_then(|item| item.worker(model));
        return match row.is_some_and(|row| row.external) {
            true => "external worker: not started by stigmer",
            false => "the keys s, x and r need the server selected",
        };
    }
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
