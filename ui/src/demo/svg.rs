//! SVG pictures of frames, for documents.
//!
//! Lines and bars are drawn as shapes, so that they join in every font. Each run of text is stretched to its
//! cells, so that columns align in every monospaced font.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Size of a cell in SVG user units.
const W: f64 = 8.4;
const H: f64 = 18.0;
const BASELINE: f64 = 13.4;
const FONT: f64 = 14.0;
const MARGIN: f64 = 10.0;

/// Default colours of a terminal, as red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Text colour.
    pub fg: (u8, u8, u8),
    /// Background colour.
    pub bg: (u8, u8, u8),
}

impl Ground {
    /// Light text on a dark background.
    pub const DARK: Self = Self { fg: (0xc9, 0xd1, 0xdc), bg: (0x0f, 0x13, 0x1a) };
    /// Dark text on a light background.
    pub const LIGHT: Self = Self { fg: (0x2c, 0x33, 0x3d), bg: (0xfb, 0xfa, 0xf6) };
}

#[derive(Clone, Copy, PartialEq)]
struct CellStyle {
    fg: (u8, u8, u8),
    bg: (u8, u8, u8),
    bold: bool,
    dim: bool,
}

/// A frame of an animated picture.
#[derive(Debug)]
pub struct Frame {
    /// The cells to draw.
    pub buffer: Buffer,
    /// How long the frame is shown, in seconds.
    pub seconds: f64,
}

/// Returns the buffer as an SVG document.
#[must_use]
pub fn render(buffer: &Buffer, ground: Ground) -> String {
    let mut svg = begin(buffer, ground);
    for y in buffer.area.rows().map(|row| row.y) {
        draw_row(&mut svg, buffer, y, ground);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Returns the frames as an animated SVG document that repeats. All frames must have one size.
/// Where animations are not supported or not wanted, only the last frame is shown.
#[must_use]
pub fn animate(frames: &[Frame], ground: Ground) -> String {
    let Some(last) = frames.last() else { return String::new() };
    let area = last.buffer.area;
    let mut svg = begin(&last.buffer, ground);
    animation(&mut svg, frames);
    let (still, moving): (Vec<u16>, Vec<u16>) = area.rows().map(|row| row.y).partition(|y| {
        frames.iter().all(|frame| row_cells(&frame.buffer, *y).eq(row_cells(&last.buffer, *y)))
    });
    for y in still {
        draw_row(&mut svg, &last.buffer, y, ground);
    }
    for (number, frame) in frames.iter().enumerate() {
        let hidden = if number + 1 == frames.len() { "" } else { " visibility=\"hidden\"" };
        let _ = writeln!(svg, "<g class=\"f{number}\"{hidden}>");
        for y in &moving {
            draw_row(&mut svg, &frame.buffer, *y, ground);
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writes the CSS style that shows the groups `f0`, `f1`, … one after the other.
fn animation(svg: &mut String, frames: &[Frame]) {
    let total: f64 = frames.iter().map(|frame| frame.seconds).sum();
    svg.push_str("<style>\n");
    let mut begin = 0.0;
    for (number, frame) in frames.iter().enumerate() {
        let end = begin + frame.seconds;
        let percent = |seconds: f64| seconds / total * 100.0;
        let before = if number == 0 { "" } else { "0%{visibility:hidden}" };
        let after = if number + 1 == frames.len() { "visible" } else { "hidden" };
        let _ = writeln!(
            svg,
            "@keyframes f{number}{{{before}{:.2}%{{visibility:visible}}{:.2}%{{visibility:{after}}}}}\n\
             .f{number}{{animation:f{number} {total}s step-end infinite}}",
            percent(begin),
            percent(end),
        );
        begin = end;
    }
    svg.push_str("@media (prefers-reduced-motion:reduce){g{animation:none!important}}\n</style>\n");
}

/// Returns the beginning of the document: its size and background.
fn begin(buffer: &Buffer, ground: Ground) -> String {
    let area = buffer.area;
    let (width, height) =
        (f64::from(area.width) * W + 2.0 * MARGIN, f64::from(area.height) * H + 2.0 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"{FONT}\" xml:space=\"preserve\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n",
        hex(buffer.cell((area.x, area.y)).map_or(ground.bg, |cell| cell_style(cell, ground).bg)),
    )
}

fn row_cells(buffer: &Buffer, y: u16) -> impl Iterator<Item = &Cell> {
    (buffer.area.left()..buffer.area.right()).filter_map(move |x| buffer.cell((x, y)))
}

fn draw_row(svg: &mut String, buffer: &Buffer, y: u16, ground: Ground) {
    let cells: Vec<&Cell> = row_cells(buffer, y).collect();
    let top = MARGIN + f64::from(y - buffer.area.y) * H;
    for (start, run, style) in runs(&cells, ground) {
        background(svg, start, run, style, ground, top);
    }
    for (start, run, style) in runs(&cells, ground) {
        foreground(svg, start, run, style, top);
    }
}

/// Splits a row into runs of cells with the same style.
fn runs<'a>(
    cells: &'a [&'a Cell],
    ground: Ground,
) -> impl Iterator<Item = (usize, &'a [&'a Cell], CellStyle)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = cells.get(at)?;
        let style = cell_style(first, ground);
        let length =
            cells[at..].iter().take_while(|cell| cell_style(cell, ground) == style).count();
        let start = at;
        at += length;
        Some((start, &cells[start..at], style))
    })
}

