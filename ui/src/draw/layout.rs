//! The shape of the screen for a size, and the areas of its parts.
//!
//! ```text
//! wide      header                                 compact   header, with checks and resources
//!           health │ probe │ restarts │ resources            probe │ restarts
//!           workflows, one row                               workflows
//!           main: log, timeline, stigmer's log               main
//!           footer                                           footer
//! ```
//! `Reduced` has the same parts without boxes. `Tiny` has the state, the reason and the keys.
//! The shape depends only on the size, so a change of state does not rearrange the screen. Only the explanation
//! of a failure, and a message that is longer than one row, take rows from the main panel.

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

    /// Rows inside the header without an explanation.
    fn header_lines(self) -> u16 {
        match self {
            Self::Wide => 2,
            Self::Compact => 3,
            Self::Reduced | Self::Tiny => 5,
        }
    }

    /// Minimum height of the main panel: its frame, and some lines of the log. On a small screen an explanation
    /// leaves only the newest line.
    fn min_main_height(self) -> u16 {
        match self {
            Self::Wide | Self::Compact => 6,
            Self::Reduced | Self::Tiny => 2,
        }
    }
}

/// Area of the tab of stigmer's own log, for the function that draws this log in
/// [`Ui::render`](crate::Ui::render).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pane {
    /// Area to draw.
    pub place: Rect,
    /// Whether to draw the list of log targets (the modules that write to the log).
    pub targets: bool,
}

/// Areas of the parts of a screen. `health` and `resources` are empty on a compact screen. All
/// tiles are empty on a reduced screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) header: Rect,
    pub(crate) health: Rect,
    pub(crate) probe: Rect,
    pub(crate) restarts: Rect,
    pub(crate) resources: Rect,
    /// One row between the tiles and the main panel. Empty if there are no workflow counts.
    pub(crate) workflows: Rect,
    pub(crate) main: Rect,
}

/// Rows of the footer.
const FOOTER: u16 = 1;

/// Divides `area`. `explanation` is the number of extra rows in the header, limited by the room. `work` is the
/// number of rows for workflow counts.
pub(crate) fn parts(area: Rect, shape: Shape, explanation: u16, work: u16) -> Parts {
    let (tiles_height, frame) = match shape {
        Shape::Wide => (8, 2),
        Shape::Compact => (4, 2),
        Shape::Reduced | Shape::Tiny => (0, 0),
    };
    let fixed = FOOTER + tiles_height + work + shape.min_main_height();
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
            // The probe gets the extra columns, because its graph gains most from them.
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

/// Returns an area of at most `width` × `height` in the middle of `area`.
pub(crate) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// Splits into the first `height` rows and the rest.
pub(crate) fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let rest = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, rest)
}

/// Splits into the first `width` columns and the rest.
pub(crate) fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let rest = Rect { x: area.x + width, width: area.width - width, ..area };
    (Rect { width, ..area }, rest)
}

/// Removes `columns` at both sides.
pub(crate) fn inset(area: Rect, columns: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(columns.min(area.width)),
        width: area.width.saturating_sub(columns.saturating_mul(2)),
        ..area
    }
}
