//! A process table as data: what the sweep decides on, and what a test can make up.

use super::Pid;

/// One row of the process table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// Its parent's.
    pub ppid: Pid,
    /// Its session's: the number of the process that began it.
    pub session: Pid,
    /// `R`, `S`, `Z`, …
    pub state: char,
    /// How many threads are left of it.
    pub threads: i64,
    /// Clock ticks from boot to its start.
    pub start_ticks: u64,
    /// Its command name.
    pub name: String,
}

impl Process {
    /// Ended, but not yet reaped. The first thread may end before the others,
    /// which keep its files, locks and sockets: a process ends with its last.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x') && self.threads <= 1
    }
}

/// A process table and the proofs that are costly to read, asked for only
/// where they can matter.
pub trait Table {
    /// All rows.
    fn processes(&self) -> &[Process];
    /// Whether this process holds the instance's lock.
    fn holds_lock(&self, pid: Pid) -> bool;
    /// The marker that this process carries in its environment, as far as it can be read.
    fn marker(&self, pid: Pid) -> Option<&str>;
}
