//! The rows of what can be in front of the screen: pages, questions, a choice, the prompt.

use super::binding::{Binding, Command, Group};
use super::context::{Context, Scope};
use super::screen::{ALWAYS, SCROLL, SILENT, finds, key};
use crate::app::view::{Overlay, Tab, loses};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

/// What works while one of them is in front.
pub(super) static TABLE: &[Binding] = &[
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Esc), Command::CloseOverlay),
            (key(KeyCode::Enter), Command::CloseOverlay),
            (Key::char('?'), Command::CloseOverlay),
            (Key::char('q'), Command::CloseOverlay),
        ],
        ("Esc", "close", 0),
        "close this page",
        ALWAYS,
    ),
    dialog(Scope::Page, SCROLL, ("↑↓", "scroll", 1), "scroll", |c| c.view.page.scrolls()),
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Left), Command::OpenBeside(Move::Up(1))),
            (key(KeyCode::Right), Command::OpenBeside(Move::Down(1))),
        ],
        ("←→", "beside", 1),
        "the one above, the one below",
        |c| match c.overlay() {
            Some(Overlay::Line(_)) => c.view.log.rows() > 1,
            Some(Overlay::Entry(_)) => c.model.timeline.len() > 1,
            _ => false,
        },
    ),
    dialog(
        Scope::Page,
        &[(Key::char('y'), Command::Copy)],
        ("y", "copy", 1),
        "copy all of it",
        |c| c.overlay() != Some(Overlay::Help),
    ),
    dialog(
        Scope::Page,
        &[
            (key(KeyCode::Tab), Command::NextTab),
            (key(KeyCode::BackTab), Command::PreviousTab),
            (Key::char('1'), Command::Show(Tab::Log)),
            (Key::char('2'), Command::Show(Tab::Timeline)),
            (Key::char('3'), Command::Show(Tab::OwnLog)),
        ],
        ("Tab", "", 9),
        "close this page and show another tab",
        ALWAYS,
    ),
    quits(Scope::Page),
    dialog(
        Scope::Confirm,
        &[(Key::char('y'), Command::Confirm)],
        ("y", "yes", 0),
        "yes, do it",
        ALWAYS,
    ),
    Binding {
        why_not: |_| "only y confirms a loss of data",
        ..dialog(
            Scope::Confirm,
            &[(key(KeyCode::Enter), Command::Confirm)],
            ("Enter", "", 9),
            "yes, do it",
            |c| !loses(c.model),
        )
    },
    dialog(
        Scope::Confirm,
        &[(key(KeyCode::Esc), Command::CloseOverlay), (Key::char('n'), Command::CloseOverlay)],
        ("Esc", "no", 0),
        "no, leave it alone",
        ALWAYS,
    ),
    quits(Scope::Confirm),
    dialog(
        Scope::Components,
        &[(key(KeyCode::Enter), Command::TakePicked)],
        ("Enter", "show only this", 0),
        "show only this",
        ALWAYS,
    ),
    dialog(
        Scope::Components,
        &[
            (key(KeyCode::Up), Command::Pick(Move::Up(1))),
            (key(KeyCode::Down), Command::Pick(Move::Down(1))),
            (key(KeyCode::Home), Command::Pick(Move::First)),
            (key(KeyCode::End), Command::Pick(Move::Last)),
        ],
        ("↑↓", "choose", 1),
        "choose",
        ALWAYS,
    ),
    dialog(
        Scope::Components,
        &[
            (key(KeyCode::Esc), Command::CloseOverlay),
            (Key::char('c'), Command::CloseOverlay),
            (Key::char('q'), Command::CloseOverlay),
        ],
        ("Esc", "close", 0),
        "close",
        ALWAYS,
    ),
    quits(Scope::Components),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Enter), Command::KeepSearch)],
        ("Enter", "done", 0),
        "search on with n and N",
        ALWAYS,
    ),
    dialog(Scope::Prompt, &[(key(KeyCode::Esc), Command::Leave)], ("Esc", "leave", 0), "", ALWAYS),
    dialog(
        Scope::Prompt,
        &[(key(KeyCode::Up), Command::PreviousMatch), (key(KeyCode::Down), Command::NextMatch)],
        ("↑↓", "match", 1),
        "previous match above, next match below",
        finds,
    ),
    dialog(
        Scope::Prompt,
        &[(Key::ctrl('u'), Command::EraseAll), (key(KeyCode::Backspace), Command::EraseOne)],
        ("Ctrl-U", "erase", 2),
        "erase all of it",
        |c| c.view.prompt.as_ref().is_some_and(|prompt| !prompt.text.is_empty()),
    ),
    quits(Scope::Prompt),
    dialog(
        Scope::Quit,
        &[(Key::char('x'), Command::StopAndQuit)],
        ("x", "stop and quit", 0),
        "stop Temporal and quit",
        ALWAYS,
    ),
    Binding {
        why_not: |_| "cannot run on from here: x or Esc",
        ..dialog(
            Scope::Quit,
            // The key that opened the dialog, pressed again, must never cost anything: Temporal stays up.
            &[
                (Key::char('b'), Command::Background),
                (Key::char('q'), Command::Background),
                (Key::ctrl('c'), Command::Background),
            ],
            ("b", "background", 0),
            "keep it running in the background and quit",
            |c| c.model.can.background,
        )
    },
    dialog(
        Scope::Quit,
        &[(key(KeyCode::Esc), Command::CloseOverlay)],
        ("Esc", "stay", 0),
        "stay here",
        ALWAYS,
    ),
    dialog(
        Scope::Leaving,
        &[(Key::char('b'), Command::Background), (Key::ctrl('c'), Command::Background)],
        ("b", "finish in the background", 0),
        "quit at once, and leave the rest to the background",
        |c| c.model.can.background,
    ),
];

/// A key of what is in front.
const fn dialog(
    scope: Scope,
    keys: &'static [(Key, Command)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    let (shown, short, rank) = footer;
    Binding { scope, group: Group::Dialog, keys, shown, short, long, rank, works, why_not: SILENT }
}

/// What quits from everywhere.
const fn quits(scope: Scope) -> Binding {
    const KEYS: &[(Key, Command)] = &[(Key::ctrl('c'), Command::Quit)];
    dialog(scope, KEYS, ("Ctrl-C", "quit", 2), "quit", ALWAYS)
}
