//! The conditions for a key to work.

use crate::app::view::{
    ActionStep, Interruption, Item, Overlay, PageLine, PromptPurpose, RowList, Source, Tab, View,
    WorkflowCursor, loses_data, quit_asks, stop_impact,
};
use crate::draw::layout::Shape;
use crate::explorer::Row;
use crate::log::LogSource;
use crate::model::{Commands, Model, ProblemRow, UnitCommands, WorkerRow};

/// Part of the screen that receives the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Screen,
    /// A page: a line, an entry, a row, an answer.
    Page,
    /// The list of all commands.
    Palette,
    /// The page of a workflow.
    Workflow,
    Quit,
    Confirm,
    /// A list of which one item is taken.
    Pick,
    /// The menu of actions on workflows.
    Actions,
    /// The fields of an action on workflows.
    Form,
    /// The question before an action on workflows.
    Approve,
    Prompt,
    /// The user has quit, and the dashboard finishes its work.
    Leaving,
}

/// All data that decides whether a key works.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
}

impl<'a> Context<'a> {
    /// Returns the dialog or page in front.
    pub(crate) fn overlay(&self) -> Option<Overlay> {
        self.dialog().or_else(|| self.workflow().map(|_| Overlay::Workflow))
    }

    /// Returns the dialog or page in front of a tab and of the page of a workflow. `None` if its question no longer
    /// applies, its content is gone, or the screen is too small for it.
    pub(crate) fn dialog(&self) -> Option<Overlay> {
        let Self { view, model, log } = self;
        view.overlay.filter(|overlay| match overlay {
            _ if model.leaving => false,
            Overlay::Quit => quit_asks(model),
            Overlay::Confirm(interruption) => {
                stop_impact(model).is_some() && self.allows(*interruption)
            }
            _ if view.shape == Shape::Tiny => false,
            Overlay::Palette => true,
            Overlay::Line(number) => (log.dropped()..log.total()).contains(number),
            Overlay::Entry(id) => model.timeline.iter().any(|row| row.id == *id),
            Overlay::Row => view.selected().is_some_and(Item::has_page),
            Overlay::Sources => view.tab == Tab::Logs,
            Overlay::Types => view.tab == Tab::Workflows,
            Overlay::Answer => model.answer.is_some(),
            Overlay::Action(_) => !view.menu.targets.is_empty(),
            Overlay::Workflow => false,
        })
    }

    /// Returns the dialog or page in front, or else the one behind the palette.
    fn behind_palette(&self) -> Option<Overlay> {
        let dialog = self.dialog().filter(|overlay| *overlay != Overlay::Palette);
        dialog.or_else(|| self.workflow().map(|_| Overlay::Workflow))
    }

    /// Whether the user is typing in a prompt.
    pub(crate) fn has_prompt(&self) -> bool {
        self.view.prompt.is_some()
            && (self.in_log() || self.on(Tab::Workflows) && self.fits())
            && !self.model.leaving
    }

    /// Returns whether the query of the open prompt is sent. `None` if the prompt is not for a query.
    pub(super) fn query_prompt(&self) -> Option<bool> {
        match self.view.prompt.as_ref()?.purpose {
            PromptPurpose::Query { sent, .. } => Some(sent),
            PromptPurpose::Search(_) | PromptPurpose::Filter(_) => None,
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        match self.overlay() {
            None if self.model.leaving => Scope::Leaving,
            None if self.has_prompt() => Scope::Prompt,
            None => Scope::Screen,
            Some(Overlay::Line(_) | Overlay::Entry(_) | Overlay::Row | Overlay::Answer) => {
                Scope::Page
            }
            Some(Overlay::Palette) => Scope::Palette,
            Some(Overlay::Action(ActionStep::Menu)) => Scope::Actions,
            Some(Overlay::Action(ActionStep::Form)) => Scope::Form,
            Some(Overlay::Action(ActionStep::Approve)) => Scope::Approve,
            Some(Overlay::Workflow) => Scope::Workflow,
            Some(Overlay::Quit) => Scope::Quit,
            Some(Overlay::Confirm(_)) => Scope::Confirm,
            Some(Overlay::Sources | Overlay::Types) => Scope::Pick,
        }
    }

    /// Returns the open page of a workflow, if the screen has room for it.
    pub(crate) fn workflow(&self) -> Option<&'a WorkflowCursor> {
        self.view.workflow.as_ref().filter(|_| self.fits() && !self.model.leaving)
    }

