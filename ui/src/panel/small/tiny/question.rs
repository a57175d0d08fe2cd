//! A question where there is no room for a dialog: it still names its order, and can be answered.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{self, Binding, Context};
use crate::app::view::{Order, Overlay, stake};
use crate::draw::cluster::{width, wrap};
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::human;
use crate::loss::{Holdings, Loss, Stake};
use crate::panel::scene::Click;
use crate::panel::scene::{Placed, Scene};
use crate::panel::state;

/// Columns of the keys where the answers stand one below the other.
const KEY: u16 = 4;
const GAP: u16 = 2;

pub(crate) fn draw(
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
            (brief(stake, area.width), ink)
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

/// What is interrupted or lost, in as many words as fit into so many columns.
fn brief(stake: Stake, columns: u16) -> String {
    let [long, short] = match stake {
        Stake::Interrupted(running) => {
            let run = if running == 1 { "runs" } else { "run" };
            let workflows = human::counted(running, "workflow", "workflows");
            [format!("{workflows} {run}"), format!("{} {run}", human::count(running))]
        }
        Stake::Lost(Loss { workflows: None, .. }) => {
            ["all workflows LOST".to_owned(), "all LOST".to_owned()]
        }
        Stake::Lost(Loss { workflows: Some(Holdings { running, closed }), .. }) => {
            let all = running.saturating_add(closed);
            let workflows = human::counted(all, "workflow", "workflows");
            [format!("{workflows} LOST"), format!("{} LOST", human::count(all))]
        }
    };
    if width(&long) <= columns { long } else { short }
}

#[cfg(test)]
mod tests {
    use crate::loss::{Count, Holdings, Stake, Storage};

    #[test]
    fn few_columns_still_say_that_it_is_lost() {
        let brief =
            |storage, count, columns| super::brief(Stake::judge(storage, count).unwrap(), columns);
        let some = Count::Current(Holdings { running: 7, closed: 12 });
        assert_eq!(brief(Storage::Memory, some, 20), "19 workflows LOST");
        assert_eq!(brief(Storage::Memory, some, 10), "19 LOST");
        assert_eq!(brief(Storage::Memory, Count::Unknown, 20), "all workflows LOST");
        assert_eq!(brief(Storage::File, some, 20), "7 workflows run");
    }
}
