//! The note about the open tab, in the line of the titles.

use ratatui::style::Style;

use crate::draw::cluster::width;

/// Columns around the note.
const FRAME: u16 = 3;

/// Note about the open tab.
#[derive(Default)]
pub(crate) struct Note {
    pub(crate) pieces: Vec<(String, Style)>,
    /// Whether a piece is omitted although the screen shows its content nowhere else.
    pub(crate) is_cut: bool,
}

impl Note {
    /// Returns the columns that the pieces need, with the space around the note.
    pub(crate) fn columns(pieces: &[(String, Style)]) -> u16 {
        pieces.iter().map(|(text, _)| width(text)).fold(FRAME, u16::saturating_add)
    }

    /// Returns a note with as many of the first pieces as fit into `room`.
    pub(crate) fn fitting(mut pieces: Vec<(String, Style)>, room: u16) -> Self {
        let mut used = FRAME;
        let fits = |(text, _): &&(String, Style)| {
            used = used.saturating_add(width(text));
            used <= room
        };
        let fitting = pieces.iter().take_while(fits).count();
        let is_cut = fitting < pieces.len();
        pieces.truncate(fitting);
        let columns = Self::columns(&pieces);
        if let Some((last, _)) = pieces.last_mut().filter(|_| is_cut && columns < room) {
            last.push('…');
        }
        Self { pieces, is_cut }
    }
}
