//! The home: which file is where, and that only its owner can read it.

pub mod files;
mod real;

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The kernel takes no longer path for a socket (`sockaddr_un`, less the final zero).
const SOCKET_PATH_MAX: usize = 107;

/// The folder that holds all of one dev server. Every value has passed the check
/// of owner and mode, so no command reads a home that another user prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Why a folder is not usable as a home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No option, no variable, no user home.
    #[error("no home folder: neither --home nor STIGMER_HOME nor HOME is set; set one of them")]
    Unknown,
    /// It cannot be made or read.
    #[error("cannot use {path} as home: {source}; choose another with --home")]
    Io {
        /// The folder or a file in it.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error(
        "cannot use {path} as home: it belongs to {}, not to you ({}); choose another with \
         --home, or run the command as that user",
        user(*owner), user(*me)
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Us.
        me: u32,
    },
    /// Other users may have written what it contains.
    #[error(
        "cannot use {path} as home: it is not empty and other users may write to it (mode {mode:o}); \
         choose another with --home, or check its content and run `chmod 700 {path}`"
    )]
    Writable {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is open to others and holds what is not ours.
    #[error(
        "cannot use {path} as home: it is open to others (mode {mode:o}) and holds other things, \
         and a home is closed to others; choose a new folder with --home, or close this one with \
         `chmod 700`"
    )]
    Shared {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// flock and sockets cannot be relied on there.
    #[error(
        "cannot use {path} as home: it is on a {kind} file system, where locks may not hold; \
         choose a local folder with --home, or set STIGMER_ALLOW_NETWORK_HOME=1"
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// The socket's path would not fit.
    #[error(
        "cannot use {path} as home: the path of its socket is {length} bytes long, \
         the kernel takes {SOCKET_PATH_MAX}; choose a shorter one with --home"
    )]
    TooLong {
        /// The folder.
        path: PathBuf,
        /// The socket path's length.
        length: usize,
    },
}

impl Home {
    /// The home at this path, which need not exist yet.
    ///
    /// # Errors
    /// When the path cannot be made absolute or is too long for a socket, when it
    /// belongs to another user, and when others may have written what it contains.
    pub fn at(root: &Path) -> Result<Self, HomeError> {
        let io_error = |source| HomeError::Io { path: root.to_owned(), source };
        let absolute = std::path::absolute(root).map_err(io_error)?;
        // One folder, one name: two spellings must find the same locks.
        let root = real::real_path(&absolute).unwrap_or(absolute);
        match std::fs::metadata(&root) {
            Ok(meta) if !meta.is_dir() => {
                return Err(io_error(io::ErrorKind::NotADirectory.into()));
            }
            Ok(meta) => check_folder(&root, &meta)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(error)),
        }
        // Its paths are on the wire, in the record and on Temporal's command line.
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

    /// `~/.stigmer`.
    ///
    /// # Errors
    /// When the user has no home folder.
    pub fn default_root() -> Result<PathBuf, HomeError> {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .map(|home| home.join(".stigmer"))
            .ok_or(HomeError::Unknown)
    }

