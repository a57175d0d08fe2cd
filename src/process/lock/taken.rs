//! Remembers which locks this process has taken, and which leaders have inherited them.
//!
//! An instance is all processes of one start of a server. A sweep searches all processes of an
//! instance and ends them. For a sweep, a process that has the lock belongs to the instance. This
//! can be wrong if the sweep is late, so that the next instance starts before the sweep ends. A
//! lock is exclusive: once this process has taken the lock for the next instance, no process of the
//! earlier instance has the lock. But each child that this process forks then has the lock, and has
//! no marker until the child executes its program. A late sweep of the earlier instance must not
//! end such a child.
//!
//! A sweep can be late for two reasons. The sweep may have waited for a free thread. Or a system
//! call has blocked the sweep, which continues after its caller has stopped waiting.

use super::super::identity::Identity;
use super::super::linux;
use super::super::open_files::KnownFile;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Identifies a lock file: its device and its inode.
type FileId = (u64, u64);

/// The last time that this process took a certain lock, and the process that inherited the lock.
#[derive(Debug)]
struct Taken {
    /// Time at which the lock was taken, in clock ticks since the boot, like the start time of a
    /// process. `u64::MAX` if unknown.
    ticks: u64,
    /// The spawned process that has inherited the lock, which is the leader of an instance. `None`
    /// before the spawn.
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

/// Remembers that this process has taken this lock just now.
pub(super) fn remember(file: &File) -> io::Result<()> {
    let ticks = linux::ticks_since_boot().unwrap_or(u64::MAX);
    all().insert(id(file)?, Taken { ticks, leader: None });
    Ok(())
}

/// Remembers which leader (the spawned process of an instance) has inherited this lock.
pub(super) fn inherited(file: &File, leader: &Identity) -> io::Result<()> {
    if let Some(taken) = all().get_mut(&id(file)?) {
        taken.leader = Some(leader.clone());
    }
    Ok(())
}

/// Whether a process that has the lock is proven to belong to the instance with this leader. False
/// once this process has taken the lock for a later instance. Must be called after the caller has
/// read which processes have the lock, because this process may take the lock during that read.
pub(in super::super) fn can_prove(lock: &KnownFile, leader: &Identity) -> bool {
    all().get(&lock.id()).is_none_or(|taken| {
        let inherited = taken.leader.as_ref();
        inherited.is_some_and(|it| (it.pid, it.start_ticks) == (leader.pid, leader.start_ticks))
            || taken.ticks < leader.start_ticks
    })
}
