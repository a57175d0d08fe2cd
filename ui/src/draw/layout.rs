//! Which shape of screen fits, and where its parts lie.
//!
//! ```text
//! wide      header                              compact   header, with layers and resources in it
//!           health │ probe │ restarts │ usage             probe │ restarts
//!           workflows, in a row                           workflows
//!           main: log, timeline, own log                  main
//!           footer                                        footer
//! ```
//! `Reduced` has the same parts without lines around them; `Tiny` is one line.
//! The shape depends on the size alone, so a change of state never rearranges the screen,
//! except that a failure takes the room it needs for its explanation, and a message that is longer than its row.

use ratatui::layout::Rect;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Wide,
    Compact,
    Reduced,
    Tiny,
}

impl Shape {
    pub(crate) fn of(area: Rect) -> Self {
        match (area.width, area.height) {
            (112.., 30..) => Self::Wide,
            (72.., 20..) => Self::Compact,
            (40.., 10..) => Self::Reduced,
            _ => Self::Tiny,
        }
    }

    /// Lines inside the header in ordinary times.
    fn header_lines(self) -> u16 {
        match self {
            Self::Wide => 2,
            Self::Compact => 3,
            Self::Reduced | Self::Tiny => 5,
        }
    }

    /// The least height of the main panel: its lines, and what a glance at the log needs. On a small
    /// screen trouble leaves it the newest line.
    fn main_at_least(self) -> u16 {
        match self {
            Self::Wide | Self::Compact => 6,
            Self::Reduced | Self::Tiny => 2,
        }
    }
}

/// Stigmer's own log, which the caller draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pane {
    /// What to fill.
    pub place: Rect,
    /// Whether the list of its targets is to be seen.
    pub targets: bool,
}

/// Where the parts of a wide or compact screen lie. In a compact one `health` and `resources` are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) header: Rect,
    pub(crate) health: Rect,
    pub(crate) probe: Rect,
    pub(crate) restarts: Rect,
    pub(crate) resources: Rect,
    /// One row between tiles and log, when there is something to say.
    pub(crate) workflows: Rect,
    pub(crate) main: Rect,
}

/// The last row belongs to the keys.
const FOOTER: u16 = 1;

/// `explanation`: lines that trouble adds to the header, granted as far as there is room. `work`: rows for
/// what is said about workflows.
pub(crate) fn parts(area: Rect, shape: Shape, explanation: u16, work: u16) -> Parts {
    let (tiles_height, frame) = match shape {
        Shape::Wide => (8, 2),
        Shape::Compact => (4, 2),
        Shape::Reduced | Shape::Tiny => (0, 0),
    };
    let fixed = FOOTER + tiles_height + work + shape.main_at_least();
    let header_height = (shape.header_lines() + frame + explanation)
        .min(area.height.saturating_sub(fixed))
        .max(shape.header_lines() + frame)
        .min(area.height);
    let (header, rest) = split_top(area, header_height);
    let (tiles, rest) = split_top(rest, tiles_height);
    let (workflows, rest) = split_top(rest, work);
    let (main, _) = split_top(rest, rest.height.saturating_sub(FOOTER));

    let mut parts = Parts { header, workflows, main, ..Parts::default() };
    match shape {
        Shape::Wide => {
            // The probe's graph gains most from width.
            let (health, rest) = split_left(tiles, 28);
            let spare = rest.width.saturating_sub(34 + 30 + 28) / 4;
            let (probe, rest) = split_left(rest, rest.width.saturating_sub(58 + 2 * spare));
            let (restarts, resources) = split_left(rest, rest.width / 2 + 1);
            parts = Parts { health, probe, restarts, resources, ..parts };
        }
        Shape::Compact => {
            let (probe, restarts) = split_left(tiles, tiles.width / 2);
            parts = Parts { probe, restarts, ..parts };
        }
        Shape::Reduced | Shape::Tiny => {}
    }
    parts
}

/// A box of at most `width` × `height` in the middle of `area`.
pub(crate) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// The first `height` rows, and the others.
pub(crate) fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let rest = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, rest)
}

/// The first `width` columns, and the others.
pub(crate) fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let rest = Rect { x: area.x + width, width: area.width - width, ..area };
    (Rect { width, ..area }, rest)
}

/// Without `columns` at both sides.
pub(crate) fn inset(area: Rect, columns: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(columns.min(area.width)),
        width: area.width.saturating_sub(columns.saturating_mul(2)),
        ..area
    }
}
