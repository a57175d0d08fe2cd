//! The two kinds of lock: [`HostLock`] is the lock of the host, [`InstanceLock`] is the lock that
//! the server inherits.
//!
//! Both are flocks. A flock belongs to the open file description, which parent and child share
//! after a fork. A [`HostLock`] is unlocked explicitly, because a process that was forked while the
//! file was open would keep the lock. An [`InstanceLock`] is only ever *closed*, because an unlock
//! would also free the lock of the server. In this process, both files are close-on-exec. Only the
//! child that becomes the server clears this flag, for its own copy ([`super::spawn`]).

mod host;
pub(super) mod taken;

pub use host::{HostLock, LockState};

use super::identity::Identity;
use super::open_files::{self, KnownFile};
use super::sweep::{Instance, Machine};
use super::{Pid, memory};
use crate::paths::files;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long [`take`] waits for processes that only check the lock. Each check takes a shared lock
/// for a moment, which may be longer on a busy machine.
const CHECKING: Duration = Duration::from_secs(2);

/// How long [`settled`] repeats a search.
const SETTLING: Duration = Duration::from_millis(500);

/// Maximum size of the text in a lock file, in bytes.
const TEXT_MAX: usize = 64 << 10;

/// The lock of one start of a server. The server inherits the lock.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
}

impl InstanceLock {
    /// Takes the lock, or returns `None` while another process has it.
    ///
    /// # Errors
    /// If the file cannot be opened or created. `WouldBlock` if other processes keep checking the
    /// lock all the time.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = take(path, CHECKING)? else { return Ok(None) };
        taken::remember(&file)?;
        Ok(Some(Self { file }))
    }

    /// Stores the leader of the server, which is the process that has inherited the lock. From then
    /// on, the lock proves that a process belongs to that server.
    pub(super) fn inherited_by(&self, leader: &Identity) -> io::Result<()> {
        taken::inherited(&self.file, leader)
    }

    /// Replaces the text in the lock file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, text: &str) -> io::Result<()> {
        overwrite(&self.file, text)
    }

    /// Stores the last generation number in the lock file. If the disk is full, the number is
    /// stored as the length of the file, which needs no disk block.
    ///
    /// # Errors
    /// If neither the text nor the length can be written.
    pub fn write_number(&self, number: u64) -> io::Result<()> {
        self.write(&number.to_string()).or_else(|error| {
            let length = self.file.metadata()?.len();
            self.file.set_len(length.max(number)).map_err(|_| error)
        })
    }
}

