//! Writes text and bars into the cells of the screen: measured, clipped and styled.

pub(crate) mod ascii;
pub(crate) mod cluster;
pub(crate) mod graph;
pub(crate) mod layout;
pub(crate) mod paint;
pub(crate) mod theme;
