//! Folding a finished frame to ASCII.
//!
//! Panels always draw with Unicode; terminals that cannot show it get one pass over the cells at the end.
//! So no panel carries two sets of symbols, and foreign text in the log is covered as well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) fn fold(buf: &mut Buffer, area: Rect) {
    for position in area.intersection(buf.area).positions() {
        if let Some(cell) = buf.cell_mut(position)
            && !cell.symbol().is_ascii()
        {
            let replacement = cell.symbol().chars().next().map_or(' ', plain);
            cell.set_char(replacement);
        }
    }
}

fn plain(c: char) -> char {
    match c {
        '─' | '–' | '—' | '╌' | '━' => '-',
        '│' | '┊' | '╎' => '|',
        '╭' | '╮' | '╰' | '╯' | '├' | '┤' | '┬' | '┴' => '+',
        '·' => '-',
        '…' => '~',
        'µ' => 'u',
        '×' | '✕' => 'x',
        '✖' | '✗' => 'X',
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
