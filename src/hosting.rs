//! The life of a host: become one, find the one that runs, hand over, leave. A host is the process
//! that runs manager, supervisor and control socket. A home has at most one.

pub mod background;
mod holder;
mod host;
mod keeper;

pub use holder::{
    Patience, Work, companion_of_the_dead, holder, is_held_by, is_hosted, prove, prove_holder,
    remedy, sign, work,
};
pub use host::{
    Host, HostError, Released, Resumed, prepare, running, tell_given_up, wait_restored,
};
