//! The program as a user meets it, with the real Temporal.

#[path = "../support/mod.rs"]
mod support;

mod crashes;
mod lifecycle;
mod wrappers;
