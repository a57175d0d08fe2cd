//! The machine by table, by property and by simulation; no clock, no process.

mod ages;
mod properties;
mod restarts;
mod rig;
mod stops;
mod strangers;
mod table;
mod world;
