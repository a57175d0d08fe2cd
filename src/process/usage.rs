//! Measures the memory and CPU time of all processes of a server, and counts the processes that the
//! kernel killed for lack of memory.

use super::identity::Identity;
use super::{Pid, linux};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// Resource usage of several processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// CPU time since the start of the processes.
    pub cpu: Duration,
}

impl Usage {
    fn of(stat: &procfs::process::Stat) -> Self {
        let tick = procfs::ticks_per_second().max(1);
        Self {
            rss_bytes: stat.rss * procfs::page_size(),
            cpu: Duration::from_millis((stat.utime + stat.stime) * 1000 / tick),
        }
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(readings: I) -> Self {
        readings.fold(Self::default(), |sum, reading| Self {
            rss_bytes: sum.rss_bytes + reading.rss_bytes,
            cpu: sum.cpu + reading.cpu,
        })
    }
}

/// The sum over these processes. A process that has ended counts as zero.
#[must_use]
pub fn read(pids: &[Pid]) -> Usage {
    read_all(pids.iter().copied())
}

/// Like [`read`]. Also returns one of the processes that a signal has stopped.
#[must_use]
pub fn read_with_halted(pids: &[Pid]) -> (Usage, Option<Pid>) {
    let stats = pids.iter().filter_map(|pid| linux::full_stat(*pid).ok()?);
    stats.fold((Usage::default(), None), |(sum, halted), stat| {
        let halted = halted.or((stat.state == 'T').then_some(stat.pid));
        ([sum, Usage::of(&stat)].into_iter().sum(), halted)
    })
}

fn read_all(pids: impl Iterator<Item = Pid>) -> Usage {
    pids.filter_map(|pid| Some(Usage::of(&linux::full_stat(pid).ok()??))).sum()
}

/// The leader, which is the spawned process of a server, with its open entry in `/proc`. One read
/// of this entry per round of checks serves two purposes: it shows that the leader is alive, and it
/// has the resource usage of the leader.
#[derive(Debug)]
pub struct KnownLeader {
    identity: Identity,
    row: Option<linux::Row>,
    read: Option<Usage>,
}

impl KnownLeader {
    /// Creates the value without reading the entry.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, row: None, read: None }
    }

    /// Like [`Identity::is_alive`], and stores the resource usage for [`Self::sum`].
    ///
    /// # Errors
    /// If the kernel does not report the process, so that it is unknown whether the process runs.
    pub fn is_alive(&mut self) -> io::Result<bool> {
        self.read = None;
        if self.row.is_none() {
            // Check the leader only after the entry was opened. A process keeps its id until it
            // ends. So if the leader has the id now, the opened entry is the entry of the leader.
            let row = linux::Row::of(self.identity.pid)?;
            self.row = if self.identity.is_alive()? { row } else { None };
        }
        let Some(stat) = self.row.as_ref().map_or(Ok(None), linux::Row::read)? else {
            return Ok(false);
        };
        if linux::process(&stat).is_zombie() {
            return Ok(false);
        }
        self.read = Some(Usage::of(&stat));
        Ok(true)
    }

    /// The sum over these processes of a server. The values of the leader are from the last call of
    /// [`Self::is_alive`], if there was one since the last call of `sum`.
    pub fn sum(&mut self, members: &[Pid]) -> Usage {
        let read = self.read.take();
        let known = read.map(|_| self.identity.pid);
        let others = members.iter().copied().filter(|pid| Some(*pid) != known);
        [read.unwrap_or_default(), read_all(others)].into_iter().sum()
    }
}

/// The sum of the peaks of resident memory of these processes, in bytes. The processes may reach
/// their peaks at different times, so the peak of the sum may be lower. The kernel needs twice as
/// much time as for [`read`].
#[must_use]
pub fn peak(pids: &[Pid]) -> u64 {
    let peak = |pid: &Pid| {
        let status = read_text(Path::new(&format!("/proc/{pid}/status")), 4096).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    };
    pids.iter().filter_map(peak).sum()
}

/// Reads a file of `/proc`, up to `most` bytes, in one read, because the kernel may create the
/// content again for each read.
fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let mut text = String::with_capacity(most + 1);
    std::fs::File::open(path)?.take(most as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Number of processes on this machine that the kernel has killed for lack of memory since the
/// boot. `None` if the kernel does not count them.
#[must_use]
pub fn oom_kills() -> Option<u64> {
    let counts = read_text(Path::new("/proc/vmstat"), 32 << 10).ok()?;
    counts.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Converts CPU time to a percentage of one core.
#[derive(Debug, Default)]
pub struct CpuMeter {
    last: Option<(Instant, Duration)>,
}

impl CpuMeter {
    /// The used CPU time since the previous call, in percent of one core. `cpu` is the total CPU
    /// time of the processes. `None` for the first call, and if the total has decreased because a
    /// process has ended.
    pub fn percent(&mut self, cpu: Duration, now: Instant) -> Option<f64> {
        let (then, before) = self.last.replace((now, cpu))?;
        let elapsed = now.saturating_duration_since(then).as_secs_f64();
        let spent = cpu.checked_sub(before)?.as_secs_f64();
        (elapsed > 0.0).then(|| spent / elapsed * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_is_not_less_than_current_memory() {
        let own = [super::super::identity::own_pid()];
        let (usage, peak) = (read(&own), peak(&own));
        assert!(usage.rss_bytes > 0 && peak >= usage.rss_bytes / 2, "{usage:?}, {peak}");
        assert_eq!(read(&[]), Usage::default());
    }

    #[test]
    fn leader_is_alive_until_its_end_and_is_counted_once() {
        let sleep = || std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (mut child, mut other) = (sleep(), sleep());
        let members = [&child, &other].map(|it| Pid::try_from(it.id()).unwrap());
        let identity = Identity::of(members[0]).unwrap().unwrap();
        let before = Identity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        assert!(!KnownLeader::new(before).is_alive().unwrap(), "another process with the same id");
        let mut leader = KnownLeader::new(identity.clone());
        let mut sum = || (leader.is_alive().unwrap(), leader.sum(&members));
        // The processes still load their libraries, so their memory may change between two reads.
        let mut settles = |running: &[Pid]| {
            (0..30_000).any(|_| {
                std::thread::sleep(Duration::from_millis(1));
                let counted = sum();
                counted == (true, read(running)) && counted.1.rss_bytes > 0
            })
        };
        assert!(settles(&members));
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(settles(&members[..1]));
        child.kill().unwrap();
        while identity.is_alive().unwrap() {
            std::thread::yield_now();
        }
        assert!(!sum().0, "a zombie");
        child.wait().unwrap();
        assert_eq!(sum(), (false, Usage::default()));
    }
}
