//! The footer: the keys that work now, or the prompt of the search with its keys.

use ratatui::layout::Rect;

use crate::app::keymap::{self, Binding, Context, Group, Scope};
use crate::app::view::{Prompt, PromptPurpose};
use crate::draw::cluster::{tail, width};
use crate::draw::paint::Pen;
use crate::human;
use crate::panel::scene::{Canvas, Click, Scene};

const GAP: u16 = 2;
/// Maximum columns of the search pattern if the keys need the rest of the footer.
const PATTERN: u16 = 24;
/// Below this width, the footer does not name the unit.
const UNIT: u16 = 60;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, log, palette, .. } = canvas.scene;
    let context = Context { view: canvas.view, model, log };
    let prompt = context.view.prompt.as_ref().filter(|_| context.scope() == Scope::Prompt);
    let (count, has_no_match) = prompt.map_or((String::new(), false), |it| count(&context, it));
    let pattern = prompt.map_or(0, |prompt| {
        let needed = width(&prompt.text).saturating_add(width(&count)).saturating_add(5 + GAP);
        needed.min(PATTERN)
    });
    let shown = shown(&context, area.width.saturating_sub(pattern), area.width);
    let mut pen = Pen::row(canvas.buf, area, 0);
    if let Some(prompt) = prompt {
        // If the pattern is too long, its end is shown, because the user types there.
        let keys = total_columns(&shown);
        let columns = area.width.saturating_sub(keys + width(&count) + 5);
        pen.put(" /", palette.key).put(tail(&prompt.text, columns), palette.strong);
        pen.put("▏", palette.accent).gap(1);
        pen.put(&count, if has_no_match { palette.error } else { palette.dim }).gap(GAP);
        let rest = pen.room().saturating_sub(keys);
        pen.gap(rest);
    }
    pen.gap(1);
    if shown.first().is_some_and(|binding| binding.group == Group::Unit) {
        pen.put(unit(area.width), palette.dim);
    }
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

/// Returns the name of the unit of the first keys. A narrow screen has no room for it.
fn unit(columns: u16) -> &'static str {
    if columns >= UNIT { "server: " } else { "" }
}

/// Returns the number of matches of a search or a filter, and whether there is none.
fn count(context: &Context<'_>, prompt: &Prompt) -> (String, bool) {
    match prompt.purpose {
        PromptPurpose::Search(_) => {
            let current = context.view.log.current().map(|row| row.first);
            let search = context.view.log.search();
            let has_none = search.is_some_and(|search| search.matches() == 0);
            (search.map_or_else(String::new, |search| search.count(current)), has_none)
        }
        PromptPurpose::Filter(_) => {
            let rows = context.view.workflows.items().len();
            (human::counted(rows as u64, "row", "rows"), rows == 0)
        }
    }
}

fn columns(binding: &Binding) -> u16 {
    width(binding.shown) + 1 + width(binding.short) + GAP
}

fn total_columns(bindings: &[&Binding]) -> u16 {
    bindings.iter().map(|it| columns(it)).sum::<u16>() + 1
}

/// Returns the keys that fit into `room`, in the order of the table. Keys with a high priority are chosen first.
fn shown(context: &Context<'_>, room: u16, screen: u16) -> Vec<&'static Binding> {
    let mut bindings: Vec<_> = keymap::in_scope(context.scope())
        .filter(|binding| !binding.short.is_empty() && (binding.works)(context))
        .enumerate()
        .collect();
    bindings.sort_by_key(|(at, binding)| (binding.rank, *at));
    // One space before the first key, no gap after the last.
    let mut room = (room + GAP).saturating_sub(1);
    if bindings.iter().any(|(_, binding)| binding.group == Group::Unit) {
        room = room.saturating_sub(width(unit(screen)));
    }
    bindings.retain(|(_, binding)| {
        let fits = columns(binding) <= room;
        room -= if fits { columns(binding) } else { 0 };
        fits
    });
    bindings.sort_by_key(|(at, _)| *at);
    bindings.into_iter().map(|(_, binding)| binding).collect()
}
