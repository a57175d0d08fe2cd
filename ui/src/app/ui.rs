//! Dispatch of input events, and frames.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::{self, Context, Scope};
use crate::app::view::{Overlay, View, WorkflowCursor};
use crate::draw::ascii;
use crate::draw::layout::{Pane, Shape};
use crate::draw::theme::{Depth, Palette, Symbols, Theme};
use crate::explorer::Move;
use crate::input::{Action, Input, Key, KeyCode};
use crate::log::LogSource;
use crate::model::{Listing, Model, OpenWorkflow};
use crate::panel;
use crate::panel::scene::{Canvas, FrameMap, Scene};

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
    /// The page of a workflow that was looked for. It opens when no dialog, page or prompt is in front.
    pub(super) found: Option<WorkflowCursor>,
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
    /// Returns a view that shows the overview.
    #[must_use]
    pub fn new(theme: Theme, symbols: Symbols) -> Self {
        Self {
            view: View { theme, symbols, ..View::default() },
            depth: Depth::default(),
            palette: theme.palette(),
            notice: "",
            map: FrameMap::default(),
            press: None,
            found: None,
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

    /// Returns the run whose page is open, or the one whose actions are listed. The caller provides the
    /// data in [`Model::page`](crate::Model::page), and requests them only while there is such a run.
    #[must_use]
    pub fn open_workflow(&self) -> Option<OpenWorkflow> {
        let lists_actions = matches!(self.view.overlay, Some(Overlay::Action(_)));
        let of_page = self.view.workflow.as_ref().map(WorkflowCursor::open);
        of_page.or_else(|| self.view.menu.run().filter(|_| lists_actions))
    }

    /// Opens the page of a run with the next frame. While a dialog, a page or a prompt is in front, the
    /// page opens after the user has closed that.
    pub fn show_workflow(&mut self, run: OpenWorkflow, type_name: String) {
        self.found = Some(WorkflowCursor { run, type_name, ..WorkflowCursor::default() });
    }

    /// Returns the namespace and the query of the list of workflows. The caller lists these workflows
    /// in [`Model::recent`](crate::Model::recent).
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.view.listing
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
            // The user meant the dialog, page or prompt that has just closed. Ignore the input.
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

    /// Adds new lines and rows. Closes a dialog whose question no longer applies, and a page whose
    /// content is gone, so that neither opens again by itself. Closes the prompt of a query that the
    /// server has accepted. Returns whether a dialog, page or prompt was closed.
    fn settle(&mut self, model: &Model, log: &dyn LogSource) -> bool {
        let had_prompt = self.view.prompt.is_some();
        let is_row_gone = self.view.update(model, log);
        let is_answered = had_prompt && self.view.prompt.is_none();
        let context = Context { view: &self.view, model, log };
        let (overlay, has_prompt) = (context.dialog(), context.has_prompt());
        // Another row is selected in its place.
        let overlay = overlay.filter(|overlay| *overlay != Overlay::Row || !is_row_gone);
        let closed = self.view.overlay.filter(|_| overlay.is_none());
        self.view.overlay = overlay;
        if !has_prompt {
            self.view.drop_prompt();
        }
        match closed {
            _ if self.view.shape == Shape::Tiny || model.leaving => {}
            Some(Overlay::Entry(_)) => self.notice = "this entry is no longer in the timeline",
            Some(Overlay::Line(_)) => self.notice = "this line is no longer in the log",
            Some(Overlay::Row) => self.notice = "this row is no longer in the list",
            Some(
                Overlay::Palette
                | Overlay::Quit
                | Overlay::Confirm(_)
                | Overlay::Sources
                | Overlay::Types
                | Overlay::Workflow
                | Overlay::Answer
                | Overlay::Action(_),
            )
            | None => {}
        }
        closed.is_some() || is_answered
    }

    pub(super) fn key(&mut self, key: Key, model: &Model, log: &dyn LogSource) -> Option<Action> {
        self.notice = "";
        let context = Context { view: &self.view, model, log };
        if let KeyCode::Char(c) = key.code
            && !key.ctrl
            && !key.alt
        {
            match context.scope() {
                Scope::Prompt => {
                    self.edit_prompt(|text| text.push(c), log);
                    return None;
                }
                Scope::Palette => {
                    self.view.palette.edit(|text| text.push(c));
                    return None;
                }
                Scope::Approve if !(c.is_ascii_digit() && self.view.menu.asks_for_number()) => {}
                Scope::Form | Scope::Approve => {
                    self.type_in_action(c);
                    return None;
                }
                _ => {}
            }
        }
        match keymap::look_up(key, &context) {
            Ok(command) => self.run(command, key, model, log),
            Err(why) => {
                self.notice = why;
                None
            }
        }
    }

    /// Opens the page of a workflow that was found, and that of a new answer, unless a dialog, a page or
    /// a prompt is in front. Called before a frame, so that no key reaches a page that the user has
    /// not seen.
    fn open_arrived(&mut self, model: &Model, log: &dyn LogSource) {
        let scope = Context { view: &self.view, model, log }.scope();
        if self.view.shape == Shape::Tiny || !matches!(scope, Scope::Screen | Scope::Workflow) {
            return;
        }
        if let Some(found) = self.found.take() {
            self.open_page(found);
        }
        if let Some(answer) = &model.answer
            && answer.number > self.view.last_answer
        {
            self.view.last_answer = answer.number;
            self.view.open(Overlay::Answer);
        }
    }

    /// Opens the page of a workflow. A page that still waits would replace it, so that one is dropped.
    pub(super) fn open_page(&mut self, page: WorkflowCursor) {
        self.view.workflow = Some(page);
        self.found = None;
    }

    /// Requests the page of a workflow that is not listed. The latest request decides.
    pub(super) fn look_for(&mut self, id: String) -> Action {
        self.found = None;
        Action::FindWorkflow(id)
    }

    pub(super) fn set_theme(&mut self, theme: Theme) {
        self.view.theme = theme;
        self.palette = self.view.theme.palette_in(self.depth);
        self.notice = self.view.theme.name();
    }

    /// Draws one frame into `area` of `buf`. While stigmer's own log is open, calls `own_log` with the
    /// area of that log. The call is after the rows around this area and before dialogs and pages,
    /// which stay in front.
    pub fn render(
        &mut self,
        buf: &mut Buffer,
        area: Rect,
        model: &Model,
        log: &dyn LogSource,
        own_log: &mut dyn FnMut(Pane, &mut Buffer),
    ) {
        let area = area.intersection(buf.area);
        let scene = Scene { model, log, palette: &self.palette, notice: self.notice };
        let reason = panel::reason_rows(area, self.view.tab, scene);
        self.view.measure(area, reason, model);
        self.settle(model, log);
        self.open_arrived(model, log);
        self.map = FrameMap::default();
        let scene = Scene { model, log, palette: &self.palette, notice: self.notice };
        let (view, map) = (&mut self.view, &mut self.map);
        panel::screen(&mut Canvas { buf: &mut *buf, view, scene, own_log, map }, area);
        if self.view.symbols == Symbols::Ascii {
            ascii::fold(buf, area);
        }
    }
}
