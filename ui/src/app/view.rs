//! The state of the view between frames: the open tab, selections, the dialog or page in front.

mod actions;
mod details;
mod filter;
mod hints;
mod marks;
mod palette;
pub(crate) mod pick;
mod prompt;
mod query;
mod rows;
mod scroll;
mod tab;
mod targets;
mod timeline;
mod unlisted;
mod workflow;

use ratatui::layout::Rect;

use crate::draw::layout::{Parts, SectionRows, Sections, Shape, split_top};
use crate::draw::theme::{Symbols, Theme};
use crate::explorer::{Explorer, Filter, MatchCount, Move};
use crate::log::LogSource;
use crate::loss::StopImpact;
use crate::model::{FoundWorkflows, Listing, Model, ProblemKind, ProblemRow, StateView};
pub(crate) use actions::{ActionKind, ActionMenu, ActionStep};
pub(crate) use details::RowDetails;
pub(crate) use filter::{RowFilter, StatusFilter};
pub(crate) use hints::{EmptySection, HINTS, hints};
pub(crate) use marks::Marks;
pub(crate) use palette::{PaletteChoice, PaletteCursor};
#[cfg(test)]
pub(crate) use prompt::ListPrompt;
pub(crate) use prompt::{Prompt, PromptPurpose, wrong_attribute};
pub(crate) use rows::{Item, RowList};
pub(crate) use scroll::ListScroll;
pub(crate) use tab::Tab;
pub(crate) use timeline::TimelineCursor;
pub(crate) use unlisted::Unlisted;
pub(crate) use workflow::{LineDetails, PageLine, WorkflowCursor};

/// State of the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Shape of the screen in the last frame. A page is opened only if the screen has room for it.
    pub(crate) shape: Shape,
    /// Sections of the overview in the last frame.
    pub(crate) sections: Sections,
    pub(crate) tab: Tab,
    pub(crate) overview: RowList,
    pub(crate) workflows: RowList,
    pub(crate) workers: RowList,
    /// The namespace and the query of the list of workflows.
    pub(crate) listing: Listing,
    /// Filter of the list of workflows.
    pub(crate) filter: RowFilter,
    /// Identifiers of the problems whose workflows are listed one by one.
    pub(crate) expanded: Vec<String>,
    /// The log of the overview.
    pub(crate) newest: Explorer,
    /// The log of the tab of logs.
    pub(crate) log: Explorer,
    /// The lines that the tab of logs shows.
    pub(crate) source: Source,
    pub(crate) timeline: TimelineCursor,
    /// Whether to show the list of targets (the modules that write stigmer's own log). `None`: show the list
    /// if there is room.
    pub(crate) targets: Option<bool>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) palette: PaletteCursor,
    /// The page of a workflow, behind dialogs and the palette.
    pub(crate) workflow: Option<WorkflowCursor>,
    /// Lines of the log that name the workflow of the page.
    pub(crate) log_lines: MatchCount,
    /// The tab and the page from which the tab of logs was opened. Esc returns to them.
    pub(crate) origin: Option<(Tab, WorkflowCursor)>,
    pub(crate) menu: ActionMenu,
    pub(crate) marks: Marks,
    /// Number of the newest answer that was opened.
    pub(crate) last_answer: u64,
    /// Position in the open page: a line, an entry, a row, an answer.
    pub(crate) page: ListScroll,
    /// Selected item of the open list.
    pub(crate) picked: usize,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) theme: Theme,
    pub(crate) symbols: Symbols,
}

impl View {
    pub(crate) fn shows_targets(&self) -> bool {
        self.targets.unwrap_or(self.shape == Shape::Wide)
    }

    /// Opens a tab. When the user leaves the timeline, its newest entry is selected again. The log follows its newest
    /// lines again, unless a range is selected or a search is open.
    pub(crate) fn show(&mut self, tab: Tab, model: &Model) {
        if self.tab == Tab::Server && tab != self.tab {
            self.timeline = TimelineCursor::default();
        }
        if tab == Tab::Workers && tab != self.tab {
            let items = self.worker_items(model);
            self.workers.update(items, model);
            // The server is the unit of `s`, `x` and `r`.
            self.workers.select(0, model);
        }
        if tab == Tab::Logs && tab != self.tab {
            self.log.begin();
        }
        self.tab = tab;
        self.overlay = None;
        self.workflow = None;
        self.origin = None;
    }

