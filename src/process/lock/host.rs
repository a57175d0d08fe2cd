//! The lock of the host, the process that supervises the server. The lock ensures that a home
//! folder has only one host.

use super::{CHECKING, is_at, keep, take};
use crate::process::look;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Maximum number of earlier lock files that stay locked. After the home folder is renamed, this
/// process locks a new file at the old path. The earlier file stays locked, so that a command in
/// the renamed folder finds this host. Each file needs a descriptor. So after more renames, only
/// commands in the most recently renamed folders find this host.
const FORMER_MAX: usize = 8;

/// The lock of a host. This process has the lock until the value is dropped, or until the process
/// ends.
#[derive(Debug)]
pub struct HostLock {
    path: PathBuf,
    /// This mutex is never locked during a system call, because the call may block.
    held: Mutex<Held>,
    /// Locked during [`Self::restore`], which may take seconds.
    restoring: Mutex<()>,
    is_lost: AtomicBool,
    has_yielded: AtomicBool,
}

#[derive(Debug)]
struct Held {
    /// The locked file at the path. Each system call on the file has its own reference, so that the
    /// file stays locked while the call is blocked.
    current: Arc<Locked>,
    /// The text that the current file must contain.
    text: String,
    /// Earlier lock files, newest last, which still have a name because the home folder was
    /// renamed. These files stay locked, so that a command in the renamed folder finds this host.
    former: Vec<Arc<Locked>>,
}

/// A file that is unlocked when it is dropped.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // If the unlock fails, the kernel frees the lock at the end of the process.
        let _ = fs2::FileExt::unlock(&self.0);
    }
}

/// The result of [`HostLock::restore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// The file that this process has locked is at the path.
    Held,
    /// The path led to no file or to an unlocked file. This process has locked the file at the path
    /// now.
    Restored,
    /// Another process has locked the file at the path, perhaps only for a moment.
    HeldByOther,
    /// Another host supervises this home permanently, so this process has given up the path; see
    /// [`HostLock::lose`].
    Lost,
}

