//! The boxes above the tabs, and the row of workflow counts.

pub(crate) mod header;
pub(crate) mod health;
pub(crate) mod probe;
pub(crate) mod resources;
pub(crate) mod restarts;
pub(crate) mod workflows;
