//! Finds the processes of workers by their identity, the name that a worker gives itself, and by
//! their connections to the server.
//!
//! A server reports the end of a worker a minute later or never. For a worker on this machine, the
//! process table and the table of sockets show the end at once.

use super::sample::PollerProcess;
use crate::process::clients::Clients;
use crate::process::threads::LOOKS;
use crate::process::usage::{self, CpuMeter, Usage};
use crate::process::{Pid, linux, memory};
use crate::temporal::queues;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime};

/// Time limit for reading data of processes, which usually takes milliseconds.
const READ: Duration = Duration::from_secs(5);
/// If a poll is later than the end of the process by more than this time, another process has made
/// the poll. Server and host use the same clock, but the server writes the time of a poll a moment
/// later.
const DYING: Duration = Duration::from_secs(1);
/// A worker without a connection for this time is disconnected. An SDK opens a lost connection again
/// within a second.
const RECONNECTING: Duration = Duration::from_secs(2);
/// Time between two measurements of CPU and memory.
const MEASURE: Duration = Duration::from_secs(2);
/// The maximum number of workers that are known.
const KNOWN: usize = 1_000;
/// A worker that no response has named for this time is forgotten. The server names a worker for five
/// minutes after its last poll.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A worker, as responses of the server name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerName {
    /// The name that the worker gives itself.
    pub identity: String,
    /// When the worker last polled a queue.
    pub last_poll: Option<SystemTime>,
    /// Name of its machine and its process id there, if the worker has reported them.
    pub place: Option<(String, Pid)>,
}

/// What is known of the process of a worker on this machine. Unknown values are empty or `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProcessDetails {
    /// Working folder.
    pub folder: String,
    /// Name of the worker of a project to which the process belongs, also after its end.
    pub unit: Option<String>,
    /// CPU usage in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Time since the start of the process.
    pub age: Option<Duration>,
}

/// The known workers and their processes.
#[derive(Debug)]
pub(super) struct Pollers {
    host: String,
    known: HashMap<String, KnownWorker>,
    /// The connections to the server. `None` if they cannot be read.
    clients: Option<Clients>,
}

/// A worker, and what the looks so far have shown of its process.
#[derive(Debug)]
pub(super) struct KnownWorker {
    pub(super) process: PollerProcess,
    /// Start time of the process, as first seen. It distinguishes the process from a later process
    /// with the same pid.
    start_ticks: Option<u64>,
    started: Option<SystemTime>,
    /// The time at which the process was first seen to be absent.
    absent_since: Option<SystemTime>,
    /// Whether the process was ever seen with a connection.
    was_connected: bool,
    /// The time at which the process was first seen without a connection.
    lost_since: Option<SystemTime>,
    command: String,
    folder: String,
    /// Name of the worker of a project to which the process belongs.
    unit: Option<String>,
    meter: CpuMeter,
    measured: Option<(Instant, Usage, Option<f64>)>,
    named: Instant,
}

