//! Selects the processes of an instance, and ends them.
//!
//! One function, [`select`], serves a stop, the cleanup after a crash, and the time before a start.
//! It accepts positive proof only: a value that cannot be read matches nothing, and an absent value
//! equals nothing.

use super::Pid;
use super::identity::{Identity, Proven, Signal, own_pid};
use super::lock::taken::can_prove;
use super::open_files::{KnownFile, holds_lock};
use super::requirements::is_shortage;
use super::table::{Process, Table};
use super::{claims, linux, memory, watch};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The process table of the running kernel, with locks and markers.
#[derive(Debug)]
pub struct Machine {
    processes: Vec<Process>,
    lock: Option<KnownFile>,
    lock_holders: BTreeSet<Pid>,
    markers: HashMap<Pid, String>,
}

/// Between two looks at the members of an instance that ends.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

impl Machine {
    /// Reads the table, and the locks and markers of processes that are not older than `since` (in
    /// clock ticks). `lock` is the lock file whose holders count.
    ///
    /// # Errors
    /// If this process or the system lacks a resource: then no process is known to be absent. A
    /// process that cannot be read has no proof, which is not an error.
    pub fn read(lock: &Path, since: u64) -> io::Result<Self> {
        let processes = linux::processes()?;
        let eligible: Vec<Pid> = processes
            .iter()
            .filter(|process| process.start_ticks >= since && !process.is_zombie())
            .map(|process| process.pid)
            .collect();
        let mut lock_holders = BTreeSet::new();
        let lock = KnownFile::at(lock)?;
        if let Some(lock) = &lock {
            for pid in &eligible {
                match holds_lock(*pid, lock) {
                    Ok(true) => _ = lock_holders.insert(*pid),
                    Err(error) if is_shortage(&error) => return Err(error),
                    Ok(false) | Err(_) => {}
                }
            }
        }
        let markers = memory::markers(eligible)?;
        Ok(Self { processes, lock, lock_holders, markers })
    }

    /// The processes that have the lock, each with its marker.
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

/// Returns the processes of an instance in any order, including zombies.
///
/// Session and descent count only while the leader, proven by its start time, is in the table,
/// because its id is pinned then. Otherwise only the lock and the marker are proofs. The lock is no
/// proof if its holder has the marker of another instance: the next generation has the same lock. Without a readable marker, the
/// lock is a proof only until the next generation takes it ([`can_prove`]). A
/// descendant of a proven process is proven too. The result never contains a process id of 1 or
/// less, a process older than the leader, this process (`me`), or an ancestor of it.
#[must_use]
pub fn select<'t>(table: &'t impl Table, instance: &Instance, me: Pid) -> Vec<&'t Process> {
    let leader = &instance.leader;
    let rows: HashMap<Pid, &Process> = table.processes().iter().map(|p| (p.pid, p)).collect();
    let mut untouchable = BTreeSet::from([me]);
    let mut above = me;
    while let Some(process) = rows.get(&above)
        && untouchable.insert(process.ppid)
    {
        above = process.ppid;
    }
    let eligible = |process: &Process| {
        process.pid > 1
            && leader.start_ticks > 0
            && process.start_ticks >= leader.start_ticks
            && !untouchable.contains(&process.pid)
    };
    let is_leader =
        |p: &Process| p.pid == leader.pid && p.start_ticks == leader.start_ticks && p.pid > 1;
    let leader_stands = rows.get(&leader.pid).is_some_and(|process| is_leader(process));

    // Each child that this process forks has the lock for a moment if the lock is open here. An
    // instance has no process in the session of this process.
    let ours = rows.get(&me).map(|process| process.session);
    let holds_lock =
        |process: &Process| Some(process.session) != ours && table.holds_lock(process.pid);
    let is_ours =
        |process: &Process| match table.marker(process.pid).filter(|_| !instance.marker.is_empty())
        {
            Some(marker) if marker == instance.marker => true,
            Some(marker) => marker.is_empty() && holds_lock(process),
            None => holds_lock(process),
        };

    let mut proven: BTreeSet<Pid> = table
        .processes()
        .iter()
        .filter(|process| eligible(process))
        .filter(|process| {
            is_leader(process)
                || (leader_stands && process.session == leader.pid)
                || (!process.is_zombie() && is_ours(process))
        })
        .map(|process| process.pid)
        .collect();
    // Repeat until there are no new descendants, because the rows are in any order.
    loop {
        let descendants: Vec<Pid> = table
            .processes()
            .iter()
            .filter(|process| eligible(process) && !proven.contains(&process.pid))
            .filter(|process| {
                proven.contains(&process.ppid)
                    && rows
                        .get(&process.ppid)
                        .is_some_and(|parent| parent.start_ticks <= process.start_ticks)
            })
            .map(|process| process.pid)
            .collect();
        if descendants.is_empty() {
            break;
        }
        proven.extend(descendants);
    }
    let selected: Vec<&Process> =
        table.processes().iter().filter(|process| proven.contains(&process.pid)).collect();
    assert!(
        selected.iter().all(|process| eligible(process)),
        "a sweep must never select what it may not touch"
    );
    selected
}

