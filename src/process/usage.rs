//! What the instance costs: memory and processor time over all its processes.

use super::Pid;
use std::time::{Duration, Instant};

/// A reading of several processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident memory.
    pub rss_bytes: u64,
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
            <procfs::process::Stat as procfs::FromRead>::from_read(file).ok()
        })
        .fold(Usage::default(), |sum, stat| Usage {
            rss_bytes: sum.rss_bytes + stat.rss * page,
            cpu: sum.cpu + Duration::from_millis((stat.utime + stat.stime) * 1000 / tick.max(1)),
        })
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
