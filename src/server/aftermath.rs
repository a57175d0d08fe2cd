//! What a server that has ended leaves behind: processes on its ports, and the state of its disks.

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

/// The state after the end of a server.
#[derive(Debug)]
pub struct Aftermath {
    /// A remaining process that is not proven ours, for a message.
    pub leftover: Option<String>,
    /// The state of its disks.
    pub disks: Disks,
}

impl Aftermath {
    /// Looks for processes at the ports and the lock file. Looks at the disks of a server that was
    /// never ready; the disks of another server did not prevent that.
    pub(crate) async fn of(
        settings: Arc<Settings>,
        ports: Vec<u16>,
        lock: PathBuf,
        ever_ready: bool,
    ) -> Self {
        let looked =
            look::patiently(LOOK, settings.home.root(), move |_| Ok(leftover(&lock, &ports)));
        let leftover = looked.await.unwrap_or_else(|error| {
            Some(format!("what is left of the server is not known: {error}"))
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
    /// A folder in which no file can be written, with the reason.
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
            tracing::warn!(%error, "the disks of the server are not known");
            Self::default()
        })
    }
}

/// A process that still has a port or the lock.
fn leftover(lock: &Path, ports: &[u16]) -> Option<String> {
    for port in ports {
        match ports::occupant(*port) {
            Ok(None) => {}
            Ok(Some(occupant)) => {
                return Some(format!(
                    "port {port} is still held by {occupant}, which is not proven ours"
                ));
            }
            Err(error) => return Some(format!("who listens on port {port} is not known: {error}")),
        }
    }
    lock_holder_left(lock)
}
