//! Tests of the state machine without clock or process: a table, property tests and simulations.

mod ages;
mod checks;
mod orphans;
mod properties;
mod restarts;
mod rig;
mod stops;
mod strangers;
mod table;
mod world;
