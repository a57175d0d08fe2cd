//! The keys that work now, and no other; or the pattern that is being typed, with its keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Click, Placed};
use crate::cluster::{clusters, width};
use crate::keymap::{self, Binding, Context};
use crate::paint::Pen;
use crate::theme::Palette;

const GAP: u16 = 2;
/// What is left to a pattern beside its keys.
const PATTERN: u16 = 24;

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    context: &Context<'_>,
    palette: &Palette,
    placed: &mut Placed,
) {
    let prompt = context.view.prompt.as_ref().filter(|_| context.prompts());
    let room = area.width.saturating_sub(if prompt.is_some() { PATTERN } else { 0 });
    let shown = shown(context, room);
    let mut pen = Pen::row(buf, area, 0);
    if let Some(prompt) = prompt {
        let search = context.view.log.search();
        let current = context.view.log.current().map(|row| row.first);
        let said = search.map_or_else(String::new, |search| search.count(current));
        let bad = search.is_some_and(|search| search.matches() == 0);
        // The end of a long pattern is where one types.
        let keys = taken(&shown);
        let columns = area.width.saturating_sub(keys + width(&said) + 5);
        pen.put(" /", palette.key).put(tail(&prompt.text, columns), palette.strong);
        pen.put("▏", palette.accent).gap(1);
        pen.put(&said, if bad { palette.error } else { palette.ok }).gap(GAP);
        let beside = pen.room().saturating_sub(keys);
        pen.gap(beside);
    }
    pen.gap(1);
    for binding in shown {
        let from = pen.x();
        pen.put(binding.shown, palette.key);
        let keys = Rect { x: from, width: pen.x() - from, ..area };
        pen.put(" ", palette.base).put(binding.short, palette.dim);
        let word = Rect { x: keys.right(), width: pen.x() - keys.right(), ..area };
        clickable(binding, keys, word, placed);
        pen.gap(GAP);
    }
}

/// A click on the second of two keys means that one.
fn clickable(binding: &Binding, keys: Rect, word: Rect, placed: &mut Placed) {
    let first = binding.shown.split(' ').next().map_or(0, width);
    let split = if first == keys.width { keys.width / 2 } else { first };
    let two = binding.shown.contains(' ') || binding.shown.chars().count() == 2;
    match binding.keys {
        [] => {}
        [(first, _), (second, _), ..] if two => {
            placed.put(Rect { width: split, ..keys }, Click::Key(*first));
            let rest = Rect { x: keys.x + split, width: keys.width - split, ..keys };
            placed.put(rest, Click::Key(*second));
            placed.put(word, Click::Key(*first));
        }
        [(key, _), ..] => placed.put(keys.union(word), Click::Key(*key)),
    }
}

/// The end of a text, in so many columns.
fn tail(text: &str, columns: u16) -> &str {
    let mut excess = width(text).saturating_sub(columns);
    let begin = clusters(text).take_while(|cluster| {
        let out = excess > 0;
        excess = excess.saturating_sub(cluster.columns);
        out
    });
    &text[begin.last().map_or(0, |cluster| cluster.end)..]
}

fn taken(bindings: &[&Binding]) -> u16 {
    bindings.iter().map(|it| width(it.shown) + 1 + width(it.short) + GAP).sum::<u16>() + 1
}

/// What fits into `columns`; what is least needed is left out first.
pub(crate) fn shown(context: &Context<'_>, columns: u16) -> Vec<&'static Binding> {
    let mut bindings: Vec<_> = keymap::in_scope(context.scope())
        .filter(|binding| !binding.short.is_empty() && (binding.works)(context))
        .collect();
    while taken(&bindings) > columns.saturating_add(GAP) {
        let Some(last) =
            bindings.iter().enumerate().max_by_key(|(i, it)| (it.rank, *i)).map(|(i, _)| i)
        else {
            break;
        };
        bindings.remove(last);
    }
    bindings
}
