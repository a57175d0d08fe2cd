//! Runs and supervises a Temporal dev server on a developer's machine.
//!
//! A manager starts, adopts and stops one `temporal server start-dev`. A supervisor checks its six
//! layers of health and restarts it. A dashboard shows the state. The modules are listed in the
//! order of their dependencies. `ARCHITECTURE.md` has the map and the invariants.

pub mod supervisor;

pub(crate) mod caught;
pub(crate) mod clock;
pub(crate) mod harmless;

pub mod paths;

pub mod config;

pub mod log;
pub mod process;

pub(crate) mod runtime;

pub(crate) mod unit;

pub mod temporal;

pub mod protocol;

pub(crate) mod facts;

pub mod server;

pub(crate) mod manager;

pub mod control;
pub mod watchdog;

pub mod session;

pub mod hosting;

pub(crate) mod presenter;

pub mod signals;

pub(crate) mod headless;
pub(crate) mod tui;

pub(crate) mod telemetry;

pub mod cli;
