//! Runs and supervises a Temporal dev server on a developer's machine.
//!
//! A manager starts, adopts and stops one `temporal server start-dev`. A supervisor checks its six
//! layers of health and restarts it. A dashboard shows the state. The modules are listed in the
//! order of their dependencies. `ARCHITECTURE.md` has the map and the invariants.

pub mod supervisor;

pub mod clock;
pub mod harmless;

pub mod paths;

pub mod config;

pub mod log;
pub mod process;

pub mod runtime;

pub mod unit;

pub mod temporal;

pub mod protocol;

pub mod facts;

pub mod server;

pub mod manager;

pub mod control;
pub mod watchdog;

pub mod session;

pub mod hosting;

pub mod presenter;

pub mod signals;

pub mod headless;
pub mod tui;

pub mod telemetry;

pub mod cli;
