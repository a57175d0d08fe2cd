//! Tests of the state machine by table, by property and by simulation, without clock or process.

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
