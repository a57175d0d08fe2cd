//! Selects the processes of an instance, and ends them. An instance is all processes of one start
//! of a server. A sweep is the search for these processes, and their end.
//!
//! A sweep runs at a stop, after a crash and before a start. All of them use the same function,
//! [`select`].

mod selection;
#[cfg(test)]
mod tests;

pub use selection::select;

use super::Pid;
use super::identity::{Identity, Proven, Signal, own_pid};
use super::lock::taken::can_prove;
use super::open_files::{KnownFile, holds_lock};
use super::requirements::is_shortage;
use super::table::{Process, Table};
use super::{claims, linux, memory, watch};
use crate::supervisor::StopSignal;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The process table of this machine, the ids of the processes that have a certain lock, and the
/// markers of processes.
#[derive(Debug)]
pub struct Machine {
    processes: Vec<Process>,
    lock: Option<KnownFile>,
    lock_holders: BTreeSet<Pid>,
    markers: HashMap<Pid, String>,
}

/// Pause between two searches for the processes of an instance that is ending.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

impl Machine {
    /// Reads the table. For processes that were started at or after `since` (in clock ticks), also
    /// reads which of them have the lock file `lock` locked, and their markers.
    ///
    /// # Errors
    /// If this process or the system lacks a resource, because a process could then be missing in
    /// the result. If a single process cannot be read, that is not an error: nothing is proven
    /// about that process.
    pub fn read(lock: &Path, since: u64) -> io::Result<Self> {
        Self::read_with(lock, since, memory::markers)
    }

    /// Like [`Self::read`], with a function that reads the markers, so that a test can change a process
    /// before.
    fn read_with(
        lock: &Path,
        since: u64,
        markers: impl FnOnce(Vec<Pid>) -> io::Result<HashMap<Pid, String>>,
    ) -> io::Result<Self> {
        let processes = linux::processes()?;
        let eligible: Vec<Pid> = processes
            .iter()
            .filter(|process| process.start_ticks >= since && !process.is_zombie())
            .map(|process| process.pid)
            .collect();
        // The order matters. A child of a process that has the lock has it too until it executes
        // its program, from which it then gets a marker. Read in the other order, that marker
        // would seem to be the one of a process with the lock.
        let markers = markers(eligible.clone())?;
        let mut lock_holders = BTreeSet::new();
        let lock = KnownFile::at(lock)?;
        if let Some(lock) = &lock {
            for pid in eligible {
                match holds_lock(pid, lock) {
                    Ok(true) => _ = lock_holders.insert(pid),
                    Err(error) if is_shortage(&error) => return Err(error),
                    Ok(false) | Err(_) => {}
                }
            }
        }
        Ok(Self { processes, lock, lock_holders, markers })
    }

    /// The processes that have the lock, each with the value of its environment variable
    /// [`MARKER`](super::memory::MARKER). The value is `None` if it cannot be read.
    pub fn lock_holders(&self) -> impl Iterator<Item = (Pid, Option<&str>)> {
        self.lock_holders.iter().map(|pid| (*pid, self.marker(*pid)))
    }
}

impl Table for Machine {
    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn holds_lock(&self, pid: Pid) -> bool {
        self.lock_holders.contains(&pid)
    }

    fn marker(&self, pid: Pid) -> Option<&str> {
        self.markers.get(&pid).map(String::as_str)
    }
}

/// The processes of one start of the server: the leader, and every process that is proven to belong
/// to it ([`select`]).
#[derive(Debug, Clone)]
pub struct Instance {
    /// Identity of the spawned process.
    pub leader: Identity,
    /// Value of the marker in the environment of the leader. Its descendants inherit the marker.
    pub marker: String,
}

