//! Snapshots of the style of each cell. A letter stands for each style.

use insta::assert_snapshot;
use ratatui::style::Style;

use super::panels;
use super::stage::{COMPACT, Draw, REDUCED, Shot, Stage, TINY, WIDE, sheet};
use crate::app::view::{Overlay, Tab};
use crate::demo::sample;
use crate::draw::theme::{Palette, Symbols, Theme};
use crate::model::{Model, StateView};

const LEGEND: &str = "\
a letter below each cell: . text  d dim  S strong  T title  K key  A accent  c component
o ok  w warn  W bold warn  e error  E bold error  g graph  h dim graph; on a filled ground:
F selected or busy  O ok  M found or warning  X error  I idle; none: a line, or nothing; > the selected row
";

/// Letter of a style that belongs to no role of the palette.
const UNKNOWN: char = '\u{fffd}';

/// Letters of the roles that differ in the dark theme.
fn roles(palette: &Palette) -> Vec<(char, Style)> {
    use crate::log::Level;
    vec![
        ('.', palette.base),
        ('d', palette.dim),
        (' ', palette.border),
        ('S', palette.strong),
        ('T', palette.title),
        ('K', palette.key),
        ('A', palette.accent),
        ('c', palette.component),
        ('o', palette.ok),
        ('w', palette.warn),
        ('W', palette.level(Level::Warn)),
        ('e', palette.error),
        ('E', palette.level(Level::Error)),
        ('g', palette.graph),
        ('h', palette.graph_dim),
        ('F', palette.selected),
        ('O', palette.badge(StateView::Ready)),
        ('M', palette.badge(StateView::Degraded)),
        ('X', palette.badge(StateView::Failed)),
        ('I', palette.badge(StateView::Stopped)),
    ]
}

fn ink(shot: &Shot, at: (u16, u16), palette: &Palette) -> char {
    let cell = &shot.buf[at];
    // The lines of a box are blanks in the snapshot.
    let is_line = "─│╮╰╯".contains(cell.symbol());
    if is_line || cell.symbol() == " " && cell.bg == palette.base.bg.unwrap_or_default() {
        return ' ';
    }
    let on = |style: Style| {
        let style = palette.base.patch(style);
        let cursor = palette.base.patch(palette.cursor).bg;
        let ground = cell.bg == style.bg.unwrap_or_default() || Some(cell.bg) == cursor;
        Some(cell.fg) == style.fg && cell.modifier == style.add_modifier && ground
    };
    roles(palette).into_iter().find(|(_, style)| on(*style)).map_or(UNKNOWN, |(role, _)| role)
}

fn inks(stage: &Stage, size: (u16, u16), draw: Draw) -> String {
    let palette = Theme::Dark.palette();
    let shot = stage.shoot(size, Theme::Dark, Symbols::Unicode, draw);
    let cursor = palette.cursor.bg;
    let rows = shot.rows().map(|row| {
        let here = row.iter().any(|at| Some(shot.buf[*at].bg) == cursor);
        let letters: String = row
            .iter()
            .map(|at| {
                let letter = ink(&shot, *at, &palette);
                let wide = unicode_width::UnicodeWidthStr::width(shot.buf[*at].symbol()) > 1;
                format!("{letter}{}", if wide { " " } else { "" })
            })
            .collect();
        let mark = if here { ">" } else { " " };
        let letters = format!("{mark}{}", letters.trim_end());
        let line = format!(" {}", shot.line(&row));
        format!("{}\n{}\n", line.trim_end(), letters.trim_end())
    });
    rows.collect()
}

type Sheet<'a> = (&'a str, (u16, u16), &'a [Stage], Draw);

#[test]
fn styles_of_each_panel() {
    let states = Stage::states();
    let ready = [Stage::new("Ready", sample::ready())];
    let works = [Stage::new("with workflows", sample::with_workflows())];
    let asked = [Stage::new("asked", Model { attached: false, ..sample::with_workflows() })];
    let timeline =
        [Stage::new("timeline", sample::ready()).acting(|view, _| view.tab = Tab::Timeline)];
    let quitting = [Stage::new("quitting", Model { attached: false, ..sample::ready() })
        .acting(|view, _| view.open(Overlay::Quit))];
    let sheets: [Sheet<'_>; 19] = [
        ("header", WIDE, &states, panels::header),
        ("header-compact", COMPACT, &states, panels::header),
        ("health", WIDE, &states, panels::health),
        ("probe", COMPACT, &states, panels::probe),
        ("restarts", COMPACT, &states, panels::restarts),
        ("resources", WIDE, &states, panels::resources),
        ("workflows", COMPACT, &works, panels::workflows),
        ("log", COMPACT, &ready, panels::main),
        ("timeline", COMPACT, &timeline, panels::main),
        ("footer", COMPACT, &states, panels::footer),
        ("help", COMPACT, &ready, panels::help),
        ("quit", COMPACT, &asked, panels::quit),
        ("confirm", COMPACT, &asked, panels::stop),
        ("components", COMPACT, &ready, panels::components),
        ("line", COMPACT, &ready, panels::line),
        ("entry", COMPACT, &ready, panels::entry),
        ("reduced", REDUCED, &states, panels::reduced),
        ("tiny", TINY, &states, panels::tiny),
        ("tiny-quit", TINY, &quitting, panels::tiny),
    ];
    for (name, size, stages, draw) in sheets {
        let text = sheet(&[size], stages, |stage, size| inks(stage, size, draw));
        assert!(!text.contains(UNKNOWN), "{name}: {text}");
        assert_snapshot!(format!("inks-{name}"), format!("{LEGEND}\n{text}"));
    }
}
