//! Pages of a log line or a timeline entry: open, move to the adjacent line or entry, copy.

use super::ui::Ui;
use crate::app::view::{Overlay, Tab};
use crate::explorer::Move;
use crate::input::CopyRequest;
use crate::log::LogSource;
use crate::model::Model;

impl Ui {
    /// Opens the page of the selected line or entry. If the row is a fold, unfolds it instead.
    pub(super) fn open(&mut self, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        if view.tab == Tab::Timeline {
            if let Some(row) = model.timeline.get(view.timeline.selected(&model.timeline)) {
                view.open(Overlay::Entry(row.id));
            }
            return;
        }
        match view.log.current() {
            Some(row) if row.is_fold() => view.log.unfold(row, log),
            Some(row) => view.open(Overlay::Line(row.first)),
            None => {}
        }
    }

    /// Moves from the open line or entry to the previous or next line or entry. If the next row is a fold,
    /// opens the fold.
    pub(super) fn open_adjacent(&mut self, by: Move, model: &Model, log: &dyn LogSource) {
        let view = &mut self.view;
        match view.overlay {
            Some(Overlay::Line(number)) => {
                view.log.select(number);
                view.log.go(by);
                let Some(row) = view.log.current() else { return };
                let line = if by == Move::Up(1) { row.last } else { row.first };
                if row.is_fold() {
                    view.log.unfold(row, log);
                    view.log.select(line);
                }
                view.open(Overlay::Line(line));
            }
            Some(Overlay::Entry(id)) => {
                view.timeline.select_id(id, &model.timeline);
                view.timeline.go(by, &model.timeline);
                self.open(model, log);
            }
            _ => {}
        }
    }

    /// Returns the text of the open line or entry, or else of the selected lines. `None` if the
    /// line or entry no longer exists.
    pub(super) fn copy(&self, model: &Model, log: &dyn LogSource) -> Option<CopyRequest> {
        match self.view.overlay {
            Some(Overlay::Line(number)) => {
                let index = usize::try_from(number.checked_sub(log.dropped())?).ok()?;
                Some(CopyRequest { text: log.details(index)?.raw + "\n", lines: 1, left_out: 0 })
            }
            Some(Overlay::Entry(id)) => {
                let row = model.timeline.iter().find(|row| row.id == id)?;
                let text = row.plain();
                Some(CopyRequest { lines: text.lines().count(), text, left_out: 0 })
            }
            _ => Some(self.view.log.copy(log)),
        }
    }
}
