//! Runs and supervises a Temporal dev server on a developer's machine.
//!
//! The `manager` starts, adopts and stops one `temporal server start-dev`, and checks it in six
//! layers. The `supervisor` decides when the server is started, restarted or stopped. A dashboard
//! shows the state. The modules below are listed in the order of their dependencies.
//! `ARCHITECTURE.md` has the map and the invariants.

pub mod supervisor;

pub(crate) mod caller;
pub(crate) mod caught;
pub(crate) mod clock;
pub(crate) mod harmless;
pub(crate) mod spelling;

pub mod paths;

pub mod config;

pub mod log;
pub mod process;

pub mod watch;

pub mod project;

pub(crate) mod runtime;

pub(crate) mod unit;

pub mod temporal;

pub mod worker;

pub(crate) mod workflow;

pub mod protocol;

pub(crate) mod facts;

pub(crate) mod problems;

pub mod server;

pub(crate) mod manager;

pub mod control;
pub mod terminal_guard;
pub mod watchdog;

pub mod session;

pub mod hosting;

pub(crate) mod presenter;

pub mod signals;

pub(crate) mod headless;
pub(crate) mod tui;

pub(crate) mod telemetry;

pub mod cli;
