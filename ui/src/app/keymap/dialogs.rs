//! The keys of pages, dialogs, the palette and the prompt.

use super::binding::{Binding, Group, KeyCommand, LogCommand, PaletteCommand, PromptCommand};
use super::context::{Context, Scope};
use super::screen::{ALWAYS, PALETTE, SCROLL, SILENT, key};
use crate::app::view::{Interruption, Overlay, Tab, loses_data};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

/// Rows of all scopes except [`Scope::Screen`].
pub(super) static TABLE: &[Binding] = &[
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Esc), KeyCommand::CloseOverlay),
            (key(KeyCode::Enter), KeyCommand::CloseOverlay),
            (Key::char('q'), KeyCommand::CloseOverlay),
        ],
        ("Esc", "back", 0),
        "go back",
        ALWAYS,
    ),
    dialog(Scope::Page, SCROLL, ("↑↓", "scroll", 1), "scroll", |c| c.view.page.scrolls()),
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Left), KeyCommand::OpenAdjacent(Move::Up(1))),
            (key(KeyCode::Right), KeyCommand::OpenAdjacent(Move::Down(1))),
        ],
        ("←→", "previous, next", 1),
        "previous, next",
        |c| c.has_neighbour(),
    ),
    dialog(
        Scope::Page,
        &[
            (Key::char('n'), KeyCommand::OpenProblem(true)),
            (Key::char('N'), KeyCommand::OpenProblem(false)),
        ],
        ("n", "next problem", 2),
        "open the next problem; N opens the previous one",
        |c| c.overlay() == Some(Overlay::Row) && c.has_other_problem(),
    ),
    dialog(
        Scope::Page,
        &[(Key::char('l'), KeyCommand::OpenLog)],
        ("l", "log", 0),
        "open the log of the worker",
        |c| c.unit().is_some_and(|row| !row.external),
    ),
    dialog(
        Scope::Page,
        &[(Key::char('y'), KeyCommand::Copy)],
        ("y", "copy", 1),
        "copy the page",
        ALWAYS,
    ),
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Tab), KeyCommand::NextTab),
            (key(KeyCode::BackTab), KeyCommand::PreviousTab),
            (Key::char('1'), KeyCommand::Show(Tab::Overview)),
            (Key::char('2'), KeyCommand::Show(Tab::Workflows)),
            (Key::char('3'), KeyCommand::Show(Tab::Workers)),
            (Key::char('4'), KeyCommand::Show(Tab::Logs)),
            (Key::char('5'), KeyCommand::Show(Tab::Server)),
        ],
        ("Tab", "", 9),
        "close this page and show another tab",
        ALWAYS,
    ),
    dialog(Scope::Page, PALETTE, ("?", "", 9), "list all commands", ALWAYS),
    quit_key(Scope::Page),
    Binding {
        why_not: |c| c.why_not_selected(),
        ..dialog(
            Scope::Palette,
            &[(key(KeyCode::Enter), palette(PaletteCommand::Run))],
            ("Enter", "run", 0),
            "run the selected command",
            |c| c.selected_runs(),
        )
    },
    dialog(
        Scope::Palette,
        &[
            (key(KeyCode::Up), palette(PaletteCommand::Select(Move::Up(1)))),
            (key(KeyCode::Down), palette(PaletteCommand::Select(Move::Down(1)))),
            (key(KeyCode::PageUp), palette(PaletteCommand::Select(Move::PageUp))),
            (key(KeyCode::PageDown), palette(PaletteCommand::Select(Move::PageDown))),
            (key(KeyCode::Home), palette(PaletteCommand::Select(Move::First))),
            (key(KeyCode::End), palette(PaletteCommand::Select(Move::Last))),
        ],
        ("↑↓", "select", 1),
        "select",
        |c| c.palette().len() > 1,
    ),
    dialog(
        Scope::Palette,
        &[
            (key(KeyCode::Esc), KeyCommand::CloseOverlay),
            (Key::ctrl('p'), KeyCommand::CloseOverlay),
        ],
        ("Esc", "close", 0),
        "close",
        ALWAYS,
    ),
    dialog(
        Scope::Palette,
        &[
            (Key::ctrl('u'), palette(PaletteCommand::DeleteAll)),
            (key(KeyCode::Backspace), palette(PaletteCommand::DeleteOne)),
        ],
        ("Ctrl-U", "delete", 2),
        "delete the text",
        |c| !c.view.palette.text.is_empty(),
    ),
    quit_key(Scope::Palette),
    confirm(Interruption::Stop),
    confirm(Interruption::Restart),
    confirm(Interruption::StopAndQuit),
    Binding {
        why_not: |_| "only y confirms a loss of data",
        ..dialog(
            Scope::Confirm,
            &[(key(KeyCode::Enter), KeyCommand::Confirm)],
            ("Enter", "", 9),
            "confirm",
            |c| !loses_data(c.model),
        )
    },
    dialog(
        Scope::Confirm,
        &[
            (key(KeyCode::Esc), KeyCommand::CloseOverlay),
            (Key::char('n'), KeyCommand::CloseOverlay),
        ],
        ("Esc", "cancel", 0),
        "cancel",
        ALWAYS,
    ),
    quit_key(Scope::Confirm),
    dialog(
        Scope::Pick,
        &[(key(KeyCode::Enter), KeyCommand::TakePicked)],
        ("Enter", "show only this", 0),
        "show only this component",
        ALWAYS,
    ),
    dialog(
        Scope::Pick,
        &[
            (key(KeyCode::Up), KeyCommand::Pick(Move::Up(1))),
            (key(KeyCode::Down), KeyCommand::Pick(Move::Down(1))),
            (Key::char('k'), KeyCommand::Pick(Move::Up(1))),
            (Key::char('j'), KeyCommand::Pick(Move::Down(1))),
            (key(KeyCode::PageUp), KeyCommand::Pick(Move::PageUp)),
            (key(KeyCode::PageDown), KeyCommand::Pick(Move::PageDown)),
            (Key::ctrl('u'), KeyCommand::Pick(Move::PageUp)),
            (Key::ctrl('d'), KeyCommand::Pick(Move::PageDown)),
            (key(KeyCode::Home), KeyCommand::Pick(Move::First)),
            (key(KeyCode::End), KeyCommand::Pick(Move::Last)),
            (Key::char('g'), KeyCommand::Pick(Move::First)),
            (Key::char('G'), KeyCommand::Pick(Move::Last)),
        ],
        ("↑↓", "select", 1),
        "select",
        ALWAYS,
    ),
    dialog(
        Scope::Pick,
        &[
            (key(KeyCode::Esc), KeyCommand::CloseOverlay),
            (Key::char('c'), KeyCommand::CloseOverlay),
            (Key::char('q'), KeyCommand::CloseOverlay),
        ],
        ("Esc", "close", 0),
        "close",
        ALWAYS,
    ),
    quit_key(Scope::Pick),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Enter), KeyCommand::Prompt(PromptCommand::Keep))],
        ("Enter", "done", 0),
        "keep the search or the filter",
        |c| c.query_prompt().is_none(),
    ),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Enter), KeyCommand::Prompt(PromptCommand::RunQuery))],
        ("Enter", "run", 0),
        "run the query",
        |c| c.query_prompt() == Some(false),
    ),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Tab), KeyCommand::Prompt(PromptCommand::SwitchToQuery(true)))],
        ("Tab", "query", 1),
        "type a query of Temporal, which the server runs",
        |c| c.on(Tab::Workflows) && c.query_prompt().is_none(),
    ),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Tab), KeyCommand::Prompt(PromptCommand::SwitchToQuery(false)))],
        ("Tab", "filter", 1),
        "type the words of the filter",
        |c| c.query_prompt().is_some(),
    ),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Esc), KeyCommand::Prompt(PromptCommand::Cancel))],
        ("Esc", "cancel", 0),
        "restore the state before",
        ALWAYS,
    ),
    dialog(
        Scope::Prompt,
        &[
            (key(KeyCode::Up), KeyCommand::Log(LogCommand::PreviousMatch)),
            (key(KeyCode::Down), KeyCommand::Log(LogCommand::NextMatch)),
        ],
        ("↑↓", "match", 1),
        "previous match, next match",
        |c| c.has_other_match(),
    ),
    dialog(
        Scope::Prompt,
        &[
            (Key::ctrl('u'), KeyCommand::Prompt(PromptCommand::DeleteAll)),
            (key(KeyCode::Backspace), KeyCommand::Prompt(PromptCommand::DeleteOne)),
        ],
        ("Ctrl-U", "delete", 2),
        "delete the text",
        |c| c.view.prompt.as_ref().is_some_and(|prompt| !prompt.text.is_empty()),
    ),
    quit_key(Scope::Prompt),
    dialog(
        Scope::Quit,
        &[(Key::char('x'), KeyCommand::StopAndQuit)],
        ("x", "stop and quit", 0),
        "stop the server and quit",
        ALWAYS,
    ),
    Binding {
        why_not: |_| "this dashboard cannot start a background host; use x or Esc",
        ..dialog(
            Scope::Quit,
            // The keys `q` and Ctrl-C open this dialog. The user may press such a key twice by mistake, so the
            // second press must never stop Temporal.
            &[
                (Key::char('b'), KeyCommand::Background),
                (Key::char('q'), KeyCommand::Background),
                (Key::ctrl('c'), KeyCommand::Background),
            ],
            ("b", "background", 0),
            "keep the server running in the background and quit",
            |c| c.model.can.background,
        )
    },
    dialog(
        Scope::Quit,
        &[(key(KeyCode::Esc), KeyCommand::CloseOverlay)],
        ("Esc", "stay", 0),
        "stay in the dashboard",
        ALWAYS,
    ),
    dialog(
        Scope::Leaving,
        &[(Key::char('b'), KeyCommand::Background), (Key::ctrl('c'), KeyCommand::Background)],
        ("b", "finish in the background", 0),
        "quit now; a background host completes the work",
        |c| c.model.can.background,
    ),
];

