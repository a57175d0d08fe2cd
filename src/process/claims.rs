//! Claims on the exit status of processes. A host reaps the orphans that it inherits, which
//! discards the exit status of an orphan. The host does not reap a process with a claim in this
//! way.

use super::Pid;
use super::table::Process;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All claims on exit statuses that the code of this process has.
#[derive(Debug)]
pub(super) struct Claims {
    /// Ids of the claimed processes. A process with two claims is in the list twice.
    pids: Vec<Pid>,
    /// Number of spawns in progress.
    spawns: usize,
}

/// Locks and returns all claims. No claim is added or dropped while the guard exists.
pub(super) fn current() -> MutexGuard<'static, Claims> {
    static CLAIMS: Mutex<Claims> = Mutex::new(Claims { pids: Vec::new(), spawns: 0 });
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claims {
    /// Whether a process must not be reaped as an orphan. True for a claimed process. While a spawn
    /// is in progress, the id of the new process is not known yet, so the result is then true for
    /// every leader of a session. Until the new process creates its own session, it is in the session
    /// of this process, where no orphans are searched.
    pub(super) fn include(&self, process: &Process) -> bool {
        self.pids.contains(&process.pid) || (self.spawns > 0 && process.session == process.pid)
    }
}

/// A claim on the exit status of a process. While the claim exists, this program does not reap the
/// process as an orphan, so its exit status is not lost.
#[derive(Debug)]
pub(crate) struct Claim(Pid);

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

/// Spawns a child process and claims its exit status. The caller keeps the claim until the caller
/// has reaped the child. A child in its own session needs the claim, because this program takes any
/// other process with its own session for an orphan.
///
/// # Errors
/// If the program cannot be executed. No process is left then.
pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, Claim)> {
    // While this value exists, no code reaps the child as an orphan. If the program cannot be
    // executed, the standard library reaps the child, and panics if other code has reaped it
    // before.
    let _spawning = SpawnInProgress::begin();
    let child = command.spawn()?;
    let claim = Claim::new(Pid::try_from(child.id()).expect("the kernel's process numbers fit"));
    Ok((child, claim))
}

/// A spawn in progress: its process may exist, but the id of that process is not known yet.
#[derive(Debug)]
struct SpawnInProgress(());

impl SpawnInProgress {
    fn begin() -> Self {
        current().spawns += 1;
        Self(())
    }
}

impl Drop for SpawnInProgress {
    fn drop(&mut self) {
        current().spawns -= 1;
    }
}
