//! The view as a whole: keys in, actions and frames out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::{self, Command, Context, Scope};
use crate::app::view::{Entries, Order, Overlay, Prompt, Tab, View, loses, quit_asks, stake};
use crate::draw::ascii;
use crate::draw::cluster::shorten;
use crate::draw::layout::{Pane, Shape};
use crate::draw::theme::{Depth, Palette, Symbols, Theme};
use crate::explorer::{Filter, Move, components};
use crate::input::{Action, Input, Key, KeyCode, LogFile, QuitChoice};
use crate::log::LogSource;
use crate::model::Model;
use crate::panel;
use crate::panel::scene::{Placed, Scene};

/// A pattern that is longer is a paste into the wrong window.
const PATTERN_MAX: usize = 1_000;

/// The dashboard's view. One owner, no sharing: keys and frames alternate.
#[derive(Clone, Debug)]
pub struct Ui {
    pub(super) view: View,
    depth: Depth,
    palette: Palette,
    /// Why the last key did nothing; the next key takes it away.
    pub(super) notice: &'static str,
    /// Where things were in the last frame, for the mouse.
    pub(super) placed: Placed,
    pub(super) press: Option<Press>,
}

/// Where things ended up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The rectangle that the pane of stigmer's own log was asked to fill, when its tab is open.
    pub own_log_pane: Option<Rect>,
}

/// The main button went down on a line of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub(super) line: u64,
    /// It was looked at already.
    pub(super) again: bool,
    pub(super) dragged: bool,
}

impl Ui {
    /// A view with the log open, following.
    #[must_use]
    pub fn new(theme: Theme, symbols: Symbols) -> Self {
        Self {
            view: View { theme, symbols, ..View::default() },
            depth: Depth::default(),
            palette: theme.palette(),
            notice: "",
            placed: Placed::default(),
            press: None,
        }
    }

    /// In the colours that the terminal has.
    #[must_use]
    pub fn in_colours(self, depth: Depth) -> Self {
        let palette = self.view.theme.palette_in(depth);
        Self { depth, palette, ..self }
    }