fn background(
    svg: &mut String,
    start: usize,
    run: &[&Cell],
    style: CellStyle,
    ground: Ground,
    top: f64,
) {
    if style.bg != ground.bg {
        rect(svg, (x_of(start), top, run.len() as f64 * W, H), style.bg, 1.0);
    }
}

fn foreground(svg: &mut String, start: usize, run: &[&Cell], style: CellStyle, top: f64) {
    let mut text = String::new();
    let mut text_start = start;
    let mut columns = 0;
    let mut at = 0;
    while let Some(cell) = run.get(at) {
        let symbol = cell.symbol();
        let wide = symbol.width().max(1);
        let x = start + at;
        at += wide;
        if symbol == " " && text.is_empty() {
            continue;
        }
        let drawn = shape(symbol, x_of(x), top);
        // Two spaces end a run, because they separate two texts. In a stretched run, the gap would
        // look wrong.
        let breaks = drawn.is_some() || text.ends_with("  ") || wide > 1;
        if breaks {
            flush(svg, &mut text, text_start, &mut columns, style, top);
        }
        match drawn {
            Some(drawn) => draw(svg, &drawn, style),
            None if symbol == " " && text.is_empty() => {}
            None => {
                if text.is_empty() {
                    text_start = x;
                }
                text.push_str(symbol);
                columns += wide;
                if wide > 1 {
                    flush(svg, &mut text, text_start, &mut columns, style, top);
                }
            }
        }
    }
    flush(svg, &mut text, text_start, &mut columns, style, top);
}

fn flush(
    svg: &mut String,
    text: &mut String,
    start: usize,
    columns: &mut usize,
    style: CellStyle,
    top: f64,
) {
    let kept = text.trim_end_matches(' ');
    let columns = std::mem::take(columns) - (text.len() - kept.len());
    if columns > 0 {
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}{}>",
            x_of(start),
            top + BASELINE,
            columns as f64 * W,
            hex(style.fg),
            opacity(style),
        );
        for c in kept.chars() {
            match c {
                '&' => svg.push_str("&amp;"),
                '<' => svg.push_str("&lt;"),
                '>' => svg.push_str("&gt;"),
                _ => svg.push(c),
            }
        }
        svg.push_str("</text>\n");
    }
    text.clear();
}

enum Shape {
    Rect(f64, f64, f64, f64),
    Path(String),
}

