//! The two kinds of lock: the host's own, and the one that Temporal inherits.
//!
//! flock belongs to the open file description, which parent and child share
//! after a spawn. So a [`HostLock`] is unlocked explicitly, before anything that
//! was forked meanwhile could keep it; an [`InstanceLock`] is only ever
//! *closed*: unlocking it would free it for Temporal too. In this process both
//! stay close-on-exec for ever; only the child that becomes Temporal clears the
//! flag, for itself ([`super::spawn`]).

use super::open_files::{self, KnownFile};
use super::sweep::{Machine, Subject};
use super::{Pid, memory};
use crate::paths::files;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Somebody who asks whether it is held locks it (shared) for a moment; on a busy
/// machine, and with many who ask, for some more.
const ASKING: Duration = Duration::from_secs(2);

/// A lock's text is short.
const TEXT_MAX: usize = 64 << 10;

/// A lock that this process holds until it is dropped, at the latest until it ends.
#[derive(Debug)]
pub struct HostLock {
    path: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// The file at the path.
    current: File,
    /// What that file must contain.
    text: String,
    /// The files that were at the path before: another process may know the lock by them.
    former: Vec<File>,
}

/// What [`HostLock::restore`] found at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// The file that this process has locked.
    Held,
    /// No file, or one that nobody held: this process holds it now.
    Restored,
    /// A file that another process holds.
    Lost,
}

/// A lock on its way to Temporal.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
}

impl HostLock {
    /// Takes it; `None` while another process holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or created; `WouldBlock` when others keep
    /// asking for it all the time.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let held = |current| Held { current, text: String::new(), former: Vec::new() };
        let locked = |file| Self { path: path.to_owned(), held: Mutex::new(held(file)) };
        Ok(take(path)?.map(locked))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the text in the file.
    ///
    /// # Errors
    /// When it cannot be written. [`Self::keep`] tries again.
    pub fn write(&self, text: &str) -> io::Result<()> {
        text.clone_into(&mut self.held().text);
        self.keep()
    }

    /// Writes the last text of [`Self::write`] again, if the file does not contain it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        let held = self.held();
        keep(&held.current, &held.text)
    }

    /// Whether the path names the locked file, as far as can be seen.
    pub fn is_in_place(&self) -> bool {
        is_at(&self.held().current, &self.path).unwrap_or(true)
    }

    /// Checks that the path still names the locked file. If that file was deleted or
    /// replaced, locks the file at the path too; a process that holds that file is the
    /// owner of the path from now on. The text is written by [`Self::keep`].
    ///
    /// # Errors
    /// When the path cannot be read, or no file be created there.
    pub fn restore(&self) -> io::Result<LockState> {
        let mut held = self.held();
        if is_at(&held.current, &self.path)? {
            return Ok(LockState::Held);
        }
        let Some(file) = take(&self.path)? else { return Ok(LockState::Lost) };
        let former = std::mem::replace(&mut held.current, file);
        held.former.push(former);
        Ok(LockState::Restored)
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        for file in held.former.iter().chain([&held.current]) {
            // Failure leaves it to the kernel, which frees it when we end.
            let _ = fs2::FileExt::unlock(file);
        }
    }
}

impl InstanceLock {
    /// Takes it; `None` while another process holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or created; `WouldBlock` when others keep
    /// asking for it all the time.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        Ok(take(path)?.map(|file| Self { file }))
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
    Instance(Subject),
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
        && let Some(subject) = Subject::marked(marker)?
    {
        return Ok(Holder::Instance(subject));
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
    keep(&files::open_for_writing(OpenOptions::new().read(true).write(true), path)?, text)
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

fn take(path: &Path) -> io::Result<Option<File>> {
    let deadline = Instant::now() + ASKING;
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
    fn a_lock_is_held_by_one_until_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        assert!(!is_held(&path).unwrap(), "not there, not held");
        let lock = HostLock::take(&path).unwrap().unwrap();
        lock.write("a longer text").unwrap();
        lock.write("short").unwrap();
        assert_eq!(read(&path), "short");
        assert!(is_held(&path).unwrap());
        assert!(HostLock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert_eq!(read(&path), "short", "the text stays");
    }

    #[test]
    fn a_deleted_lock_is_taken_again_and_one_that_another_process_took_is_lost() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let first = HostLock::take(&path).unwrap().unwrap();
        first.write("text").unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Held);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Restored);
        first.keep().unwrap();
        assert_eq!(read(&path), "text");
        assert!(HostLock::take(&path).unwrap().is_none(), "held again");
        assert_eq!(first.restore().unwrap(), LockState::Held);
        // Replaced by a file that nobody holds, as a backup tool does.
        std::fs::write(home.path().join("copy"), "older").unwrap();
        std::fs::rename(home.path().join("copy"), &path).unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Restored);
        std::fs::remove_file(&path).unwrap();
        let second = HostLock::take(&path).unwrap().unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Lost);
        assert!(!first.is_in_place() && second.is_in_place());
        assert_eq!(second.restore().unwrap(), LockState::Held);
        drop(first);
        assert!(is_held(&path).unwrap(), "of the second");
    }

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
    fn text_that_is_not_there_is_written_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let lock = HostLock::take(&path).unwrap().unwrap();
        lock.write("pid=1\n").unwrap();
        for other in ["", "pid=2\n", "pid=1\npid=1\n"] {
            std::fs::write(&path, other).unwrap();
            lock.keep().unwrap();
            assert_eq!(read(&path), "pid=1\n");
        }
        std::fs::write(&path, "x").unwrap();
        keep_text(&path, "pid=3\n").unwrap();
        assert_eq!(read(&path), "pid=3\n");
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
