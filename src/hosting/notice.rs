//! Messages for people while a command finds, starts or ends a host.

use super::Work;
use crate::config::Difference;
use crate::process::Pid;
use crate::process::ports::Occupant;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A message for people. `Display` has its text.
#[derive(Debug)]
pub enum Notice {
    /// Another command holds the host lock.
    Waiting(Work),
    /// The host with this pid does not respond, so the command ends the host.
    EndsHost(Pid),
    /// An option of the configuration file differs from that of the running server.
    FileDiffers(Difference),
    /// A file of the home cannot be written. The work continues.
    Unwritten(PathBuf, io::Error),
    /// A process that stigmer cannot prove to be its own listens on a port of the stopped server.
    PortHeld(Occupant),
}

/// Receives each notice.
pub type Notify<'a> = &'a dyn Fn(&Notice);

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(work) => write!(f, "waiting for {work}"),
            Self::EndsHost(pid) => write!(f, "the host (pid {pid}) does not respond: ending it"),
            Self::FileDiffers(difference) => write!(
                f,
                "warning: config.toml differs from what is running: {difference}; \
                 `stigmer local restart` does not apply it, stop and start do"
            ),
            Self::Unwritten(path, error) => {
                write!(f, "warning: cannot write {}: {error}", path.display())
            }
            Self::PortHeld(occupant) => write!(
                f,
                "note: port {} is still in use by {occupant}; stigmer cannot prove that it started that \
                 process, and leaves it alone",
                occupant.port
            ),
        }
    }
}
