//! What the instance costs: memory and processor time over all its processes.

use super::identity::Identity;
use super::{Pid, linux};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// A reading of several processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident memory.
    pub rss_bytes: u64,
    /// Processor time since they began.
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

/// Sums over these processes; those that are gone count nothing.
#[must_use]
pub fn read(pids: &[Pid]) -> Usage {
    read_all(pids.iter().copied())
}

fn read_all(pids: impl Iterator<Item = Pid>) -> Usage {
    pids.filter_map(|pid| Some(Usage::of(&linux::full_stat(pid).ok()??))).sum()
}

/// The leader of an instance, whose row is read once a round: for the proof that it is alive, and
/// for what it uses.
#[derive(Debug)]
pub struct Leader {
    identity: Identity,
    row: Option<linux::Row>,
    read: Option<Usage>,
}

impl Leader {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, row: None, read: None }
    }

    /// Like [`Identity::is_alive`].
    ///
    /// # Errors
    /// When the kernel does not tell. That says nothing about the process.
    pub fn is_alive(&mut self) -> io::Result<bool> {
        self.read = None;
        if self.row.is_none() {
            // Proven with the row open: from here on the number cannot change hands.
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

    /// The sum over these members: of the leader as it was seen alive last, if that was after the
    /// call before this one.
    pub fn sum(&mut self, members: &[Pid]) -> Usage {
        let read = self.read.take();
        let known = read.map(|_| self.identity.pid);
        let others = members.iter().copied().filter(|pid| Some(*pid) != known);
        [read.unwrap_or_default(), read_all(others)].into_iter().sum()
    }
}

/// The most resident memory that each of these processes has ever had, in sum: as much as all had
/// at once, or more. In bytes. The kernel spends twice as much on it as on [`read`].
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

/// A file of `/proc` that has at most this many bytes. The kernel may compose the file again for
/// each read, so one read should do.
fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let mut text = String::with_capacity(most + 1);
    std::fs::File::open(path)?.take(most as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// How many processes the kernel has ended for want of memory since it booted,
/// anywhere on the machine; none where it does not count them.
#[must_use]
pub fn oom_kills() -> Option<u64> {
    let counts = read_text(Path::new("/proc/vmstat"), 32 << 10).ok()?;
    counts.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Turns readings into a share of a core.
#[derive(Debug, Default)]
pub struct CpuMeter {
    last: Option<(Instant, Duration)>,
}

impl CpuMeter {
    /// Percent of one core since the last reading; none for the first, and
    /// none where a process has left and the sum went back.
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
    fn what_a_process_has_had_is_no_less_than_what_it_has() {
        let own = [super::super::identity::own_pid()];
        let (usage, peak) = (read(&own), peak(&own));
        assert!(usage.rss_bytes > 0 && peak >= usage.rss_bytes / 2, "{usage:?}, {peak}");
        assert_eq!(read(&[]), Usage::default());
    }

    #[test]
    fn a_leader_is_alive_until_it_ends_and_is_counted_once() {
        let sleep = || std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (mut child, mut other) = (sleep(), sleep());
        let members = [&child, &other].map(|it| Pid::try_from(it.id()).unwrap());
        let identity = Identity::of(members[0]).unwrap().unwrap();
        let before = Identity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        assert!(!Leader::new(before).is_alive().unwrap(), "of the same number");
        let mut leader = Leader::new(identity.clone());
        let mut sum = || (leader.is_alive().unwrap(), leader.sum(&members));
        // Both load their libraries still.
        while sum() != (true, read(&members)) || read(&members).rss_bytes == 0 {
            std::thread::yield_now();
        }
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(sum(), (true, read(&members[..1])));
        child.kill().unwrap();
        while identity.is_alive().unwrap() {
            std::thread::yield_now();
        }
        assert!(!sum().0, "a zombie");
        child.wait().unwrap();
        assert_eq!(sum(), (false, Usage::default()));
    }
}
