//! The keys that work now, and no other; or the pattern that is being typed, with its keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::{self, Binding, Context};
use crate::draw::cluster::{clusters, width};
use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::panel::scene::{Click, Placed};

const GAP: u16 = 2;
/// What a pattern may take from its keys.
const PATTERN: u16 = 24;

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    context: &Context<'_>,
    palette: &Palette,
    placed: &mut Placed,
) {
    let prompt = context.view.prompt.as_ref().filter(|_| context.prompts());
    let search = context.view.log.search().filter(|_| prompt.is_some());
    let current = context.view.log.current().map(|row| row.first);
    let said = search.map_or_else(String::new, |search| search.count(current));
    let pattern = prompt.map_or(0, |prompt| {
        let needed = width(&prompt.text).saturating_add(width(&said)).saturating_add(5 + GAP);
        needed.min(PATTERN)
    });
    let shown = shown(context, area.width.saturating_sub(pattern));
    let mut pen = Pen::row(buf, area, 0);
    if let Some(prompt) = prompt {
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
        // A click on the second of two keys means that one, and on the word the first.
        for (place, key) in binding.places(keys) {
            placed.put(place, Click::Key(key));
        }
        if let Some((key, _)) = binding.keys.first() {
            placed.put(word, Click::Key(*key));
        }
        pen.gap(GAP);
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

fn columns(binding: &Binding) -> u16 {
    width(binding.shown) + 1 + width(binding.short) + GAP
}

fn taken(bindings: &[&Binding]) -> u16 {
    bindings.iter().map(|it| columns(it)).sum::<u16>() + 1
}

/// What fits into `room`, the most needed first.
fn shown(context: &Context<'_>, room: u16) -> Vec<&'static Binding> {
    let mut bindings: Vec<_> = keymap::in_scope(context.scope())
        .filter(|binding| !binding.short.is_empty() && (binding.works)(context))
        .enumerate()
        .collect();
    bindings.sort_by_key(|(at, binding)| (binding.rank, *at));
    // A space in front of the first, and none behind the last.
    let mut room = (room + GAP).saturating_sub(1);
    bindings.retain(|(_, binding)| {
        let fits = columns(binding) <= room;
        room -= if fits { columns(binding) } else { 0 };
        fits
    });
    bindings.sort_by_key(|(at, _)| *at);
    bindings.into_iter().map(|(_, binding)| binding).collect()
}
