//! A page: lines with a name and a text, wrapped and scrolled.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::Context;
use crate::draw::cluster::{chop, wrap};
use crate::draw::layout::{inset, split_top};
use crate::draw::paint::{self, Pen};
use crate::input::{Key, KeyCode};
use crate::panel::scene::{Canvas, Click, Scene};
use crate::panel::tab_line;

/// From this width on, the path names the tab.
const PATH: u16 = 72;

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
        Self { name, name_style, text, style, verbatim: false }
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

    /// Returns the rows of the text.
    pub(crate) fn rows(&self, columns: u16) -> Vec<Cow<'_, str>> {
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
    /// Returns the columns of the inside and of the names of a page in `area`.
    fn of(self, area: Rect) -> (u16, u16) {
        let inside = self.page.min(area.width.saturating_sub(2));
        (inside, self.names.min(inside / 3))
    }

    /// Returns the columns that remain for a text next to its name.
    pub(crate) fn text(self, area: Rect) -> u16 {
        let (inside, names) = self.of(area);
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
    /// Draws the page: the path to it in the first row of `area`, and its lines below. Returns its
    /// place.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Rect {
        let scene @ Scene { palette, .. } = canvas.scene;
        let (path, content) = split_top(area, 1);
        let (columns, names) = self.widths.of(area);
        let rows = self.rows(columns, names);
        let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        paint::clear(canvas.buf, area, palette.base);
        let inside = inset(content, 1);
        let inside = Rect { width: inside.width.min(columns), ..inside };
        let scroll = &mut canvas.view.page;
        scroll.measure(inside.height, count);
        let visible = rows.iter().skip(scroll.offset.into());
        for (row, (line, i, text)) in (0..inside.height).zip(visible) {
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
        self.draw_path(canvas, path, scene);
        area
    }

    fn draw_path(&self, canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
        let tab = canvas.view.tab;
        let title = match area.width {
            PATH.. => format!("{} {} › {}", tab.digit(), tab.name(), self.title),
            _ => self.title.to_owned(),
        };
        let context = Context { view: canvas.view, model: scene.model, log: scene.log };
        let mut keys = Vec::new();
        if canvas.view.page.scrolls() {
            keys.push("↑↓ more");
        }
        if area.width >= PATH && context.has_neighbour() {
            keys.push("←→ previous, next");
        }
        keys.push("Esc back");
        tab_line::draw_path(canvas, area, &title, &keys.join("   "));
        canvas.map.add(area, Click::Key(Key::plain(KeyCode::Esc)));
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
