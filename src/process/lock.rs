//! The two kinds of lock: the host's own, and the one that Temporal inherits.
//!
//! flock belongs to the open file description, which parent and child share
//! after a spawn. So a [`HostLock`] is unlocked explicitly, before anything that
//! was forked meanwhile could keep it; an [`InstanceLock`] is only ever
//! *closed*: unlocking it would free it for Temporal too. In this process both
//! stay close-on-exec for ever; only the child that becomes Temporal clears the
//! flag, for itself ([`super::spawn`]).

use crate::paths::files;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// Somebody who asks whether it is held locks it (shared) for a moment; on a busy
/// machine, and with many who ask, for some more.
const ASKING: Duration = Duration::from_secs(2);

/// A lock that this process holds until it is dropped, at the latest until it ends.
#[derive(Debug)]
pub struct HostLock {
    file: File,
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
        Ok(take(path)?.map(|file| Self { file }))
    }

    /// Replaces the text in the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        overwrite(&mut self.file, text)
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // Failure leaves it to the kernel, which frees it when we end.
        let _ = fs2::FileExt::unlock(&self.file);
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
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        overwrite(&mut self.file, text)
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

/// The text of a lock file; empty where there is none that can be trusted.
#[must_use]
pub fn read(path: &Path) -> String {
    // A lock's text is short; a file that is not ours may be anything.
    files::read(path, 64 << 10).unwrap_or_default()
}

fn take(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = files::open_for_writing(options.read(true).write(true).create(true), path)?;
    let deadline = Instant::now() + ASKING;
    loop {
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) => return Ok(Some(file)),
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

fn overwrite(file: &mut File, text: &str) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
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
        let mut lock = HostLock::take(&path).unwrap().unwrap();
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
}
