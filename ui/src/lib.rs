//! The view of stigmer: data in, cells out.
//!
//! [`Ui::handle`] handles an input: it changes the view, or returns an [`Action`] for the caller. [`Ui::render`]
//! draws a [`Model`] and the visible lines of a [`LogSource`] into a buffer.
//! The crate uses no clock, file, thread or terminal. The same input gives the same frame, so tests and pictures
//! of every screen need no server.
//!
//! A module uses only the modules above it in this table:
//!
//! | module | content |
//! |---|---|
//! | [`human`] | durations, sizes and counts as text |
//! | [`loss`] | what a stop or a restart loses |
//! | [`request`] | actions on workflows, and the command of the Temporal CLI that does the same |
//! | [`model`], `log`, `input` | the data on the screen; the log lines; input events and actions |
//! | `draw` | text, bars and boxes in cells; layout; themes |
//! | `explorer` | the shown lines of the log: filter, folds, search, selection |
//! | `app::view`, `app::keymap` | the state of the view; the table of keys for dispatch, footer and palette |
//! | `panel` | one file for each panel |
//! | `app::ui` | dispatch and frames |
//! | `demo` | sample data and pictures, only with the feature `demo` |
#![forbid(unsafe_code)]

// The unit tests also contain `tests/any`, which uses the public name of this crate.
#[cfg(test)]
extern crate self as stigmer_ui;

mod app;
#[cfg(any(test, feature = "demo"))]
pub mod demo;
mod draw;
mod explorer;
pub mod human;
mod input;
mod log;
pub mod loss;
pub mod model;
mod panel;
pub mod request;

pub use app::ui::Ui;
pub use draw::layout::Pane;
pub use draw::theme::{Depth, Palette, Symbols, Theme, UnknownTheme};
pub use input::{
    Action, CopyKind, CopyRequest, DismissRequest, Input, Key, KeyCode, LogFile, QuitChoice,
    UnitCommand, WorkerRequest,
};
pub use log::{
    Details, Level, LineCounts, LineHead, LineKind, LogLine, LogSource, Noise, OWN, SERVER,
};
pub use model::Model;
