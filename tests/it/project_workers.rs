//! The workers of projects, with workers of the real Python SDK.

mod before;
mod crashes;
mod environments;
mod files;
mod hosts;
mod problems;
mod reloads;
mod servers;
mod starts;
mod stops;
