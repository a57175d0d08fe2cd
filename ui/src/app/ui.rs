//! Dispatch of input events, and frames.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::{self, Context, KeyCommand, LogCommand, Scope};
use crate::app::view::{
    Interruption, Overlay, Prompt, Tab, TimelineCursor, View, loses_data, quit_asks, stop_impact,
};
use crate::draw::ascii;
use crate::draw::cluster::shorten;
use crate::draw::layout::{Pane, Shape};
use crate::draw::theme::{Depth, Palette, Symbols, Theme};
use crate::explorer::{Filter, Move, components};
use crate::input::{Action, Input, Key, KeyCode, LogFile, QuitChoice};
use crate::log::LogSource;
use crate::model::Model;
use crate::panel;
use crate::panel::scene::{Canvas, FrameMap, Scene};

/// Maximum bytes of a search pattern. A longer pattern was pasted by mistake.
const PATTERN_MAX: usize = 1_000;

/// The view of the dashboard. Its owner draws a frame after each input.
#[derive(Clone, Debug)]
pub struct Ui {
    pub(super) view: View,
    depth: Depth,
    palette: Palette,
    /// Reason why the last key had no effect. The next key removes it.
    pub(super) notice: &'static str,
    /// Positions of what the last frame has drawn, for the mouse.
    pub(super) map: FrameMap,
    pub(super) press: Option<MousePress>,
}

/// A press of the main button on a line of the log. The button is still held.
#[derive(Clone, Copy, Debug)]
pub(super) struct MousePress {
    pub(super) line: u64,
    /// Whether the line was selected before the press.
    pub(super) was_selected: bool,
    pub(super) dragged: bool,
}

impl Ui {
    /// Returns a view that follows the log of Temporal.
    #[must_use]
    pub fn new(theme: Theme, symbols: Symbols) -> Self {
        Self {
            view: View { theme, symbols, ..View::default() },
            depth: Depth::default(),
            palette: theme.palette(),
            notice: "",
            map: FrameMap::default(),
            press: None,
        }
    }

    /// Limits the colours to those that the terminal has.
    #[must_use]
    pub fn in_colours(self, depth: Depth) -> Self {
        let palette = self.view.theme.palette_in(depth);
        Self { depth, palette, ..self }
    }

