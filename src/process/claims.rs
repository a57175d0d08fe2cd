//! Claims on the exit status of processes. The reaping of orphans spares a claimed process.

use super::Pid;
use super::table::Process;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The claims of all units of this process.
#[derive(Debug)]
pub(super) struct Claims {
    /// A process is in this list once for each of its claims.
    pids: Vec<Pid>,
    /// The number of spawns in progress.
    spawns: usize,
}

/// The current claims. None is added or dropped until the guard is dropped.
pub(super) fn current() -> MutexGuard<'static, Claims> {
    static CLAIMS: Mutex<Claims> = Mutex::new(Claims { pids: Vec::new(), spawns: 0 });
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claims {
    /// Whether the process is claimed, or may be a process that is being spawned. Such a process is in
    /// our session until it leads its own one.
    pub(super) fn include(&self, process: &Process) -> bool {
        self.pids.contains(&process.pid) || (self.spawns > 0 && process.session == process.pid)
    }
}

/// A claim on the exit status of a process. Until it is dropped, the process is not reaped as an
/// orphan.
#[derive(Debug)]
pub(super) struct Claim(Pid);

impl Claim {
    pub(super) fn new(pid: Pid) -> Self {
        current().pids.push(pid);
        Self(pid)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = current();
        if let Some(index) = claims.pids.iter().position(|pid| *pid == self.0) {
            claims.pids.swap_remove(index);
        }
    }
}

/// A spawn in progress: its process may exist, but its id is not known yet.
#[derive(Debug)]
pub(super) struct SpawnInProgress(());

impl SpawnInProgress {
    pub(super) fn begin() -> Self {
        current().spawns += 1;
        Self(())
    }
}

impl Drop for SpawnInProgress {
    fn drop(&mut self) {
        current().spawns -= 1;
    }
}
