//! The footer: the keys that work now, or the prompt of the search with its keys.

use ratatui::layout::Rect;

use crate::app::keymap::{self, Binding, Context, Group, Scope};
use crate::app::view::{Prompt, PromptPurpose, wrong_attribute};
use crate::draw::cluster::{clip, tail, width};
use crate::draw::paint::Pen;
use crate::human;
use crate::panel::scene::{Canvas, Click, Scene};

const GAP: u16 = 2;
/// Maximum columns of the search pattern if the keys need the rest of the footer.
const PATTERN: u16 = 24;
/// Maximum columns of a query if the keys need the rest of the footer.
const QUERY: u16 = 48;
/// What an empty prompt of a query shows.
const EXAMPLE: &str = "for example WorkflowType = 'Refund'";
/// Below this width, the footer does not name the unit.
const UNIT: u16 = 60;
/// Maximum columns of the name of a worker.
const UNIT_NAME: u16 = 16;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, log, palette, .. } = canvas.scene;
    let context = Context { view: canvas.view, model, log };
    let prompt = context.view.prompt.as_ref().filter(|_| context.scope() == Scope::Prompt);
    let (count, has_no_match) = prompt.map_or((String::new(), false), |it| count(&context, it));
    let sign = prompt.map_or("", sign);
    let pattern = prompt.map_or(0, |prompt| {
        let texts = [sign, prompt.text.as_str(), count.as_str()].map(width);
        let needed = texts.into_iter().fold(3 + GAP, u16::saturating_add);
        needed.min(match prompt.purpose {
            PromptPurpose::Query { .. } => QUERY,
            PromptPurpose::Search(_) | PromptPurpose::Filter(_) => PATTERN,
        })
    });
    let shown = shown(&context, area.width.saturating_sub(pattern), area.width);
    let mut pen = Pen::row(canvas.buf, area, 0);
    if let Some(prompt) = prompt {
        // If the pattern is too long, its end is shown, because the user types there.
        let keys = total_columns(&shown);
        let columns = area.width.saturating_sub(keys + width(&count) + width(sign) + 3);
        pen.put(sign, palette.key).put(tail(&prompt.text, columns), palette.strong);
        pen.put("▏", palette.accent).gap(1);
        pen.put(&count, if has_no_match { palette.error } else { palette.dim }).gap(GAP);
        let rest = pen.room().saturating_sub(keys);
        pen.gap(rest);
    }
    pen.gap(1);
    if shown.first().is_some_and(|binding| binding.group == Group::Unit) {
        pen.put(&unit(&context, area.width), palette.dim);
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

/// Returns the name of the unit of the first keys. A narrow screen has no room for it, but it shows that the unit is not
/// the server.
pub(crate) fn unit(context: &Context<'_>, columns: u16) -> String {
    match context.unit() {
        Some(worker) => format!("{}: ", clip(&worker.name, UNIT_NAME)),
        None if columns >= UNIT => "server: ".to_owned(),
        None => String::new(),
    }
}

/// Returns the text before that of the prompt.
fn sign(prompt: &Prompt) -> &'static str {
    match prompt.purpose {
        PromptPurpose::Search(_) | PromptPurpose::Filter(_) => " /",
        PromptPurpose::Query { .. } => " query: ",
    }
}

/// Returns the number of matches of a search or a filter, or the state of a query, and whether there
/// is no match, or an error.
fn count(context: &Context<'_>, prompt: &Prompt) -> (String, bool) {
    match prompt.purpose {
        PromptPurpose::Search(_) => {
            let current = context.view.log.current().map(|row| row.first);
            let search = context.view.log.search();
            let has_none = search.is_some_and(|search| search.matches() == 0);
            (search.map_or_else(String::new, |search| search.count(current)), has_none)
        }
        PromptPurpose::Query { sent, .. } => match context.view.prompt_answer(context.model) {
            // The list shows the reason.
            Some(answer) if !answer.error.is_empty() => ("refused".to_owned(), true),
            _ if sent => ("running".to_owned(), false),
            _ if prompt.text.is_empty() => (EXAMPLE.to_owned(), false),
            _ => match wrong_attribute(&prompt.text) {
                Some(hint) => (hint.to_owned(), true),
                None => (String::new(), false),
            },
        },
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
        .filter(|it| !it.short.is_empty() && keymap::takes_effect(it, context))
        .enumerate()
        .collect();
    bindings.sort_by_key(|(at, binding)| (binding.rank, *at));
    // One space before the first key, no gap after the last.
    let mut room = (room + GAP).saturating_sub(1);
    if bindings.iter().any(|(_, binding)| binding.group == Group::Unit) {
        room = room.saturating_sub(width(&unit(context, screen)));
    }
    bindings.retain(|(_, binding)| {
        let fits = columns(binding) <= room;
        room -= if fits { columns(binding) } else { 0 };
        fits
    });
    bindings.sort_by_key(|(at, _)| *at);
    bindings.into_iter().map(|(_, binding)| binding).collect()
}
