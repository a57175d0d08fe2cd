//! Pages of a row, a log line or a timeline entry: open, move to the adjacent one, copy.

use super::ui::Ui;
use crate::app::view::{HINTS, Item, ListScroll, Overlay, RowDetails, Tab, WorkflowCursor};
use crate::explorer::Move;
use crate::input::{CopyKind, CopyRequest};
use crate::log::LogSource;
use crate::model::Model;
use crate::request::{runnable, show_command};

impl Ui {
    /// Opens the page of the selected row, line or entry. If the row is a fold, unfolds it instead.
    pub(super) fn open(&mut self, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        match (view.tab, view.selected()) {
            (Tab::Server, _) => {
                if let Some(row) = model.timeline.get(view.timeline.selected(&model.timeline)) {
                    view.open(Overlay::Entry(row.id));
                }
            }
            (_, Some(item)) if item.has_page() => {
                match WorkflowCursor::of(view.stands_for(item, model), model) {
                    Some(cursor) => (view.overlay, view.workflow) = (None, Some(cursor)),
                    None => {
                        view.workflow = None;
                        view.open(Overlay::Row);
                    }
                }
            }
            _ => {
                let explorer = view.explorer_mut();
                match explorer.current() {
                    Some(row) if row.is_fold() => explorer.unfold(row, log),
                    Some(row) => view.open(Overlay::Line(row.first)),
                    None => {}
                }
            }
        }
    }

    /// Moves from the open row, line or entry to the previous or next one. If the next row is a fold,
    /// opens the fold.
    pub(super) fn open_adjacent(&mut self, by: Move, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        let forward = by != Move::Up(1);
        if let (None, Some(cursor)) = (view.overlay, &mut view.workflow)
            && cursor.open_line(model).is_some()
        {
            cursor.go(by, model);
            cursor.is_open = true;
            view.page = ListScroll::default();
            return;
        }
        match view.overlay {
            Some(Overlay::Line(number)) => {
                let explorer = view.explorer_mut();
                explorer.select(number);
                explorer.go(by);
                let Some(row) = explorer.current() else { return };
                let line = if by == Move::Up(1) { row.last } else { row.first };
                if row.is_fold() {
                    explorer.unfold(row, log);
                    explorer.select(line);
                }
                view.open(Overlay::Line(line));
            }
            Some(Overlay::Entry(id)) => {
                view.timeline.select_id(id, &model.timeline);
                view.timeline.go(by, &model.timeline);
                self.open(model, log);
            }
            None | Some(Overlay::Row) => {
                if let Some(at) = view.list().and_then(|list| list.neighbour(forward)) {
                    view.select(at, model);
                    self.open(model, log);
                }
            }
            _ => {}
        }
    }

    /// Returns the text of the open page, or else of the selection. `None` if its content no longer
    /// exists.
    pub(super) fn copy(&self, model: &Model, log: &dyn LogSource) -> Option<CopyRequest> {
        match self.view.overlay {
            Some(Overlay::Line(number)) => {
                let index = usize::try_from(number.checked_sub(log.dropped())?).ok()?;
                Some(text(log.details(index)?.raw + "\n"))
            }
            Some(Overlay::Entry(id)) => {
                let row = model.timeline.iter().find(|row| row.id == id)?;
                Some(text(row.plain()))
            }
            Some(Overlay::Answer) => Some(text(model.answer.as_ref()?.text.clone() + "\n")),
            Some(Overlay::Row) => Some(text(RowDetails::of(self.view.selected()?, model)?.plain())),
            None if self.view.workflow.is_some() => {
                let cursor = self.view.workflow.as_ref()?;
                Some(match cursor.plain(model) {
                    Some(details) => text(details),
                    None => line(&cursor.run.workflow_id, CopyKind::Name),
                })
            }
            _ => match self.view.selected() {
                Some(Item::Line(_)) | None => Some(self.view.explorer().copy(log)),
                Some(Item::Hint(number)) => {
                    Some(commands_to_copy(&[HINTS.get(number)?.command.to_owned()], model))
                }
                Some(item) => {
                    let item = self.view.stands_for(item, model);
                    let problem = item.problem(model).map(|row| &row.subject);
                    let member = item.member(model).map(|(_, it)| &it.workflow_id);
                    let workflow = item.workflow(model).map(|row| &row.workflow_id).or(member);
                    let worker = item.worker(model).map(|row| &row.name);
                    Some(line(problem.or(workflow).or(worker)?, CopyKind::Name))
                }
            },
        }
    }

    /// Returns the command that shows the open workflow, or more about the selected problem.
    pub(super) fn copy_command(&self, model: &Model) -> Option<CopyRequest> {
        if let Some(cursor) = &self.view.workflow {
            let show = show_command(&cursor.target(), model.address.as_deref());
            return Some(commands_to_copy(&[show], model));
        }
        Some(commands_to_copy(&[self.view.selected()?.problem(model)?.command.clone()], model))
    }
}

/// Returns a request to copy commands that run one after the other. The screen shows `temporal`, but the
/// copied commands must also run in a shell that does not find it.
pub(super) fn commands_to_copy(commands: &[String], model: &Model) -> CopyRequest {
    let program = model.temporal_program.as_deref();
    let commands: Vec<String> = commands.iter().map(|it| runnable(it, program)).collect();
    line(&commands.join(" && "), CopyKind::Command)
}

/// Returns a request to copy one line.
pub(super) fn line(text: &str, kind: CopyKind) -> CopyRequest {
    CopyRequest { kind, ..self::text(format!("{text}\n")) }
}

fn text(text: String) -> CopyRequest {
    CopyRequest { lines: text.lines().count(), text, ..CopyRequest::default() }
}
