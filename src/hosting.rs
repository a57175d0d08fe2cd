//! The life of a host, which is the process that supervises the server of one home. The home is the
//! folder with the configuration, data and logs. A process becomes the host, commands find it, and
//! it hands over to another host or leaves. A home has at most one host.

mod adoption;
mod at_risk;
mod attach;
pub mod background;
mod deadlines;
mod end;
mod guard;
mod hand_over;
mod holder;
mod host;
mod keeper;
mod leave;
mod notice;
mod patience;
mod problems;
mod program;
mod restart;
mod restored;
mod settings;
mod spawned;
mod start;
mod status;
mod stop;
mod unhosted;
mod worker_commands;
mod workers;

pub use at_risk::{Data, ServerAtRisk};
pub use attach::{AttachError, Attaching, Attachment, HostProcess, Unreachable};
pub use deadlines::REPLACED;
pub use end::{StopError, Stopped};
pub use guard::record_give_up;
pub use holder::{Unresponsive, Work, hint, holder, is_hosted, prove, prove_holder, sign, work};
pub use host::{Host, HostError, Released, Resumed, prepare};
pub use leave::{Departure, Need};
pub use notice::{Notice, Notify};
pub use patience::Patience;
pub use problems::problems;
pub use program::{ProgramError, ensure as ensure_program, shell_program};
pub use restart::{check_restart, restart};
pub use restored::wait_restored;
pub use settings::{SettingsError, settings_to_host, settings_to_restart};
pub use start::{ReadyServer, StartError, start};
pub use status::{StatusError, status};
pub use stop::stop;
pub use unhosted::{UnknownServer, running};
pub use worker_commands::{WorkerError, command_worker, run_project, unlisted_workers};
