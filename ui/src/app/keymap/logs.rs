//! The keys of the logs: that of the units, and stigmer's own.

use super::binding::{Binding, Group, KeyCommand, LogCommand, PromptCommand};
use super::context::Context;
use super::screen::{SILENT, key, on_screen};
use crate::app::view::Tab;
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

const fn shifted(code: KeyCode) -> Key {
    Key { shift: true, ..Key::plain(code) }
}

pub(super) static TABLE: &[Binding] = &[
    log(
        &[
            (Key::char('n'), KeyCommand::Log(LogCommand::NextMatch)),
            (Key::char('N'), KeyCommand::Log(LogCommand::PreviousMatch)),
        ],
        ("n N", "match", 2),
        "next match, previous match",
        |c| c.has_other_match(),
    ),
    log(
        &[
            (Key::char('n'), KeyCommand::Log(LogCommand::NextProblem)),
            (Key::char('N'), KeyCommand::Log(LogCommand::PreviousProblem)),
        ],
        ("n N", "error", 4),
        "without a search: next, previous warning or error",
        |c| c.in_log() && c.view.log.search().is_none() && c.view.log.has_other_problem(),
    ),
    log(
        &[(Key::char('/'), KeyCommand::Prompt(PromptCommand::Search))],
        ("/", "search", 2),
        "search by regular expression; case-insensitive unless the pattern has a capital letter",
        in_log,
    ),
    log(
        &[(Key::char('l'), KeyCommand::Log(LogCommand::NextLevel))],
        ("l", "level", 3),
        "minimum level: all, info, warnings, errors",
        in_log,
    ),
    log(
        &[(Key::char('c'), KeyCommand::Log(LogCommand::OpenSources))],
        ("c", "sources", 3),
        "select the lines: all, server, one of its components, a worker; or the log of stigmer",
        |c| c.on(Tab::Logs) && c.fits(),
    ),
    log(
        &[(key(KeyCode::Esc), KeyCommand::Log(LogCommand::Cancel))],
        ("Esc", "clear", 3),
        "clear the selected range; end the search",
        |c| {
            let log = &c.view.log;
            c.in_log() && (log.has_range() || log.search().is_some() && c.view.origin.is_none())
        },
    ),
    log(
        &[(key(KeyCode::Esc), KeyCommand::Log(LogCommand::Back))],
        ("Esc", "back", 0),
        "return to the page of the workflow that has opened the log",
        |c| c.in_log() && c.view.origin.is_some() && !c.view.log.has_range(),
    ),
    log(
        &[(Key::char('y'), KeyCommand::Copy)],
        ("y", "copy", 5),
        "copy the selected lines, or the newest; or drag the mouse",
        log_has_rows,
    ),
    log(
        &[
            (Key::char('v'), KeyCommand::Log(LogCommand::ToggleRange)),
            (shifted(KeyCode::Up), KeyCommand::Log(LogCommand::Extend(Move::Up(1)))),
            (shifted(KeyCode::Down), KeyCommand::Log(LogCommand::Extend(Move::Down(1)))),
        ],
        ("v", "", 9),
        "select a range of lines: v, then move; or Shift with ↑↓",
        log_has_rows,
    ),
    log(
        &[(Key::char('z'), KeyCommand::Log(LogCommand::ToggleFolds))],
        ("z", "", 9),
        "fold or unfold the routine lines",
        log_has_rows,
    ),
    log(
        &[(Key::char('w'), KeyCommand::Log(LogCommand::ToggleWrap))],
        ("w", "", 9),
        "wrap or clip long lines",
        log_has_rows,
    ),
    log(
        &[
            (key(KeyCode::Left), KeyCommand::Log(LogCommand::ShiftLeft)),
            (key(KeyCode::Right), KeyCommand::Log(LogCommand::ShiftRight)),
        ],
        ("←→", "", 9),
        "scroll clipped lines sideways",
        |c| c.log_has_rows() && !c.view.log.wrap,
    ),
    log(
        &[(Key::ctrl('l'), KeyCommand::Log(LogCommand::Clear))],
        ("Ctrl-L", "", 9),
        "hide all lines up to now; press again to show them",
        |c| c.in_log() && (c.view.log.filter().from > 0 || !c.log.is_empty()),
    ),
    pane(
        &[
            (key(KeyCode::Up), KeyCommand::ScrollPane(KeyCode::PageUp)),
            (key(KeyCode::Down), KeyCommand::ScrollPane(KeyCode::PageDown)),
            (Key::char('k'), KeyCommand::ScrollPane(KeyCode::PageUp)),
            (Key::char('j'), KeyCommand::ScrollPane(KeyCode::PageDown)),
            (key(KeyCode::PageUp), KeyCommand::Pane),
            (key(KeyCode::PageDown), KeyCommand::Pane),
        ],
        ("↑↓", "scroll"),
        "scroll the lines",
        |c| c.in_own_log() && !c.view.shows_targets(),
    ),
    pane(
        &[
            (key(KeyCode::Up), KeyCommand::Pane),
            (key(KeyCode::Down), KeyCommand::Pane),
            (Key::char('k'), KeyCommand::ScrollPane(KeyCode::Up)),
            (Key::char('j'), KeyCommand::ScrollPane(KeyCode::Down)),
        ],
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
];

fn in_log(c: &Context<'_>) -> bool {
    c.in_log()
}

fn log_has_rows(c: &Context<'_>) -> bool {
    c.log_has_rows()
}

fn in_own_log(c: &Context<'_>) -> bool {
    c.in_own_log()
}

/// Whether the list of targets is visible.
fn targets(c: &Context<'_>) -> bool {
    c.in_own_log() && c.view.shows_targets()
}

const fn log(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::Log, keys, footer, long, works, SILENT)
}

const fn pane(
    keys: &'static [(Key, KeyCommand)],
    (shown, short): (&'static str, &'static str),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::OwnLog, keys, (shown, short, 4), long, works, SILENT)
}
