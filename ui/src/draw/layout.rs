//! The shape of the screen for a size, and the areas of its parts.
//!
//! ```text
//! row 1     state of the server
//! row 2     work: workers, workflows, checks, usage
//! row 3     tabs
//!           content of the open tab
//! last row  footer
//! ```
//! `Tiny` has the state, the reason and the keys. The shape depends only on the size, so a change of
//! state does not rearrange the screen.

use ratatui::layout::Rect;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All sections, with all columns.
    #[default]
    Wide,
    /// All sections, with the most important columns.
    Compact,
    /// Problems and recent workflows only.
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

/// Areas of the parts of a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) state: Rect,
    pub(crate) work: Rect,
    pub(crate) tabs: Rect,
    pub(crate) content: Rect,
    pub(crate) footer: Rect,
}

impl Parts {
    pub(crate) fn of(area: Rect) -> Self {
        let (state, rest) = split_top(area, 1);
        let (work, rest) = split_top(rest, 1);
        let (tabs, rest) = split_top(rest, 1);
        let (content, footer) = split_top(rest, rest.height.saturating_sub(1));
        Self { state, work, tabs, content, footer }
    }
}

/// Numbers of rows that the sections of the overview need.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SectionRows {
    pub(crate) problems: usize,
    pub(crate) workers: usize,
    pub(crate) recent: usize,
    /// Whether the rows of the workers teach how to connect one.
    pub(crate) teaches: bool,
}

/// A section of the overview: a heading and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// Empty if the section has no heading.
    pub(crate) heading: Rect,
    pub(crate) rows: Rect,
}

/// Sections of the overview, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(crate) problems: Section,
    pub(crate) workers: Section,
    pub(crate) recent: Section,
    pub(crate) log: Section,
}

/// Minimum rows of the log.
const LOG: u16 = 3;
/// Maximum rows of problems.
const PROBLEMS: u16 = 9;
/// Rows of problems that have priority over all other rows but the log.
const MAIN_PROBLEMS: u16 = 5;
/// Maximum rows of workers and of recent workflows.
const WORKERS: u16 = 4;
const RECENT: u16 = 5;
/// Rows of workers and of recent workflows that stay while there is not enough room for all problems.
const FEW: u16 = 2;
/// Height from which a screen is tall: workers as rows.
const TALL: u16 = 30;

impl Sections {
    /// Divides `area`, the content of a screen with the height `screen`. The log gets all rows that
    /// the other sections do not need.
    pub(crate) fn of(area: Rect, screen: u16, shape: Shape, need: SectionRows) -> Self {
        match shape {
            Shape::Wide | Shape::Compact => Self::full(area, screen, need),
            Shape::Reduced | Shape::Tiny => Self::reduced(area, need),
        }
    }

    fn full(area: Rect, screen: u16, need: SectionRows) -> Self {
        let shows_workers = screen >= TALL || need.teaches;
        let mut problems = at_most(need.problems, PROBLEMS);
        let mut workers = at_most(need.workers, if shows_workers { WORKERS } else { 0 });
        let mut recent = at_most(need.recent, RECENT);
        // Four headings and three blank rows.
        let mut excess = (7 + LOG + problems + workers + recent).saturating_sub(area.height);
        let mut shrink = |rows: &mut u16, least: u16| {
            let given = rows.saturating_sub(least).min(excess);
            *rows -= given;
            excess -= given;
        };
        // The problems are the most important list.
        shrink(&mut recent, FEW);
        shrink(&mut workers, FEW);
        shrink(&mut problems, MAIN_PROBLEMS);
        shrink(&mut recent, 0);
        shrink(&mut workers, 0);
        shrink(&mut problems, 0);
        let mut rest = area;
        let mut section = |rows: u16, blank: u16| {
            let (heading, below) = split_top(rest, 1);
            let (rows, below) = split_top(below, rows);
            rest = split_top(below, blank).1;
            Section { heading, rows }
        };
        let (problems, workers) = (section(problems, 1), section(workers, 1));
        let recent = section(recent, 1);
        let log = section(u16::MAX, 0);
        Self { problems, workers, recent, log }
    }

    /// Returns a screen that has nothing but the log, as below the explanation of a failure.
    pub(crate) fn only_log(area: Rect, shape: Shape) -> Self {
        let (heading, rows) = split_top(area, 1);
        match shape {
            Shape::Wide | Shape::Compact => {
                Self { log: Section { heading, rows }, ..Self::default() }
            }
            Shape::Reduced | Shape::Tiny => Self::default(),
        }
    }

    fn reduced(area: Rect, need: SectionRows) -> Self {
        let (problems, rest) = split_top(area, at_most(need.problems.max(1), PROBLEMS));
        let (blank, rest) = split_top(rest, 1);
        let (heading, rows) = split_top(rest, 1);
        let recent = Section { heading, rows };
        let none = Section { heading: Rect { height: 0, ..blank }, rows: Rect::default() };
        Self {
            problems: Section { heading: Rect { height: 0, ..problems }, rows: problems },
            // A heading without a row says nothing.
            recent: if rows.is_empty() { none } else { recent },
            ..Self::default()
        }
    }
}

fn at_most(rows: usize, most: u16) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX).min(most)
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

/// Returns the row of `area` with this number. Empty if the area has no such row.
pub(crate) fn row(area: Rect, number: u16) -> Rect {
    let y = area.y.saturating_add(number.min(area.height));
    Rect { y, height: area.height.saturating_sub(number).min(1), ..area }
}

/// Removes `columns` at both sides.
pub(crate) fn inset(area: Rect, columns: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(columns.min(area.width)),
        width: area.width.saturating_sub(columns.saturating_mul(2)),
        ..area
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_get_rows_before_the_log_and_the_other_lists() {
        let rows = |height: u16, problems: usize| {
            let need = SectionRows { problems, workers: 3, recent: 5, teaches: false };
            let area = Rect::new(0, 3, 80, height - 4);
            let sections = Sections::of(area, height, Shape::Compact, need);
            let Sections { problems, workers, recent, log } = sections;
            [problems, workers, recent, log].map(|section| section.rows.height)
        };
        assert_eq!(rows(36, 12), [9, 3, 5, 8]);
        assert_eq!(rows(24, 2), [2, 0, 5, 6]);
        assert_eq!(rows(24, 6), [6, 0, 4, 3]);
        assert_eq!(rows(24, 12), [8, 0, 2, 3]);
        assert_eq!(rows(20, 12), [5, 0, 1, 3]);
    }
}
