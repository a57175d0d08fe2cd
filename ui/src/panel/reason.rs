//! The reason for the state, above the content of the tab: a message that does not fit into the first
//! row, the explanation of a failure, or the newest line of a long start.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{failure, head, state};
use crate::app::view::Tab;
use crate::draw::cluster::wrap_in;
use crate::draw::layout::{Parts, Shape, inset};
use crate::draw::paint::Pen;
use crate::model::{FailureView, StateView};
use crate::panel::scene::Scene;

/// Maximum rows of a message.
const MAX_MESSAGE: usize = 3;
/// Age of a start from which its newest log line is shown.
const LONG_START_MS: u64 = 5_000;

enum Reason<'a> {
    Failure(&'a FailureView),
    Lines(Vec<String>, Style),
}

impl<'a> Reason<'a> {
    fn of(area: Rect, tab: Tab, scene: Scene<'a>) -> Option<Self> {
        let Scene { model, palette, .. } = scene;
        if let Some(failure) = model.failed().filter(|_| tab == Tab::Overview) {
            return Some(Self::Failure(failure));
        }
        if !head::shows_headline(area.width, model) {
            let lines = wrap_in(&state::headline(model), area.width.saturating_sub(2), MAX_MESSAGE);
            return Some(Self::Lines(lines, palette.state(model.state)));
        }
        let is_long = model.state_age_ms.is_some_and(|ms| ms >= LONG_START_MS);
        if model.state != StateView::Starting || !is_long || tab != Tab::Overview {
            return None;
        }
        let newest = scene.log.line(scene.log.len().checked_sub(1)?)?;
        Some(Self::Lines(vec![newest.text.to_owned()], palette.dim))
    }
}

/// Returns the rows that the reason takes from the content of a screen with this area.
pub(super) fn rows(area: Rect, tab: Tab, scene: Scene<'_>) -> u16 {
    let shape = Shape::of(area);
    if shape == Shape::Tiny {
        return 0;
    }
    let content = Parts::of(area).content;
    // The log keeps some rows on a full screen.
    let most = match shape {
        Shape::Wide | Shape::Compact => content.height.saturating_sub(4),
        Shape::Reduced | Shape::Tiny => content.height,
    };
    match Reason::of(area, tab, scene) {
        Some(Reason::Failure(failure)) => {
            let blank = u16::from(shape != Shape::Reduced);
            (failure::lines(failure, area.width.saturating_sub(2)) + blank).min(most)
        }
        Some(Reason::Lines(lines, _)) => (lines.len() as u16).min(content.height),
        None => 0,
    }
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, screen: Rect, tab: Tab, scene: Scene<'_>) {
    let inside = inset(area, 1);
    match Reason::of(screen, tab, scene) {
        Some(Reason::Failure(failure)) => failure::draw(buf, inside, failure, scene),
        Some(Reason::Lines(lines, style)) => {
            for (row, line) in (0..inside.height).zip(&lines) {
                Pen::row(buf, inside, row).put(line, style);
            }
        }
        None => {}
    }
}