    /// Returns the current styles, for parts that the caller draws.
    #[must_use]
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// Returns the current theme, which a key changes.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.view.theme
    }

    /// Handles one input. Returns a request for the caller, or `None` if only the view changes. The
    /// caller must draw a frame after every input.
    pub fn handle(&mut self, input: Input, model: &Model, log: &dyn LogSource) -> Option<Action> {
        let has_target = matches!(input, Input::Key(_) | Input::Click { .. });
        if self.settle(model, log) && has_target {
            // The user meant the dialog or page that has just closed. Ignore the input.
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

    /// Adds new lines. Closes a dialog whose question no longer applies, and a page whose content
    /// is gone, so that neither opens again by itself. Returns whether a dialog or page was closed.
    fn settle(&mut self, model: &Model, log: &dyn LogSource) -> bool {
        self.view.log.update(log);
        let context = Context { view: &self.view, model, log };
        let (overlay, has_prompt) = (context.overlay(), context.has_prompt());
        let closed = self.view.overlay.filter(|_| overlay.is_none());
        self.view.overlay = overlay;
        if !has_prompt {
            self.view.prompt = None;
        }
        match closed {
            _ if self.view.shape == Shape::Tiny || model.leaving => {}
            Some(Overlay::Entry(_)) => self.notice = "this entry is no longer in the timeline",
            Some(Overlay::Line(_)) => self.notice = "this line is no longer in the log",
            Some(Overlay::Help | Overlay::Quit | Overlay::Confirm(_) | Overlay::Components)
            | None => {}
        }
        closed.is_some()
    }

    pub(super) fn key(&mut self, key: Key, model: &Model, log: &dyn LogSource) -> Option<Action> {
        self.notice = "";
        let context = Context { view: &self.view, model, log };
        if context.scope() == Scope::Prompt
            && let KeyCode::Char(c) = key.code
            && !key.ctrl
            && !key.alt
        {
            self.edit_pattern(|text| text.push(c), log);
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

    fn edit_pattern(&mut self, edit: impl FnOnce(&mut String), log: &dyn LogSource) {
        if let Some(prompt) = &mut self.view.prompt {
            edit(&mut prompt.text);
            prompt.text.truncate(shorten(&prompt.text, PATTERN_MAX).len());
            self.view.log.seek(&prompt.text, prompt.start, log);
        }
    }

    pub(super) fn run(
        &mut self,
        command: KeyCommand,
        key: Key,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match command {
            KeyCommand::Start => return Some(Action::Start),
            KeyCommand::Interrupt(interruption) if stop_impact(model).is_some() => {
                view.overlay = Some(Overlay::Confirm(interruption));
            }
            KeyCommand::Interrupt(interruption) => return Some(action(interruption)),
            KeyCommand::Confirm => {
                let Some(Overlay::Confirm(interruption)) = view.overlay.take() else { return None };
                return Some(action(interruption));
            }
            KeyCommand::OpenWebUi => return Some(Action::OpenWebUi),
            KeyCommand::Pane => return Some(Action::PaneKey(key)),
            KeyCommand::ScrollPane(code) => return Some(Action::PaneKey(Key::plain(code))),
            KeyCommand::StopAndQuit if loses_data(model) => {
                view.overlay = Some(Overlay::Confirm(Interruption::StopAndQuit));
            }
            KeyCommand::StopAndQuit => {
                view.overlay = None;
                return Some(Action::Quit(QuitChoice::StopAndQuit));
            }
            KeyCommand::Background => {
                view.overlay = None;
                return Some(Action::Quit(QuitChoice::Background));
            }
            KeyCommand::Quit if quit_asks(model) => view.overlay = Some(Overlay::Quit),
            KeyCommand::Quit => return Some(Action::Quit(QuitChoice::Leave)),
            KeyCommand::OpenHelp => view.open(Overlay::Help),
            KeyCommand::CloseOverlay => view.overlay = None,
            KeyCommand::Show(tab) => view.show(tab),
            KeyCommand::NextTab => view.show(view.tab.next()),
            KeyCommand::PreviousTab => view.show(view.tab.previous()),
            KeyCommand::Scroll(by) => match (view.overlay, view.tab) {
                (Some(_), _) => view.page.scroll(by),
                (None, Tab::Timeline) => view.timeline.go(by, &model.timeline),
                (None, Tab::Log | Tab::OwnLog) => view.log.go(by),
            },
            KeyCommand::Follow if view.tab == Tab::Timeline => {
                view.timeline = TimelineCursor::default();
            }
            KeyCommand::Follow => view.log.follow(),
            KeyCommand::Open => self.open(model, log),
            KeyCommand::OpenAdjacent(by) => self.open_adjacent(by, model, log),
            KeyCommand::Copy => return self.copy(model, log).map(Action::Copy),
            KeyCommand::OpenFile if view.tab == Tab::OwnLog => {
                return Some(Action::OpenFile(LogFile::Own));
            }
            KeyCommand::OpenFile => return Some(Action::OpenFile(LogFile::Temporal)),
            KeyCommand::ToggleTargets => view.targets = Some(!view.shows_targets()),
            KeyCommand::NextTheme => {
                view.theme = view.theme.next();
                self.palette = view.theme.palette_in(self.depth);
                self.notice = view.theme.name();
            }
            KeyCommand::Log(command) => self.run_log(command, log),
        }
        None
    }

    fn run_log(&mut self, command: LogCommand, log: &dyn LogSource) {
        let view = &mut self.view;
        match command {
            LogCommand::OpenPrompt => {
                view.prompt = Some(Prompt { text: String::new(), start: view.log.position() });
            }
            LogCommand::KeepSearch => {
                view.prompt = None;
                if view.log.search().is_some_and(|search| search.matches() == 0) {
                    view.log.end_search();
                }
            }
            LogCommand::Cancel => match view.prompt.take() {
                Some(prompt) => view.log.seek("", prompt.start, log),
                None if view.log.has_range() => view.log.drop_range(),
                None => view.log.end_search(),
            },
            LogCommand::DeleteOne => self.edit_pattern(|text| _ = text.pop(), log),
            LogCommand::DeleteAll => self.edit_pattern(String::clear, log),
            LogCommand::NextMatch => view.log.step(true, log),
            LogCommand::PreviousMatch => view.log.step(false, log),
            LogCommand::NextLevel => view.log.set_filter(view.log.filter().next_level(), log),
            LogCommand::OpenComponents => {
                view.open(Overlay::Components);
                let all = components(log);
                let component = view.log.filter().component;
                let at = all.iter().position(|(id, _)| Some(*id) == component);
                view.picked = at.map_or(0, |at| at + 1);
            }
            LogCommand::Pick(by) => view.pick(by, components(log).len()),
            LogCommand::TakePicked => {
                view.overlay = None;
                let all = components(log);
                let component = view.picked.checked_sub(1).and_then(|at| all.get(at));
                let component = component.map(|(id, _)| *id);
                view.log.set_filter(Filter { component, ..*view.log.filter() }, log);
            }
            LogCommand::Extend(by) => view.log.extend(by),
            LogCommand::ToggleRange => view.log.toggle_range(),
            LogCommand::ToggleWrap => view.log.wrap = !view.log.wrap,
            LogCommand::ToggleFolds => view.log.toggle_folds(log),
            LogCommand::Clear => view.log.clear(log),
            LogCommand::ShiftLeft => view.log.shift_left(),
            LogCommand::ShiftRight => view.log.shift_right(),
        }
    }

    /// Draws one frame into `area` of `buf`. While the tab of stigmer's own log is open, calls `own_log` with
    /// the area of the tab, so that the caller draws that log. Dialogs and pages are drawn after this call,
    /// so they stay in front.
    pub fn render(
        &mut self,
        buf: &mut Buffer,
        area: Rect,
        model: &Model,
        log: &dyn LogSource,
        own_log: &mut dyn FnMut(Pane, &mut Buffer),
    ) {
        let area = area.intersection(buf.area);
        self.view.shape = Shape::of(area);
        self.settle(model, log);
        let scene = Scene { model, log, palette: &self.palette, notice: self.notice };
        self.map = FrameMap::default();
        let (view, map) = (&mut self.view, &mut self.map);
        panel::screen(&mut Canvas { buf: &mut *buf, view, scene, own_log, map }, area);
        if self.view.symbols == Symbols::Ascii {
            ascii::fold(buf, area);
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
