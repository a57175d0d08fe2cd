//! The life of a host: become one, find the one that runs, hand over, leave. A host is the process
//! that runs manager, supervisor and control socket. A home has at most one.

pub mod background;
mod deadlines;
mod end;
mod holder;
mod host;
mod keeper;
mod notice;
mod patience;
mod stop;
mod unhosted;

pub use end::{StopError, Stopped, end_unresponsive};
pub use holder::{
    Unresponsive, Work, check_local, holder, is_hosted, prove, prove_holder, remedy, sign, work,
};
pub use host::{
    Host, HostError, Released, Resumed, prepare, running, tell_given_up, wait_restored,
};
pub use notice::{Notice, Notify};
pub use patience::Patience;
pub use stop::stop;
pub use unhosted::stop as stop_unhosted;
