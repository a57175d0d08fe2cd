//! The dashboard as people use it: the real program in a pseudo-terminal, with
//! the real Temporal behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attached;
mod exploring;
mod home;
mod leaving;
mod parity;
mod screen;
mod steering;
mod suspending;
mod terminal;
mod workflows;
