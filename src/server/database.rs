//! The lock file of a database file: `NAME.db.stigmer`.
//!
//! Temporal does not refuse a second server on the same database file, although two servers destroy
//! each other's data. Temporal also does not detect a file whose schema is incomplete. So stigmer
//! creates a lock file next to each database. The server inherits the lock, so only one server uses
//! a database at a time, in any home. The text of the lock file says whether a server was ever
//! ready on this database.

mod detached;
mod refusals;

pub use detached::detached;

use crate::paths;
use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::lock::{self, HostLock, InstanceLock};
use crate::process::open_files::{KnownFile, has_open, holds_lock};
use crate::process::requirements::is_shortage;
use crate::process::sweep::{Instance, Machine};
use crate::unit::Refused;
use refusals::{empty, in_use, incomplete, not_locked, not_set_aside, on_network, unusable};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The text of the lock file of a database, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Version of the Temporal CLI whose server was last ready on this database.
    pub cli_version: Option<String>,
    /// Whether a server was ever ready on this database. If not, the schema may be incomplete.
    pub complete: bool,
    /// The home of the server that uses this database.
    pub home: String,
    /// Whether a start by stigmer created this database. Only in this case may stigmer rename an
    /// incomplete database and create a new one.
    #[serde(default)]
    pub created: bool,
}

impl Stamp {
    /// The text for a database that does not exist yet, and that a start from this home creates.
    fn of_new(home: String) -> Self {
        Self { cli_version: None, complete: false, home, created: true }
    }
}

/// A database that is locked for a server that starts next.
#[derive(Debug)]
pub struct Guarded {
    /// The lock that the server inherits.
    pub lock: InstanceLock,
    /// Warnings about the database, such as a changed version.
    pub warnings: Vec<String>,
    stamp: Stamp,
}

/// Locks the database and makes sure that a server can start on it. Renames an incomplete database
/// if stigmer created it.
///
/// # Errors
/// If another server uses the database, if the database is incomplete and stigmer did not create
/// it, if the database cannot be read, or if its folder cannot be written.
pub fn guard(file: &Path, home: &str, cli_version: &str) -> Result<Guarded, Refused> {
    let unusable = |error: io::Error| unusable(file, &error);
    let path = real_path(file).map_err(unusable)?;
    if let Some(kind) = path.parent().and_then(paths::network_file_system)
        && !paths::allows_network()
    {
        return Err(on_network(&path, kind).into());
    }
    let lock_path = stamp_path(&path);
    let lock = InstanceLock::take(&lock_path)
        .map_err(|error| not_locked(&lock_path, &error))?
        .ok_or_else(|| Refused {
            // A slow check of [`Kept`] may still run in this host and have the lock. In this case, a
            // later attempt may succeed.
            is_transient: is_held_by(own_pid(), &lock_path).unwrap_or(false),
            ..in_use(&path, &lock_path).into()
        })?;

    let before = look(&lock_path).map_err(unusable)?;
    let size = there(std::fs::metadata(&path)).map_err(unusable)?.map(|meta| meta.len());
    let home = home.to_owned();
    let (stamp, warning) = match Condition::of(size, before) {
        Condition::Absent => (Stamp::of_new(home), None),
        Condition::Unstamped => (Stamp { complete: true, home, ..Stamp::default() }, None),
        Condition::Complete(stamp) => {
            let changed = version_changed(&path, &stamp, cli_version);
            (Stamp { home, ..stamp }, changed)
        }
        Condition::Interrupted => {
            let aside = set_aside(&path).map_err(|error| not_set_aside(&path, &error))?;
            let warning = format!(
                "the database was incomplete, because its first start was interrupted; stigmer \
                 renamed the file to {} and creates a new database",
                aside.display()
            );
            (Stamp::of_new(home), Some(warning))
        }
        Condition::Incomplete => return Err(incomplete(&path).into()),
        Condition::Empty => return Err(empty(&path).into()),
    };
    // If this write fails, the host writes the text later; see [`Kept`].
    if let Err(error) = text(&stamp).and_then(|text| lock.write(&text)) {
        tracing::warn!(
            path = %lock_path.display(), %error,
            "cannot write the lock file next to the database, retrying"
        );
    }
    Ok(Guarded { lock, warnings: warning.into_iter().collect(), stamp })
}