impl AsFd for InstanceLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Whether any process, including this one, has the lock. The check opens the file again, because a
/// lock of another descriptor in this process must count too. A missing file is not locked.
///
/// # Errors
/// If the file exists and cannot be opened; see also [`files::open`].
pub fn is_held(path: &Path) -> io::Result<bool> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match fs2::FileExt::try_lock_shared(&file) {
        Ok(()) => {
            fs2::FileExt::unlock(&file)?;
            Ok(false)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

/// The process that has the lock of a server.
#[derive(Debug)]
pub enum LockHolder {
    /// No process has the lock.
    Nobody,
    /// A server that stigmer started. Its processes have the lock and a marker.
    Instance(Instance),
    /// A process without proof that stigmer started it. The text describes the process in messages.
    Stranger(String),
}

/// Finds the process that has the lock of a server, by lock and marker alone, without a record. A
/// process with a marker but without the lock belongs to another home. A process with the lock but
/// without a marker was not started by stigmer.
///
/// # Errors
/// If the lock or the process table cannot be read.
pub fn holder(path: &Path) -> io::Result<LockHolder> {
    if !is_held(path)? {
        return Ok(LockHolder::Nobody);
    }
    let machine = Machine::read(path, 0)?;
    let marker = machine.lock_holders().find_map(|(_, marker)| marker.filter(|m| !m.is_empty()));
    if let Some(marker) = marker
        && let Some(instance) = Instance::marked(marker)?
    {
        return Ok(LockHolder::Instance(instance));
    }
    match names(path, &machine) {
        // The process that had the lock has ended since the first check.
        None if !is_held(path)? => Ok(LockHolder::Nobody),
        None => Ok(LockHolder::Stranger(UNSEEN.to_owned())),
        Some(names) => Ok(LockHolder::Stranger(names)),
    }
}

const UNSEEN: &str = "a process that cannot be seen from here (of another user, container or \
                      machine)";

/// Describes the processes that have an exclusive flock on this file, for messages.
#[must_use]
pub fn holders(path: &Path) -> String {
    let names = Machine::read(path, 0).ok().and_then(|machine| names(path, &machine));
    names.unwrap_or_else(|| UNSEEN.to_owned())
}

fn names(path: &Path, machine: &Machine) -> Option<String> {
    let mut pids: Vec<Pid> = machine.lock_holders().map(|(pid, _)| pid).collect();
    if pids.is_empty() {
        pids.extend(creator(path));
    }
    let names: Vec<String> = pids.into_iter().map(memory::describe).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The process that took the lock, according to the kernel's table of locks. The process may have
/// ended, while a child that inherited the lock still runs.
fn creator(path: &Path) -> Option<Pid> {
    let lock = KnownFile::at(path).ok()??;
    let table = std::fs::read_to_string("/proc/locks").ok()?;
    open_files::flocks(&table).find(|flock| lock.is_in(flock)).map(|flock| flock.pid)
}

/// The text of a lock file, or an empty text if the file is missing, is not trusted or cannot be
/// read.
#[must_use]
pub fn read(path: &Path) -> String {
    files::read(path, TEXT_MAX as u64).unwrap_or_default()
}

/// Repeats a search for the processes of a unit while it finds a stranger, for up to 0.5 s: a process that
/// was just forked has the lock already, but has the marker only after it has executed its program. Blocks.
///
/// # Errors
/// The error of the search.
pub(crate) fn settled<T>(
    search: impl Fn() -> io::Result<T>,
    is_stranger: impl Fn(&T) -> bool,
) -> io::Result<T> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let found = search()?;
        if !is_stranger(&found) || Instant::now() >= deadline {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The text of a lock file, or an empty text if the file is missing or its content is not UTF-8.
///
/// # Errors
/// If the file exists and cannot be read; see also [`files::open`].
pub fn try_read(path: &Path) -> io::Result<String> {
    use io::ErrorKind::{InvalidData, NotFound};
    match files::read(path, TEXT_MAX as u64) {
        Err(error) if matches!(error.kind(), NotFound | InvalidData) => Ok(String::new()),
        read => read,
    }
}

/// The number in a lock file (see [`InstanceLock::write_number`]), or 0 if there is no file.
///
/// # Errors
/// If the file exists and cannot be read; see also [`files::open`].
pub fn read_number(path: &Path) -> io::Result<u64> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let mut text = Vec::new();
    file.take(TEXT_MAX as u64).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let number = text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).parse().unwrap_or(0);
    // If a later number did not fit as text, it was stored as the length of the file, and is larger
    // than the number in the text.
    Ok(length.max(number))
}

/// Writes this text into the lock file at the path, unless the file already has this text. A
/// missing file is created.
///
/// # Errors
/// If the file cannot be written.
pub fn keep_text(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    keep(&files::open_for_writing(options.read(true).write(true).create(true), path)?, text)
}

/// Whether the path leads to this open file. False after the file was deleted or replaced.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn take(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let deadline = Instant::now() + patience;
    let open = || {
        let mut options = OpenOptions::new();
        let opened = files::open_for_writing(options.read(true).write(true).create(true), path);
        opened.or_else(|error| match error.kind() {
            // On a read-only file system, the file can still be opened for reading. A lock needs no
            // write permission.
            io::ErrorKind::ReadOnlyFilesystem => files::open(path).map_err(|_| error),
            _ => Err(error),
        })
    };
    let mut file = open()?;
    loop {
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            // The file was deleted or replaced before it was locked. No other process can find the
            // lock on the old file, so the file that is at the path now must be locked.
            Ok(()) if Instant::now() < deadline => file = open()?,
            Ok(()) => {
                let why = "another process keeps deleting or replacing the file";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A process that only checks the lock has a shared lock. Then this process gets a
                // shared lock too. While a host or server has its exclusive lock, this call fails.
                if fs2::FileExt::try_lock_shared(&file).is_err() {
                    return Ok(None);
                }
                fs2::FileExt::unlock(&file)?;
                if Instant::now() > deadline {
                    let why = "other processes keep testing whether the file is locked";
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
}

fn keep(file: &File, text: &str) -> io::Result<()> {
    let mut there = vec![0; text.len()];
    let is_same = file.metadata()?.len() == text.len() as u64
        && file.read_exact_at(&mut there, 0).is_ok()
        && there == text.as_bytes();
    if is_same { Ok(()) } else { overwrite(file, text) }
}

/// Replaces the text with one write that covers the whole old text. So the file never contains a
/// mixture of both texts, also if the disk becomes full.
fn overwrite(file: &File, text: &str) -> io::Result<()> {
    let old = usize::try_from(file.metadata()?.len()).unwrap_or(0).min(TEXT_MAX);
    let mut whole = text.as_bytes().to_vec();
    whole.resize(old.max(text.len()), b'\n');
    file.write_all_at(&whole, 0)?;
    file.set_len(text.len() as u64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Waits until no process has the lock. A process that another test spawns has a copy of each
    /// open file of this process until it executes its program. So the lock may exist for a moment
    /// after this process has closed the file.
    pub(crate) fn until_free(path: &Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while is_held(path).unwrap() {
            assert!(Instant::now() < deadline, "{} is locked by {}", path.display(), holders(path));
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn frequent_checks_do_not_prevent_a_lock() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.lock");
        drop(HostLock::take(&path).unwrap());
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = is_held(&path);
                }
            });
            for _ in 0..200 {
                let lock = HostLock::take(&path).unwrap();
                assert!(lock.is_some());
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn number_is_stored_as_the_length_if_its_text_does_not_fit() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.lock");
        assert_eq!(read_number(&path).unwrap(), 0);
        let lock = InstanceLock::take(&path).unwrap().unwrap();
        for number in [1, 2, 9, 10, 99, 100, 1_234] {
            lock.write_number(number).unwrap();
            assert_eq!(read_number(&path).unwrap(), number);
        }
        // On a full disk, the file has an empty text or the previous text, and the number is its
        // length.
        for before in ["", "9"] {
            std::fs::write(&path, before).unwrap();
            lock.file.set_len(12).unwrap();
            assert_eq!(read_number(&path).unwrap(), 12);
            lock.write_number(13).unwrap();
            assert_eq!((read(&path).as_str(), read_number(&path).unwrap()), ("13", 13));
        }
    }

    #[test]
    fn number_that_cannot_be_read_is_an_error_and_not_0() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.lock");
        std::os::unix::fs::symlink(home.path().join("target"), &path).unwrap();
        read_number(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        read_number(&path).unwrap_err();
    }
}
