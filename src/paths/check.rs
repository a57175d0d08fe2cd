//! The errors of a folder that cannot be a home, and the checks of owner and permissions.

use super::SOCKET_PATH_MAX;
use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Why a folder cannot be a home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither an option nor a variable names a home, and the user has no home folder.
    #[error("no home folder: neither --home nor STIGMER_HOME nor HOME is set; set one of them")]
    Unknown,
    /// The folder cannot be created or read.
    #[error("cannot use {path} as home: {source}; choose another folder with --home")]
    Io {
        /// The folder, or a file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder belongs to another user.
    #[error(
        "cannot use {path} as home: it belongs to {}, not to you ({}); choose another folder with \
         --home, or run the command as that user",
        user(*owner), user(*me)
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Owner of the folder.
        owner: u32,
        /// The current user.
        me: u32,
    },
    /// Other users have write permission on the folder, so other users may have written its files.
    #[error(
        "cannot use {path} as home: it is not empty and other users may write to it (mode \
         {mode:o}); choose another folder with --home, or check its content and run `chmod 700 \
         {path}`"
    )]
    Writable {
        /// The folder.
        path: PathBuf,
        /// Permissions of the folder.
        mode: u32,
    },
    /// Other users have permissions on the folder, and it contains files that are not part of a
    /// home.
    #[error(
        "cannot use {path} as home: other users have access to it (mode {mode:o}), and it contains \
         files of other programs; choose a new folder with --home, or run `chmod 700 {path}`"
    )]
    Shared {
        /// The folder.
        path: PathBuf,
        /// Permissions of the folder.
        mode: u32,
    },
    /// The folder is on a file system where locks or sockets may not work.
    #[error(
        "cannot use {path} as home: it is on a {kind} file system, where locks may not work; \
         choose a local folder with --home, or set STIGMER_ALLOW_NETWORK_HOME=1"
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// Kind of the file system.
        kind: &'static str,
    },
    /// The path of the control socket in the folder would be too long.
    #[error(
        "cannot use {path} as home: the path of its socket is {length} bytes long, the limit is \
         {SOCKET_PATH_MAX}; choose a shorter path with --home"
    )]
    TooLong {
        /// The folder.
        path: PathBuf,
        /// Length of the socket path in bytes.
        length: usize,
    },
}

/// The user id of this process.
pub(super) fn me() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Name of a user, or `user N` if this machine has no name for user id N.
fn user(uid: u32) -> String {
    match nix::unistd::User::from_uid(uid.into()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("user {uid}"),
    }
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        // `create` also returns this error if the folder exists, but could not be examined.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if std::fs::metadata(path)?.is_dir() { Ok(()) } else { Err(error) }
        }
        created => created,
    }
}

pub(super) fn check_owner(folder: &Path, meta: &Metadata) -> Result<(), HomeError> {
    let (path, owner, me) = (folder.to_owned(), meta.uid(), me());
    if owner == me { Ok(()) } else { Err(HomeError::Foreign { path, owner, me }) }
}

/// Checks owner and permissions of an existing folder. A folder to which other users may write must
/// be empty except for `config.toml`. [`Home::prepare`](super::Home::prepare) removes the
/// permissions of other users later.
pub(super) fn check_folder(root: &Path, meta: &Metadata) -> Result<(), HomeError> {
    check_owner(root, meta)?;
    if meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let io_error = |source| HomeError::Io { path: root.to_owned(), source };
    for entry in std::fs::read_dir(root).map_err(io_error)? {
        // `config.toml` is allowed, because the function that reads this file checks the owner and
        // the mode.
        if entry.map_err(io_error)?.file_name() != "config.toml" {
            let mode = meta.mode() & 0o7777;
            return Err(HomeError::Writable { path: root.to_owned(), mode });
        }
    }
    Ok(())
}