/// The condition of a database before a start.
enum Condition {
    /// There is no file.
    Absent,
    /// The lock file has no text. The database counts as complete.
    Unstamped,
    /// A server was ready on the database.
    Complete(Stamp),
    /// A start by stigmer created the database, and either no server was ever ready on it, or the
    /// file is empty now.
    Interrupted,
    /// As [`Self::Interrupted`], but stigmer did not create the database.
    Incomplete,
    /// The file is empty, and the lock file has no text.
    Empty,
}

impl Condition {
    /// Finds the condition. `size` is the size of the database file in bytes, or `None` if there is
    /// no file.
    fn of(size: Option<u64>, stamp: Option<Stamp>) -> Self {
        match (size, stamp) {
            (None, _) => Self::Absent,
            (Some(1..), None) => Self::Unstamped,
            (Some(1..), Some(stamp)) if stamp.complete => Self::Complete(stamp),
            (Some(_), Some(stamp)) if stamp.created => Self::Interrupted,
            (Some(_), Some(_)) => Self::Incomplete,
            (Some(0), None) => Self::Empty,
        }
    }
}

impl Guarded {
    /// The text of the lock file for this start.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

/// Restores the lock file of a database while a server of this host uses the database.
///
/// The server has inherited the lock. If another process deletes the lock file, this host creates it
/// again. The running server cannot inherit the lock of the new file, so this host locks the new
/// file itself until this value is dropped.
#[derive(Debug)]
pub struct Kept {
    file: PathBuf,
    stamp: Stamp,
    server: Instance,
    /// The lock file that the server or this host has locked.
    locked: Option<KnownFile>,
    lock: Option<HostLock>,
}

impl Kept {
    /// Creates the value for a server that was just started. `stamp` is the text of the lock file.
    #[must_use]
    pub fn new(file: PathBuf, stamp: Stamp, server: Instance) -> Self {
        Self { file, stamp, server, locked: None, lock: None }
    }

    /// Creates the value for a server that is ready, which proves that its database is complete.
    /// Also returns a note if another version of the Temporal CLI was the last one to use the
    /// database.
    ///
    /// # Errors
    /// If the lock file cannot be read.
    pub fn complete(
        file: PathBuf,
        home: &str,
        cli_version: Option<&str>,
        server: Instance,
    ) -> io::Result<(Self, Option<String>)> {
        let before = look(&lock_path(&file)?)?;
        let before = before.unwrap_or_else(|| Stamp { home: home.to_owned(), ..Stamp::default() });
        let changed = version_changed(&file, &before, cli_version.unwrap_or_default());
        let cli_version = cli_version.map(str::to_owned).or(before.cli_version);
        let stamp = Stamp { complete: true, cli_version, home: home.to_owned(), ..before };
        Ok((Self::new(file, stamp, server), changed))
    }

    /// Writes the text into the lock file if the file has another text. Locks the file if no
    /// process has locked it.
    ///
    /// # Errors
    /// If the file cannot be written. Also if the file was deleted and another server has locked
    /// the new file: the text of that server is then left unchanged.
    pub fn keep(&mut self) -> io::Result<()> {
        let path = lock_path(&self.file)?;
        let there = KnownFile::at(&path)?;
        if there.is_none() || there != self.locked {
            self.lock = HostLock::take_within(&path, Duration::ZERO)?;
            if self.lock.is_none() && !self.is_held_by_server(&path)? {
                self.locked = None;
                return Err(io::Error::other(format!(
                    "the file was deleted, and another server has locked the new file ({}); two \
                     servers on one database destroy each other's data: stop that server",
                    lock::holders(&path)
                )));
            }
            self.locked = KnownFile::at(&path)?;
        }
        lock::keep_text(&path, &text(&self.stamp)?)
    }

    /// Whether a process of this server has the lock. Usually the process that stigmer spawned has
    /// it.
    fn is_held_by_server(&self, path: &Path) -> io::Result<bool> {
        let Instance { leader, marker } = &self.server;
        if leader.is_alive()? && proof(is_held_by(leader.pid, path))? {
            return Ok(true);
        }
        let machine = Machine::read(path, leader.start_ticks)?;
        let mut holders = machine.lock_holders().peekable();
        if holders.peek().is_none() {
            return self.has_inherited(path);
        }
        Ok(holders
            .any(|(_, found)| found.is_some_and(|found| !found.is_empty() && found == marker)))
    }

