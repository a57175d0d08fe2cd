//! A process table as data, so that the tests of the sweep can pass invented tables.

use super::Pid;

/// One row of the process table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: Pid,
    /// Process id of the parent.
    pub ppid: Pid,
    /// Session id: the process id of the session leader.
    pub session: Pid,
    /// State as in `/proc/PID/stat`: `R`, `S`, `Z`, …
    pub state: char,
    /// Number of threads that still run.
    pub threads: i64,
    /// Clock ticks from the boot to the start of the process.
    pub start_ticks: u64,
    /// Command name.
    pub name: String,
}

impl Process {
    /// Whether the process has ended and is not reaped. False if only the first thread has ended
    /// and other threads still run, because the process then still has its files and locks.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x') && self.threads <= 1
    }
}

/// A process table, with the proofs that a process belongs to an instance (one start of a server).
pub trait Table {
    /// All processes.
    fn processes(&self) -> &[Process];
    /// Whether this process has the lock file of the instance locked.
    fn holds_lock(&self, pid: Pid) -> bool;
    /// The marker of this process, an environment variable that stigmer sets for a server. `None`
    /// if there is no marker or it cannot be read.
    fn marker(&self, pid: Pid) -> Option<&str>;
}