    /// Opens the log at the lines that name the workflow of the open page.
    pub(crate) fn show_log_of_page(&mut self, model: &Model, log: &dyn LogSource) {
        let Some(cursor) = self.workflow.take() else { return };
        let from = self.tab;
        self.show(Tab::Logs, model);
        self.source = Source::Units;
        // The page has counted all lines.
        self.log.set_filter(Filter::default(), log);
        self.log.drop_range();
        self.log.seek(&cursor.log_pattern(), self.log.position(), log);
        self.origin = Some((from, cursor));
    }

    /// Returns from the log to the page that has opened it.
    pub(crate) fn return_to_page(&mut self, model: &Model) {
        let Some((tab, cursor)) = self.origin.take() else { return };
        self.log.end_search();
        self.show(tab, model);
        self.workflow = Some(cursor);
    }

    /// Opens a dialog or page, scrolled to its top.
    pub(crate) fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.page = ListScroll::default();
    }

    /// Moves the selection of the open page of a workflow, or scrolls the open details.
    pub(crate) fn go_in_workflow(&mut self, by: Move, model: &Model) {
        let Some(cursor) = &mut self.workflow else { return };
        if cursor.open_line(model).is_some() {
            self.page.scroll(by);
        } else {
            cursor.go(by, model);
        }
    }

    /// Moves the selection of the list in front. `last` is the index of the last item of the list.
    pub(crate) fn pick(&mut self, by: Move, last: usize) {
        self.picked = match by {
            Move::Up(_) | Move::PageUp => self.picked.saturating_sub(1),
            Move::Down(_) | Move::PageDown => self.picked + 1,
            Move::First => 0,
            Move::Last => last,
        }
        .min(last);
    }

    /// Returns the list of rows on the open tab. `None` on the tabs of the logs and the server.
    pub(crate) fn list(&self) -> Option<&RowList> {
        match self.tab {
            Tab::Overview => Some(&self.overview),
            Tab::Workflows => Some(&self.workflows),
            Tab::Workers => Some(&self.workers),
            Tab::Logs | Tab::Server => None,
        }
    }

    pub(crate) fn list_mut(&mut self) -> Option<&mut RowList> {
        match self.tab {
            Tab::Overview => Some(&mut self.overview),
            Tab::Workflows => Some(&mut self.workflows),
            Tab::Workers => Some(&mut self.workers),
            Tab::Logs | Tab::Server => None,
        }
    }

    pub(crate) fn selected(&self) -> Option<Item> {
        self.list()?.selected()
    }

    /// Returns the log on the open tab.
    pub(crate) fn explorer(&self) -> &Explorer {
        if self.tab == Tab::Overview { &self.newest } else { &self.log }
    }

    pub(crate) fn explorer_mut(&mut self) -> &mut Explorer {
        if self.tab == Tab::Overview { &mut self.newest } else { &mut self.log }
    }

    /// Shows the lines of a unit, or of all, on the tab of logs.
    pub(crate) fn show_lines(&mut self, unit: Option<u16>, log: &dyn LogSource) {
        self.source = Source::Units;
        self.log.set_filter(Filter { unit, component: None, ..*self.log.filter() }, log);
    }

    /// Stores the shape of a frame. `reason` is the number of rows above the content of the tab.
    pub(crate) fn measure(&mut self, area: Rect, reason: u16, model: &Model) {
        self.shape = Shape::of(area);
        let content = Parts::of(area).content;
        let content = split_top(content, reason).1;
        let need = SectionRows {
            problems: self.problem_items(model, |_| true).count(),
            workers: section_rows(model, EmptySection::Workers),
            recent: section_rows(model, EmptySection::Recent),
            teaches: hints(model, EmptySection::Workers).next().is_some(),
        };
        self.sections = match model.failed() {
            Some(_) => Sections::only_log(content, self.shape),
            None => Sections::of(content, area.height, self.shape, need),
        };
    }

    /// Adds new lines and rows. Returns whether the selected row of the open tab is gone.
    pub(crate) fn update(&mut self, model: &Model, log: &dyn LogSource) -> bool {
        self.log.update(log);
        self.newest.update(log);
        if let Some(cursor) = &self.workflow {
            self.log_lines.update(&cursor.log_pattern(), log);
        }
        self.newest.measure(self.sections.log.rows.height, |_| 1);
        self.marks.retain(model);
        self.close_answered_query(model);
        self.menu.learn(model);
        let items = match self.tab {
            Tab::Overview => self.overview_items(model),
            Tab::Workflows => self.workflow_items(model),
            Tab::Workers => self.worker_items(model),
            Tab::Logs | Tab::Server => return false,
        };
        let is_gone = self.list_mut().is_some_and(|list| list.update(items, model));
        if self.tab == Tab::Overview {
            self.pause_at_selected_line();
        }
        is_gone
    }

    /// Moves the selection of the open tab.
    pub(crate) fn go(&mut self, by: Move, model: &Model) {
        if let Some(list) = self.list_mut() {
            list.go(by, model);
        }
        self.pause_at_selected_line();
    }

    /// Selects the next or the previous problem.
    pub(crate) fn go_to_problem(&mut self, forward: bool, model: &Model) {
        let is_problem = |item: Item| matches!(item, Item::Problem(_));
        if let Some(list) = self.list_mut()
            && let Some(at) = list.find(forward, is_problem)
        {
            list.select(at, model);
        }
        self.pause_at_selected_line();
    }

    pub(crate) fn select(&mut self, at: usize, model: &Model) {
        if let Some(list) = self.list_mut() {
            list.select(at, model);
        }
        self.pause_at_selected_line();
    }

    pub(crate) fn clear_selection(&mut self) {
        if let Some(list) = self.list_mut() {
            list.clear();
        }
        self.pause_at_selected_line();
    }

    /// The log of the overview stands still while one of its lines is selected.
    fn pause_at_selected_line(&mut self) {
        match self.overview.selected() {
            Some(Item::Line(number)) => self.newest.select(number),
            _ => self.newest.follow(),
        }
    }

    fn overview_items(&self, model: &Model) -> Vec<Item> {
        let sections = &self.sections;
        let shown =
            |rows: Option<usize>, section: Rect| rows.unwrap_or(0).min(section.height.into());
        let workers = shown(model.workers.as_ref().map(Vec::len), sections.workers.rows);
        let recent = shown(model.recent.as_ref().map(Vec::len), sections.recent.rows);
        let has_room = |section: Rect| section.height > 0;
        let worker_hints = hints(model, EmptySection::Workers);
        let recent_hints = hints(model, EmptySection::Recent);
        let lines = self.newest.visible().filter_map(|at| self.newest.row(at));
        let lines = lines.filter(|_| has_room(sections.log.rows));
        self.problem_items(model, |_| has_room(sections.problems.rows))
            .chain(worker_hints.filter(|_| has_room(sections.workers.rows)).map(Item::Hint))
            .chain((0..workers).map(Item::Worker))
            .chain(recent_hints.filter(|_| has_room(sections.recent.rows)).map(Item::Hint))
            .chain((0..recent).map(Item::Workflow))
            .chain(lines.map(|row| Item::Line(row.first)))
            .collect()
    }

    /// Returns the rows of the problems for which `is_shown` holds. A problem that is expanded is
    /// followed by its further workflows.
    fn problem_items<'a>(
        &'a self,
        model: &'a Model,
        is_shown: impl Fn(&ProblemRow) -> bool + 'a,
    ) -> impl Iterator<Item = Item> + 'a {
        let problems = model.problems.iter().flatten().enumerate();
        problems.filter(move |(_, row)| is_shown(row)).flat_map(|(at, row)| {
            let members = if self.is_expanded(row) { row.further() } else { 0..0 };
            let members = members.map(move |number| Item::Member(at, number));
            std::iter::once(Item::Problem(at)).chain(members)
        })
    }

    pub(crate) fn is_expanded(&self, row: &ProblemRow) -> bool {
        self.expanded.contains(&row.id)
    }

    /// Returns the row that a row stands for. On the tab of workflows, a queue without a worker stands
    /// for the newest workflow that waits there, unless it is expanded.
    pub(crate) fn stands_for(&self, item: Item, model: &Model) -> Item {
        let stands = |row: &ProblemRow| !row.waiting().is_empty() && !self.is_expanded(row);
        match item {
            Item::Problem(at)
                if self.tab == Tab::Workflows && item.problem(model).is_some_and(stands) =>
            {
                Item::Member(at, 0)
            }
            item => item,
        }
    }

    /// Lists the workflows of the selected problem one by one, or in one row.
    pub(crate) fn expand(&mut self, expand: bool, model: &Model) {
        let Some(item) = self.selected() else { return };
        let member = item.member(model).map(|(row, _)| row);
        let Some(row) = item.problem(model).or(member) else { return };
        self.expanded.retain(|id| *id != row.id);
        if expand {
            self.expanded.push(row.id.clone());
            return;
        }
        let is_row = |item: &Item| item.problem(model).is_some_and(|it| it.id == row.id);
        if let Some(list) = self.list_mut()
            && let Some(at) = list.items().iter().position(is_row)
        {
            list.select(at, model);
        }
    }

    /// Returns the problems of workflows that pass the filter, then the workflows that pass. With a
    /// query, returns only the workflows that the server has found.
    pub(crate) fn workflow_items(&self, model: &Model) -> Vec<Item> {
        if self.listing.query.is_some() {
            let found = self.found(model).and_then(|found| found.rows.as_ref());
            let found = found.into_iter().flatten().enumerate();
            let found = found.filter(|(_, row)| self.filter.passes_workflow(row));
            return found.map(|(at, _)| Item::Found(at)).collect();
        }
        let problems = self.problem_items(model, |row| {
            row.kind.is_of_workflows() && self.filter.passes_problem(row)
        });
        let recent = model.recent.iter().flatten().enumerate();
        let recent = recent.filter(|(_, row)| self.filter.passes_workflow(row));
        problems.chain(recent.map(|(at, _)| Item::Workflow(at))).collect()
    }

    /// Returns what the server has found for the query.
    pub(crate) fn found<'a>(&self, model: &'a Model) -> Option<&'a FoundWorkflows> {
        model.found.as_ref().filter(|found| Some(&found.query) == self.listing.query.as_ref())
    }

    /// Returns the server, stigmer's workers, other workers, and queues without a worker.
    fn worker_items(&self, model: &Model) -> Vec<Item> {
        let workers = |external: bool| {
            let all = model.workers.iter().flatten().enumerate();
            all.filter(move |(_, row)| row.external == external).map(|(at, _)| Item::Worker(at))
        };
        let problems = model.problems.iter().flatten().enumerate();
        let queues = problems.filter(|(_, row)| row.kind == ProblemKind::NoWorker);
        std::iter::once(Item::Server)
            .chain(workers(false))
            .chain(workers(true))
            .chain(queues.map(|(at, _)| Item::Problem(at)))
            .collect()
    }
}