    /// Whether a process of this server has the lock file open. Temporal never opens the lock file,
    /// so a process that has the file open has inherited the lock. This method is for FUSE file
    /// systems, which do not show the process that has a lock.
    fn has_inherited(&self, path: &Path) -> io::Result<bool> {
        let Some(file) = KnownFile::at(path)? else { return Ok(false) };
        for member in self.server.members(path)? {
            if proof(has_open(member.pid, &file))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Converts the result of reading the open files of one process. If they cannot be read, for
/// example those of a wrapper script, returns false, and the other processes of the server decide.
/// A lack of resources is an error.
fn proof(look: io::Result<bool>) -> io::Result<bool> {
    match look {
        Err(error) if !is_shortage(&error) => Ok(false),
        look => look,
    }
}

fn is_held_by(pid: Pid, path: &Path) -> io::Result<bool> {
    KnownFile::at(path)?.map_or(Ok(false), |file| holds_lock(pid, &file))
}

/// Flushes the lock file to the disk, so that its text survives a power failure.
///
/// # Errors
/// If the lock file cannot be opened or synced.
pub fn sync(file: &Path) -> io::Result<()> {
    std::fs::File::open(lock_path(file)?)?.sync_all()
}

/// Whether the next start would rename the database file and create a new one: stigmer created this
/// database, and no server was ever ready on it.
///
/// # Errors
/// If the lock file cannot be read.
pub fn is_replaceable(file: &Path) -> io::Result<bool> {
    let stamp = look(&lock_path(file)?)?;
    Ok(stamp.is_some_and(|stamp| stamp.created && !stamp.complete))
}

fn version_changed(path: &Path, stamp: &Stamp, cli_version: &str) -> Option<String> {
    let before = stamp.cli_version.as_deref()?;
    (before != cli_version && !cli_version.is_empty()).then(|| {
        format!(
            "the database {} was last used by Temporal CLI {before} and is now opened by \
             {cli_version}: Temporal does not migrate the database, so keep a copy of the file",
            path.display()
        )
    })
}

/// The path of the lock file of a database file.
///
/// # Errors
/// If the folder of the database does not exist.
pub fn lock_path(file: &Path) -> io::Result<PathBuf> {
    real_path(file).map(|path| stamp_path(&path))
}

/// The path of a database without symbolic links, so that all names of one database lead to the
/// same lock file. The database file itself need not exist.
fn real_path(file: &Path) -> io::Result<PathBuf> {
    match file.canonicalize() {
        Ok(real) if real.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The file is a symbolic link to a file that does not exist. SQLite would create that
            // file.
            if let Ok(target) = std::fs::read_link(file) {
                let folder = file.parent().unwrap_or(Path::new("/"));
                return real_path(&folder.join(target));
            }
            let folder = file.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
            let name = file.file_name().ok_or_else(|| io::Error::other("it has no name"))?;
            Ok(folder.canonicalize()?.join(name))
        }
        Err(error) => Err(error),
    }
}

fn stamp_path(real: &Path) -> PathBuf {
    let mut name = real.as_os_str().to_owned();
    name.push(".stigmer");
    PathBuf::from(name)
}

fn read(lock_path: &Path) -> Option<Stamp> {
    look(lock_path).ok().flatten()
}

/// Reads the lock file. `None` if its text is missing or cannot be parsed.
fn look(lock_path: &Path) -> io::Result<Option<Stamp>> {
    Ok(serde_json::from_str(&lock::try_read(lock_path)?).ok())
}

/// Converts a `NotFound` error to `None`.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(stamp: &Stamp) -> io::Result<String> {
    Ok(serde_json::to_string(stamp)?)
}

/// Renames the database and its journal files to a free name. Returns that name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |suffix: &str, base: &Path| {
        let mut name = base.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut names = (1..).map(|n| with(&format!(".incomplete-{n}"), path));
    let aside = loop {
        let name = names.next().ok_or_else(|| io::Error::other("no free name"))?;
        if there(std::fs::symlink_metadata(&name))?.is_none() {
            break name;
        }
    };
    for suffix in ["", "-journal", "-wal", "-shm"] {
        match std::fs::rename(with(suffix, path), with(suffix, &aside)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(aside)
}

#[cfg(test)]
mod tests;