    /// Returns the selected line of the page of a workflow.
    pub(super) fn workflow_line(&self) -> Option<PageLine> {
        self.workflow()?.line(self.model)
    }

    pub(super) fn has_workflow_details(&self) -> bool {
        self.workflow().is_some_and(|cursor| cursor.open_line(self.model).is_some())
    }

    /// Whether the arrow keys have an effect on the page of a workflow.
    pub(super) fn moves_in_workflow(&self) -> bool {
        let Some(cursor) = self.workflow() else { return false };
        match cursor.open_line(self.model) {
            Some(_) => self.view.page.scrolls(),
            None => {
                let lines = cursor.stops(self.model).len();
                lines > usize::from(cursor.line(self.model).is_some())
            }
        }
    }

    /// Whether the history has workflow tasks that can be shown or hidden.
    pub(super) fn has_routine_tasks(&self) -> bool {
        let page = self.workflow().and_then(|cursor| cursor.page(self.model));
        !self.has_workflow_details()
            && page.is_some_and(|page| page.history.iter().any(|row| row.routine))
    }

    fn allows(&self, interruption: Interruption) -> bool {
        match interruption {
            Interruption::Stop => self.model.can.stop,
            Interruption::Restart => self.model.can.restart,
            Interruption::StopAndQuit => quit_asks(self.model) && loses_data(self.model),
        }
    }

    /// Whether the screen has room for pages and lists.
    pub(super) fn fits(&self) -> bool {
        self.view.shape != Shape::Tiny
    }

    pub(super) fn on(&self, tab: Tab) -> bool {
        self.view.tab == tab
    }

    /// Whether the log of Temporal is visible, with all its keys.
    pub(super) fn in_log(&self) -> bool {
        self.on(Tab::Logs) && self.view.source == Source::Units && self.fits()
    }

    /// Whether stigmer's own log is visible.
    pub(super) fn in_own_log(&self) -> bool {
        self.on(Tab::Logs) && self.view.source == Source::Stigmer && self.fits()
    }

    pub(super) fn log_has_rows(&self) -> bool {
        self.in_log() && self.view.log.rows() > 0
    }

    /// Returns the current row of the log, if the log is visible.
    pub(super) fn current_line(&self) -> Option<Row> {
        self.view.log.current().filter(|_| self.in_log())
    }

    pub(super) fn has_other_match(&self) -> bool {
        self.in_log() && self.view.log.has_other_match()
    }

