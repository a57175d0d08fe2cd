//! The keys of the page of a workflow.

use super::binding::{ActionCommand, Binding, Group, KeyCommand, WorkflowCommand};
use super::context::{Context, Scope};
use super::screen::{ALWAYS, SCROLL, SILENT, key};
use crate::app::view::Tab;
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

pub(super) static TABLE: &[Binding] = &[
    page(
        &[(key(KeyCode::Enter), KeyCommand::Workflow(WorkflowCommand::OpenLine))],
        ("Enter", "open", 2),
        "show the stack trace of the failure, or the events and values of the row",
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
        &[(Key::char('z'), KeyCommand::Workflow(WorkflowCommand::ToggleTasks))],
        ("z", "workflow tasks", 5),
        "show or hide the workflow tasks that did not fail",
        |c| c.has_routine_tasks(),
    ),
    page(
        &[(Key::char('a'), KeyCommand::Action(ActionCommand::Open))],
        ("a", "actions", 2),
        "actions on this workflow",
        ALWAYS,
    ),
    page(
        &[(Key::char('o'), KeyCommand::OpenWebUi)],
        ("o", "web UI", 6),
        "open this run in the web UI",
        |c| c.model.ui_url.is_some() && c.model.state.is_up(),
    ),
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
    page(&[(Key::char('?'), KeyCommand::OpenHelp)], ("?", "help", 0), "all keys", ALWAYS),
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