/// Returns the number of rows that a section of the overview needs: those of the model, or of the
/// text of an empty section.
fn section_rows(model: &Model, section: EmptySection) -> usize {
    let rows = match section {
        EmptySection::Workers => model.workers.as_ref().map(Vec::len),
        EmptySection::Recent => model.recent.as_ref().map(Vec::len),
    };
    let taught = hints(model, section).count();
    // The text of the workers has a sentence before the commands.
    let sentence = usize::from(taught > 0 && section == EmptySection::Workers);
    rows.unwrap_or(0) + taught + sentence
}

/// Lines on the tab of logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// The lines of all units, or of the unit in the filter of [`View::log`].
    #[default]
    Units,
    /// The own log of stigmer.
    Stigmer,
}

/// Dialog or page in front of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// The list of all commands.
    Palette,
    Quit,
    /// Confirmation, if workflows are running or data would be lost.
    Confirm(Interruption),
    /// Page of the log line with this number.
    Line(u64),
    /// Page of the timeline entry with this id.
    Entry(u64),
    /// Page of the selected row.
    Row,
    /// Page of a workflow. Never stored as the dialog in front.
    Workflow,
    /// Page of the newest answer of a workflow.
    Answer,
    /// Dialog of an action on workflows.
    Action(ActionStep),
    /// List of the sources and components of the log.
    Sources,
    /// List of the types of workflows.
    Types,
}

/// A command that ends the running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Stop,
    Restart,
    StopAndQuit,
}

/// Returns the impact of a stop at this moment. `None` if nothing is interrupted or lost.
pub(crate) fn stop_impact(model: &Model) -> Option<StopImpact> {
    // An adopted server may have workflows before its checks pass.
    let is_up = model.state.is_up() || model.state == StateView::Starting && model.adopted;
    StopImpact::judge(model.storage, model.count).filter(|_| model.managed && is_up)
}

/// Whether a stop now would lose data.
pub(crate) fn loses_data(model: &Model) -> bool {
    stop_impact(model).and_then(StopImpact::loss).is_some()
}

/// Whether a dialog asks before quitting: this dashboard is the host of a server that runs or is
/// about to start.
pub(crate) fn quit_asks(model: &Model) -> bool {
    let is_running = match model.state {
        StateView::Starting
        | StateView::Ready
        | StateView::Degraded
        | StateView::Stopping
        | StateView::Backoff => true,
        StateView::Stopped | StateView::Failed => false,
    };
    is_running && model.managed && !model.attached
}
