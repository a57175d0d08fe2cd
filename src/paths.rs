//! The home: its files and folders, and the checks that only its owner can read it.

pub(crate) mod files;
mod real;

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Maximum length of a socket path (`sockaddr_un` without the final zero).
const SOCKET_PATH_MAX: usize = 107;

/// The folder of one dev server. Every value has passed the check of owner and mode, so no command
/// reads a home that another user prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Why a folder cannot be a home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither an option nor a variable names a home, and the user has no home folder.
    #[error("no home folder: neither --home nor STIGMER_HOME nor HOME is set; set one of them")]
    Unknown,
    /// The folder cannot be created or read.
    #[error("cannot use {path} as home: {source}; choose another with --home")]
    Io {
        /// The folder, or a file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder belongs to another user.
    #[error(
        "cannot use {path} as home: it belongs to {}, not to you ({}); choose another with \
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
    /// Other users may have written the files of the folder.
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
    /// The folder is open to others and contains files that are not part of a home.
    #[error(
        "cannot use {path} as home: it is open to others (mode {mode:o}) and contains other files; \
         choose a new folder with --home, or close this one with \
         `chmod 700`"
    )]
    Shared {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file system does not support flock or sockets reliably.
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
    /// The path of the socket would be too long.
    #[error(
        "cannot use {path} as home: the path of its socket is {length} bytes long, \
         the limit is {SOCKET_PATH_MAX}; choose a shorter one with --home"
    )]
    TooLong {
        /// The folder.
        path: PathBuf,
        /// Length of the socket path.
        length: usize,
    },
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
    /// Replaces the user's home folder with `~`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::env::home_dir()
            .and_then(|user| Some(self.root.strip_prefix(user).ok()?.to_owned()))
        {
            Some(rest) => write!(f, "~/{}", rest.display()),
            None => self.root.display().fmt(f),
        }
    }
}

/// The user of this process.
fn me() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Name of a user, or its number if it has no name here.
fn user(uid: u32) -> String {
    match nix::unistd::User::from_uid(uid.into()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("user {uid}"),
    }
}

fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        // This is also the error for a folder that the builder could not examine.
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

/// Checks an existing folder. An empty folder may be open to others, because [`Home::prepare`]
/// closes it.
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

/// Replaces a file that only its owner can read. A reader sees the old text or the new one. If the
/// new text cannot be written, the old one stays.
///
/// # Errors
/// If the file cannot be written; see also [`files::open_for_writing`].
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    files::write_whole(path, text, |temporary| std::fs::rename(temporary, path))
}

/// Checks that the disk of a folder has room for a new file of 1 MiB, which a server needs to
/// start. It allocates a file without a name, because quotas limit that but do not change the count
/// of free blocks.
///
/// # Errors
/// If the disk is full, read-only or broken, or a quota is used up.
pub fn has_room(folder: &Path) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_TMPFILE).mode(0o600);
    match options.open(folder) {
        Ok(file) => match fallocate(&file, FallocateFlags::empty(), 0, 1 << 20) {
            Err(error) if is_disk_trouble(&error.into()) => Err(error.into()),
            // If the test is not possible here, the start of the server shows it.
            Ok(()) | Err(_) => Ok(()),
        },
        Err(error) if is_disk_trouble(&error) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Whether the cause is a disk that is full, read-only or broken, or a quota.
#[must_use]
pub fn is_disk_trouble(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
        || error.raw_os_error() == Some(libc::EIO)
}

/// Whether the same call may succeed a moment later. The error is due to a resource that other
/// processes may release, to an interruption, or to a file system whose server has ended.
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

/// Variable that allows home and database on a network or FUSE file system.
pub const ALLOW_NETWORK: &str = "STIGMER_ALLOW_NETWORK_HOME";

/// Whether the user allows home and database on a network or FUSE file system.
#[must_use]
pub fn allows_network() -> bool {
    std::env::var_os(ALLOW_NETWORK).is_some()
}

/// The kind of file system, if flock is unreliable on it.
#[must_use]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    // The numbers are from linux/magic.h. nix names only some of them.
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
    fn folders_are_created_and_kept_closed_to_others() {
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
    fn home_of_another_user_is_refused_before_it_is_read() {
        let base = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(base.path(), Some(4711), None).is_err() {
            eprintln!("not tested: only root can give a folder away");
            return;
        }
        let error = Home::at(base.path()).unwrap_err().to_string();
        assert!(error.contains("user 4711") && error.contains("--home"), "{error}");
    }

    #[test]
    fn folder_with_files_that_others_may_have_written_is_refused() {
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
    fn two_spellings_lead_to_one_home_even_if_deleted() {
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
    fn path_too_long_for_a_socket_is_refused() {
        let error = Home::at(&PathBuf::from(format!("/tmp/{}", "x".repeat(100)))).unwrap_err();
        assert!(error.to_string().contains("--home"), "{error}");
    }

    #[test]
    fn file_at_the_path_is_an_error_that_names_it() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Home::at(&file).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("not a directory"), "{error}");
    }

    #[test]
    fn failed_replacement_leaves_no_temporary_file() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("temporal.pid");
        write_private(&path, "old").unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
        write_private(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        // A file cannot replace a folder.
        let folder = base.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        write_private(&folder, "new").unwrap_err();
        std::fs::remove_dir(&folder).unwrap();
        let left = std::fs::read_dir(base.path()).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["temporal.pid"]);
    }
}
