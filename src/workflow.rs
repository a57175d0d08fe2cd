//! One run of a workflow for a reader: its history with one row for each activity, timer, child,
//! signal and update, why it failed, and what it waits for. Pure functions.

#![allow(dead_code, reason = "the page of a workflow is the first user")]

pub(crate) mod frames;
pub(crate) mod items;
pub(crate) mod json;