impl HostLock {
    /// Takes the lock, or returns `None` while another process has it.
    ///
    /// # Errors
    /// If the file cannot be opened or created. `WouldBlock` if other processes keep checking the
    /// lock all the time.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        Self::take_within(path, CHECKING)
    }

    /// Like [`Self::take`], but waits up to `patience` for processes that only check the lock.
    ///
    /// # Errors
    /// See [`Self::take`].
    pub fn take_within(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        Ok(take(path, patience)?.map(|file| Self {
            path: path.to_owned(),
            held: Mutex::new(Held {
                current: Arc::new(Locked(file)),
                text: String::new(),
                former: Vec::new(),
            }),
            restoring: Mutex::new(()),
            is_lost: AtomicBool::new(false),
            has_yielded: AtomicBool::new(false),
        }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the text in the lock file.
    ///
    /// # Errors
    /// If the file cannot be written. [`Self::keep`] tries again.
    pub fn write(&self, text: &str) -> io::Result<()> {
        text.clone_into(&mut self.held().text);
        self.keep()
    }

    /// Writes the text of the last [`Self::write`] again, if the file does not contain it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        let (file, text) = {
            let held = self.held();
            (held.current.clone(), held.text.clone())
        };
        keep(&file.0, &text)
    }

    /// Whether the path leads to the locked file. True if this cannot be determined in time. Always
    /// false after [`Self::lose`], and while the lock [has yielded](Self::has_yielded).
    pub fn is_in_place(&self) -> bool {
        self.place().unwrap_or(true)
    }

    /// Like [`Self::is_in_place`], but returns an error if the result cannot be determined. Waits
    /// 500 ms at most, see [`look::promptly`].
    ///
    /// # Errors
    /// If the path cannot be read; see [`look::is_silence`].
    pub fn place(&self) -> io::Result<bool> {
        if self.is_lost.load(Ordering::Relaxed) || self.has_yielded() {
            return Ok(false);
        }
        let (file, path) = (self.held().current.clone(), self.path.clone());
        look::promptly(self.home(), move |_| is_at(&file.0, &path))
    }

    /// The folder of the lock file: the home.
    pub fn home(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Whether another process has had the lock at the path since the last call of
    /// [`Self::resume`]. That process may have been a command that stopped the server. So
    /// [`Self::is_in_place`] is false until [`Self::resume`] is called.
    pub fn has_yielded(&self) -> bool {
        self.has_yielded.load(Ordering::Relaxed)
    }

    /// Makes [`Self::has_yielded`] false again, after another process has had the lock at the path.
    pub fn resume(&self) {
        self.has_yielded.store(false, Ordering::Relaxed);
    }

    /// Gives up the lock file at the path permanently, because another host supervises the home.
    /// The file that this process has locked stays locked.
    pub fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// Checks that the path still leads to the locked file. If that file was deleted or replaced,
    /// this function also locks the file that is at the path now, unless another process has locked
    /// it. [`Self::keep`] then writes the text.
    ///
    /// # Errors
    /// If the path cannot be read, or no file can be created there. `WouldBlock` while an earlier
    /// call runs.
    pub fn restore(&self) -> io::Result<LockState> {
        // With two calls at the same time, one call would find the file locked by the other call,
        // and would report another host.
        let _restoring = match self.restoring.try_lock() {
            Ok(restoring) => restoring,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let why = "an earlier attempt to lock the file still runs";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
            }
        };
        if self.is_lost.load(Ordering::Relaxed) {
            return Ok(LockState::Lost);
        }
        let current = self.held().current.clone();
        if is_at(&current.0, &self.path)? {
            return Ok(LockState::Held);
        }
        let Some(file) = take(&self.path, CHECKING)? else {
            self.has_yielded.store(true, Ordering::Relaxed);
            return Ok(LockState::HeldByOther);
        };
        let mut former = self.held().former.clone();
        former.push(current);
        // A file without a name is dropped, because no process can open this file to find the lock.
        former.retain(|file| file.0.metadata().is_ok_and(|file| file.nlink() > 0));
        let surplus = former.len().saturating_sub(FORMER_MAX);
        former.drain(..surplus);
        let before = {
            let mut held = self.held();
            let current = std::mem::replace(&mut held.current, Arc::new(Locked(file)));
            (current, std::mem::replace(&mut held.former, former))
        };
        // The files are dropped here, after the mutex is unlocked, because closing a file may
        // block.
        drop(before);
        Ok(LockState::Restored)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{is_held, keep_text, read};
    use super::*;

    #[test]
    fn lock_has_one_holder_until_it_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        assert!(!is_held(&path).unwrap(), "missing, so not locked");
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
    fn deleted_lock_is_restored_as_soon_as_it_is_free() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let first = HostLock::take(&path).unwrap().unwrap();
        first.write("text").unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Held);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Restored);
        first.keep().unwrap();
        assert_eq!(read(&path), "text");
        assert!(HostLock::take(&path).unwrap().is_none(), "locked again");
        assert_eq!(first.restore().unwrap(), LockState::Held);
        // The file is replaced by an unlocked file, as a backup tool does.
        std::fs::write(home.path().join("copy"), "older").unwrap();
        std::fs::rename(home.path().join("copy"), &path).unwrap();
        assert_eq!(first.restore().unwrap(), LockState::Restored);
        std::fs::remove_file(&path).unwrap();
        let second = HostLock::take(&path).unwrap().unwrap();
        assert_eq!(first.restore().unwrap(), LockState::HeldByOther);
        assert!(!first.is_in_place() && second.is_in_place());
        assert_eq!(second.restore().unwrap(), LockState::Held);
        drop(second);
        assert_eq!(first.restore().unwrap(), LockState::Restored);
        assert!(!first.is_in_place(), "the other process may have stopped the server");
        first.resume();
        assert!(first.is_in_place());
    }

    #[test]
    fn lost_lock_is_not_taken_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let lock = HostLock::take(&path).unwrap().unwrap();
        lock.lose();
        assert!(!lock.is_in_place(), "the file exists, but belongs to another process");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(lock.restore().unwrap(), LockState::Lost);
        assert!(!lock.is_in_place() && !is_held(&path).unwrap());
    }

    #[test]
    fn pending_restore_blocks_no_other_call() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let lock = HostLock::take(&path).unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        let asking = File::create(&path).unwrap();
        fs2::FileExt::lock_shared(&asking).unwrap();
        std::thread::scope(|scope| {
            let restored = loop {
                let restored = scope.spawn(|| lock.restore());
                while lock.restoring.try_lock().is_ok() && !restored.is_finished() {
                    std::thread::yield_now();
                }
                // The look of this loop may have been in the way of that call.
                if !restored.is_finished() {
                    break restored;
                }
            };
            assert!(!lock.is_in_place());
            assert_eq!(lock.restore().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert!(!restored.is_finished(), "restore waits for the checking process");
            fs2::FileExt::unlock(&asking).unwrap();
            assert_eq!(restored.join().unwrap().unwrap(), LockState::Restored);
        });
    }

    #[test]
    fn only_a_few_former_lock_files_with_a_name_stay_locked() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("supervisor.lock");
        let lock = HostLock::take(&path).unwrap().unwrap();
        for _ in 0..3 {
            std::fs::remove_file(&path).unwrap();
            assert_eq!(lock.restore().unwrap(), LockState::Restored);
        }
        assert_eq!(lock.held().former.len(), 0, "deleted");
        let renamed = |number: usize| home.path().join(format!("renamed.{number}"));
        for number in 0..=FORMER_MAX {
            std::fs::rename(&path, renamed(number)).unwrap();
            assert_eq!(lock.restore().unwrap(), LockState::Restored);
        }
        assert!(!is_held(&renamed(0)).unwrap());
        assert!((1..=FORMER_MAX).all(|number| is_held(&renamed(number)).unwrap()));
        drop(lock);
        assert!(!is_held(&renamed(FORMER_MAX)).unwrap() && !is_held(&path).unwrap());
    }

    #[test]
    fn missing_text_is_written_again() {
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
        std::fs::remove_file(&path).unwrap();
        keep_text(&path, "pid=4\n").unwrap();
        assert_eq!(read(&path), "pid=4\n");
    }
}
