//! x
pub mod log;
pub mod temporal;
