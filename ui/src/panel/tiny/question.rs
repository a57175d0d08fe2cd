//! A question where there is no room for a dialog: it still names its order, and can be answered.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Placed, Scene};
use crate::cluster::{width, wrap};
use crate::keymap::{self, Binding, Context};
use crate::layout::split_top;
use crate::paint::Pen;
use crate::panel::{Click, state};
use crate::view::{Order, Overlay, stake};

/// Columns of the keys where the answers stand one below the other.
const KEY: u16 = 4;
const GAP: u16 = 2;

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    context: &Context<'_>,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let palette = scene.palette;
    let choices: Vec<&Binding> = keymap::choices(context.scope(), context).collect();
    let lines: Vec<(String, Style)> = if let Some(said) = scene.said() {
        wrap(said, area.width).into_iter().map(|line| (line, palette.selected)).collect()
    } else {
        let stake = stake(scene.model).map(|stake| {
            let ink = if stake.loss().is_some() { palette.error } else { palette.warn };
            (stake.brief(area.width), ink)
        });
        std::iter::once((title(context), palette.strong)).chain(stake).collect()
    };
    let rows = answers(&choices, area, lines.len());
    let (above, below) = split_top(area, area.height.saturating_sub(rows.len() as u16));
    for (row, (line, style)) in (0..above.height).zip(&lines) {
        Pen::row(buf, above, row).put(line, *style);
    }
    for (y, answers) in (0..below.height).zip(rows) {
        let mut pen = Pen::row(buf, below, y);
        for answer in answers {
            let from = pen.x();
            pen.left(answer.key.shown, answer.columns, palette.key).put(answer.word, palette.base);
            let place = Rect { x: from, y: below.y + y, width: pen.x() - from, height: 1 };
            if let Some((key, _)) = answer.key.keys.first() {
                placed.put(place, Click::Key(*key));
            }
            pen.gap(GAP);
        }
    }
}

struct Answer<'a> {
    key: &'a Binding,
    /// Of the key and the distance behind it.
    columns: u16,
    word: &'a str,
}

/// One below the other; where that leaves no room for the question's lines, side by side.
fn answers<'a>(choices: &[&'a Binding], area: Rect, lines: usize) -> Vec<Vec<Answer<'a>>> {
    if choices.len() + lines <= area.height.into() {
        let one = |key: &&'a Binding| vec![Answer { key, columns: KEY, word: key.short }];
        return choices.iter().map(one).collect();
    }
    let whole = side_by_side(choices, area.width, |short| short);
    if whole.len() <= area.height.into() {
        return whole;
    }
    side_by_side(choices, area.width, |short| short.split(' ').next().unwrap_or(short))
}

fn side_by_side<'a>(
    choices: &[&'a Binding],
    columns: u16,
    word: fn(&'a str) -> &'a str,
) -> Vec<Vec<Answer<'a>>> {
    let mut rows: Vec<Vec<Answer<'a>>> = Vec::new();
    let mut used = columns;
    for key in choices {
        let answer = Answer { key, columns: width(key.shown) + 1, word: word(key.short) };
        let wide = answer.columns + width(answer.word);
        match rows.last_mut() {
            Some(row) if used + GAP + wide <= columns => {
                row.push(answer);
                used += GAP + wide;
            }
            _ => {
                rows.push(vec![answer]);
                used = wide;
            }
        }
    }
    rows
}

fn title(context: &Context<'_>) -> String {
    match context.overlay() {
        Some(Overlay::Confirm(Order::Stop)) => "Stop Temporal?".to_owned(),
        Some(Overlay::Confirm(Order::Restart)) => "Restart Temporal?".to_owned(),
        Some(Overlay::Confirm(Order::StopAndQuit)) => "Stop and quit?".to_owned(),
        _ => format!("Temporal is {}", state::word(context.model.state)),
    }
}
