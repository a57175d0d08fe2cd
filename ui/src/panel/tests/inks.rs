//! Snapshots of the style of each cell. A letter stands for each style.

use insta::assert_snapshot;
use ratatui::style::Style;

use super::panels;
use super::stage::{COMPACT, Draw, REDUCED, Shot, Stage, TINY, WIDE, sheet};
use crate::app::view::{Overlay, Tab};
use crate::demo::sample;
use crate::draw::theme::{Palette, Symbols, Theme};
use crate::explorer::Move;
use crate::model::{Model, StateView};

const LEGEND: &str = "\
a letter below each cell: . text  d dim  S strong  T title  K key  A accent  c component
1 2 3 workers  o ok  w warn  W bold warn  e error  E bold error  g graph  h dim graph; on a filled ground:
F selected  M found; O I bold ok, bold dim; none: a line, or nothing; > the selected row
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
        ('1', palette.units[0]),
        ('2', palette.units[1]),
        ('3', palette.units[2]),
        ('o', palette.ok),
        ('w', palette.warn),
        ('W', palette.level(Level::Warn)),
        ('e', palette.error),
        ('E', palette.level(Level::Error)),
        ('g', palette.graph),
        ('h', palette.graph_dim),
        ('F', palette.selected),
        ('M', palette.found),
        ('O', palette.state_word(StateView::Ready)),
        ('I', palette.state_word(StateView::Stopped)),
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
    let asked = [Stage::new("asked", Model { attached: false, ..sample::with_workflows() })];
    let timeline =
        [Stage::new("timeline", sample::ready()).acting(|view, _, _| view.tab = Tab::Server)];
    let logs = [Stage::new("log", sample::ready()).acting(|view, _, _| view.tab = Tab::Logs)];
    let problems = [Stage::new("problems", sample::with_problems())
        .acting(|view, model, _| view.go(Move::First, model))];
    let listed = [Stage::new("workflows", sample::with_problems())
        .acting(|view, _, _| view.tab = Tab::Workflows)];
    let workers = [Stage::new("workers", sample::with_problems())
        .acting(|view, model, _| view.show(Tab::Workers, model))];
    let empty = [Stage::new("empty", sample::empty())];
    let quitting = [Stage::new("quitting", Model { attached: false, ..sample::ready() })
        .acting(|view, _, _| view.open(Overlay::Quit))];
    let sheets: [Sheet<'_>; 21] = [
        ("head", WIDE, &states, panels::head),
        ("head-compact", COMPACT, &states, panels::head),
        ("overview", WIDE, &problems, panels::main),
        ("overview-compact", COMPACT, &problems, panels::main),
        ("overview-reduced", REDUCED, &problems, panels::main),
        ("empty", WIDE, &empty, panels::main),
        ("workflows", WIDE, &listed, panels::main),
        ("workers", WIDE, &workers, panels::main),
        ("log", COMPACT, &logs, panels::main),
        ("server", COMPACT, &timeline, panels::main),
        ("footer", COMPACT, &states, panels::footer),
        ("palette", COMPACT, &ready, panels::palette),
        ("quit", COMPACT, &asked, panels::quit),
        ("confirm", COMPACT, &asked, panels::stop),
        ("sources", COMPACT, &ready, panels::sources),
        ("line", COMPACT, &ready, panels::line),
        ("entry", COMPACT, &ready, panels::entry),
        ("row", COMPACT, &problems, panels::row),
        ("failed", COMPACT, &states[6..], panels::main),
        ("tiny", TINY, &states, panels::tiny),
        ("tiny-quit", TINY, &quitting, panels::tiny),
    ];
    for (name, size, stages, draw) in sheets {
        let text = sheet(&[size], stages, |stage, size| inks(stage, size, draw));
        assert!(!text.contains(UNKNOWN), "{name}: {text}");
        assert_snapshot!(format!("inks-{name}"), format!("{LEGEND}\n{text}"));
    }
}
