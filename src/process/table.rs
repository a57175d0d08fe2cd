//! A process table as data, for the sweep and its tests.

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
    /// State: `R`, `S`, `Z`, …
    pub state: char,
    /// Number of threads that still run.
    pub threads: i64,
    /// Clock ticks from boot to its start.
    pub start_ticks: u64,
    /// Command name.
    pub name: String,
}

impl Process {
    /// Whether the process has ended and is not reaped. The first thread may end before the others,
    /// which keep files, locks and sockets: a process ends with its last thread.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x') && self.threads <= 1
    }
}

/// A process table, and the proofs that are expensive to read. They are requested only if they can
/// matter.
pub trait Table {
    /// All processes.
    fn processes(&self) -> &[Process];
    /// Whether this process has the lock of the instance.
    fn holds_lock(&self, pid: Pid) -> bool;
    /// The marker in the environment of this process, if readable.
    fn marker(&self, pid: Pid) -> Option<&str>;
}
