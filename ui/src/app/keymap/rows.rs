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
        ("Enter", "open", 1),
        "open the selected row, line or entry; a second click does the same",
        |c| c.opens(),
        |c| c.why_no_row(),
    ),
    because(
        &rows(
            &[(Key::char('a'), KeyCommand::Action(ActionCommand::Open))],
            ("a", "actions", 1),
            "actions on the selected row, or on all marked rows",
            |c| c.has_targets(),
        ),
        |c| c.why_no_row(),
    ),
    because(
        &rows(
            &[(Key::char('A'), KeyCommand::Action(ActionCommand::OpenFiltered))],
            ("A", "", 9),
            "actions on all rows that pass the filter",
            |c| c.has_filtered_targets(),
        ),
        |c| match c.on(Tab::Workflows) {
            true => "no workflow is listed",
            false => c.elsewhere("on tab 2"),
        },
    ),
    because(
        &rows(
            &[(Key::char(' '), KeyCommand::Action(ActionCommand::ToggleMark))],
            ("Space", "mark", 3),
            "mark the selected row for the actions, or remove its mark",
            |c| c.selected_has_targets(),
        ),
        |c| c.why_no_row(),
    ),
    because(
        &rows(
            &[(Key::char('d'), KeyCommand::Row(RowCommand::Dismiss))],
            ("d", "dismiss", 2),
            "hide the selected problem until it happens again",
            |c| c.selected_problem().is_some(),
        ),
        |c| c.why_no_row(),
    ),
    rows(
        &[(Key::char('D'), KeyCommand::Row(RowCommand::DismissAll))],
        ("D", "", 9),
        "hide all problems until they happen again",
        |c| c.list().is_some() && c.model.problems.as_ref().is_some_and(|rows| !rows.is_empty()),
    ),
    because(
        &rows(
            &[(Key::char('u'), KeyCommand::Row(RowCommand::UndoDismiss))],
            ("u", "undo", 7),
            "show the problems that were hidden last",
            |c| c.list().is_some() && c.model.dismissed.problems > 0,
        ),
        |c| c.elsewhere("nothing is hidden"),
    ),
    because(
        &rows(
            &[(key(KeyCode::Right), KeyCommand::Row(RowCommand::Expand(true)))],
            ("→", "expand", 2),
            "list the workflows of the selected problem one by one",
            |c| c.selected_group_is_expanded() == Some(false),
        ),
        |c| c.why_no_row(),
    ),
    because(
        &rows(
            &[(key(KeyCode::Left), KeyCommand::Row(RowCommand::Expand(false)))],
            ("←", "collapse", 2),
            "list the workflows of the selected problem in one row",
            |c| c.selected_group_is_expanded() == Some(true),
        ),
        |c| c.why_no_row(),
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
    because(
        &rows(
            &[(Key::char('l'), KeyCommand::Row(RowCommand::NextStatus))],
            ("l", "status", 4),
            "show all workflows, problems, running or closed ones",
            on_workflows,
        ),
        |c| c.elsewhere("on tabs 2 and 4"),
    ),
    because(
        &rows(
            &[(Key::char('l'), KeyCommand::OpenLog)],
            ("l", "log", 2),
            "open the log of the selected worker, or of the server",
            |c| c.on(Tab::Workers) && c.unit_has_log(),
        ),
        |c| c.elsewhere("on tab 3"),
    ),
    because(
        &rows(
            &[(Key::char('c'), KeyCommand::Row(RowCommand::OpenTypes))],
            ("c", "type", 5),
            "show one type of workflows only",
            on_workflows,
        ),
        |c| c.elsewhere("on tabs 2 and 4"),
    ),
    because(
        &rows(
            &[(Key::char('/'), KeyCommand::Prompt(PromptCommand::Filter))],
            ("/", "filter", 3),
            "filter by words; !word excludes; type: id: queue: cause: match one column; Tab: query",
            on_workflows,
        ),
        |c| c.elsewhere("on tab 2"),
    ),
    rows(
        &[(Key::char('/'), KeyCommand::Prompt(PromptCommand::Search))],
        ("/", "search", 3),
        "search in the log, on tab 4",
        |c| c.on(Tab::Overview) && c.fits(),
    ),
    because(
        &rows(
            &[(Key::char('y'), KeyCommand::Copy)],
            ("y", "copy", 6),
            "copy the ID, the line or the command of the selected row",
            |c| c.selected().is_some_and(|item| item != Item::Server),
        ),
        |c| c.why_no_row(),
    ),
    because(
        &rows(
            &[(Key::char('Y'), KeyCommand::CopyCommand)],
            ("Y", "copy command", 8),
            "copy a command that shows more about the selected problem",
            |c| c.selected_problem().is_some_and(|row| !row.command.is_empty()),
        ),
        |c| c.why_no_row(),
    ),
    rows(
        &[(key(KeyCode::Esc), KeyCommand::Row(RowCommand::Back))],
        ("Esc", "back", 6),
        "clear the marks; clear the filter; clear the query; clear the selection",
        |c| {
            let has_filter = !c.view.filter.is_empty() || c.view.listing.query.is_some();
            let filters = c.on(Tab::Workflows) && has_filter;
            let marked = !c.view.marks.is_empty();
            c.list().is_some() && (marked || filters || c.selected().is_some())
        },
    ),
];

fn on_workflows(c: &Context<'_>) -> bool {
    c.on(Tab::Workflows) && c.fits()
}

const fn because(binding: &Binding, why_not: fn(&Context<'_>) -> &'static str) -> Binding {
    let Binding { scope, group, keys, shown, short, long, rank, works, .. } = *binding;
    Binding { scope, group, keys, shown, short, long, rank, works, why_not }
}

impl Context<'_> {
    /// Returns why a key of the selected row has no effect. Empty on a tab without rows.
    fn why_no_row(&self) -> &'static str {
        match self.selected() {
            None => self.elsewhere("no row is selected"),
            Some(_) => "not for this row",
        }
    }

    /// Returns a reason on a tab with rows. Empty on the others.
    fn elsewhere(&self, reason: &'static str) -> &'static str {
        if self.list().is_some() { reason } else { "" }
    }
}

const fn rows(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    on_screen(Group::Rows, keys, footer, long, works, SILENT)
}
