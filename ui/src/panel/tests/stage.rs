//! Draws one panel at its place on the screen, and converts it to text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::app::view::View;
use crate::demo::sample::{self, SampleLog};
use crate::draw::ascii;
use crate::draw::layout::Pane;
use crate::draw::paint;
use crate::draw::theme::{Symbols, Theme};
use crate::model::Model;
use crate::panel;
use crate::panel::scene::{Canvas, FrameMap, Scene};

pub(super) const WIDE: (u16, u16) = (120, 36);
pub(super) const COMPACT: (u16, u16) = (80, 24);
pub(super) const REDUCED: (u16, u16) = (40, 10);
pub(super) const TINY: (u16, u16) = (20, 5);
pub(super) const FULL: &[(u16, u16)] = &[WIDE, COMPACT];
pub(super) const SMALL: (u16, u16) = (60, 20);
pub(super) const READABLE: &[(u16, u16)] = &[WIDE, COMPACT, REDUCED];
pub(super) const FRAMED: &[(u16, u16)] = &[WIDE, COMPACT, SMALL, REDUCED];

/// A function that draws one panel on a screen of this area and returns the place of the panel.
pub(super) type Draw = fn(&mut Canvas<'_>, Rect) -> Rect;

/// Model, log and view from which one picture of a panel is drawn.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) model: Model,
    pub(super) log: SampleLog,
    pub(super) notice: &'static str,
    /// Changes the view after the first frame, as keys would do.
    pub(super) act: fn(&mut View, &Model, &SampleLog),
}

impl Stage {
    pub(super) fn new(name: impl Into<String>, model: Model) -> Self {
        Self { name: name.into(), model, log: SampleLog::temporal(), notice: "", act: |_, _, _| {} }
    }

    pub(super) fn acting(self, act: fn(&mut View, &Model, &SampleLog)) -> Self {
        Self { act, ..self }
    }

    /// Returns one stage for each state.
    pub(super) fn states() -> Vec<Self> {
        sample::STATES.map(|state| Self::new(format!("{state:?}"), sample::in_state(state))).into()
    }

    /// Draws the panel on a screen of this size.
    pub(super) fn shoot(
        &self,
        size: (u16, u16),
        theme: Theme,
        symbols: Symbols,
        draw: Draw,
    ) -> Shot {
        let area = Rect::new(0, 0, size.0, size.1);
        let palette = &theme.palette();
        let mut view = View { theme, symbols, ..View::default() };
        let mut buf = Buffer::empty(area);
        let mut place = area;
        for round in 0..2 {
            let scene = Scene { model: &self.model, log: &self.log, palette, notice: self.notice };
            let reason = panel::reason_rows(area, view.tab, scene);
            view.measure(area, reason, &self.model);
            view.update(&self.model, &self.log);
            if round == 1 {
                (self.act)(&mut view, &self.model, &self.log);
                view.update(&self.model, &self.log);
            }
            paint::clear(&mut buf, area, palette.base);
            let (buf, view, map) = (&mut buf, &mut view, &mut FrameMap::default());
            let own_log = &mut |pane: Pane, buf: &mut Buffer| {
                let Rect { x, y, width, .. } = pane.place;
                buf.set_stringn(x, y, "(the caller draws here)", width.into(), palette.dim);
            };
            place = draw(&mut Canvas { buf, view, scene, own_log, map }, area);
        }
        if symbols == Symbols::Ascii {
            ascii::fold(&mut buf, area);
        }
        Shot { buf, place }
    }
}

/// A frame, and the place of the panel in it.
pub(super) struct Shot {
    pub(super) buf: Buffer,
    place: Rect,
}

impl Shot {
    /// Returns the rows of the panel, each with the positions of its cells. The second cell of a
    /// wide symbol is omitted.
    pub(super) fn rows(&self) -> impl Iterator<Item = Vec<(u16, u16)>> {
        (self.place.top()..self.place.bottom()).map(|y| {
            let mut x = self.place.left();
            let mut row = Vec::new();
            while x < self.place.right() {
                row.push((x, y));
                x += self.buf[(x, y)].symbol().width().max(1) as u16;
            }
            row
        })
    }

    pub(super) fn text(&self) -> String {
        self.rows().map(|row| self.line(&row) + "\n").collect()
    }

    pub(super) fn line(&self, row: &[(u16, u16)]) -> String {
        let text: String = row.iter().map(|at| self.buf[*at].symbol()).collect();
        text.trim_end().to_owned()
    }
}

/// Returns the pictures with headings. Equal pictures share one heading.
pub(super) fn sheet(
    sizes: &[(u16, u16)],
    stages: &[Stage],
    picture: impl Fn(&Stage, (u16, u16)) -> String,
) -> String {
    let mut shown: Vec<((u16, u16), Vec<&str>, String)> = Vec::new();
    for size in sizes {
        for stage in stages {
            let picture = picture(stage, *size);
            match shown.iter_mut().find(|(of, _, it)| of == size && *it == picture) {
                Some((_, names, _)) => names.push(&stage.name),
                None => shown.push((*size, vec![&stage.name], picture)),
            }
        }
    }
    let sections = shown.into_iter().map(|((width, height), names, picture)| {
        format!("## {width}x{height}: {}\n{picture}", names.join(", "))
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// Returns the pictures as text.
pub(super) fn pictures(sizes: &[(u16, u16)], stages: &[Stage], draw: Draw) -> String {
    sheet(sizes, stages, |stage, size| {
        stage.shoot(size, Theme::Dark, Symbols::Unicode, draw).text()
    })
}

/// Returns the stages followed by `more`.
pub(super) fn and(mut stages: Vec<Stage>, more: impl IntoIterator<Item = Stage>) -> Vec<Stage> {
    stages.extend(more);
    stages
}

/// Returns a stage with a changed model.
pub(super) fn with(name: &str, mut model: Model, change: impl FnOnce(&mut Model)) -> Stage {
    change(&mut model);
    Stage::new(name, model)
}

/// Returns the model of a dashboard that is the host of a server with running workflows.
pub(super) fn in_host() -> Model {
    Model { attached: false, ..sample::with_workflows() }
}
