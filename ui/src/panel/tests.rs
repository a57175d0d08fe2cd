//! Snapshots of each panel as text and colours, and tests that no colour is the only sign.

mod inks;
mod pages;
mod panels;
mod pictures;
mod signs;
mod stage;
