//! Text and bars into cells: measured, clipped and styled.

pub(crate) mod ascii;
pub(crate) mod cluster;
pub(crate) mod graph;
pub(crate) mod layout;
pub(crate) mod paint;
pub(crate) mod theme;