impl Pollers {
    pub(super) fn new() -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let host = host.to_string_lossy().into_owned();
        Self { host, known: HashMap::new(), clients: None }
    }

    /// Looks up the processes of these workers, and their connections to the server on this port.
    pub(super) async fn look(&mut self, port: Option<u16>, names: Vec<WorkerName>) {
        let pids: Vec<Pid> = names.iter().filter_map(|name| self.pid(name)).collect();
        let mut clients = self.clients.take().unwrap_or_default();
        if let Some(port) = port {
            let job = move || clients.look(port, &pids, Instant::now()).map(|()| clients);
            self.clients = LOOKS.run(READ, job).await.ok().and_then(Result::ok);
        }
        let now = Instant::now();
        for name in names {
            self.look_at(&name, now).await;
        }
        self.known.retain(|_, known| now.saturating_duration_since(known.named) < FORGOTTEN);
    }

    async fn look_at(&mut self, name: &WorkerName, now: Instant) {
        let identity = &name.identity;
        if !self.known.contains_key(identity) {
            if self.known.len() >= KNOWN {
                return;
            }
            self.known.insert(identity.clone(), KnownWorker::new(now));
        }
        let pid = self.pid(name);
        let is_remote = self.is_remote(name);
        let Some(known) = self.known.get_mut(identity) else { return };
        known.named = now;
        let Some(pid) = pid else {
            known.process = if is_remote { PollerProcess::Remote } else { PollerProcess::Unknown };
            return;
        };
        let Ok(found) = linux::stat(pid) else { return };
        let is_connected = self.clients.as_ref().and_then(|it| it.is_connected(pid));
        let is_same = |ticks| known.start_ticks.is_none_or(|first| first == ticks);
        // A later process with the same pid is the worker only if it is connected, too.
        let is_worker = |ticks| is_same(ticks) || is_connected == Some(true);
        match found.filter(|it| !it.is_zombie() && is_worker(it.start_ticks)) {
            Some(process) => {
                if known.start_ticks != Some(process.start_ticks) {
                    *known = KnownWorker::new(now);
                    known.start_ticks = Some(process.start_ticks);
                    let age = linux::age(process.start_ticks);
                    known.started = age.and_then(|age| SystemTime::now().checked_sub(age));
                    let read = move || (memory::short_command_line(pid), memory::worker(pid));
                    let read = LOOKS.run(READ, read).await;
                    (known.command, known.unit) = read.unwrap_or_default();
                    let folder = linux::folder(pid).unwrap_or_default();
                    known.folder = folder.display().to_string();
                }
                known.is_there(pid, is_connected, name.last_poll, SystemTime::now());
                known.measure(pid, now);
            }
            // There is no such process, or a later process has the same pid.
            None => known.is_absent(pid, name.last_poll, SystemTime::now()),
        }
    }

    /// The process id of a worker that runs on this machine: the reported one, or the one in an
    /// identity like `4712@host` or `4712@host@queue`.
    fn pid(&self, name: &WorkerName) -> Option<Pid> {
        let (host, pid) = place(name)?;
        (host == self.host).then_some(pid)
    }

    fn is_remote(&self, name: &WorkerName) -> bool {
        place(name).is_some_and(|(host, _)| host != self.host)
    }

    /// The process of a worker, as the last look found it.
    pub(super) fn process(&self, identity: &str) -> PollerProcess {
        self.known.get(identity).map_or(PollerProcess::Unknown, |known| known.process.clone())
    }

    /// Details of the process of a worker.
    pub(super) fn details(&self, identity: &str) -> ProcessDetails {
        let Some(known) = self.known.get(identity) else { return ProcessDetails::default() };
        let runs = matches!(
            known.process,
            PollerProcess::Runs { .. } | PollerProcess::Disconnected { .. }
        );
        let measured = known.measured.as_ref().filter(|_| runs);
        ProcessDetails {
            folder: known.folder.clone(),
            unit: known.unit.clone(),
            cpu_percent: measured.and_then(|(_, _, percent)| *percent),
            rss_bytes: measured.map(|(_, usage, _)| usage.rss_bytes),
            age: known.start_ticks.filter(|_| runs).and_then(linux::age),
        }
    }

    /// The connected processes without those of the workers with these identities.
    pub(super) fn others<'n>(&self, identities: impl Iterator<Item = &'n str>) -> BTreeSet<Pid> {
        let mut pids = self.clients.as_ref().map(Clients::pids).unwrap_or_default();
        for known in identities.filter_map(|identity| self.known.get(identity)) {
            known.process.pid().map(|pid| pids.remove(&pid));
        }
        pids
    }
}

/// The machine and the process id of a worker, if it names them.
fn place(name: &WorkerName) -> Option<(&str, Pid)> {
    if let Some((host, pid)) = &name.place {
        return Some((host, *pid));
    }
    queues::place(&name.identity)
}

impl KnownWorker {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            process: PollerProcess::Unknown,
            start_ticks: None,
            started: None,
            absent_since: None,
            was_connected: false,
            lost_since: None,
            command: String::new(),
            folder: String::new(),
            unit: None,
            meter: CpuMeter::default(),
            measured: None,
            named: now,
        }
    }

    /// Takes note of the process, which runs. `is_connected` is `None` if this is unknown.
    pub(super) fn is_there(
        &mut self,
        pid: Pid,
        is_connected: Option<bool>,
        last_poll: Option<SystemTime>,
        now: SystemTime,
    ) {
        self.absent_since = None;
        let (command, started) = (self.command.clone(), self.started);
        self.was_connected |= is_connected == Some(true);
        self.lost_since =
            if is_connected == Some(false) { self.lost_since.or(Some(now)) } else { None };
        let silent = |since: SystemTime| last_poll.is_none_or(|poll| poll <= since + DYING);
        self.process = match self.lost_since {
            None => PollerProcess::Runs { pid, command, started },
            Some(since) if self.was_connected && silent(since) => match now.duration_since(since) {
                Ok(lost) if lost >= RECONNECTING => {
                    PollerProcess::Disconnected { pid, command, since }
                }
                Ok(_) | Err(_) => PollerProcess::Runs { pid, command, started },
            },
            // Another process has the pid: the worker runs in another pid namespace. Or the worker is
            // connected through another program.
            Some(_) => PollerProcess::Unknown,
        };
    }

    /// Takes note that no process has the pid. A poll that is later than the end of the process comes
    /// from a process that only has the same name: it runs in another pid namespace.
    fn is_absent(&mut self, pid: Pid, last_poll: Option<SystemTime>, now: SystemTime) {
        let since = *self.absent_since.get_or_insert(now);
        if last_poll.is_some_and(|poll| poll > since + DYING) {
            self.process = PollerProcess::Unknown;
        } else {
            let command = self.command.clone();
            let since = self.start_ticks.map(|_| since);
            self.process = PollerProcess::Ended { pid, command, since };
        }
    }

    fn measure(&mut self, pid: Pid, now: Instant) {
        let is_due = |at: Instant| now.saturating_duration_since(at) >= MEASURE;
        if self.measured.as_ref().is_none_or(|(at, ..)| is_due(*at)) {
            let usage = usage::read(&[pid]);
            let percent = self.meter.percent(usage.cpu, now);
            self.measured = Some((now, usage, percent));
        }
    }
}