impl Instance {
    /// Returns the running instance with this marker. Its leader is the oldest process with the
    /// marker: the spawned process, or a process that the spawned process left behind.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn marked(marker: &str) -> io::Result<Option<Self>> {
        if marker.is_empty() {
            return Ok(None);
        }
        let processes = linux::processes()?;
        let pids = processes.iter().map(|process| process.pid).collect();
        let markers = memory::markers(pids)?;
        let leader = processes
            .iter()
            .filter(|process| !process.is_zombie())
            .filter(|process| markers.get(&process.pid).is_some_and(|found| found == marker))
            .min_by_key(|process| (process.start_ticks, process.session != process.pid));
        Ok(leader.map(|leader| Self {
            leader: Identity::from_start(leader.pid, leader.start_ticks),
            marker: marker.to_owned(),
        }))
    }

    /// The running processes of the instance, each with its identity.
    ///
    /// # Errors
    /// If the process table cannot be read. Processes of the instance may then be left.
    pub fn members(&self, lock: &Path) -> io::Result<Vec<Identity>> {
        Ok(self.look(lock)?.0)
    }

    /// The running processes of the instance, and the process table from which they were selected.
    fn look(&self, lock: &Path) -> io::Result<(Vec<Identity>, Vec<Process>)> {
        if !self.leader.is_local() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut table = Machine::read(lock, self.leader.start_ticks)?;
        if table.lock.as_ref().is_some_and(|lock| !can_prove(lock, &self.leader)) {
            table.lock_holders.clear();
        }
        let members = select(&table, self, own_pid())
            .into_iter()
            .filter(|process| !process.is_zombie())
            .map(|process| Identity::from_start(process.pid, process.start_ticks))
            .collect();
        Ok((members, table.processes))
    }

    /// Like [`Self::members`]. Also reaps zombies of the instance that have become children of this
    /// process because their parents have ended.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn members_without_orphans(&self, lock: &Path) -> io::Result<Vec<Identity>> {
        let (members, table) = self.look(lock)?;
        reap_orphans(&table, &self.leader);
        Ok(members)
    }

    /// Sends signals to every running process of the instance. Returns the number of these
    /// processes.
    ///
    /// # Errors
    /// If the processes of the instance are unknown.
    pub fn signal(&self, lock: &Path, signals: &[Signal]) -> io::Result<usize> {
        let members = self.members(lock)?;
        for member in &members {
            signal_proven(member, signals);
        }
        Ok(members.len())
    }

    /// Requests the end of every process of the instance with each of these signals, waits up to the
    /// time of the signal, and then kills the processes that are left. Blocks. Returns the processes
    /// that still run.
    ///
    /// # Errors
    /// If it is unknown whether a process is left.
    pub fn end(&self, lock: &Path, steps: &[(StopSignal, Duration)]) -> io::Result<Vec<Identity>> {
        for (signal, patience) in steps {
            if self.request_end(lock, *signal, *patience) {
                break;
            }
        }
        self.clear(lock, Duration::from_secs(5))
    }

    /// Sends a signal to every process, and waits for their end. Returns whether all have ended.
    fn request_end(&self, lock: &Path, signal: StopSignal, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut is_signalled = false;
        while Instant::now() < deadline {
            // If the processes cannot be determined now, this may be possible in a moment. So the
            // signal is tried again in each round, and no process is killed before the grace period
            // is over.
            if !is_signalled {
                let signalled = self.signal(lock, Signal::of_stop(signal));
                is_signalled = signalled
                    .inspect_err(|error| {
                        tracing::warn!(%error, "cannot signal the processes of the instance");
                    })
                    .is_ok();
            }
            match self.members(lock).map(|mut members| members.pop()) {
                Ok(None) => return true,
                // The loop waits for the exit of `member`, which may be the last process. Then the
                // next round reads the table again.
                Ok(Some(member)) => wait_proven(&member, LOOK_PAUSE),
                Err(_) => std::thread::sleep(LOOK_PAUSE),
            }
        }
        false
    }

    /// Like [`Self::members`]. If no process is left, also reaps zombies of the instance that have
    /// become children of this process because their parents have ended.
    ///
    /// # Errors
    /// If it is unknown whether a process is left.
    pub fn remains(&self, lock: &Path) -> io::Result<Vec<Identity>> {
        let (members, table) = self.look(lock)?;
        if members.is_empty() {
            reap_orphans(&table, &self.leader);
        }
        Ok(members)
    }

    /// Kills the processes of the instance until none is left, for up to `patience`. Blocks.
    /// Returns the processes that still run.
    ///
    /// # Errors
    /// If it is unknown whether a process is left.
    pub fn clear(&self, lock: &Path, patience: Duration) -> io::Result<Vec<Identity>> {
        let deadline = Instant::now() + patience;
        loop {
            let members = self.remains(lock);
            let done = members.as_ref().is_ok_and(Vec::is_empty);
            if done || Instant::now() >= deadline {
                return members;
            }
            let pinned: Vec<Proven> = members
                .iter()
                .flatten()
                .filter_map(|member| signal_proven(member, &[Signal::Kill]))
                .collect();
            if pinned.is_empty() {
                std::thread::sleep(Duration::from_millis(10));
            }
            for proven in &pinned {
                let _ = watch::wait_exit(proven, Duration::from_millis(100));
            }
        }
    }
}