/// Returns the shape of a bar or a line. `None` for text.
fn shape(symbol: &str, x: f64, y: f64) -> Option<Shape> {
    let c = symbol.chars().next()?;
    let (cx, cy) = (x + W / 2.0, y + H / 2.0);
    let (right, bottom) = (x + W, y + H);
    Some(match c {
        '▁'..='█' => {
            let share = f64::from(c as u32 - '▁' as u32 + 1) / 8.0;
            Shape::Rect(x, y + H * (1.0 - share), W, H * share)
        }
        '▉'..='▏' => {
            let share = f64::from('▏' as u32 - c as u32 + 1) / 8.0;
            Shape::Rect(x, y, W * share, H)
        }
        '─' => Shape::Path(format!("M{x:.1} {cy:.1}H{right:.1}")),
        '│' => Shape::Path(format!("M{cx:.1} {y:.1}V{bottom:.1}")),
        '╎' => Shape::Path(format!("M{cx:.1} {:.1}v5m0 4v5", y + 2.0)),
        '╭' => Shape::Path(format!(
            "M{cx:.1} {bottom:.1}V{:.1}Q{cx:.1} {cy:.1} {right:.1} {cy:.1}",
            cy + 4.0
        )),
        '╮' => Shape::Path(format!(
            "M{cx:.1} {bottom:.1}V{:.1}Q{cx:.1} {cy:.1} {x:.1} {cy:.1}",
            cy + 4.0
        )),
        '╰' => Shape::Path(format!(
            "M{cx:.1} {y:.1}V{:.1}Q{cx:.1} {cy:.1} {right:.1} {cy:.1}",
            cy - 4.0
        )),
        '╯' => {
            Shape::Path(format!("M{cx:.1} {y:.1}V{:.1}Q{cx:.1} {cy:.1} {x:.1} {cy:.1}", cy - 4.0))
        }
        _ => return None,
    })
}

fn draw(svg: &mut String, shape: &Shape, style: CellStyle) {
    match shape {
        Shape::Rect(x, y, w, h) => {
            rect(svg, (*x, *y, *w, *h), style.fg, if style.dim { 0.6 } else { 1.0 });
        }
        Shape::Path(path) => {
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{}\"{}/>",
                hex(style.fg),
                opacity(style)
            );
        }
    }
}

fn rect(svg: &mut String, (x, y, w, h): (f64, f64, f64, f64), color: (u8, u8, u8), opacity: f64) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.2}\" width=\"{w:.1}\" height=\"{h:.2}\" fill=\"{}\" fill-opacity=\"{opacity}\" shape-rendering=\"crispEdges\"/>",
        hex(color),
    );
}

fn x_of(column: usize) -> f64 {
    MARGIN + column as f64 * W
}

fn opacity(style: CellStyle) -> &'static str {
    if style.dim { " opacity=\"0.6\"" } else { "" }
}

fn cell_style(cell: &Cell, ground: Ground) -> CellStyle {
    let has = |modifier| cell.modifier.contains(modifier);
    let (mut fg, mut bg) = (color(cell.fg, ground.fg), color(cell.bg, ground.bg));
    if has(Modifier::REVERSED) {
        (fg, bg) = (bg, fg);
    }
    CellStyle { fg, bg, bold: has(Modifier::BOLD), dim: has(Modifier::DIM) }
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Returns the colour as SVG. The 16 colours are similar to those of xterm.
fn color(color: Color, default: (u8, u8, u8)) -> (u8, u8, u8) {
    match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Black => (0x10, 0x10, 0x10),
        Color::Red => (0xd7, 0x5f, 0x5f),
        Color::Green => (0x5f, 0xaf, 0x5f),
        Color::Yellow => (0xd7, 0xaf, 0x5f),
        Color::Blue => (0x5f, 0x87, 0xd7),
        Color::Magenta => (0xaf, 0x5f, 0xaf),
        Color::Cyan => (0x5f, 0xaf, 0xaf),
        Color::Gray => (0xc0, 0xc0, 0xc0),
        Color::DarkGray => (0x80, 0x80, 0x80),
        Color::LightRed => (0xff, 0x87, 0x87),
        Color::LightGreen => (0x87, 0xd7, 0x87),
        Color::LightYellow => (0xff, 0xd7, 0x87),
        Color::LightBlue => (0x87, 0xaf, 0xff),
        Color::LightMagenta => (0xd7, 0x87, 0xd7),
        Color::LightCyan => (0x87, 0xd7, 0xd7),
        Color::White => (0xff, 0xff, 0xff),
        Color::Reset | Color::Indexed(_) => default,
    }
}
