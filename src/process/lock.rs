//! The two kinds of lock: the host's own, and the one that Temporal inherits.
//!
//! flock belongs to the open file description, which parent and child share
//! after a spawn. So a [`HostLock`] is unlocked explicitly, before anything that
//! was forked meanwhile could keep it; an [`InstanceLock`] is only ever
//! *closed*: unlocking it would free it for Temporal too. In this process both
//! stay close-on-exec for ever; only the child that becomes Temporal clears the
//! flag, for itself ([`super::spawn`]).

mod host;

pub use host::{HostLock, LockState};

use super::open_files::{self, KnownFile};
use super::sweep::{Instance, Machine};
use super::{Pid, memory};
use crate::paths::files;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// Somebody who asks whether it is held locks it (shared) for a moment; on a busy
/// machine, and with many who ask, for some more.
const ASKING: Duration = Duration::from_secs(2);

/// A lock's text is short.
const TEXT_MAX: usize = 64 << 10;

/// A lock on its way to Temporal.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
}

impl InstanceLock {
    /// Takes it; `None` while another process holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or created; `WouldBlock` when others keep
    /// asking for it all the time.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        Ok(take(path, ASKING)?.map(|file| Self { file }))
    }

    /// Replaces the text in the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, text: &str) -> io::Result<()> {
        overwrite(&self.file, text)
    }

    /// Records the last number that was given out. A file that takes no text, because its disk is
    /// full, is given that length instead: this needs no block.
    ///
    /// # Errors
    /// When neither can be done.
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

/// Whether any process holds it. Asked through a fresh descriptor; a file that
/// is not there is not held.
///
/// # Errors
/// When the file exists and cannot be opened, or see [`files::open`].
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

/// Who holds the lock of an instance.
#[derive(Debug)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// An instance of ours: its processes hold the lock and carry a marker.
    Instance(Instance),
    /// A process that is not proven ours, for people.
    Stranger(String),
}

/// Finds out who holds the lock of an instance, from the lock and the marker alone. A process
/// that carries a marker and does not hold the lock is of another home; one that holds the lock
/// and carries no marker was not spawned by stigmer.
///
/// # Errors
/// When the lock or the process table cannot be read.
pub fn holder(path: &Path) -> io::Result<Holder> {
    if !is_held(path)? {
        return Ok(Holder::Nobody);
    }
    let machine = Machine::read(path, 0)?;
    let marker = machine.lock_holders().find_map(|(_, marker)| marker.filter(|m| !m.is_empty()));
    if let Some(marker) = marker
        && let Some(instance) = Instance::marked(marker)?
    {
        return Ok(Holder::Instance(instance));
    }
    match names(path, &machine) {
        // It has ended meanwhile.
        None if !is_held(path)? => Ok(Holder::Nobody),
        None => Ok(Holder::Stranger(UNSEEN.to_owned())),
        Some(names) => Ok(Holder::Stranger(names)),
    }
}

const UNSEEN: &str = "a process that cannot be seen from here (another user's, a container's, or \
                      one on another machine)";

/// Who holds an exclusive flock on this file, for messages.
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

/// The process that took the lock, from the kernel's table of locks. It may have ended, while a
/// child that inherited the lock goes on.
fn creator(path: &Path) -> Option<Pid> {
    let lock = KnownFile::at(path).ok()??;
    let table = std::fs::read_to_string("/proc/locks").ok()?;
    open_files::flocks(&table).find(|flock| lock.is_in(flock)).map(|flock| flock.pid)
}

/// The text of a lock file; empty where there is none that can be trusted.
#[must_use]
pub fn read(path: &Path) -> String {
    files::read(path, TEXT_MAX as u64).unwrap_or_default()
}

/// The text of a lock file; empty if there is no such file, or no text in it.
///
/// # Errors
/// When the file exists and cannot be read, or see [`files::open`].
pub fn try_read(path: &Path) -> io::Result<String> {
    use io::ErrorKind::{InvalidData, NotFound};
    match files::read(path, TEXT_MAX as u64) {
        Err(error) if matches!(error.kind(), NotFound | InvalidData) => Ok(String::new()),
        read => read,
    }
}

/// The number in a lock file, see [`InstanceLock::write_number`]; 0 where there is none.
#[must_use]
pub fn read_number(path: &Path) -> u64 {
    let text = read(path);
    let number = text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).parse().unwrap_or(0);
    // No number is shorter in digits than its file is long by a number that came later.
    number.max(std::fs::metadata(path).map_or(0, |file| file.len()))
}

/// Makes a lock file that is there contain this text.
///
/// # Errors
/// When it cannot be written.
pub fn keep_text(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    keep(&files::open_for_writing(options.read(true).write(true).create(true), path)?, text)
}

/// Whether the path names this very file.
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
            // It can be locked all the same.
            io::ErrorKind::ReadOnlyFilesystem => files::open(path).map_err(|_| error),
            _ => Err(error),
        })
    };
    let mut file = open()?;
    loop {
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            // Deleted between opening and locking: a lock that nobody else can find.
            Ok(()) if Instant::now() < deadline => file = open()?,
            Ok(()) => {
                let why = "the file is deleted or replaced all the time";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A shared lock can be had beside one who asks, not beside a holder.
                if fs2::FileExt::try_lock_shared(&file).is_err() {
                    return Ok(None);
                }
                fs2::FileExt::unlock(&file)?;
                if Instant::now() > deadline {
                    let why = "others keep shared locks on it all the time";
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

/// In one write over the old text and all of it: a reader, or a disk that is full by now, never has
/// a part of each.
fn overwrite(file: &File, text: &str) -> io::Result<()> {
    let old = usize::try_from(file.metadata()?.len()).unwrap_or(0).min(TEXT_MAX);
    let mut whole = text.as_bytes().to_vec();
    whole.resize(old.max(text.len()), b'\n');
    file.write_all_at(&whole, 0)?;
    file.set_len(text.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_asks_all_the_time_does_not_keep_a_starter_out() {
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
    fn number_is_kept_by_the_length_where_its_text_does_not_fit() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.lock");
        assert_eq!(read_number(&path), 0);
        let lock = InstanceLock::take(&path).unwrap().unwrap();
        for number in [1, 2, 9, 10, 99, 100, 1_234] {
            lock.write_number(number).unwrap();
            assert_eq!(read_number(&path), number);
        }
        // As a full disk leaves it: an empty file, or the text before, and the length.
        for before in ["", "9"] {
            std::fs::write(&path, before).unwrap();
            lock.file.set_len(12).unwrap();
            assert_eq!(read_number(&path), 12);
            lock.write_number(13).unwrap();
            assert_eq!((read(&path).as_str(), read_number(&path)), ("13", 13));
        }
    }
}
