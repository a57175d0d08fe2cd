//! The keys that work now, and no other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::cluster::width;
use crate::keymap::{self, Binding, Context};
use crate::paint::Pen;
use crate::theme::Palette;

const GAP: u16 = 2;

pub(super) fn draw(buf: &mut Buffer, area: Rect, context: &Context<'_>, palette: &Palette) {
    let mut pen = Pen::row(buf, area, 0);
    pen.gap(1);
    for binding in shown(context, area.width) {
        pen.put(binding.shown, palette.key)
            .put(" ", palette.base)
            .put(binding.short, palette.dim)
            .gap(GAP);
    }
}

/// What fits into `columns`; what is least needed is left out first.
pub(crate) fn shown(context: &Context<'_>, columns: u16) -> Vec<&'static Binding> {
    let mut bindings: Vec<_> = keymap::in_scope(context.scope())
        .filter(|binding| !binding.short.is_empty() && (binding.works)(context))
        .collect();
    let taken = |bindings: &[&Binding]| {
        bindings.iter().map(|it| width(it.shown) + 1 + width(it.short) + GAP).sum::<u16>() + 1
    };
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
