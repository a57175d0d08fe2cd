//! The home, which is the folder of one server: its files and folders, and checks of the
//! permissions. No other user may read or change the files of a home.

mod check;
mod disk;
pub(crate) mod files;
mod real;
#[cfg(test)]
mod tests;
mod worker;

pub use check::HomeError;
pub use worker::WorkerFiles;

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

/// The home: the folder with all files of one dev server. A value exists only after the check of
/// owner and mode, so no command reads a home that another user prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Returns the home at this path. The folder need not exist yet.
    ///
    /// # Errors
    /// If the path cannot be made absolute or is too long for a socket, if the folder belongs to
    /// another user, or if others may have written its files.
    pub fn at(root: &Path) -> Result<Self, HomeError> {
        let io_error = |source| HomeError::Io { path: root.to_owned(), source };
        let absolute = std::path::absolute(root).map_err(io_error)?;
        // Two spellings of the path of one folder must lead to the same locks.
        let root = real::real_path(&absolute).unwrap_or(absolute);
        match std::fs::metadata(&root) {
            Ok(meta) if !meta.is_dir() => {
                return Err(io_error(io::ErrorKind::NotADirectory.into()));
            }
            Ok(meta) => check_folder(&root, &meta)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(error)),
        }
        // The path must be UTF-8, because it is sent to clients, written into the record, and
        // passed to Temporal.
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

    /// The path of the default home, `~/.stigmer`.
    ///
    /// # Errors
    /// If the user has no home folder.
    pub fn default_root() -> Result<PathBuf, HomeError> {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .map(|home| home.join(".stigmer"))
            .ok_or(HomeError::Unknown)
    }

    /// Creates the folders of the home, removes the permissions of other users, and checks that
    /// locks work on the file system.
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
                // With a wrong `--home`, the folder could be a project folder or `/tmp`. The
                // permissions of such a folder must not change.
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

    /// Whether the folder was already used as a home, or contains only files that a new home may
    /// have.
    fn is_ours(&self) -> io::Result<bool> {
        if self.supervisor_lock().exists() {
            return Ok(true);
        }
        let ours =
            [self.config(), self.logs(), self.bin(), self.data(), self.socket(), self.workers()];
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

    /// Path of the lock file of the server. The server process inherits the lock.
    #[must_use]
    pub fn temporal_lock(&self) -> PathBuf {
        self.root.join("temporal.lock")
    }

    /// Path of the lock file of the host.
    #[must_use]
    pub fn supervisor_lock(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    /// Path of the record of the running server.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.root.join("temporal.pid")
    }

    /// Path of the control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("stigmer.sock")
    }

    /// Path of the configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Path of the file with the state that a host writes for the next host.
    #[must_use]
    pub fn hand_over(&self) -> PathBuf {
        self.root.join("hand-over.json")
    }

    /// Path of the file that says whether the user wants the server to run. A host that replaces a
    /// dead host reads the file.
    #[must_use]
    pub fn intent(&self) -> PathBuf {
        self.root.join("intent.json")
    }

    /// Path of the folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Path of the file with the output of the server.
    #[must_use]
    pub fn temporal_log(&self) -> PathBuf {
        self.logs().join("temporal.log")
    }

    /// Path of the log of stigmer.
    #[must_use]
    pub fn stigmer_log(&self) -> PathBuf {
        self.logs().join("stigmer.log")
    }

    /// Path of the file with the error output of hosts: messages that a host cannot write into its
    /// log.
    #[must_use]
    pub fn host_errors(&self) -> PathBuf {
        self.logs().join("host.err")
    }

    /// Path of the file of the timeline.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.logs().join("events.jsonl")
    }

    /// Path of the folder of the installed programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Path of the installed Temporal CLI.
    #[must_use]
    pub fn temporal_bin(&self) -> PathBuf {
        self.bin().join("temporal")
    }

    /// Path of the file that caches the version of the Temporal CLI in use.
    #[must_use]
    pub fn version_cache(&self) -> PathBuf {
        self.bin().join("version.json")
    }

    /// Path of the folder of the default database.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("temporal-data")
    }

    /// Path of the default database.
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

/// A path as text for users. The home folder of the user is shortened to `~`.
#[must_use]
pub fn shortened(path: &Path) -> String {
    let user = std::env::home_dir();
    match user.as_ref().and_then(|user| path.strip_prefix(user).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Replaces a file in one step, with mode 0600. A reader gets the complete old text or the complete
/// new text. If the new text cannot be written, the old text stays.
///
/// # Errors
/// If the file cannot be written; see also [`files::open_for_writing`].
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    files::write_whole(path, text, |temporary| std::fs::rename(temporary, path))
}
