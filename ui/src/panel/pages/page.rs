//! A page: lines with a name and a text, wrapped and scrolled.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::Binding;
use crate::draw::cluster::{chop, width, wrap};
use crate::draw::layout::{inset, middle, split_left};
use crate::draw::paint::{self, Pen};
use crate::panel::scene::{Canvas, Click, FrameMap, Scene, tile_in};

/// Maximum rows of one line. The rest of a longer line is not shown.
const MAX_ROWS: usize = 1_000;

/// A line with a name and a text. Either may be empty.
pub(crate) struct Line<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_style: Style,
    pub(crate) text: Cow<'a, str>,
    pub(crate) style: Style,
    /// Whether the text is broken at any character, which keeps all spaces.
    pub(crate) verbatim: bool,
    /// Keys that a click on the line presses. A click on the text presses the first of these keys.
    pub(crate) binding: Option<&'static Binding>,
}

impl<'a> Line<'a> {
    /// Returns a line whose text is broken at spaces.
    pub(crate) fn words(
        name: impl Into<Cow<'a, str>>,
        name_style: Style,
        text: impl Into<Cow<'a, str>>,
        style: Style,
    ) -> Self {
        let (name, text) = (name.into(), text.into());
        Self { name, name_style, text, style, verbatim: false, binding: None }
    }

    /// Returns a line whose text is broken at any character.
    pub(crate) fn verbatim(
        name: impl Into<Cow<'a, str>>,
        name_style: Style,
        text: impl Into<Cow<'a, str>>,
        style: Style,
    ) -> Self {
        Self { verbatim: true, ..Self::words(name, name_style, text, style) }
    }

    /// Returns a line without a text.
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

/// Maximum columns of a page and of its names.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    pub(crate) page: u16,
    pub(crate) names: u16,
}

impl Widths {
    /// Returns the margin inside the frame. A narrow screen has no margin.
    fn margin(area: Rect) -> u16 {
        u16::from(area.width >= 60)
    }

    /// Returns three widths in columns: of the page, of the area inside its frame and margin, and
    /// of the names.
    fn of(self, area: Rect) -> (u16, u16, u16) {
        let margin = Self::margin(area);
        let width = self.page.min(area.width.saturating_sub(2 * margin));
        let inside = width.saturating_sub(2 + 2 * (1 + margin));
        (width, inside, self.names.min(inside / 3))
    }

    /// Returns the columns that remain for a text next to its name.
    pub(crate) fn text(self, area: Rect) -> u16 {
        let (_, inside, names) = self.of(area);
        inside.saturating_sub(names)
    }
}

/// Content of a page.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) lines: &'a [Line<'a>],
    pub(crate) widths: Widths,
}

/// One row of a wrapped line: the line, the position of the row in it, and the text of the row.
type PageRow<'a> = (&'a Line<'a>, usize, Cow<'a, str>);

impl<'a> Page<'a> {
    /// Draws the page in the middle of `area`. Returns its place.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Rect {
        let scene @ Scene { palette, .. } = canvas.scene;
        let (width, columns, names) = self.widths.of(area);
        let rows = self.rows(columns, names);
        let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let place = middle(area, width, count.saturating_add(2));
        paint::clear(canvas.buf, place, palette.base);
        let inside = tile_in(canvas.buf, place, self.title, &[], palette.accent, scene);
        let inside = inset(inside, Widths::margin(area));
        let scroll = &mut canvas.view.page;
        scroll.measure(inside.height, count);
        let visible = rows.iter().skip(scroll.offset.into());
        let note = if scroll.scrolls() { "↑↓ more · Esc closes" } else { "Esc closes" };
        for (row, (line, i, text)) in (0..inside.height).zip(visible) {
            if let Some(binding) = line.binding {
                let all = Rect { y: inside.y + row, height: 1, ..inside };
                let (keys, text) = split_left(all, names);
                add_clicks(binding, keys, text, *i == 0, canvas.map);
            }
            let mut pen = Pen::row(canvas.buf, inside, row);
            if line.text.is_empty() {
                pen.put(&line.name, line.name_style);
            } else if line.name.is_empty() {
                pen.put(text, line.style);
            } else {
                let name = if *i == 0 { &*line.name } else { "" };
                // Leave a gap after the name, even if the name is cut.
                pen.left(name, names.saturating_sub(1), line.name_style)
                    .gap(1)
                    .put(text, line.style);
            }
        }
        let edge = paint::edge(place, place.height.saturating_sub(1));
        let note = [(" ", palette.base), (note, palette.dim), (" ", palette.base)];
        paint::flush_right(canvas.buf, edge, 0, &note);
        place
    }

    fn rows(&self, columns: u16, names: u16) -> Vec<PageRow<'a>> {
        let wrapped = self.lines.iter().flat_map(|line| {
            let columns = columns.saturating_sub(if line.name.is_empty() { 0 } else { names });
            let mut rows = line.rows(columns);
            if rows.is_empty() {
                rows.push(Cow::Borrowed(""));
            }
            rows.into_iter().enumerate().map(move |(i, row)| (line, i, row))
        });
        wrapped.collect()
    }
}

/// Makes the parts of one row clickable. `has_keys`: the row shows the keys. Otherwise it continues
/// the text of the row above.
fn add_clicks(binding: &Binding, keys: Rect, text: Rect, has_keys: bool, map: &mut FrameMap) {
    let keys = Rect { width: width(binding.shown).min(keys.width), ..keys };
    for (place, key) in binding.places(keys).into_iter().filter(|_| has_keys) {
        map.add(place, Click::InHelp(key));
    }
    if let Some((key, _)) = binding.keys.first() {
        map.add(text, Click::InHelp(*key));
    }
}
