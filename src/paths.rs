//! The home: its files and folders, and the checks that only its owner can read it.

mod check;
mod disk;
pub(crate) mod files;
mod real;
#[cfg(test)]
mod tests;

pub use check::HomeError;
pub use disk::{
    ALLOW_NETWORK, allows_network, has_room, is_disk_trouble, is_passing, is_remote,
    network_file_system,
};

use check::{check_folder, check_owner, create_folder};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Maximum length of a socket path (`sockaddr_un` without the final zero).
const SOCKET_PATH_MAX: usize = 107;

/// The folder of one dev server. Every value has passed the check of owner and mode, so no command
/// reads a home that another user prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home at this path. The folder need not exist yet.
    ///
    /// # Errors
    /// If the path cannot be made absolute or is too long for a socket, if the folder belongs to
    /// another user, or if others may have written its files.
    pub fn at(root: &Path) -> Result<Self, HomeError> {
        let io_error = |source| HomeError::Io { path: root.to_owned(), source };
        let absolute = std::path::absolute(root).map_err(io_error)?;
        // Two spellings of one folder must lead to the same locks.
        let root = real::real_path(&absolute).unwrap_or(absolute);
        match std::fs::metadata(&root) {
            Ok(meta) if !meta.is_dir() => {
                return Err(io_error(io::ErrorKind::NotADirectory.into()));
            }
            Ok(meta) => check_folder(&root, &meta)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(error)),
        }
        // Its paths are sent to clients, written into the record, and passed to Temporal.
        if root.to_str().is_none() {
            let why = "the path is not UTF-8";
            return Err(io_error(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        let home = Self { root };
        let length = home.socket().as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err(HomeError::TooLong { path: home.root, length });
        }
        Ok(home)
    }

    /// The default home, `~/.stigmer`.
    ///
    /// # Errors
    /// If the user has no home folder.
    pub fn default_root() -> Result<PathBuf, HomeError> {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .map(|home| home.join(".stigmer"))
            .ok_or(HomeError::Unknown)
    }

    /// Creates the folders, closes them to others, and checks that locks work there.
    ///
    /// # Errors
    /// If the folder belongs to another user, is on a network or FUSE file system (and
    /// `allow_network` is not set), or cannot be written.
    pub fn prepare(&self, allow_network: bool) -> Result<(), HomeError> {
        for folder in [self.root.clone(), self.logs(), self.bin(), self.data()] {
            let io_error = |source| HomeError::Io { path: folder.clone(), source };
            create_folder(&folder).map_err(io_error)?;
            let meta = std::fs::metadata(&folder).map_err(io_error)?;
            check_owner(&folder, &meta)?;
            if meta.mode() & 0o077 != 0 {
                // Never close a project folder or `/tmp` because of a typo.
                if folder == self.root && !self.is_ours().map_err(io_error)? {
                    let mode = meta.mode() & 0o7777;
                    return Err(HomeError::Shared { path: folder, mode });
                }
                std::fs::set_permissions(&folder, Permissions::from_mode(0o700))
                    .map_err(io_error)?;
            }
        }
        match network_file_system(&self.root) {
            Some(kind) if !allow_network => {
                Err(HomeError::Network { path: self.root.clone(), kind })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the folder was a home before, or contains only files that a new home may have.
    fn is_ours(&self) -> io::Result<bool> {
        if self.supervisor_lock().exists() {
            return Ok(true);
        }
        let ours = [self.config(), self.logs(), self.bin(), self.data(), self.socket()];
        std::fs::read_dir(&self.root)?.try_fold(true, |all, entry| {
            let path = entry?.path();
            Ok(all && ours.contains(&path))
        })
    }

    /// Path of the home.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The lock file that the server inherits.
    #[must_use]
    pub fn temporal_lock(&self) -> PathBuf {
        self.root.join("temporal.lock")
    }

    /// The lock file of the host.
    #[must_use]
    pub fn supervisor_lock(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    /// The record of the running server.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.root.join("temporal.pid")
    }

    /// Path of the control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("stigmer.sock")
    }

    /// The config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The state that a host writes for the next host.
    #[must_use]
    pub fn hand_over(&self) -> PathBuf {
        self.root.join("hand-over.json")
    }

    /// The operator's intent, for a host that resumes.
    #[must_use]
    pub fn intent(&self) -> PathBuf {
        self.root.join("intent.json")
    }

    /// Folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Output of the server.
    #[must_use]
    pub fn temporal_log(&self) -> PathBuf {
        self.logs().join("temporal.log")
    }

    /// Log of the host.
    #[must_use]
    pub fn stigmer_log(&self) -> PathBuf {
        self.logs().join("stigmer.log")
    }

    /// Last messages of hosts that cannot write their log.
    #[must_use]
    pub fn host_errors(&self) -> PathBuf {
        self.logs().join("host.err")
    }

    /// File of the timeline.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.logs().join("events.jsonl")
    }

    /// Folder of programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The installed Temporal CLI.
    #[must_use]
    pub fn temporal_bin(&self) -> PathBuf {
        self.bin().join("temporal")
    }

    /// Version of the CLI in use.
    #[must_use]
    pub fn version_cache(&self) -> PathBuf {
        self.bin().join("version.json")
    }

    /// Folder of the database.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("temporal-data")
    }

    /// The default database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data().join("temporal.db")
    }
}

impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shortened(&self.root))
    }
}

/// A path for people: `~` for the user's home folder.
#[must_use]
pub fn shortened(path: &Path) -> String {
    let user = std::env::home_dir();
    match user.as_ref().and_then(|user| path.strip_prefix(user).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Replaces a file that only its owner can read. A reader sees the old text or the new one. If the
/// new text cannot be written, the old one stays.
///
/// # Errors
/// If the file cannot be written; see also [`files::open_for_writing`].
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    files::write_whole(path, text, |temporary| std::fs::rename(temporary, path))
}
