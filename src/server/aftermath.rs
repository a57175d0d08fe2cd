//! The state after the exit of a server: processes on its ports, the lock, and the disks.

use super::database;
use crate::config::Settings;
use crate::paths;
use crate::process::{look, ports};
use crate::unit::exit::lock_holder_left;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time limit of a look at the ports, the lock or the disks.
const LOOK: Duration = Duration::from_secs(2);

/// The state after the exit of a server.
#[derive(Debug)]
pub struct Aftermath {
    /// Describes a remaining process that stigmer cannot prove to be its own, for a message.
    pub leftover: Option<String>,
    /// The state of its disks.
    pub disks: Disks,
}

impl Aftermath {
    /// Looks for processes on the ports and at the lock file. Looks at the disks only if the server was
    /// never ready: only then can a disk be the reason.
    pub(crate) async fn of(
        settings: Arc<Settings>,
        ports: Vec<u16>,
        lock: PathBuf,
        ever_ready: bool,
    ) -> Self {
        let looked =
            look::patiently(LOOK, settings.home.root(), move |_| Ok(leftover(&lock, &ports)));
        let leftover = looked.await.unwrap_or_else(|error| {
            Some(format!("cannot look for remaining processes of the server: {error}"))
        });
        let disks = match ever_ready {
            true => Disks::default(),
            false => Disks::of(settings).await,
        };
        Self { leftover, disks }
    }
}

/// The disks of a server that ended before it was ready. Default if they are unknown.
#[derive(Debug, Default)]
pub struct Disks {
    /// A folder in which no file can be written, and the reason.
    pub full: Option<String>,
    /// Whether the next start replaces the database.
    pub is_replaceable: Option<bool>,
}

impl Disks {
    fn look(settings: &Settings) -> Self {
        let database = settings.database.file();
        let folders = [database.and_then(Path::parent), Some(settings.home.root())];
        let full = folders.into_iter().flatten().find_map(|folder| {
            paths::has_room(folder).err().map(|error| format!("{}: {error}", folder.display()))
        });
        Self { full, is_replaceable: database.and_then(|file| database::is_replaceable(file).ok()) }
    }

    async fn of(settings: Arc<Settings>) -> Self {
        let database = settings.database.file().and_then(Path::parent);
        let folder = database.unwrap_or(settings.home.root()).to_owned();
        let looked = look::patiently(LOOK, &folder, move |_| Ok(Self::look(&settings))).await;
        looked.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look at the disks of the server");
            Self::default()
        })
    }
}

/// Describes a process that still listens on a port or holds the lock. `None` if there is none.
fn leftover(lock: &Path, ports: &[u16]) -> Option<String> {
    for port in ports {
        match ports::occupant(*port) {
            Ok(None) => {}
            Ok(Some(occupant)) => {
                return Some(format!(
                    "port {port} is still held by {occupant}, and stigmer cannot prove that it started \
                     that process"
                ));
            }
            Err(error) => {
                return Some(format!(
                    "cannot look for a process that listens on port {port}: {error}"
                ));
            }
        }
    }
    lock_holder_left(lock)
}
