//! The dashboard: keys in, actions and frames out.

pub(crate) mod keymap;
mod mouse;
mod pages;
pub(crate) mod ui;
pub(crate) mod view;

#[cfg(test)]
mod tests;
