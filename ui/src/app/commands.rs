//! The effects of the commands that keys and clicks give.

use super::ui::Ui;
use crate::app::keymap::{Context, KeyCommand, LogCommand, RowCommand, WorkflowCommand};
use crate::app::view::{
    Interruption, ListScroll, Overlay, PageLine, Source, Tab, TimelineCursor, loses_data, pick,
    quit_asks, stop_impact,
};
use crate::explorer::Move;
use crate::input::{Action, DismissRequest, Key, LogFile, QuitChoice, UnitCommand, WorkerRequest};
use crate::log::{LogSource, OWN, SERVER};
use crate::model::Model;

impl Ui {
    pub(super) fn run(
        &mut self,
        command: KeyCommand,
        key: Key,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        if let Some(request) = self.worker_request(command, model, log) {
            return Some(Action::Worker(request));
        }
        let view = &mut self.view;
        match command {
            KeyCommand::Start => return Some(Action::Start),
            KeyCommand::RestartWorkers => return Some(Action::RestartWorkers),
            KeyCommand::Interrupt(interruption) if stop_impact(model).is_some() => {
                view.overlay = Some(Overlay::Confirm(interruption));
            }
            KeyCommand::Interrupt(interruption) => return Some(action(interruption)),
            KeyCommand::Confirm => {
                let Some(Overlay::Confirm(interruption)) = view.overlay.take() else { return None };
                return Some(action(interruption));
            }
            KeyCommand::Quit | KeyCommand::StopAndQuit | KeyCommand::Background => {
                return self.quit(command, model);
            }
            KeyCommand::OpenWebUi => return Some(Action::OpenWebUi),
            KeyCommand::Pane => return Some(Action::PaneKey(key)),
            KeyCommand::ScrollPane(code) => return Some(Action::PaneKey(Key::plain(code))),
            KeyCommand::CloseOverlay => view.overlay = None,
            KeyCommand::Show(tab) => view.show(tab, model),
            KeyCommand::NextTab => view.show(view.tab.next(), model),
            KeyCommand::PreviousTab => view.show(view.tab.previous(), model),
            KeyCommand::Scroll(by) => self.scroll(by, model),
            KeyCommand::Follow if view.tab == Tab::Server => {
                view.timeline = TimelineCursor::default();
            }
            KeyCommand::Follow => view.log.follow(),
            KeyCommand::Open => self.open(model, log),
            KeyCommand::OpenAdjacent(by) => self.open_adjacent(by, model, log),
            KeyCommand::OpenProblem(forward) => {
                view.go_to_problem(forward, model);
                self.open(model, log);
            }
            KeyCommand::Copy => return self.copy(model, log).map(Action::Copy),
            KeyCommand::CopyCommand => return self.copy_command(model).map(Action::Copy),
            KeyCommand::OpenFile => {
                return Some(Action::OpenFile(match (view.tab, view.source) {
                    (Tab::Logs, Source::Stigmer) => LogFile::Own,
                    (Tab::Logs, Source::Units) => match view.log.unit(log) {
                        SERVER => LogFile::Temporal,
                        OWN => LogFile::Own,
                        unit => LogFile::Worker(log.unit_name(unit).to_owned()),
                    },
                    _ => LogFile::Temporal,
                }));
            }
            KeyCommand::OpenLog => {
                let unit = match (Context { view: &self.view, model, log }.unit()) {
                    Some(worker) => log.unit(&worker.name),
                    None => Some(SERVER),
                };
                self.view.show(Tab::Logs, model);
                self.view.show_lines(unit, log);
            }
            KeyCommand::OpenHistory => return Some(Action::OpenHistory),
            KeyCommand::ToggleTargets => view.targets = Some(!view.shows_targets()),
            KeyCommand::NextTheme => self.set_theme(self.view.theme.next()),
            KeyCommand::Pick(by) => self.pick(by, model, log),
            KeyCommand::StopWaiting => return Some(Action::StopWaiting),
            KeyCommand::TakePicked => view.take_picked(model, log),
            KeyCommand::Palette(command) => return self.run_palette(command, model, log),
            KeyCommand::Action(command) => return self.run_action(command, model),
            KeyCommand::Row(command) => return self.run_row(command, model, log),
            KeyCommand::Prompt(command) => return self.run_prompt(command, model, log),
            KeyCommand::Log(command) => self.run_log(command, model, log),
            KeyCommand::Workflow(command) => self.run_workflow(command, model, log),
        }
        None
    }