    /// The styles in use, for what the caller draws itself.
    #[must_use]
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// The theme in use; a key changes it.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.view.theme
    }

    /// Takes one input. Returns what the caller has to do; changes of the view are done already.
    /// Draw again after every input.
    pub fn handle(&mut self, input: Input, model: &Model, log: &dyn LogSource) -> Option<Action> {
        let is_aimed = matches!(input, Input::Key(_) | Input::Click { .. });
        if self.settle(model, log) && is_aimed {
            // It was meant for what is no longer there.
            return None;
        }
        match input {
            Input::Key(key) => self.key(key, model, log),
            Input::ScrollUp(lines) => self.wheel(Move::Up(lines), KeyCode::PageUp, model, log),
            Input::ScrollDown(lines) => {
                self.wheel(Move::Down(lines), KeyCode::PageDown, model, log)
            }
            Input::Click { x, y } => self.click((x, y), model, log),
            Input::Drag { x, y } => {
                self.drag((x, y));
                None
            }
            Input::Release => self.release(model, log),
            Input::Resize => None,
        }
    }

    /// Takes in new lines, and forgets a dialog whose question has become void and a page whose subject
    /// is gone, so that it does not come back by itself. Returns whether there was one.
    fn settle(&mut self, model: &Model, log: &dyn LogSource) -> bool {
        self.view.log.update(log);
        let context = Context { view: &self.view, model, log };
        let (overlay, prompts) = (context.overlay(), context.prompts());
        let gone = self.view.overlay.filter(|_| overlay.is_none());
        self.view.overlay = overlay;
        if !prompts {
            self.view.prompt = None;
        }
        match gone {
            _ if self.view.shape == Shape::Tiny || model.leaving => {}
            Some(Overlay::Entry(_)) => self.notice = "this entry has left the timeline",
            Some(Overlay::Line(_)) => self.notice = "this line is no longer held",
            Some(Overlay::Help | Overlay::Quit | Overlay::Confirm(_) | Overlay::Components)
            | None => {}
        }
        gone.is_some()
    }

    pub(super) fn key(&mut self, key: Key, model: &Model, log: &dyn LogSource) -> Option<Action> {
        self.notice = "";
        let context = Context { view: &self.view, model, log };
        if context.scope() == Scope::Prompt
            && let KeyCode::Char(c) = key.code
            && !key.ctrl
            && !key.alt
        {
            self.type_pattern(|text| text.push(c), log);
            return None;
        }
        match keymap::look_up(key, &context) {
            Ok(command) => self.run(command, key, model, log),
            Err(why) => {
                self.notice = why;
                None
            }
        }
    }

    fn type_pattern(&mut self, edit: impl FnOnce(&mut String), log: &dyn LogSource) {
        if let Some(prompt) = &mut self.view.prompt {
            edit(&mut prompt.text);
            prompt.text.truncate(shorten(&prompt.text, PATTERN_MAX).len());
            self.view.log.seek(&prompt.text, prompt.begun, log);
        }
    }

    pub(super) fn run(
        &mut self,
        command: Command,
        key: Key,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match command {
            Command::Start => return Some(Action::Start),
            Command::Order(order) if stake(model).is_some() => {
                view.overlay = Some(Overlay::Confirm(order));
            }
            Command::Order(order) => return Some(action(order)),
            Command::Confirm => {
                let Some(Overlay::Confirm(order)) = view.overlay.take() else { return None };
                return Some(action(order));
            }
            Command::OpenWebUi => return Some(Action::OpenWebUi),
            Command::Pane => return Some(Action::PaneKey(key)),
            Command::ScrollPane(code) => return Some(Action::PaneKey(Key::plain(code))),
            Command::StopAndQuit if loses(model) => {
                view.overlay = Some(Overlay::Confirm(Order::StopAndQuit));
            }
            Command::StopAndQuit => {
                view.overlay = None;
                return Some(Action::Quit(QuitChoice::StopAndQuit));
            }
            Command::Background => {
                view.overlay = None;
                return Some(Action::Quit(QuitChoice::Background));
            }
            Command::Quit if quit_asks(model) => view.overlay = Some(Overlay::Quit),
            Command::Quit => return Some(Action::Quit(QuitChoice::Leave)),
            Command::OpenHelp => view.open(Overlay::Help),
            Command::CloseOverlay => view.overlay = None,
            Command::Show(tab) => view.show(tab),
            Command::NextTab => view.show(view.tab.next()),
            Command::PreviousTab => view.show(view.tab.previous()),
            Command::Scroll(by) => match (view.overlay, view.tab) {
                (Some(_), _) => view.page.scroll(by),
                (None, Tab::Timeline) => view.timeline.go(by, &model.timeline),
                (None, Tab::Log | Tab::OwnLog) => view.log.go(by),
            },
            Command::Open => self.open(model, log),
            Command::OpenBeside(by) => self.open_beside(by, model, log),
            Command::Copy => return self.copy(model, log).map(Action::Copy),
            Command::OpenFile if view.tab == Tab::OwnLog => {
                return Some(Action::OpenFile(LogFile::Own));
            }
            Command::OpenFile => return Some(Action::OpenFile(LogFile::Temporal)),
            Command::OpenComponents => {
                view.open(Overlay::Components);
                let all = components(log);
                let component = view.log.filter().component;
                let at = all.iter().position(|(id, _)| Some(*id) == component);
                view.picked = at.map_or(0, |at| at + 1);
            }
            Command::Pick(by) => view.pick(by, components(log).len()),
            Command::TakePicked => {
                view.overlay = None;
                let all = components(log);
                let component = view.picked.checked_sub(1).and_then(|at| all.get(at));
                let component = component.map(|(id, _)| *id);
                view.log.set_filter(Filter { component, ..*view.log.filter() }, log);
            }
            Command::OpenPrompt => {
                view.prompt = Some(Prompt { text: String::new(), begun: view.log.place() });
            }
            Command::KeepSearch => {
                view.prompt = None;
                if view.log.search().is_some_and(|search| search.matches() == 0) {
                    view.log.end_search();
                }
            }
            Command::Leave => match view.prompt.take() {
                Some(prompt) => view.log.seek("", prompt.begun, log),
                None if view.log.marks() => view.log.drop_mark(),
                None => view.log.end_search(),
            },
            Command::EraseOne => self.type_pattern(|text| _ = text.pop(), log),
            Command::EraseAll => self.type_pattern(String::clear, log),
            Command::NextMatch => view.log.step(true, log),
            Command::PreviousMatch => view.log.step(false, log),
            Command::NextLevel => view.log.set_filter(view.log.filter().next_level(), log),
            Command::Extend(by) => view.log.extend(by),
            Command::ToggleMark => view.log.toggle_mark(),
            Command::ToggleWrap => view.log.wrap = !view.log.wrap,
            Command::ToggleFolds => view.log.toggle_folds(log),
            Command::Clear => view.log.clear(log),
            Command::ShiftLeft => view.log.shift_left(),
            Command::ShiftRight => view.log.shift_right(),
            Command::Follow if view.tab == Tab::Timeline => view.timeline = Entries::default(),
            Command::Follow => view.log.follow(),
            Command::ToggleTargets => view.targets = Some(!view.shows_targets()),
            Command::NextTheme => {
                view.theme = view.theme.next();
                self.palette = view.theme.palette_in(self.depth);
                self.notice = view.theme.name();
            }
        }
        None
    }

    /// Draws one frame into `area` of `buf`. `own_log` is called with the rectangle for stigmer's own log
    /// while that tab is open, after the frame around it and before overlays, so that those stay in front.
    pub fn render(
        &mut self,
        buf: &mut Buffer,
        area: Rect,
        model: &Model,
        log: &dyn LogSource,
        own_log: &mut dyn FnMut(Pane, &mut Buffer),
    ) -> Rendered {
        let area = area.intersection(buf.area);
        self.view.shape = Shape::of(area);
        self.settle(model, log);
        let scene = Scene { model, log, palette: &self.palette, notice: self.notice };
        self.placed = panel::screen(buf, area, &mut self.view, scene, own_log);
        if self.view.symbols == Symbols::Ascii {
            ascii::fold(buf, area);
        }
        Rendered { own_log_pane: self.placed.own_log }
    }
}

fn action(order: Order) -> Action {
    match order {
        Order::Stop => Action::Stop,
        Order::Restart => Action::Restart,
        Order::StopAndQuit => Action::Quit(QuitChoice::StopAndQuit),
    }
}
