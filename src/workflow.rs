//! One run of a workflow for a reader: its history with one row for each activity, timer, child,
//! signal and update, why it failed, and what it waits for. Pure functions.

pub(crate) mod closing;
pub(crate) mod frames;
pub(crate) mod items;
pub(crate) mod json;
pub(crate) mod story;
