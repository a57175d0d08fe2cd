//! Messages to the user while a command finds, starts or ends a host.

use super::Work;
use crate::config::{Difference, FileOrigin};
use crate::process::Pid;
use crate::process::ports::Occupant;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A message to the user. `Display` writes its text.
#[derive(Debug)]
pub enum Notice<'a> {
    /// The command waits, because another command holds the host lock.
    Waiting(Work),
    /// The command ends the host with this pid, because that host does not respond.
    EndsHost(Pid),
    /// An option in the project file or the configuration file has another value than the running
    /// server. The second part is that file.
    FileDiffers(Difference, FileOrigin<'a>),
    /// A file of the home cannot be written. The command continues without writing the file.
    Unwritten(PathBuf, io::Error),
    /// The server was stopped, but another process listens on one of its ports. stigmer leaves that
    /// process alone, because it cannot prove that it started the process.
    PortHeld(Occupant),
}

/// A function that receives each notice.
pub type Notify<'a> = &'a dyn Fn(&Notice<'_>);

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(work) => write!(f, "waiting for {work}"),
            Self::EndsHost(pid) => {
                write!(f, "the host (pid {pid}) does not respond: ending the host")
            }
            Self::FileDiffers(difference, origin) => write!(
                f,
                "warning: {origin} differs from the options of the running server: {difference}; \
                 to apply {}, run `stigmer local stop`, then `stigmer local`",
                origin.file()
            ),
            Self::Unwritten(path, error) => {
                write!(f, "warning: cannot write {}: {error}", path.display())
            }
            Self::PortHeld(occupant) => write!(
                f,
                "note: port {} is still in use by {occupant}; stigmer cannot verify that it \
                 started that process, so stigmer did not stop it",
                occupant.port
            ),
        }
    }
}