    /// Makes the folders, closed to others, and checks that locks hold there.
    ///
    /// # Errors
    /// When it belongs to another user, lies on a network or FUSE file system
    /// (and `allow_network` is not set), or cannot be written.
    pub fn prepare(&self, allow_network: bool) -> Result<(), HomeError> {
        for folder in [self.root.clone(), self.logs(), self.bin(), self.data()] {
            let io_error = |source| HomeError::Io { path: folder.clone(), source };
            create_folder(&folder).map_err(io_error)?;
            let meta = std::fs::metadata(&folder).map_err(io_error)?;
            check_owner(&folder, &meta)?;
            if meta.mode() & 0o077 != 0 {
                // Somebody's project, or `/tmp`, must not be closed by a slip of the hand.
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

    /// Whether it was a home before, or holds nothing but what one may begin with.
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

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The lock that Temporal inherits.
    #[must_use]
    pub fn temporal_lock(&self) -> PathBuf {
        self.root.join("temporal.lock")
    }

    /// The lock of the host.
    #[must_use]
    pub fn supervisor_lock(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    /// The record of the running Temporal.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.root.join("temporal.pid")
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("stigmer.sock")
    }

    /// The options.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// What a host leaves for the host that takes over.
    #[must_use]
    pub fn hand_over(&self) -> PathBuf {
        self.root.join("hand-over.json")
    }

    /// What the operator wants, for a host that resumes.
    #[must_use]
    pub fn intent(&self) -> PathBuf {
        self.root.join("intent.json")
    }

    /// The folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Temporal's output.
    #[must_use]
    pub fn temporal_log(&self) -> PathBuf {
        self.logs().join("temporal.log")
    }

    /// The host's own log.
    #[must_use]
    pub fn stigmer_log(&self) -> PathBuf {
        self.logs().join("stigmer.log")
    }

    /// The last words of hosts that cannot log.
    #[must_use]
    pub fn host_errors(&self) -> PathBuf {
        self.logs().join("host.err")
    }

    /// The timeline.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.logs().join("events.jsonl")
    }

    /// The folder of programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The installed Temporal CLI.
    #[must_use]
    pub fn temporal_bin(&self) -> PathBuf {
        self.bin().join("temporal")
    }

    /// Which version the CLI in use is.
    #[must_use]
    pub fn version_cache(&self) -> PathBuf {
        self.bin().join("version.json")
    }

    /// The folder of the database.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("temporal-data")
    }

    /// The database, unless told otherwise.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data().join("temporal.db")
    }
}

impl std::fmt::Display for Home {
    /// With `~` for the user's home folder.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::env::home_dir()
            .and_then(|user| Some(self.root.strip_prefix(user).ok()?.to_owned()))
        {
            Some(rest) => write!(f, "~/{}", rest.display()),
            None => self.root.display().fmt(f),
        }
    }
}

/// The user whose files this process creates and trusts.
fn me() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// A user's name, or its number if it has none here.
fn user(uid: u32) -> String {
    match nix::unistd::User::from_uid(uid.into()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("user {uid}"),
    }
}

fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        // Also the error for a folder that the builder could not examine.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if std::fs::metadata(path)?.is_dir() { Ok(()) } else { Err(error) }
        }
        created => created,
    }
}

fn check_owner(folder: &Path, meta: &Metadata) -> Result<(), HomeError> {
    let (path, owner, me) = (folder.to_owned(), meta.uid(), me());
    if owner == me { Ok(()) } else { Err(HomeError::Foreign { path, owner, me }) }
}

/// A new folder may still be open: [`Home::prepare`] closes it.
fn check_folder(root: &Path, meta: &Metadata) -> Result<(), HomeError> {
    check_owner(root, meta)?;
    if meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let io_error = |source| HomeError::Io { path: root.to_owned(), source };
    for entry in std::fs::read_dir(root).map_err(io_error)? {
        // `config.toml` is checked when it is read.
        if entry.map_err(io_error)?.file_name() != "config.toml" {
            let mode = meta.mode() & 0o7777;
            return Err(HomeError::Writable { path: root.to_owned(), mode });
        }
    }
    Ok(())
}

/// Replaces a file that only its owner can read. A reader sees the old text or the new one; where
/// the new one cannot be written, the old one stays.
///
/// # Errors
/// When it cannot be written, or see [`files::open_for_writing`].
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    files::write_whole(path, text, |temporary| std::fs::rename(temporary, path))
}

/// Whether the disk of a folder takes a new file of 1 MiB, which a server needs to start. Tried with
/// a file that has no name: unlike the count of free blocks this respects quotas.
///
/// # Errors
/// When it does not: it is full, read-only or broken, or a quota is used up.
pub fn has_room(folder: &Path) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_TMPFILE).mode(0o600);
    match options.open(folder) {
        Ok(file) => match fallocate(&file, FallocateFlags::empty(), 0, 1 << 20) {
            Err(error) if is_disk_trouble(&error.into()) => Err(error.into()),
            // Where it cannot be tried, the server tries it.
            Ok(()) | Err(_) => Ok(()),
        },
        Err(error) if is_disk_trouble(&error) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Whether a disk that is full, read-only or broken is the reason, or a quota.
#[must_use]
pub fn is_disk_trouble(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || error.raw_os_error() == Some(libc::EIO)
}

/// Whether the error is due to a resource that other processes may release, to an interruption, or to
/// a file system whose server has ended: the same call may succeed a moment later.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ExecutableFileBusy, Interrupted, OutOfMemory, ResourceBusy, TimedOut, WouldBlock,
    };
    let kinds = [ExecutableFileBusy, Interrupted, OutOfMemory, ResourceBusy, TimedOut, WouldBlock];
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOLCK];
    let without_server = [libc::ENOTCONN, libc::ESTALE, libc::EHOSTDOWN, libc::ECONNABORTED];
    let codes = [short, without_server].concat();
    kinds.contains(&error.kind()) || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// The variable that allows home and database on a network or FUSE file system.
