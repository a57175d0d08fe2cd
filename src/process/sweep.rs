//! Which processes belong to an instance, and how they are ended.
//!
//! One function, [`select`], serves the stop, the aftermath of a crash and the
//! time before a start. It collects positive proof only: what cannot be read
//! does not match, and an absent value equals nothing.

use super::Pid;
use super::identity::{Identity, Signal, own_pid};
use super::linux::Procfs;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

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
    /// Whether this process carries the instance's marker in its environment.
    fn is_marked(&self, pid: Pid) -> bool;
}

/// The processes of the instance that began with `leader`, in no order, the
/// zombies among them included.
///
/// Session and descent count only while the leader, proven by its start, still
/// stands in the table: its number is then pinned. Without it only the lock and
/// the marker prove anything. Whatever descends from a proven process is proven
/// too. Never selected: a number of 1 or less, anything older than the leader,
/// ourselves (`me`) and our ancestors.
#[must_use]
pub fn select<'t>(table: &'t impl Table, leader: &Identity, me: Pid) -> Vec<&'t Process> {
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

    let mut proven: BTreeSet<Pid> = table
        .processes()
        .iter()
        .filter(|process| eligible(process))
        .filter(|process| {
            is_leader(process)
                || (leader_stands && process.session == leader.pid)
                || (!process.is_zombie()
                    && (table.holds_lock(process.pid) || table.is_marked(process.pid)))
        })
        .map(|process| process.pid)
        .collect();
    // To a fixed point: rows come in any order.
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

/// An instance as the sweep needs to know it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The process that was spawned.
    pub leader: Identity,
    /// The value of the marker in its environment.
    pub marker: String,
}

impl Subject {
    /// Its members that are alive, each with its identity.
    #[must_use]
    pub fn members(&self, lock: &Path) -> Vec<Identity> {
        if !self.leader.is_local() {
            return Vec::new();
        }
        let table = Procfs::read(Some(lock), &self.marker);
        select(&table, &self.leader, own_pid())
            .into_iter()
            .filter(|process| !process.is_zombie())
            .map(|process| Identity {
                pid: process.pid,
                start_ticks: process.start_ticks,
                boot_id: self.leader.boot_id.clone(),
                pid_namespace: self.leader.pid_namespace.clone(),
            })
            .collect()
    }

    /// Sends signals to every living member. Returns how many there were.
    pub fn signal(&self, lock: &Path, signals: &[Signal]) -> usize {
        let members = self.members(lock);
        for proven in members.iter().filter_map(Identity::prove) {
            for signal in signals {
                if let Err(error) = proven.signal(*signal) {
                    tracing::warn!(pid = proven.pid(), ?signal, %error, "signal not delivered");
                }
            }
        }
        members.len()
    }

    /// Asks every member to end, waits for at most `grace`, and kills what is
    /// left. Blocks; what it returns is what outlived even that.
    #[must_use]
    pub fn end(&self, lock: &Path, grace: Duration) -> Vec<Identity> {
        let deadline = Instant::now() + grace;
        self.signal(lock, &[Signal::Term, Signal::Cont]);
        while let Some(member) = self.members(lock).first()
            && Instant::now() < deadline
        {
            // Any end may be the last: then the list is made anew.
            if let Some(proven) = member.prove() {
                let _ = super::watch::wait_exit(&proven, Duration::from_millis(20));
            }
        }
        self.clear(lock, Duration::from_secs(5))
    }

    /// Kills until no member is left, for at most `patience`. Blocks; what it
    /// returns is what outlived it.
    #[must_use]
    pub fn clear(&self, lock: &Path, patience: Duration) -> Vec<Identity> {
        let deadline = Instant::now() + patience;
        loop {
            let members = self.members(lock);
            if members.is_empty() || Instant::now() >= deadline {
                reap_orphans(&self.leader);
                return members;
            }
            let pinned: Vec<_> = members.iter().filter_map(Identity::prove).collect();
            for proven in &pinned {
                if let Err(error) = proven.signal(Signal::Kill) {
                    tracing::warn!(pid = proven.pid(), %error, "not killed");
                }
            }
            for proven in &pinned {
                let _ = super::watch::wait_exit(proven, Duration::from_millis(100));
            }
        }
    }
}

/// As a child subreaper the host inherits what the instance orphans, and must
/// collect it: one by one, never "any child", for that would steal the exit
/// status of a child that somebody else waits for. Those run in our session;
/// what waits for us in another came from the instance. The leader's own zombie
/// stays, it pins the session's number until its owner reaps it.
pub fn reap_orphans(leader: &Identity) {
    let me = own_pid();
    let table = super::linux::processes();
    let Some(ours) = table.iter().find(|process| process.pid == me).map(|p| p.session) else {
        return;
    };
    for process in &table {
        if process.ppid == me
            && process.is_zombie()
            && process.session != ours
            && process.pid != leader.pid
            && process.start_ticks >= leader.start_ticks
        {
            super::watch::reap(process.pid);
        }
    }
}

#[cfg(test)]
mod tests;