    /// Returns the request of a key of the unit, if the unit is a worker. A worker ends its work before it stops, so no
    /// dialog asks.
    fn worker_request(
        &self,
        command: KeyCommand,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<WorkerRequest> {
        let command = match command {
            KeyCommand::Start => UnitCommand::Start,
            KeyCommand::Interrupt(Interruption::Stop) => UnitCommand::Stop,
            KeyCommand::Interrupt(Interruption::Restart) => UnitCommand::Restart,
            _ => return None,
        };
        let worker = Context { view: &self.view, model, log }.unit()?;
        Some(WorkerRequest { name: worker.name.clone(), command })
    }

    fn quit(&mut self, command: KeyCommand, model: &Model) -> Option<Action> {
        let view = &mut self.view;
        match command {
            KeyCommand::StopAndQuit if loses_data(model) => {
                view.overlay = Some(Overlay::Confirm(Interruption::StopAndQuit));
                None
            }
            KeyCommand::StopAndQuit => {
                view.overlay = None;
                Some(Action::Quit(QuitChoice::StopAndQuit))
            }
            KeyCommand::Background => {
                view.overlay = None;
                Some(Action::Quit(QuitChoice::Background))
            }
            _ if quit_asks(model) => {
                view.overlay = Some(Overlay::Quit);
                None
            }
            _ => Some(Action::Quit(QuitChoice::Leave)),
        }
    }

    /// Moves the selection of the open tab, or scrolls the page in front.
    fn scroll(&mut self, by: Move, model: &Model) {
        let view = &mut self.view;
        match (view.overlay, view.tab) {
            (Some(_), _) => view.page.scroll(by),
            (None, _) if view.workflow.is_some() => view.go_in_workflow(by, model),
            (None, Tab::Server) => view.timeline.go(by, &model.timeline),
            (None, Tab::Logs) => view.log.go(by),
            (None, Tab::Overview | Tab::Workflows | Tab::Workers) => view.go(by, model),
        }
    }

    /// Moves the selection of the open list.
    pub(super) fn pick(&mut self, by: Move, model: &Model, log: &dyn LogSource) {
        if let Some(list) = self.view.overlay {
            let last = pick::items(&self.view, list, model, log).len().saturating_sub(1);
            self.view.pick(by, last);
        }
    }

    fn run_row(
        &mut self,
        command: RowCommand,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match command {
            RowCommand::Expand(expand) => view.expand(expand, model),
            RowCommand::NextProblem => view.go_to_problem(true, model),
            RowCommand::PreviousProblem => view.go_to_problem(false, model),
            RowCommand::Dismiss => {
                let id = view.selected()?.problem(model)?.id.clone();
                return Some(Action::Dismiss(DismissRequest::One(id)));
            }
            RowCommand::DismissAll => return Some(Action::Dismiss(DismissRequest::All)),
            RowCommand::UndoDismiss => return Some(Action::Dismiss(DismissRequest::Undo)),
            RowCommand::Back if !view.marks.is_empty() => view.marks.clear(),
            RowCommand::Back if view.tab == Tab::Workflows && !view.filter.is_empty() => {
                view.filter = Default::default();
            }
            RowCommand::Back if view.tab == Tab::Workflows && view.listing.query.is_some() => {
                view.listing.query = None;
            }
            RowCommand::Back => view.clear_selection(),
            RowCommand::NextStatus => {
                let has_query = view.listing.query.is_some();
                view.filter.status = view.filter.status.next(has_query);
            }
            RowCommand::OpenTypes => view.open_list(Overlay::Types, model, log),
        }
        None
    }

    fn run_workflow(&mut self, command: WorkflowCommand, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        let Some(cursor) = &mut view.workflow else { return };
        match command {
            WorkflowCommand::OpenLine if cursor.line(model) == Some(PageLine::Log) => {
                view.show_log_of_page(model, log);
            }
            WorkflowCommand::OpenLine => {
                cursor.is_open = true;
                view.page = ListScroll::default();
            }
            WorkflowCommand::Back if cursor.open_line(model).is_some() => cursor.is_open = false,
            WorkflowCommand::Back => view.workflow = None,
            WorkflowCommand::ToggleTasks => cursor.tasks = !cursor.tasks,
        }
    }

    fn run_log(&mut self, command: LogCommand, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        match command {
            LogCommand::Cancel if view.log.has_range() => view.log.drop_range(),
            LogCommand::Cancel => view.log.end_search(),
            LogCommand::Back => view.return_to_page(model),
            LogCommand::NextMatch => view.log.step(true, log),
            LogCommand::PreviousMatch => view.log.step(false, log),
            LogCommand::NextProblem => view.log.step_to_problem(true),
            LogCommand::PreviousProblem => view.log.step_to_problem(false),
            LogCommand::NextLevel => view.log.set_filter(view.log.filter().next_level(), log),
            LogCommand::OpenSources => view.open_list(Overlay::Sources, model, log),
            LogCommand::Extend(by) => view.log.extend(by),
            LogCommand::ToggleRange => view.log.toggle_range(),
            LogCommand::ToggleWrap => view.log.wrap = !view.log.wrap,
            LogCommand::ToggleFolds => view.log.toggle_folds(log),
            LogCommand::Clear => view.log.clear(log),
            LogCommand::ShiftLeft => view.log.shift_left(),
            LogCommand::ShiftRight => view.log.shift_right(),
        }
    }
}

fn action(interruption: Interruption) -> Action {
    match interruption {
        Interruption::Stop => Action::Stop,
        Interruption::Restart => Action::Restart,
        Interruption::StopAndQuit => Action::Quit(QuitChoice::StopAndQuit),
    }
}
