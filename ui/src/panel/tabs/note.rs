//! The note about the open tab, in the line of the titles.

use ratatui::style::Style;

use crate::draw::cluster::width;

/// Spaces around it, and a piece of the line.
const FRAME: u16 = 3;

/// What is said about an open tab.
#[derive(Default)]
pub(crate) struct Note {
    pub(crate) said: Vec<(String, Style)>,
    /// Something is left out that nothing else on the screen tells.
    pub(crate) is_cut: bool,
}

impl Note {
    /// Columns that these texts take, with what is around them.
    pub(crate) fn columns(said: &[(String, Style)]) -> u16 {
        said.iter().map(|(text, _)| width(text)).fold(FRAME, u16::saturating_add)
    }

    /// As much as fits into `room`; the most important is said first.
    pub(crate) fn fitting(mut said: Vec<(String, Style)>, room: u16) -> Self {
        let mut used = FRAME;
        let fits = |(text, _): &&(String, Style)| {
            used = used.saturating_add(width(text));
            used <= room
        };
        let fitting = said.iter().take_while(fits).count();
        let is_cut = fitting < said.len();
        said.truncate(fitting);
        let columns = Self::columns(&said);
        if let Some((last, _)) = said.last_mut().filter(|_| is_cut && columns < room) {
            last.push('…');
        }
        Self { said, is_cut }
    }
}
