//! The one table of keys. Dispatch, footer and help read it, so they cannot disagree.
//!
//! A key is looked up among the bindings of the scope in front (the quit dialog, the help, the screen itself);
//! the first that matches and works now is taken. A new key is a new row in the table and an arm in `Ui::run`.

mod dialogs;
mod screen;

use ratatui::layout::Rect;

use crate::cluster::width;
use crate::explorer::{Move, Row};
use crate::input::{Key, KeyCode};
use crate::layout::{Shape, split_left};
use crate::log::LogSource;
use crate::model::Model;
use crate::view::{Order, Overlay, Tab, View, loses, quit_asks, stake};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Start,
    Order(Order),
    /// The answer to the question whether an order is meant.
    Confirm,
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
    Extend(Move),
    ToggleMark,
    /// Opens a fold, a line or an entry in full.
    Open,
    /// From what lies open in full to the one beside it.
    OpenBeside(Move),
    Copy,
    OpenPrompt,
    /// Stops searching, or drops the selection.
    Leave,
    KeepSearch,
    EraseOne,
    EraseAll,
    NextMatch,
    PreviousMatch,
    NextLevel,
    OpenComponents,
    Pick(Move),
    TakePicked,
    ToggleWrap,
    ToggleFolds,
    Clear,
    OpenFile,
    NextTheme,
    /// Hand the key to the pane of stigmer's own log.
    Pane,
    /// Scroll in that pane, as this key of it does.
    ScrollPane(KeyCode),
    ToggleTargets,
}

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

/// Headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Temporal,
    Panels,
    Log,
    OwnLog,
    Program,
    Dialog,
}

impl Group {
    pub(crate) const IN_HELP: [Self; 5] =
        [Self::Temporal, Self::Panels, Self::Log, Self::OwnLog, Self::Program];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Temporal => "Temporal",
            Self::Panels => "Panels",
            Self::Log => "Temporal's log",
            Self::OwnLog => "stigmer's own log",
            Self::Program => "This dashboard",
            Self::Dialog => "",
        }
    }
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
    fn in_log(&self) -> bool {
        self.on(Tab::Log) && self.view.shape != Shape::Tiny
    }

    fn in_own_log(&self) -> bool {
        self.on(Tab::OwnLog) && self.fits()
    }

    fn log_has_rows(&self) -> bool {
        self.in_log() && self.view.log.rows() > 0
    }

    fn current(&self) -> Option<Row> {
        self.view.log.current().filter(|_| self.in_log())
    }

    fn finds(&self) -> bool {
        self.in_log() && self.view.log.steps()
    }

    fn fits(&self) -> bool {
        self.view.shape != Shape::Tiny
    }

    fn on(&self, tab: Tab) -> bool {
        self.view.tab == tab
    }

    fn moves(&self) -> bool {
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

impl Binding {
    /// Where each of its keys stands, of those that are written at `all`.
    pub(crate) fn places(&self, all: Rect) -> Vec<(Rect, Key)> {
        let first = match self.shown.split_once(' ') {
            Some((first, _)) => width(first) + 1,
            None if self.shown.chars().count() == 2 => all.width / 2,
            None => all.width,
        };
        let (first, second) = split_left(all, first);
        let places = [first, second].into_iter().filter(|place| !place.is_empty());
        places.zip(self.keys).map(|(place, (key, _))| (place, *key)).collect()
    }
}

/// All rows of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Binding> {
    screen::TABLE.iter().chain(dialogs::TABLE)
}

/// The bindings of the scope in front.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.scope == scope)
}

/// The answers to a question. What quits from everywhere is none.
pub(crate) fn choices(
    scope: Scope,
    context: &Context<'_>,
) -> impl Iterator<Item = &'static Binding> {
    in_scope(scope).filter(|binding| (binding.works)(context) && binding.rank == 0)
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
