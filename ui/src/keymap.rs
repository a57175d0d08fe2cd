//! The one table of keys. Dispatch, footer and help read it, so they cannot disagree.
//!
//! A key is looked up among the bindings of the scope in front (the quit dialog, the help, the screen itself);
//! the first that matches and works now is taken. A new key is a new row in the table and an arm in `Ui::run`.

mod table;

use crate::input::Key;
use crate::log::LogSource;
use crate::model::Model;
use crate::view::{Move, Overlay, Tab, View, quit_asks};

pub(crate) use table::TABLE;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Start,
    Stop,
    Restart,
    Quit,
    StopAndQuit,
    Background,
    OpenWebUi,
    OpenHelp,
    CloseOverlay,
    Show(Tab),
    NextTab,
    PreviousTab,
    Scroll(Move),
    ShiftLeft,
    ShiftRight,
    Follow,
    NextTheme,
    /// Hand the key to the pane of stigmer's own log.
    Pane,
}

/// Which part of the screen listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Screen,
    Help,
    Quit,
}

/// Headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Temporal,
    Panels,
    OwnLog,
    Program,
    Dialog,
}

impl Group {
    pub(crate) const IN_HELP: [Self; 4] =
        [Self::Temporal, Self::Panels, Self::OwnLog, Self::Program];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Temporal => "Temporal",
            Self::Panels => "Panels",
            Self::OwnLog => "stigmer's own log",
            Self::Program => "This dashboard",
            Self::Dialog => "",
        }
    }
}

/// Everything that decides whether a key works.
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
}

impl Context<'_> {
    /// A dialog whose question has become void is not in front any more.
    pub(crate) fn overlay(&self) -> Option<Overlay> {
        self.view.overlay.filter(|overlay| match overlay {
            Overlay::Help => true,
            Overlay::Quit => quit_asks(self.model),
        })
    }

    pub(crate) fn scope(&self) -> Scope {
        match self.overlay() {
            None => Scope::Screen,
            Some(Overlay::Help) => Scope::Help,
            Some(Overlay::Quit) => Scope::Quit,
        }
    }

    fn on(&self, tab: Tab) -> bool {
        self.view.tab == tab
    }

    fn scrolls(&self) -> bool {
        match self.view.tab {
            Tab::Log => self.view.log.scrolls(self.log),
            Tab::Timeline => self.view.timeline.scrolls(),
            Tab::OwnLog => false,
        }
    }
}

/// One row of the table.
pub(crate) struct Binding {
    pub(crate) scope: Scope,
    pub(crate) group: Group,
    /// The keys and what each does.
    pub(crate) keys: &'static [(Key, Command)],
    /// The keys as they are written.
    pub(crate) shown: &'static str,
    /// A word for the footer; empty: not shown there.
    pub(crate) short: &'static str,
    /// A line for the help.
    pub(crate) long: &'static str,
    /// The footer drops the greatest first when it is short of room.
    pub(crate) rank: u8,
    pub(crate) works: fn(&Context<'_>) -> bool,
    /// Said when the key is pressed and does not work; empty: nothing is said.
    pub(crate) why_not: fn(&Context<'_>) -> &'static str,
}

/// The bindings of the scope in front.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |binding| binding.scope == scope)
}

/// What a key does now, or why it does nothing.
pub(crate) fn look_up(key: Key, context: &Context<'_>) -> Result<Command, &'static str> {
    let mut refusal = "";
    for binding in in_scope(context.scope()) {
        for (candidate, command) in binding.keys {
            if candidate.same(key) {
                if (binding.works)(context) {
                    return Ok(*command);
                }
                if refusal.is_empty() {
                    refusal = (binding.why_not)(context);
                }
            }
        }
    }
    Err(refusal)
}
