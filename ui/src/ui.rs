//! The view as a whole: keys in, actions and frames out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ascii;
use crate::input::{Action, Input, Key, KeyCode, QuitChoice};
use crate::keymap::{self, Command, Context};
use crate::log::LogSource;
use crate::model::Model;
use crate::panel;
use crate::theme::{Palette, Symbols, Theme};
use crate::view::{Move, Overlay, Tab, View, quit_asks};

/// The dashboard's view. One owner, no sharing: keys and frames alternate.
#[derive(Clone, Debug)]
pub struct Ui {
    view: View,
    palette: Palette,
    /// Why the last key did nothing; the next key takes it away.
    notice: &'static str,
    /// Where the tabs stood in the last frame, for clicks.
    tabs: [Rect; 3],
}

/// Where things ended up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The rectangle that the pane of stigmer's own log was asked to fill, when its tab is open.
    pub own_log_pane: Option<Rect>,
}

impl Ui {
    /// A view with the log open, following.
    #[must_use]
    pub fn new(theme: Theme, symbols: Symbols) -> Self {
        Self {
            view: View { theme, symbols, ..View::default() },
            palette: theme.palette(),
            notice: "",
            tabs: [Rect::ZERO; 3],
        }
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
        self.settle(model, log);
        let context = Context { view: &self.view, model, log };
        match input {
            Input::Key(key) => {
                self.notice = "";
                match keymap::look_up(key, &context) {
                    Ok(command) => self.run(command, key, model, log),
                    Err(why) => {
                        self.notice = why;
                        None
                    }
                }
            }
            Input::ScrollUp(lines) => self.wheel(Move::Up(lines), KeyCode::PageUp, model, log),
            Input::ScrollDown(lines) => {
                self.wheel(Move::Down(lines), KeyCode::PageDown, model, log)
            }
            Input::Click { x, y } => {
                if context.overlay().is_none() {
                    let hit = |rect: &Rect| rect.contains((x, y).into());
                    if let Some(tab) = self.tabs.iter().position(hit).and_then(|i| Tab::ALL.get(i))
                    {
                        self.view.tab = *tab;
                    }
                }
                None
            }
            Input::Resize => None,
        }
    }

    /// Forgets a dialog whose question has become void, so that it does not come back by itself.
    fn settle(&mut self, model: &Model, log: &dyn LogSource) {
        self.view.overlay = Context { view: &self.view, model, log }.overlay();
    }

    fn wheel(
        &mut self,
        by: Move,
        pane: KeyCode,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let front = Context { view: &self.view, model, log }.overlay();
        if front == Some(Overlay::Quit) {
            return None;
        }
        if front.is_none() && self.view.tab == Tab::OwnLog {
            return Some(Action::PaneKey(Key::plain(pane)));
        }
        self.scroll(by, front, log);
        None
    }

    fn scroll(&mut self, by: Move, front: Option<Overlay>, log: &dyn LogSource) {
        match (front, self.view.tab) {
            (Some(Overlay::Help), _) => self.view.help.scroll(by),
            (_, Tab::Log) => self.view.log.scroll(by, log),
            (_, Tab::Timeline) => self.view.timeline.scroll(by),
            (_, Tab::OwnLog) => {}
        }
    }

    fn run(
        &mut self,
        command: Command,
        key: Key,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match command {
            Command::Start => return Some(Action::Start),
            Command::Stop => return Some(Action::Stop),
            Command::Restart => return Some(Action::Restart),
            Command::OpenWebUi => return Some(Action::OpenWebUi),
            Command::Pane => return Some(Action::PaneKey(key)),
            Command::StopAndQuit => return Some(Action::Quit(QuitChoice::StopAndQuit)),
            Command::Background => return Some(Action::Quit(QuitChoice::Background)),
            Command::Quit if quit_asks(model) => view.overlay = Some(Overlay::Quit),
            Command::Quit => return Some(Action::Quit(QuitChoice::Leave)),
            Command::OpenHelp => view.overlay = Some(Overlay::Help),
            Command::CloseOverlay => view.overlay = None,
            Command::Show(tab) => view.tab = tab,
            Command::NextTab => view.tab = view.tab.next(),
            Command::PreviousTab => view.tab = view.tab.previous(),
            Command::ShiftLeft => view.log.shift_left(),
            Command::ShiftRight => view.log.shift_right(),
            Command::Follow => view.log.follow(),
            Command::NextTheme => {
                view.theme = view.theme.next();
                self.palette = view.theme.palette();
            }
            Command::Scroll(by) => {
                let front = view.overlay;
                self.scroll(by, front, log);
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
        own_log: &mut dyn FnMut(Rect, &mut Buffer),
    ) -> Rendered {
        let area = area.intersection(buf.area);
        self.settle(model, log);
        let scene = panel::Scene { model, log, palette: &self.palette, notice: self.notice };
        let placed = panel::screen(buf, area, &mut self.view, scene, own_log);
        self.tabs = placed.tabs;
        if self.view.symbols == Symbols::Ascii {
            ascii::fold(buf, area);
        }
        Rendered { own_log_pane: placed.own_log }
    }
}

#[cfg(test)]
mod tests;
