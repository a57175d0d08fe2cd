//! Graphs: histories, bars and time axes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::paint::Pen;

const RISING: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const GROWING: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Styles of a graph of recent values.
#[derive(Clone, Copy)]
pub(crate) struct BarStyles {
    pub(crate) bar: Style,
    /// Style of the mark of a failure.
    pub(crate) failure: Style,
}

/// Draws one value per column, the newest at the right. `None` is a failure, marked `×`.
/// `ceiling` is the value of a full column. A value above zero shows at least one eighth of a cell.
pub(crate) fn history(
    buf: &mut Buffer,
    area: Rect,
    values: impl DoubleEndedIterator<Item = Option<f64>>,
    ceiling: f64,
    ink: BarStyles,
) {
    let steps = u32::from(area.height) * 8;
    for (column, value) in (area.left()..area.right()).rev().zip(values.rev()) {
        let level = value.map(|v| eighths(v, ceiling, steps));
        for row in 0..area.height {
            let y = area.bottom() - 1 - row;
            let (symbol, style) = match level {
                None if row == 0 => ("×", ink.failure),
                None => ("╎", ink.failure),
                Some(level) => {
                    let here = level.saturating_sub(u32::from(row) * 8).min(8);
                    (RISING[here as usize], ink.bar)
                }
            };
            if symbol != " "
                && let Some(cell) = buf.cell_mut((column, y))
            {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }
}

/// Returns a column of one cell. The smallest value has one eighth, too.
pub(crate) fn symbol(value: f64, ceiling: f64) -> &'static str {
    RISING[eighths(value, ceiling, 8).max(1) as usize]
}

/// Returns the length of a value in eighths of a cell, of at most `steps`.
fn eighths(value: f64, ceiling: f64, steps: u32) -> u32 {
    if steps == 0 || !value.is_finite() || value <= 0.0 || ceiling.is_nan() || ceiling <= 0.0 {
        return 0;
    }
    ((value / ceiling * f64::from(steps)).round() as u32).clamp(1, steps)
}

/// Returns the scale of a history: the greatest value, rounded up to 1, 2 or 5 times a power of ten. So the scale
/// seldom changes.
pub(crate) fn ceiling(values: impl Iterator<Item = f64>, at_least: f64) -> f64 {
    let greatest = values.filter(|v| v.is_finite()).fold(at_least, f64::max);
    if greatest <= 0.0 {
        return 1.0;
    }
    let magnitude = 10_f64.powf(greatest.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|step| step * magnitude)
        // With tolerance: 10^log10(x) may differ from x by one bit.
        .find(|scale| *scale >= greatest * 0.999_999)
        .unwrap_or(10.0 * magnitude)
}

/// Draws a horizontal bar. The length of the bar is `share` (0 to 1) of `columns`, at least one eighth of a
/// cell.
pub(crate) fn bar(pen: &mut Pen<'_>, share: f64, columns: u16, style: Style) {
    let steps = u32::from(columns) * 8;
    let length = eighths(share, 1.0, steps).max(u32::from(columns > 0));
    let full = (length / 8) as u16;
    pen.fill("█", full, style);
    pen.put(GROWING[(length % 8) as usize], style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_rounded_up() {
        for (greatest, expected) in
            [(210.0, 500.0), (100.0, 100.0), (1_000.0, 1_000.0), (1_001.0, 2_000.0), (0.0, 1.0)]
        {
            let got = ceiling([greatest].into_iter(), 0.0);
            assert!((got - expected).abs() < 1e-6, "{greatest}: {got}");
        }
        assert!(ceiling([f64::NAN, f64::INFINITY].into_iter(), 10.0) > 9.0);
    }

    #[test]
    fn history_marks_failures_and_draws_small_values() {
        let area = Rect::new(0, 0, 5, 2);
        let mut buf = Buffer::empty(area);
        let ink = BarStyles { bar: Style::new(), failure: Style::new() };
        let values = [Some(99.0), Some(0.1), None, Some(100.0), Some(0.0), Some(50.0)];
        history(&mut buf, area, values.into_iter(), 100.0, ink);
        assert_eq!(
            buf,
            Buffer::with_lines([" ╎█  ", "▁×█ █"]),
            "the five newest, the newest at the right"
        );
    }
}
