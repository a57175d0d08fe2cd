//! The conditions for a key to work.

use crate::app::view::{Interruption, Overlay, Tab, View, loses_data, quit_asks, stop_impact};
use crate::draw::layout::Shape;
use crate::explorer::Row;
use crate::log::LogSource;
use crate::model::Model;

/// Part of the screen that receives the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Screen,
    /// A page: help, a line, an entry.
    Page,
    Quit,
    Confirm,
    Components,
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

impl Context<'_> {
    /// Returns the dialog or page in front. `None` if none is open. Also `None` for a dialog whose question
    /// no longer applies, for a page whose content was removed, and if the screen is too small.
    pub(crate) fn overlay(&self) -> Option<Overlay> {
        let Self { view, model, log } = self;
        view.overlay.filter(|overlay| match overlay {
            _ if model.leaving => false,
            Overlay::Quit => quit_asks(model),
            Overlay::Confirm(interruption) => {
                stop_impact(model).is_some() && self.allows(*interruption)
            }
            _ if view.shape == Shape::Tiny => false,
            Overlay::Help => true,
            Overlay::Line(number) => (log.dropped()..log.total()).contains(number),
            Overlay::Entry(id) => model.timeline.iter().any(|row| row.id == *id),
            Overlay::Components => view.tab == Tab::Log,
        })
    }

    /// Whether the user is typing a search pattern.
    pub(crate) fn has_prompt(&self) -> bool {
        self.view.prompt.is_some() && self.in_log() && !self.model.leaving
    }

    pub(crate) fn scope(&self) -> Scope {
        match self.overlay() {
            None if self.model.leaving => Scope::Leaving,
            None if self.has_prompt() => Scope::Prompt,
            None => Scope::Screen,
            Some(Overlay::Help | Overlay::Line(_) | Overlay::Entry(_)) => Scope::Page,
            Some(Overlay::Quit) => Scope::Quit,
            Some(Overlay::Confirm(_)) => Scope::Confirm,
            Some(Overlay::Components) => Scope::Components,
        }
    }

    fn allows(&self, interruption: Interruption) -> bool {
        match interruption {
            Interruption::Stop => self.model.can.stop,
            Interruption::Restart => self.model.can.restart,
            Interruption::StopAndQuit => quit_asks(self.model) && loses_data(self.model),
        }
    }

    /// Whether the log of Temporal is visible.
    pub(super) fn in_log(&self) -> bool {
        self.on(Tab::Log) && self.fits()
    }

    /// Whether stigmer's own log is visible.
    pub(super) fn in_own_log(&self) -> bool {
        self.on(Tab::OwnLog) && self.fits()
    }

    pub(super) fn log_has_rows(&self) -> bool {
        self.in_log() && self.view.log.rows() > 0
    }

    /// Returns the current row of the log, if the log is visible.
    pub(super) fn current(&self) -> Option<Row> {
        self.view.log.current().filter(|_| self.in_log())
    }

    pub(super) fn has_other_match(&self) -> bool {
        self.in_log() && self.view.log.has_other_match()
    }

    /// Whether the screen has room for pages and lists.
    pub(super) fn fits(&self) -> bool {
        self.view.shape != Shape::Tiny
    }

    pub(super) fn on(&self, tab: Tab) -> bool {
        self.view.tab == tab
    }

    /// Whether the arrow keys change the selection.
    pub(super) fn moves(&self) -> bool {
        match self.view.tab {
            // If a range is selected in a log of one row, a movement changes nothing.
            Tab::Log => {
                let log = &self.view.log;
                self.log_has_rows() && (log.rows() > 1 || !log.has_range())
            }
            Tab::Timeline => self.model.timeline.len() > 1 && self.fits(),
            Tab::OwnLog => false,
        }
    }
}
