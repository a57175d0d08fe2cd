//! The view of stigmer: data in, cells out.
//!
//! [`Ui::handle`] turns a key into an [`Action`] for the caller or into a change of the view;
//! [`Ui::render`] draws a [`model::Model`] and the visible slice of a [`log::LogSource`] into a buffer.
//! The crate knows no clock, no file, no thread and no terminal: the same input gives the same frame,
//! so every screen can be tested, and photographed, without running anything.
//!
//! | module | holds |
//! |---|---|
//! | [`model`], [`log`] | what is shown |
//! | [`input`] | keys in, actions out |
//! | `keymap` | the one table behind dispatch, footer and help |
//! | `view` | what the view remembers: tab, scroll positions, overlay |
//! | `explorer` | the log as it is explored: filter, folds, search, selection |
//! | `layout` | which shape of screen fits, and where its parts lie |
//! | `panel` | one file a panel |
//! | `paint`, `cluster`, `graph` | text and bars into cells, clipped |
//! | [`theme`], `ascii` | how it looks |
//! | [`loss`] | what a stop or a restart loses |
//! | [`human`] | durations and sizes for people |
//! | [`svg`], [`gallery`], [`sample`] | pictures of frames, and made-up data to draw |
#![forbid(unsafe_code)]

// The strategies of the tests name the crate as its users do.
#[cfg(test)]
extern crate self as stigmer_ui;

mod ascii;
mod cluster;
mod explorer;
pub mod gallery;
mod graph;
pub mod human;
pub mod input;
mod keymap;
mod layout;
pub mod log;
pub mod loss;
pub mod model;
mod paint;
mod panel;
pub mod sample;
pub mod svg;
pub mod theme;
mod ui;
mod view;

pub use input::{Action, Copied, Input, Key, KeyCode, LogFile, QuitChoice};
pub use log::{Details, Level, LineHead, LineKind, LogLine, LogSource, Noise};
pub use model::Model;
pub use theme::{Depth, Palette, Symbols, Theme, UnknownTheme};
pub use ui::{Pane, Rendered, Ui};
