//! The effects of the palette.

use super::ui::Ui;
use crate::app::keymap::{self, Context, PaletteCommand};
use crate::app::view::{Overlay, PaletteChoice, PaletteCursor};
use crate::explorer::Move;
use crate::input::Action;
use crate::log::LogSource;
use crate::model::Model;

impl Ui {
    pub(super) fn run_palette(
        &mut self,
        command: PaletteCommand,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        match command {
            PaletteCommand::Open => {
                self.view.palette = PaletteCursor::default();
                self.view.open(Overlay::Palette);
            }
            PaletteCommand::Run => return self.run_choice(model, log),
            PaletteCommand::Select(by) => self.select_command(by, model, log),
            PaletteCommand::DeleteOne => self.view.palette.edit(|text| _ = text.pop()),
            PaletteCommand::DeleteAll => self.view.palette.edit(String::clear),
        }
        None
    }

    /// Opens the palette with the namespaces.
    pub(super) fn open_namespaces(&mut self) {
        let text = "namespace ".to_owned();
        self.view.palette = PaletteCursor { text, ..PaletteCursor::default() };
        self.view.open(Overlay::Palette);
    }

    /// Moves the selection of the palette. Without a selection, moves to the first or the last row.
    pub(super) fn select_command(&mut self, by: Move, model: &Model, log: &dyn LogSource) {
        let context = Context { view: &self.view, model, log };
        let rows = context.palette();
        let at = context.palette_at(&rows);
        let last = rows.len().saturating_sub(1);
        let page = self.view.palette.scroll.page().max(2) - 1;
        let to = match (by, at) {
            (Move::First, _) | (Move::Down(_) | Move::PageDown, None) => 0,
            (Move::Last, _) | (Move::Up(_) | Move::PageUp, None) => last,
            (Move::Up(n), Some(at)) => at.saturating_sub(n.into()),
            (Move::Down(n), Some(at)) => at + usize::from(n),
            (Move::PageUp, Some(at)) => at.saturating_sub(page),
            (Move::PageDown, Some(at)) => at + page,
        };
        let to = rows.into_iter().nth(to.min(last));
        self.view.palette.selected = to.map(|row| row.choice);
    }

    /// Closes the palette and runs the selected row, which works.
    fn run_choice(&mut self, model: &Model, log: &dyn LogSource) -> Option<Action> {
        let row = Context { view: &self.view, model, log }.palette_row()?;
        self.view.overlay = None;
        match row.choice {
            PaletteChoice::Command(at) => {
                let (key, command) = *keymap::all().nth(at)?.keys.first()?;
                return self.run(command, key, model, log);
            }
            PaletteChoice::Act(kind) => {
                // The palette hides the rows. The menu names the workflows before anything happens.
                self.open_menu(model);
                self.view.menu.kind = kind;
            }
            PaletteChoice::Theme(theme) => self.set_theme(theme),
            PaletteChoice::Namespace(name) => self.view.listing.namespace = Some(name),
            PaletteChoice::Workflow(cursor) => self.open_page(*cursor),
            PaletteChoice::Find(id) => return Some(self.look_for(id)),
            PaletteChoice::Sign(_) => {}
        }
        None
    }
}
