//! Examines, after the exit of a server, which processes still use its ports or its lock, and the
//! state of its disks.

use super::database;
use crate::config::Settings;
use crate::paths;
use crate::process::{look, ports};
use crate::unit::exit::lock_holder_left;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time limit for examining the ports, the lock or the disks.
const LOOK: Duration = Duration::from_secs(2);

/// The findings after the exit of a server.
#[derive(Debug)]
pub struct Aftermath {
    /// Describes, for a message, a process that still uses a port or the lock of the server. There is
    /// no proof that stigmer started this process.
    pub leftover: Option<String>,
    /// The state of the disks that the server uses.
    pub disks: Disks,
}

impl Aftermath {
    /// Finds processes that still use the ports or the lock. Examines the disks only if the server
    /// was never ready, because only then can a disk be the reason for the exit.
    pub(crate) async fn of(
        settings: Arc<Settings>,
        ports: Vec<u16>,
        lock: PathBuf,
        ever_ready: bool,
    ) -> Self {
        let looked =
            look::patiently(LOOK, settings.home.root(), move |_| Ok(leftover(&lock, &ports)));
        let leftover = looked.await.unwrap_or_else(|error| {
            Some(format!("cannot search for remaining processes of the server: {error}"))
        });
        let disks = match ever_ready {
            true => Disks::default(),
            false => Disks::of(settings).await,
        };
        Self { leftover, disks }
    }
}

/// The state of the disks of a server that ended before it was ready. The default if unknown.
#[derive(Debug, Default)]
pub struct Disks {
    /// A folder in which no file can be written, with the reason.
    pub full: Option<String>,
    /// Whether the next start replaces the database file by a new one. `None` if unknown.
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
            tracing::warn!(%error, "cannot check the disks of the server");
            Self::default()
        })
    }
}

/// Describes a process that still listens on a port of the server or still has its lock. `None` if
/// there is no such process.
fn leftover(lock: &Path, ports: &[u16]) -> Option<String> {
    for port in ports {
        match ports::occupant(*port) {
            Ok(None) => {}
            Ok(Some(occupant)) => {
                return Some(format!(
                    "port {port} is still in use by {occupant}, and stigmer cannot verify that it \
                     started that process"
                ));
            }
            Err(error) => {
                return Some(format!(
                    "cannot determine whether a process listens on port {port}: {error}"
                ));
            }
        }
    }
    lock_holder_left(lock)
}
