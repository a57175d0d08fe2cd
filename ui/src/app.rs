//! The dashboard: it takes keys and returns actions and frames.

mod actions;
mod commands;
pub(crate) mod keymap;
mod mouse;
mod pages;
mod palette;
mod prompt;
pub(crate) mod ui;
pub(crate) mod view;

#[cfg(test)]
mod tests;