const fn palette(command: PaletteCommand) -> KeyCommand {
    KeyCommand::Palette(command)
}

/// Returns a row of a dialog or page. `footer` is the text of the keys, the label and the rank.
pub(super) const fn dialog(
    scope: Scope,
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    let (shown, short, rank) = footer;
    Binding { scope, group: Group::Dialog, keys, shown, short, long, rank, works, why_not: SILENT }
}

/// Returns the answer that confirms an interruption.
const fn confirm(interruption: Interruption) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::char('y'), KeyCommand::Confirm)];
    let (short, long, works): (_, _, fn(&Context<'_>) -> bool) = match interruption {
        Interruption::Stop => ("stop", "stop the server", |c| {
            c.view.overlay == Some(Overlay::Confirm(Interruption::Stop))
        }),
        Interruption::Restart => ("restart", "restart the server", |c| {
            c.view.overlay == Some(Overlay::Confirm(Interruption::Restart))
        }),
        Interruption::StopAndQuit => ("stop and quit", "stop the server and quit", |c| {
            c.view.overlay == Some(Overlay::Confirm(Interruption::StopAndQuit))
        }),
    };
    dialog(Scope::Confirm, KEYS, ("y", short, 0), long, works)
}

/// Returns the row for Ctrl-C, which quits from every scope.
pub(super) const fn quit_key(scope: Scope) -> Binding {
    const KEYS: &[(Key, KeyCommand)] = &[(Key::ctrl('c'), KeyCommand::Quit)];
    dialog(scope, KEYS, ("Ctrl-C", "quit", 2), "quit", ALWAYS)
}
