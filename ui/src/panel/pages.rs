//! Pages in front of the screen that are read and scrolled.

pub(crate) mod entry;
pub(crate) mod help;
pub(crate) mod line;
pub(crate) mod page;