    /// Returns the visible list of rows.
    pub(super) fn list(&self) -> Option<&'a RowList> {
        self.view.list().filter(|_| self.fits())
    }

    pub(super) fn selected(&self) -> Option<Item> {
        self.list()?.selected()
    }

    pub(super) fn selected_problem(&self) -> Option<&'a ProblemRow> {
        self.selected()?.problem(self.model)
    }

    /// Returns whether the workflows of the selected problem, or of the problem of the selected workflow, are listed
    /// one by one. `None` if it has no further workflows.
    pub(super) fn selected_group_is_expanded(&self) -> Option<bool> {
        let item = self.selected()?;
        let row = item.problem(self.model).or_else(|| Some(item.member(self.model)?.0))?;
        (!row.further().is_empty()).then(|| self.view.is_expanded(row))
    }

    pub(super) fn selected_has_targets(&self) -> bool {
        self.selected().is_some_and(|item| item.has_targets(self.model))
    }

    /// Whether actions apply to the marked rows or to the selected row.
    pub(super) fn has_targets(&self) -> bool {
        self.list().is_some() && (!self.view.marks.is_empty() || self.selected_has_targets())
    }

    /// Whether actions apply to the rows that pass the filter.
    pub(super) fn has_filtered_targets(&self) -> bool {
        let items = self.list().filter(|_| self.on(Tab::Workflows)).map_or(&[][..], RowList::items);
        items.iter().any(|item| item.has_targets(self.model))
    }

    /// Returns the worker to which the keys of the unit apply: the selected one on the tab of workers, or
    /// the one whose page, or the page of whose problem, is open. `None` if they apply to the server.
    pub(crate) fn unit(&self) -> Option<&'a WorkerRow> {
        let is_unit = self.on(Tab::Workers) || self.dialog() == Some(Overlay::Row);
        let item = self.selected().filter(|_| is_unit)?;
        item.worker(self.model).or_else(|| self.worker_of_problem(item))
    }

    /// Returns the worker of a project that is the subject of a problem.
    fn worker_of_problem(&self, item: Item) -> Option<&'a WorkerRow> {
        let problem = item.problem(self.model).filter(|it| it.type_name == "worker")?;
        let is_subject = |row: &&WorkerRow| !row.external && row.name == problem.subject;
        self.model.workers.iter().flatten().find(is_subject)
    }

    /// Returns the commands for the unit.
    pub(super) fn unit_can(&self) -> UnitCommands {
        let Commands { start, stop, restart, .. } = self.model.can;
        self.unit().map_or(UnitCommands { start, stop, restart }, |row| row.can)
    }

    /// Whether the log of the selected unit can be read.
    pub(super) fn unit_has_log(&self) -> bool {
        match self.unit() {
            Some(row) => !row.external,
            None => self.selected() == Some(Item::Server) && self.model.managed,
        }
    }

    /// Whether stigmer runs a worker that can be restarted.
    pub(super) fn runs_workers(&self) -> bool {
        self.model.restarts_workers()
    }

    /// Whether there is a problem other than the selected one.
    pub(super) fn has_other_problem(&self) -> bool {
        let Some(list) = self.list() else { return false };
        let is_problem = |item: Item| matches!(item, Item::Problem(_));
        list.find(true, is_problem).is_some_and(|at| list.at() != Some(at))
    }

    /// Whether the arrow keys change the selection.
    pub(super) fn moves(&self) -> bool {
        match self.view.tab {
            Tab::Overview | Tab::Workflows | Tab::Workers => self
                .list()
                .is_some_and(|list| list.items().len() > usize::from(list.at().is_some())),
            // With only one row, a movement cannot change a selected range.
            Tab::Logs => {
                let log = &self.view.log;
                self.log_has_rows() && (log.rows() > 1 || !log.has_range())
            }
            Tab::Server => self.model.timeline.len() > 1 && self.fits(),
        }
    }

    /// Whether Enter opens something.
    pub(super) fn opens(&self) -> bool {
        match self.view.tab {
            Tab::Overview | Tab::Workflows | Tab::Workers => match self.selected() {
                Some(Item::Line(_)) => true,
                item => item.is_some_and(Item::has_page),
            },
            Tab::Logs => self.current_line().is_some(),
            Tab::Server => !self.model.timeline.is_empty() && self.fits(),
        }
    }

    /// Whether a row, line or entry precedes or follows the open one.
    pub(crate) fn has_neighbour(&self) -> bool {
        match self.behind_palette() {
            Some(Overlay::Line(_)) => self.view.explorer().rows() > 1,
            Some(Overlay::Entry(_)) => self.model.timeline.len() > 1,
            Some(Overlay::Workflow) if self.has_workflow_details() => {
                self.workflow().is_some_and(|cursor| cursor.lines(self.model).len() > 1)
            }
            Some(Overlay::Row | Overlay::Workflow) => self.view.list().is_some_and(|list| {
                list.neighbour(true).or_else(|| list.neighbour(false)).is_some()
            }),
            _ => false,
        }
    }
}
