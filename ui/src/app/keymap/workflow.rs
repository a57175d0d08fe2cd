//! The keys of the page of a workflow.

use super::binding::{ActionCommand, Binding, Group, KeyCommand, WorkflowCommand};
use super::context::{Context, Scope};
use super::screen::{ALWAYS, PALETTE, SCROLL, SILENT, key};
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

pub(super) static TABLE: &[Binding] = &[
    page(
        &[(key(KeyCode::Enter), KeyCommand::Workflow(WorkflowCommand::OpenLine))],
        ("Enter", "open", 1),
        "show the stack trace of the failure, the events and values of the row, or the log",
        |c| c.workflow_line().is_some() && !c.has_workflow_details(),
    ),
    page(
        &[
            (key(KeyCode::Esc), KeyCommand::Workflow(WorkflowCommand::Back)),
            (Key::char('q'), KeyCommand::Workflow(WorkflowCommand::Back)),
        ],
        ("Esc", "back", 0),
        "close the details, or the page",
        ALWAYS,
    ),
    page(
        &[(key(KeyCode::Enter), KeyCommand::Workflow(WorkflowCommand::Back))],
        ("Enter", "", 9),
        "close the details",
        |c| c.has_workflow_details(),
    ),
    page(SCROLL, ("↑↓", "", 9), "select a line, or scroll the details", |c| {
        c.moves_in_workflow()
    }),
    page(
        &[
            (key(KeyCode::Left), KeyCommand::OpenAdjacent(Move::Up(1))),
            (key(KeyCode::Right), KeyCommand::OpenAdjacent(Move::Down(1))),
        ],
        ("←→", "previous, next", 4),
        "previous or next workflow; previous or next row in the details",
        |c| c.has_neighbour(),
    ),
    page(
        &[
            (Key::char('n'), KeyCommand::OpenProblem(true)),
            (Key::char('N'), KeyCommand::OpenProblem(false)),
        ],
        ("n", "next problem", 4),
        "open the next problem; N opens the previous one",
        |c| c.has_other_problem(),
    ),
    page(
        &[(Key::char('z'), KeyCommand::Workflow(WorkflowCommand::ToggleTasks))],
        ("z", "workflow tasks", 5),
        "show or hide the workflow tasks that did not fail",
        |c| c.has_routine_tasks(),
    ),
    page(
        &[(Key::char('a'), KeyCommand::Action(ActionCommand::Open))],
        ("a", "actions", 1),
        "actions on this workflow",
        ALWAYS,
    ),
    page(
        &[(Key::char('o'), KeyCommand::OpenWebUi)],
        ("o", "web UI", 6),
        "open this run in the web UI",
        |c| c.model.ui_url.is_some() && c.model.state.is_up(),
    ),
    Binding {
        why_not: |_| "the server is not running",
        ..page(
            &[(Key::char('e'), KeyCommand::OpenHistory)],
            ("e", "history as JSON", 7),
            "open the history as JSON in $PAGER, or in $EDITOR",
            |c| c.model.state.is_up(),
        )
    },
    page(
        &[(Key::char('y'), KeyCommand::Copy)],
        ("y", "copy", 3),
        "copy the workflow ID, or the open details",
        ALWAYS,
    ),
    page(
        &[(Key::char('Y'), KeyCommand::CopyCommand)],
        ("Y", "copy command", 7),
        "copy the command that shows this run",
        ALWAYS,
    ),
    page(
        &[
            (key(KeyCode::Tab), KeyCommand::NextTab),
            (key(KeyCode::BackTab), KeyCommand::PreviousTab),
        ],
        ("Tab", "", 9),
        "close this page and show the next tab; with Shift, the previous tab",
        ALWAYS,
    ),
    page(&[(Key::char('t'), KeyCommand::NextTheme)], ("t", "", 9), "next theme", ALWAYS),
    page(PALETTE, ("?", "help", 0), "this list of all commands; also : and Ctrl-P", ALWAYS),
    page(&[(Key::ctrl('c'), KeyCommand::Quit)], ("Ctrl-C", "quit", 8), "quit", ALWAYS),
];

const fn page(
    keys: &'static [(Key, KeyCommand)],
    footer: (&'static str, &'static str, u8),
    long: &'static str,
    works: fn(&Context<'_>) -> bool,
) -> Binding {
    let (shown, short, rank) = footer;
    let (scope, group) = (Scope::Workflow, Group::Workflow);
    Binding { scope, group, keys, shown, short, long, rank, works, why_not: SILENT }
}