/// The processes of one start of the server: the leader, and every process with its marker.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The process that was spawned.
    pub leader: Identity,
    /// Value of the marker in its environment.
    pub marker: String,
}

impl Instance {
    /// The running instance with this marker. Its leader is the oldest process: the spawned one, or
    /// one that it left behind.
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

    /// The living members, each with its identity.
    ///
    /// # Errors
    /// If the process table cannot be read. Then members may be left.
    pub fn members(&self, lock: &Path) -> io::Result<Vec<Identity>> {
        Ok(self.look(lock)?.0)
    }

    /// The living members, and the process table that they were selected from.
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

    /// Like [`Self::members`]. Also reaps the zombies of the instance that this process has
    /// inherited.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn members_without_orphans(&self, lock: &Path) -> io::Result<Vec<Identity>> {
        let (members, table) = self.look(lock)?;
        reap_orphans(&table, &self.leader);
        Ok(members)
    }

    /// Sends signals to every living member. Returns their number.
    ///
    /// # Errors
    /// If the members are unknown.
    pub fn signal(&self, lock: &Path, signals: &[Signal]) -> io::Result<usize> {
        let members = self.members(lock)?;
        for member in &members {
            signal_proven(member, signals);
        }
        Ok(members.len())
    }

    /// Sends SIGTERM to every member, waits up to `grace`, and kills the rest. Blocks. Returns the
    /// processes that still run.
    ///
    /// # Errors
    /// If it is unknown whether a process is left.
    pub fn end(&self, lock: &Path, grace: Duration) -> io::Result<Vec<Identity>> {
        let deadline = Instant::now() + grace;
        let mut is_signalled = false;
        while Instant::now() < deadline {
            // A table that cannot be read now may be readable in a moment. Until then no member is
            // known to be gone, and none has had its time.
            if !is_signalled {
                let signalled = self.signal(lock, &[Signal::Term, Signal::Cont]);
                is_signalled = signalled
                    .inspect_err(|error| tracing::warn!(%error, "cannot send SIGTERM"))
                    .is_ok();
            }
            match self.members(lock).map(|mut members| members.pop()) {
                Ok(None) => break,
                // Any exit may be the last one, so read the members again.
                Ok(Some(member)) => wait_proven(&member, LOOK_PAUSE),
                Err(_) => std::thread::sleep(LOOK_PAUSE),
            }
        }
        self.clear(lock, Duration::from_secs(5))
    }

    /// Like [`Self::members`]. If none is left, also reaps the zombies of the instance that this
    /// process has inherited.
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

    /// Kills until no member is left, for up to `patience`. Blocks. Returns the processes that
    /// still run.
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

/// Whether a server of stigmer has this folder as its working folder, even if the folder was
/// deleted. A process that cannot be read does not count.
#[must_use]
pub fn works_in(folder: &Path) -> bool {
    let deleted = format!("{} (deleted)", folder.display());
    linux::processes().unwrap_or_default().into_iter().any(|process| {
        std::fs::read_link(format!("/proc/{}/cwd", process.pid))
            .is_ok_and(|cwd| cwd == folder || cwd == Path::new(&deleted))
            && matches!(memory::marker(process.pid), Ok(Some(_)))
    })
}

/// Sends the signals if the process is proven. Errors are logged.
fn signal_proven(member: &Identity, signals: &[Signal]) -> Option<Proven> {
    let pid = member.pid;
    let proven = member
        .prove()
        .inspect_err(|error| tracing::warn!(pid, %error, "cannot signal a process without proof"))
        .ok()??;
    for signal in signals {
        if let Err(error) = proven.signal(*signal) {
            tracing::warn!(pid, ?signal, %error, "cannot send the signal");
        }
    }
    Some(proven)
}

/// Waits for the end of the process, for up to `patience`.
fn wait_proven(member: &Identity, patience: Duration) {
    match member.prove() {
        Ok(Some(proven)) => _ = watch::wait_exit(&proven, patience),
        Ok(None) => {}
        Err(_) => std::thread::sleep(patience),
    }
}

/// Reaps the zombies of the instance that this process has inherited as a child subreaper. A zombie
/// of another session came from an instance. The zombie of a leader stays, because it pins the
/// session id until its owner reaps it.
fn reap_orphans(table: &[Process], leader: &Identity) {
    reap(table, |process| process.pid != leader.pid && process.start_ticks >= leader.start_ticks);
}

/// Reaps every orphan. A process whose exit status is awaited is not reaped.
pub fn reap_inherited() {
    // An orphan that is not visible now is reaped the next time.
    reap(&linux::processes().unwrap_or_default(), |_| true);
}

/// Reaps the selected orphans of this table. It reaps them one by one and never "any child", because
/// that would take the exit status of a child that other code waits for. Such a child runs in our
/// session, or it is claimed.
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

#[cfg(test)]
mod tests;
