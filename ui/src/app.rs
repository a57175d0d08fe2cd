//! The dashboard: it takes keys and returns actions and frames.

mod actions;
mod commands;
pub(crate) mod keymap;
mod mouse;
mod pages;
pub(crate) mod ui;
pub(crate) mod view;

#[cfg(test)]
mod tests;
