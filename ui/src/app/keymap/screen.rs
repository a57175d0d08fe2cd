//! The keys that every tab has.

use super::binding::{Binding, Group, KeyCommand, PaletteCommand};
use super::context::{Context, Scope};
use crate::app::view::{Interruption, Tab};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};
use crate::model::{StateView, WorkerState};

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
        ("s", "start", 2),
        "start the server; after a failure, try again",
        |c| c.unit_can().start,
        |c| why_not(c, "the server is already running", "the worker is already running"),
    )
}

const fn stop(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] =
        &[(Key::char('x'), KeyCommand::Interrupt(Interruption::Stop))];
    unit(
        scope,
        KEYS,
        ("x", "stop", 2),
        "stop the server; the dashboard stays open",
        |c| c.unit_can().stop,
        |c| why_not(c, "the server is not running", "the worker is not running"),
    )
}

const fn restart(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] =
        &[(Key::char('r'), KeyCommand::Interrupt(Interruption::Restart))];
    unit(
        scope,
        KEYS,
        ("r", "restart", 4),
        "restart the server: a new generation with the same options",
        |c| c.unit_can().restart,
        |c| why_not(c, "the server is not running", "the worker is not running"),
    )
}

/// The key of all workers, which follows those of the unit. The footer shows it on the tab of workers.
pub(super) static WORKERS: &[Binding] = &[
    restart_workers(Scope::Screen, "restart the workers", |c| {
        c.on(Tab::Workers) && c.runs_workers()
    }),
    restart_workers(Scope::Screen, "", |c| !c.on(Tab::Workers) && c.runs_workers()),
    restart_workers(Scope::Page, "", |c| c.runs_workers()),
    restart_workers(Scope::Workflow, "", |c| c.runs_workers()),
];

const fn restart_workers(
    scope: Scope,
    short: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('R'), KeyCommand::RestartWorkers)];
    let long = "restart all workers that stigmer runs, after a change of their code";
    let why_not = |_: &Context<'_>| "no worker of a project runs";
    Binding { group: Group::Workers, ..unit(scope, KEYS, ("R", short, 5), long, works, why_not) }
}

/// The keys of the tabs. The footer does not show them: the numbers are in the titles of the tabs.
pub(super) static TABS: &[Binding] = &[
    overview(Scope::Screen),
    workflows(Scope::Screen),
    workers(Scope::Screen),
    logs(Scope::Screen),
    server(Scope::Screen),
    overview(Scope::Workflow),
    workflows(Scope::Workflow),
    workers(Scope::Workflow),
    logs(Scope::Workflow),
    server(Scope::Workflow),
];

const fn overview(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('1'), KeyCommand::Show(Tab::Overview))];
    tab(
        scope,
        KEYS,
        "1",
        "tab Overview: problems, workers, recent workflows, newest log lines",
        |c| !c.on(Tab::Overview),
    )
}

const fn workflows(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('2'), KeyCommand::Show(Tab::Workflows))];
    tab(scope, KEYS, "2", "tab Workflows: their problems, and recent ones, with a filter", |c| {
        !c.on(Tab::Workflows)
    })
}

const fn workers(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('3'), KeyCommand::Show(Tab::Workers))];
    tab(scope, KEYS, "3", "tab Workers: the server, workers, queues without a worker", |c| {
        !c.on(Tab::Workers)
    })
}

const fn logs(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('4'), KeyCommand::Show(Tab::Logs))];
    tab(scope, KEYS, "4", "tab Logs: the logs of the server, the workers and stigmer", |c| {
        !c.on(Tab::Logs)
    })
}

const fn server(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('5'), KeyCommand::Show(Tab::Server))];
    tab(scope, KEYS, "5", "tab Server: checks, latencies, usage, restarts, timeline", |c| {
        !c.on(Tab::Server)
    })
}

const fn tab(
    scope: Scope,
    keys: &'static [(Key, KeyCommand)],
    shown: &'static str,
    long: &'static str,
    is_closed: fn(&Context<'_>) -> bool,
) -> Binding {
    // On a page, the key of the open tab closes the page.
    let works = if matches!(scope, Scope::Screen) { is_closed } else { ALWAYS };
    let why_not = |_: &Context<'_>| "this tab is open";
    Binding { scope, ..program(keys, (shown, "", 9), long, works, why_not) }
}

/// The keys that open the palette.
pub(super) const PALETTE: &[(Key, KeyCommand)] = &[
    (Key::char('?'), KeyCommand::Palette(PaletteCommand::Open)),
    (Key::char(':'), KeyCommand::Palette(PaletteCommand::Open)),
    (Key::ctrl('p'), KeyCommand::Palette(PaletteCommand::Open)),
];

/// The key that ends the wait for an action. It precedes the other effects of Esc.
pub(super) static WAITING: &[Binding] =
    &[stop_waiting(Scope::Screen), stop_waiting(Scope::Workflow)];

const fn stop_waiting(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(key(KeyCode::Esc), KeyCommand::StopWaiting)];
    let footer = ("Esc", "stop waiting", 0);
    let long = "wait no longer for the action that takes long";
    Binding {
        scope,
        ..on_screen(Group::Program, KEYS, footer, long, |c| c.model.waiting.is_some(), SILENT)
    }
}

/// The other keys.
pub(super) static PROGRAM: &[Binding] = &[
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
        ("↑↓", "select", 5),
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
    program(&[(Key::char('t'), KeyCommand::NextTheme)], ("t", "", 9), "next theme", ALWAYS, SILENT),
    program(
        PALETTE,
        ("?", "help", 0),
        "this list of all commands; also : and Ctrl-P",
        |c| c.fits(),
        |_| "the screen is too small for the list of commands",
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
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
    why_not: fn(&Context<'_>) -> &'static str,
) -> Binding {
    Binding { scope, ..on_screen(Group::Unit, keys, footer, long, works, why_not) }
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

/// Returns why a key of the unit has no effect: `of_server` or `of_worker` if there is no other reason.
fn why_not(c: &Context<'_>, of_server: &'static str, of_worker: &'static str) -> &'static str {
    let model = c.model;
    match c.unit() {
        Some(row) if row.external => return "external worker: not started by stigmer",
        Some(row) if row.state == WorkerState::Stopping => return "the worker is stopping",
        Some(_) if !model.watched => return "no host watches the worker",
        Some(_) => return of_worker,
        None => {}
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
        | StateView::Failed => of_server,
    }
}
