//! Decides which processes of a table belong to an instance. The selection accepts positive proof
//! only: a value that cannot be read matches nothing, and an absent value equals nothing.

use super::Instance;
use crate::process::Pid;
use crate::process::table::{Process, Table};
use std::collections::{BTreeSet, HashMap};

/// Returns the processes of an instance in any order, including zombies.
///
/// Four kinds of proof show that a process belongs to the instance:
///
/// - Session: the process is in the session of the leader. This counts only while the leader,
///   proven by its start time, is in the table. Then no other process can have the id of the
///   leader.
/// - Marker: the environment of the process has the marker of the instance.
/// - Lock: the process has the lock. This is no proof for a process with the marker of another
///   instance, because the next generation has the same lock. For a process without a readable
///   marker, the lock is a proof only until the next generation takes the lock
///   ([`can_prove`](super::can_prove)).
/// - Descent: the process is a descendant of a proven process.
///
/// The result never contains a process id of 1 or less, a process older than the leader, this
/// process (`me`), or an ancestor of this process.
#[must_use]
pub fn select<'t>(table: &'t impl Table, instance: &Instance, me: Pid) -> Vec<&'t Process> {
    let leader = &instance.leader;
    let rows: ById<'_> = table.processes().iter().map(|p| (p.pid, p)).collect();
    let untouchable = with_ancestors(me, &rows);
    let eligible = |process: &Process| {
        process.pid > 1
            && leader.start_ticks > 0
            && process.start_ticks >= leader.start_ticks
            && !untouchable.contains(&process.pid)
    };
    let is_leader =
        |p: &Process| p.pid == leader.pid && p.start_ticks == leader.start_ticks && p.pid > 1;
    let leader_stands = rows.get(&leader.pid).is_some_and(|process| is_leader(process));

    // The lock is no proof for a process in the session of this process: while this process has the
    // lock open, each child that it forks has the lock for a moment. A process of an instance is
    // never in this session.
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

    let candidates: Vec<&Process> =
        table.processes().iter().filter(|process| eligible(process)).collect();
    let mut proven: BTreeSet<Pid> = candidates
        .iter()
        .filter(|process| {
            is_leader(process)
                || (leader_stands && process.session == leader.pid)
                || (!process.is_zombie() && is_ours(process))
        })
        .map(|process| process.pid)
        .collect();
    add_descendants(&mut proven, &candidates, &rows);
    let selected: Vec<&Process> =
        table.processes().iter().filter(|process| proven.contains(&process.pid)).collect();
    assert!(
        selected.iter().all(|process| eligible(process)),
        "a sweep must never select what it may not touch"
    );
    selected
}

/// The rows of a process table by process id.
type ById<'t> = HashMap<Pid, &'t Process>;

/// A process and its ancestors.
fn with_ancestors(pid: Pid, rows: &ById<'_>) -> BTreeSet<Pid> {
    let mut found = BTreeSet::from([pid]);
    let mut above = pid;
    while let Some(process) = rows.get(&above)
        && found.insert(process.ppid)
    {
        above = process.ppid;
    }
    found
}

/// Adds the candidates that descend from a proven process.
fn add_descendants(proven: &mut BTreeSet<Pid>, candidates: &[&Process], rows: &ById<'_>) {
    // The table has no order, so the search is repeated until it finds no new descendants.
    loop {
        let descendants: Vec<Pid> = candidates
            .iter()
            .filter(|process| !proven.contains(&process.pid))
            .filter(|process| {
                proven.contains(&process.ppid)
                    && rows
                        .get(&process.ppid)
                        .is_some_and(|parent| parent.start_ticks <= process.start_ticks)
            })
            .map(|process| process.pid)
            .collect();
        if descendants.is_empty() {
            return;
        }
        proven.extend(descendants);
    }
}
