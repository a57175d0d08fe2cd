//! What the instance costs: memory and processor time over all its processes.

use super::Pid;
use std::time::{Duration, Instant};

/// A reading of several processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident memory.
    pub rss_bytes: u64,
    /// The most that each has ever had, in sum: as much as all had at once, or more.
    pub peak_bytes: u64,
    /// Processor time since they began.
    pub cpu: Duration,
}

/// Sums over these processes; those that are gone count nothing.
#[must_use]
pub fn read(pids: &[Pid]) -> Usage {
    let page = procfs::page_size();
    let tick = procfs::ticks_per_second();
    pids.iter()
        .filter_map(|pid| {
            let file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
            let stat = <procfs::process::Stat as procfs::FromRead>::from_read(file).ok()?;
            Some((stat, peak(*pid).unwrap_or(0)))
        })
        .fold(Usage::default(), |sum, (stat, peak)| Usage {
            rss_bytes: sum.rss_bytes + stat.rss * page,
            peak_bytes: sum.peak_bytes + peak,
            cpu: sum.cpu + Duration::from_millis((stat.utime + stat.stime) * 1000 / tick.max(1)),
        })
}

/// The most resident memory that a process has ever had.
fn peak(pid: Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// How many processes the kernel has ended for want of memory since it booted,
/// anywhere on the machine; none where it does not count them.
#[must_use]
pub fn oom_kills() -> Option<u64> {
    let counts = std::fs::read_to_string("/proc/vmstat").ok()?;
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
        let own = read(&[super::super::identity::own_pid()]);
        assert!(own.rss_bytes > 0 && own.peak_bytes >= own.rss_bytes / 2, "{own:?}");
        assert_eq!(read(&[]), Usage::default());
    }
}
