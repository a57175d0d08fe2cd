//! The footer: the keys that work now, or the prompt of the search with its keys.

use ratatui::layout::Rect;

use crate::app::keymap::{self, Binding, Context};
use crate::draw::cluster::{clusters, width};
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Click, Scene};

const GAP: u16 = 2;
/// Maximum columns of the search pattern if the keys need the rest of the footer.
const PATTERN: u16 = 24;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, log, palette, .. } = canvas.scene;
    let context = Context { view: canvas.view, model, log };
    let prompt = context.view.prompt.as_ref().filter(|_| context.has_prompt());
    let search = context.view.log.search().filter(|_| prompt.is_some());
    let current = context.view.log.current().map(|row| row.first);
    let count = search.map_or_else(String::new, |search| search.count(current));
    let pattern = prompt.map_or(0, |prompt| {
        let needed = width(&prompt.text).saturating_add(width(&count)).saturating_add(5 + GAP);
        needed.min(PATTERN)
    });
    let shown = shown(&context, area.width.saturating_sub(pattern));
    let mut pen = Pen::row(canvas.buf, area, 0);
    if let Some(prompt) = prompt {
        let has_no_match = search.is_some_and(|search| search.matches() == 0);
        // If the pattern is too long, its end is shown, because the user types there.
        let keys = total_columns(&shown);
        let columns = area.width.saturating_sub(keys + width(&count) + 5);
        pen.put(" /", palette.key).put(tail(&prompt.text, columns), palette.strong);
        pen.put("▏", palette.accent).gap(1);
        pen.put(&count, if has_no_match { palette.error } else { palette.ok }).gap(GAP);
        let rest = pen.room().saturating_sub(keys);
        pen.gap(rest);
    }
    pen.gap(1);
    for binding in shown {
        let from = pen.x();
        pen.put(binding.shown, palette.key);
        let keys = Rect { x: from, width: pen.x() - from, ..area };
        pen.put(" ", palette.base).put(binding.short, palette.dim);
        let label = Rect { x: keys.right(), width: pen.x() - keys.right(), ..area };
        // A click on a key presses this key. A click on the label presses the first key.
        for (place, key) in binding.places(keys) {
            canvas.map.add(place, Click::Key(key));
        }
        if let Some((key, _)) = binding.keys.first() {
            canvas.map.add(label, Click::Key(*key));
        }
        pen.gap(GAP);
    }
}

/// Returns the longest end of a text that fits into `columns`.
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

fn total_columns(bindings: &[&Binding]) -> u16 {
    bindings.iter().map(|it| columns(it)).sum::<u16>() + 1
}

/// Returns the keys that fit into `room`, in the order of the table. Keys with a high priority are chosen first.
fn shown(context: &Context<'_>, room: u16) -> Vec<&'static Binding> {
    let mut bindings: Vec<_> = keymap::in_scope(context.scope())
        .filter(|binding| !binding.short.is_empty() && (binding.works)(context))
        .enumerate()
        .collect();
    bindings.sort_by_key(|(at, binding)| (binding.rank, *at));
    // One space before the first key, no gap after the last.
    let mut room = (room + GAP).saturating_sub(1);
    bindings.retain(|(_, binding)| {
        let fits = columns(binding) <= room;
        room -= if fits { columns(binding) } else { 0 };
        fits
    });
    bindings.sort_by_key(|(at, _)| *at);
    bindings.into_iter().map(|(_, binding)| binding).collect()
}
