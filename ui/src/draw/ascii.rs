//! Replacement of Unicode symbols by ASCII in a finished frame.
//!
//! Panels always draw Unicode. For a terminal without Unicode, the function `fold` then replaces the symbols
//! in all cells. So no panel needs two sets of symbols, and the texts of log lines are also replaced.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Replaces every non-ASCII symbol in `area`.
pub(crate) fn fold(buf: &mut Buffer, area: Rect) {
    for position in area.intersection(buf.area).positions() {
        if let Some(cell) = buf.cell_mut(position)
            && !cell.symbol().is_ascii()
        {
            let replacement = cell.symbol().chars().next().map_or(' ', replacement);
            cell.set_char(replacement);
        }
    }
}

fn replacement(c: char) -> char {
    match c {
        '─' | '–' | '—' | '╌' | '━' => '-',
        '│' | '┊' | '╎' => '|',
        '╭' | '╮' | '╰' | '╯' | '├' | '┤' | '┬' | '┴' => '+',
        '·' => '-',
        '…' => '~',
        'µ' => 'u',
        '×' => 'x',
        '✗' => 'X',
        '✓' => '+',
        '●' => '*',
        '○' => 'o',
        '◐' | '◑' | '↻' => '@',
        '▲' | '⚠' => '!',
        '▸' => '>',
        '›' => ')',
        '␊' => '~',
        '■' => '#',
        '↑' => '^',
        '↓' => 'v',
        '←' => '<',
        '→' => '>',
        '▁' => '_',
        '▂' | '▏' => '.',
        '▃' | '▎' => ',',
        '▄' | '▍' => '-',
        '▅' | '▌' => '=',
        '▆' | '▋' => '+',
        '▇' | '▊' => '*',
        '█' | '▉' => '#',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        _ => '?',
    }
}
