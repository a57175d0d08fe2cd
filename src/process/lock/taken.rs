//! The locks that this process has taken for an instance.
//!
//! A lock is exclusive: once this process has taken it for the next instance, no process of an
//! earlier one has it. From then on, until it executes its program with its marker, each child that
//! this process forks has the lock and no marker. A late sweep of the earlier instance must not take
//! such a child for its own. A sweep can be late: a signal waits for a thread, and a sweep that a
//! system call has blocked continues after its caller has given up.

use super::super::identity::Identity;
use super::super::linux;
use super::super::open_files::KnownFile;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A lock file: its device and its inode.
type FileId = (u64, u64);

/// The latest time that this process took a lock.
#[derive(Debug)]
struct Taken {
    /// In clock ticks, like the start of a process. The maximum if unknown.
    ticks: u64,
    /// The leader that has inherited the lock. `None` before the spawn.
    leader: Option<Identity>,
}

fn all() -> MutexGuard<'static, HashMap<FileId, Taken>> {
    static TAKEN: LazyLock<Mutex<HashMap<FileId, Taken>>> = LazyLock::new(Mutex::default);
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(file: &File) -> io::Result<FileId> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Remembers that this process has just taken the lock.
pub(super) fn remember(file: &File) -> io::Result<()> {
    let ticks = linux::ticks_since_boot().unwrap_or(u64::MAX);
    all().insert(id(file)?, Taken { ticks, leader: None });
    Ok(())
}

/// Remembers the leader that has inherited the lock.
pub(super) fn inherited(file: &File, leader: &Identity) -> io::Result<()> {
    if let Some(taken) = all().get_mut(&id(file)?) {
        taken.leader = Some(leader.clone());
    }
    Ok(())
}

/// Whether the lock can prove a process of the instance with this leader. False once this process
/// has taken the lock for a later instance. Must be called after the look at the holders: the lock
/// may be taken during the look.
pub(in super::super) fn can_prove(lock: &KnownFile, leader: &Identity) -> bool {
    all().get(&lock.id()).is_none_or(|taken| {
        let inherited = taken.leader.as_ref();
        inherited.is_some_and(|it| (it.pid, it.start_ticks) == (leader.pid, leader.start_ticks))
            || taken.ticks < leader.start_ticks
    })
}
