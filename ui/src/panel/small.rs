//! Screens for small terminals.

pub(crate) mod reduced;
pub(crate) mod tiny;