pub const ALLOW_NETWORK: &str = "STIGMER_ALLOW_NETWORK_HOME";

/// Whether the user allows home and database on a network or FUSE file system.
#[must_use]
pub fn allows_network() -> bool {
    std::env::var_os(ALLOW_NETWORK).is_some()
}

/// The kind of file system, where it is one on which flock may lie.
#[must_use]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    // Numbers of linux/magic.h; nix names only some of them.
    let magic = nix::sys::statfs::statfs(path).ok()?.filesystem_type().0;
    Some(match magic {
        0x6969 => "network (NFS)",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "network (SMB)",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9p",
        0x5346_414f => "network (AFS)",
        0x00c3_6400 => "network (Ceph)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_closed_to_others_and_closed_again() {
        let base = tempfile::tempdir().unwrap();
        let home = Home::at(&base.path().join("deep/home")).unwrap();
        home.prepare(false).unwrap();
        std::fs::set_permissions(home.logs(), Permissions::from_mode(0o755)).unwrap();
        home.prepare(false).unwrap();
        for folder in [home.root().to_owned(), home.logs(), home.bin(), home.data()] {
            let mode = std::fs::metadata(&folder).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o700, "{}", folder.display());
        }
    }

    #[test]
    fn a_home_of_another_user_is_refused_before_it_is_read() {
        let base = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(base.path(), Some(4711), None).is_err() {
            eprintln!("not tested: only root can give a folder away");
            return;
        }
        let error = Home::at(base.path()).unwrap_err().to_string();
        assert!(error.contains("user 4711") && error.contains("--home"), "{error}");
    }

    #[test]
    fn what_others_may_have_planted_is_no_home_but_a_new_folder_is() {
        let base = tempfile::tempdir().unwrap();
        std::fs::set_permissions(base.path(), Permissions::from_mode(0o777)).unwrap();
        std::fs::write(base.path().join("config.toml"), "").unwrap();
        Home::at(base.path()).unwrap();
        std::fs::write(base.path().join("temporal.pid"), "").unwrap();
        let error = Home::at(base.path()).unwrap_err().to_string();
        assert!(error.contains("mode 777") && error.contains("chmod 700"), "{error}");
        std::fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        Home::at(base.path()).unwrap();
    }

    #[test]
    fn two_spellings_are_one_home_also_of_a_deleted_folder() {
        let base = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| base.path().join(name));
        std::fs::create_dir(&a).unwrap();
        std::os::unix::fs::symlink(&a, &b).unwrap();
        let home = Home::at(&a).unwrap();
        assert_eq!(Home::at(&base.path().join("b/../b/.")).unwrap(), home);
        std::fs::remove_dir(&a).unwrap();
        assert_eq!(Home::at(&b).unwrap(), home);
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_and_says_so() {
        let error = Home::at(&PathBuf::from(format!("/tmp/{}", "x".repeat(100)))).unwrap_err();
        assert!(error.to_string().contains("--home"), "{error}");
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_it() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Home::at(&file).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("not a directory"), "{error}");
    }

    #[test]
    fn file_that_cannot_be_replaced_leaves_no_half_text() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("temporal.pid");
        write_private(&path, "old").unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
        write_private(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        // It cannot be replaced by a file.
        let folder = base.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        write_private(&folder, "new").unwrap_err();
        std::fs::remove_dir(&folder).unwrap();
        let left = std::fs::read_dir(base.path()).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["temporal.pid"]);
    }
}
