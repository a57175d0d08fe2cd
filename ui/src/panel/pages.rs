//! Pages in front of the screen, which the user reads and scrolls.

pub(crate) mod answer;
pub(crate) mod entry;
pub(crate) mod line;
pub(crate) mod page;
pub(crate) mod palette;
pub(crate) mod row;
pub(crate) mod workflow;
