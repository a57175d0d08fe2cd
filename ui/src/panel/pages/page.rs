//! A page that is read: lines with a name and a text, wrapped and scrolled.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::Binding;
use crate::app::view::ListScroll;
use crate::draw::cluster::{chop, width, wrap};
use crate::draw::layout::{inset, middle, split_left};
use crate::draw::paint::{self, Pen};
use crate::panel::scene::{Click, Placed, Scene, tile_in};

/// Rows of one line; of a longer one the beginning is shown.
const MAX_ROWS: usize = 1_000;

/// A name and what it stands for.
pub(crate) struct Line<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_style: Style,
    pub(crate) text: Cow<'a, str>,
    pub(crate) style: Style,
    /// Broken anywhere, so that no space is lost.
    pub(crate) verbatim: bool,
    /// What a click on it means; on its text, the first of the keys.
    pub(crate) binding: Option<&'static Binding>,
}

impl<'a> Line<'a> {
    pub(crate) fn words(
        name: impl Into<Cow<'a, str>>,
        name_style: Style,
        text: impl Into<Cow<'a, str>>,
        style: Style,
    ) -> Self {
        Self {
            name: name.into(),
            name_style,
            text: text.into(),
            style,
            verbatim: false,
            binding: None,
        }
    }

    pub(crate) fn verbatim(
        name: impl Into<Cow<'a, str>>,
        name_style: Style,
        text: impl Into<Cow<'a, str>>,
        style: Style,
    ) -> Self {
        Self { verbatim: true, ..Self::words(name, name_style, text, style) }
    }

    pub(crate) fn heading(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self::words(text, style, "", style)
    }

    fn rows(&self, columns: u16) -> Vec<Cow<'_, str>> {
        if self.verbatim {
            let rows = chop(&self.text, columns, MAX_ROWS).into_iter();
            return rows.map(Cow::Borrowed).collect();
        }
        wrap(&self.text, columns).into_iter().map(Cow::Owned).collect()
    }
}

/// How wide a page and its names may be.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    pub(crate) page: u16,
    pub(crate) names: u16,
}

impl Widths {
    /// Columns beside the frame. Every column counts where there are few.
    fn margin(area: Rect) -> u16 {
        u16::from(area.width >= 60)
    }

    fn of(self, area: Rect) -> (u16, u16, u16) {
        let margin = Self::margin(area);
        let width = self.page.min(area.width.saturating_sub(2 * margin));
        let inside = width.saturating_sub(2 + 2 * (1 + margin));
        (width, inside, self.names.min(inside / 3))
    }

    /// Columns of a text that has a name.
    pub(crate) fn text(self, area: Rect) -> u16 {
        let (_, inside, names) = self.of(area);
        inside.saturating_sub(names)
    }
}

pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) lines: &'a [Line<'a>],
    pub(crate) widths: Widths,
}

impl Page<'_> {
    /// Draws it in the middle and returns where.
    pub(crate) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        scroll: &mut ListScroll,
        scene: Scene<'_>,
        placed: &mut Placed,
    ) -> Rect {
        let palette = scene.palette;
        let margin = Widths::margin(area);
        let (width, inside, names) = self.widths.of(area);
        let rows: Vec<(&Line<'_>, usize, Cow<'_, str>)> = self
            .lines
            .iter()
            .flat_map(|line| {
                let columns = inside.saturating_sub(if line.name.is_empty() { 0 } else { names });
                let mut rows = line.rows(columns);
                if rows.is_empty() {
                    rows.push(Cow::Borrowed(""));
                }
                rows.into_iter().enumerate().map(move |(i, row)| (line, i, row))
            })
            .collect();
        let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let place = middle(area, width, count.saturating_add(2));
        paint::clear(buf, place, palette.base);
        let inside = inset(tile_in(buf, place, self.title, &[], palette.accent, scene), margin);
        scroll.measure(inside.height, count);
        for (row, (line, i, text)) in (0..inside.height).zip(rows.iter().skip(scroll.offset.into()))
        {
            if let Some(binding) = line.binding {
                let (keys, text) =
                    split_left(Rect { y: inside.y + row, height: 1, ..inside }, names);
                place_keys(binding, keys, text, *i == 0, placed);
            }
            let mut pen = Pen::row(buf, inside, row);
            if line.text.is_empty() {
                pen.put(&line.name, line.name_style);
            } else if line.name.is_empty() {
                pen.put(text, line.style);
            } else {
                let name = if *i == 0 { &*line.name } else { "" };
                // A gap behind the name even where it is cut.
                pen.left(name, names.saturating_sub(1), line.name_style)
                    .gap(1)
                    .put(text, line.style);
            }
        }
        let note = if scroll.scrolls() { "↑↓ more · Esc closes" } else { "Esc closes" };
        let edge = paint::edge(place, place.height.saturating_sub(1));
        let note = [(" ", palette.base), (note, palette.dim), (" ", palette.base)];
        paint::flush_right(buf, edge, 0, &note);
        place
    }
}

/// `written`: the row in which its keys stand, not one in which its text goes on.
fn place_keys(binding: &Binding, keys: Rect, text: Rect, written: bool, placed: &mut Placed) {
    let keys = Rect { width: width(binding.shown).min(keys.width), ..keys };
    for (place, key) in binding.places(keys).into_iter().filter(|_| written) {
        placed.put(place, Click::InHelp(key));
    }
    if let Some((key, _)) = binding.keys.first() {
        placed.put(text, Click::InHelp(*key));
    }
}