/// Whether a server of stigmer (a process with a marker) has this folder as its working folder,
/// even if the folder was deleted. A process whose data cannot be read does not count.
#[must_use]
pub fn works_in(folder: &Path) -> bool {
    let deleted = format!("{} (deleted)", folder.display());
    linux::processes().unwrap_or_default().into_iter().any(|process| {
        std::fs::read_link(format!("/proc/{}/cwd", process.pid))
            .is_ok_and(|cwd| cwd == folder || cwd == Path::new(&deleted))
            && matches!(memory::marker(process.pid), Ok(Some(_)))
    })
}

/// Sends the signals to a process if its identity is proven, and returns the proof. Errors are
/// logged.
fn signal_proven(member: &Identity, signals: &[Signal]) -> Option<Proven> {
    let pid = member.pid;
    let proven = member
        .prove()
        .inspect_err(|error| {
            tracing::warn!(
                pid, %error,
                "cannot check the identity of a process, so stigmer does not signal the process"
            );
        })
        .ok()??;
    for signal in signals {
        if let Err(error) = proven.signal(*signal) {
            tracing::warn!(pid, ?signal, %error, "cannot send the signal");
        }
    }
    Some(proven)
}

/// Waits for the end of a process, for up to `patience`.
fn wait_proven(member: &Identity, patience: Duration) {
    match member.prove() {
        Ok(Some(proven)) => _ = watch::wait_exit(&proven, patience),
        Ok(None) => {}
        Err(_) => std::thread::sleep(patience),
    }
}

/// Reaps the zombies of an instance that this process has inherited as a child subreaper. The
/// zombie of the leader is not reaped here, but by its owner. As long as this zombie exists, no
/// other process can have its id, which is the session id of the instance.
fn reap_orphans(table: &[Process], leader: &Identity) {
    reap(table, |process| process.pid != leader.pid && process.start_ticks >= leader.start_ticks);
}

/// Reaps every zombie that this process has inherited, except a process whose exit status is still
/// needed.
pub fn reap_inherited() {
    // A zombie that this table does not contain is reaped by the next call.
    reap(&linux::processes().unwrap_or_default(), |_| true);
}

/// Reaps the selected orphans of this table, one by one. A wait for "any child" would also take the
/// exit status of a child that other code waits for. Such a child runs in the session of this
/// process or is claimed, so this function does not reap the child.
fn reap(table: &[Process], is_selected: impl Fn(&Process) -> bool) {
    let me = own_pid();
    let Some(ours) = table.iter().find(|process| process.pid == me).map(|p| p.session) else {
        return;
    };
    let claims = claims::current();
    table
        .iter()
        .filter(|process| process.ppid == me && process.is_zombie() && process.session != ours)
        .filter(|process| !claims.include(process) && is_selected(process))
        .for_each(|process| watch::reap(process.pid));
}
