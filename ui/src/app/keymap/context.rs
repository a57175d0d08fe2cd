//! What decides whether a key works.

use crate::app::view::{Order, Overlay, Tab, View, loses, quit_asks, stake};
use crate::draw::layout::Shape;
use crate::explorer::Row;
use crate::log::LogSource;
use crate::model::Model;

/// Which part of the screen listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Screen,
    /// A page that one reads: help, a line, an entry.
    Page,
    Quit,
    Confirm,
    Components,
    Prompt,
    /// The operator has quit.
    Leaving,
}

/// Everything that decides whether a key works.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
}

impl Context<'_> {
    /// What is in front. A dialog whose question has become void is not, nor is what does not fit.
    pub(crate) fn overlay(&self) -> Option<Overlay> {
        let Self { view, model, log } = self;
        view.overlay.filter(|overlay| match overlay {
            _ if model.leaving => false,
            Overlay::Quit => quit_asks(model),
            Overlay::Confirm(order) => stake(model).is_some() && self.allows(*order),
            _ if view.shape == Shape::Tiny => false,
            Overlay::Help => true,
            Overlay::Line(number) => (log.dropped()..log.total()).contains(number),
            Overlay::Entry(id) => model.timeline.iter().any(|row| row.id == *id),
            Overlay::Components => view.tab == Tab::Log,
        })
    }

    /// A pattern is being typed.
    pub(crate) fn prompts(&self) -> bool {
        self.view.prompt.is_some() && self.in_log() && !self.model.leaving
    }

    pub(crate) fn scope(&self) -> Scope {
        match self.overlay() {
            None if self.model.leaving => Scope::Leaving,
            None if self.prompts() => Scope::Prompt,
            None => Scope::Screen,
            Some(Overlay::Help | Overlay::Line(_) | Overlay::Entry(_)) => Scope::Page,
            Some(Overlay::Quit) => Scope::Quit,
            Some(Overlay::Confirm(_)) => Scope::Confirm,
            Some(Overlay::Components) => Scope::Components,
        }
    }

    pub(crate) fn allows(&self, order: Order) -> bool {
        match order {
            Order::Stop => self.model.can.stop,
            Order::Restart => self.model.can.restart,
            Order::StopAndQuit => quit_asks(self.model) && loses(self.model),
        }
    }

    /// The keys of the log are pressed where it is seen.
    pub(super) fn in_log(&self) -> bool {
        self.on(Tab::Log) && self.view.shape != Shape::Tiny
    }

    pub(super) fn in_own_log(&self) -> bool {
        self.on(Tab::OwnLog) && self.fits()
    }

    pub(super) fn log_has_rows(&self) -> bool {
        self.in_log() && self.view.log.rows() > 0
    }

    pub(super) fn current(&self) -> Option<Row> {
        self.view.log.current().filter(|_| self.in_log())
    }

    pub(super) fn finds(&self) -> bool {
        self.in_log() && self.view.log.steps()
    }

    pub(super) fn fits(&self) -> bool {
        self.view.shape != Shape::Tiny
    }

    pub(super) fn on(&self, tab: Tab) -> bool {
        self.view.tab == tab
    }

    pub(super) fn moves(&self) -> bool {
        match self.view.tab {
            // A selection does not end by going on beyond the only row.
            Tab::Log => {
                let log = &self.view.log;
                self.log_has_rows() && (log.rows() > 1 || !log.marks())
            }
            Tab::Timeline => self.model.timeline.len() > 1 && self.fits(),
            Tab::OwnLog => false,
        }
    }
}
