//! The keys of the rows: overview, workflows and workers.

use super::binding::{ActionCommand, Binding, Group, KeyCommand, PromptCommand, RowCommand};
use super::context::Context;
use super::screen::{SILENT, key, on_screen};
use crate::app::view::{Item, Tab};
use crate::input::{Key, KeyCode};

pub(super) static TABLE: &[Binding] = &[
    on_screen(
        Group::Program,
        &[(key(KeyCode::Enter), KeyCommand::Open)],
        ("Enter", "open", 2),
        "open the selected row, line or entry; a second click does the same",
        |c| c.opens(),
        SILENT,
    ),
    rows(
        &[(Key::char('a'), KeyCommand::Action(ActionCommand::Open))],
        ("a", "actions", 2),
        "actions on the selected row, or on all marked rows",
        |c| c.has_targets(),
    ),
    rows(
        &[(Key::char('A'), KeyCommand::Action(ActionCommand::OpenFiltered))],
        ("A", "", 9),
        "actions on all rows that pass the filter",
        |c| c.has_filtered_targets(),
    ),
    rows(
        &[(Key::char(' '), KeyCommand::Action(ActionCommand::ToggleMark))],
        ("Space", "mark", 4),
        "mark the selected row for the actions, or remove its mark",
        |c| c.selected_has_targets(),
    ),
    rows(
        &[(Key::char('d'), KeyCommand::Row(RowCommand::Dismiss))],
        ("d", "dismiss", 3),
        "hide the selected problem until its cause changes",
        |c| c.selected_problem().is_some(),
    ),
    rows(
        &[(Key::char('D'), KeyCommand::Row(RowCommand::DismissAll))],
        ("D", "", 9),
        "hide all problems",
        |c| c.list().is_some() && c.model.problems.as_ref().is_some_and(|rows| !rows.is_empty()),
    ),
    rows(
        &[(Key::char('u'), KeyCommand::Row(RowCommand::UndoDismiss))],
        ("u", "undo", 7),
        "show the problems that were hidden last",
        |c| c.list().is_some() && c.model.dismissed > 0,
    ),
    rows(
        &[
            (key(KeyCode::Right), KeyCommand::Row(RowCommand::Expand(true))),
            (key(KeyCode::Left), KeyCommand::Row(RowCommand::Expand(false))),
        ],
        ("→", "expand", 4),
        "list the workflows of the selected problem one by one; ← lists them in one row",
        |c| c.selected_group().is_some(),
    ),
    rows(
        &[
            (Key::char('n'), KeyCommand::Row(RowCommand::NextProblem)),
            (Key::char('N'), KeyCommand::Row(RowCommand::PreviousProblem)),
        ],
        ("n", "next problem", 5),
        "next problem; N previous problem",
        |c| c.has_other_problem(),
    ),
    rows(
        &[(Key::char('l'), KeyCommand::Row(RowCommand::NextStatus))],
        ("l", "status", 4),
        "show all workflows, problems, running or closed ones",
        on_workflows,
    ),
    rows(
        &[(Key::char('c'), KeyCommand::Row(RowCommand::OpenTypes))],
        ("c", "type", 5),
        "show one type of workflows only",
        on_workflows,
    ),
    rows(
        &[(Key::char('/'), KeyCommand::Prompt(PromptCommand::Filter))],
        ("/", "filter", 3),
        "filter by words; !word excludes; type: id: queue: cause: match one column",
        on_workflows,
    ),
    rows(
        &[(Key::char('/'), KeyCommand::Prompt(PromptCommand::Search))],
        ("/", "search", 3),
        "search in the log of the server, on tab 4",
        |c| c.list().is_some() && !c.on(Tab::Workflows),
    ),
    rows(
        &[(Key::char('y'), KeyCommand::Copy)],
        ("y", "copy", 6),
        "copy the ID, the line or the command of the selected row",
        |c| c.selected().is_some_and(|item| item != Item::Server),
    ),
    rows(
        &[(Key::char('Y'), KeyCommand::CopyCommand)],
        ("Y", "copy command", 8),
        "copy a command that shows more about the selected problem",
        |c| c.selected_problem().is_some_and(|row| !row.command.is_empty()),
    ),
    rows(
        &[(key(KeyCode::Esc), KeyCommand::Row(RowCommand::Back))],
        ("Esc", "back", 6),
        "clear the marks; clear the filter; clear the selection",
        |c| {
            let filters = c.on(Tab::Workflows) && !c.view.filter.is_empty();
            let marked = !c.view.marks.is_empty();
            c.list().is_some() && (marked || filters || c.selected().is_some())
        },
    ),
];

fn on_workflows(c: &Context<'_>) -> bool {
    c.on(Tab::Workflows) && c.fits()
}

const fn rows(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::Rows, keys, footer, long, works, SILENT)
}
