//! What the instance costs: memory and processor time over all its processes.

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

/// Sums over these processes; those that are gone count nothing.
#[must_use]
pub fn read(pids: &[Pid]) -> Usage {
    let page = procfs::page_size();
    let tick = procfs::ticks_per_second();
    pids.iter().filter_map(|pid| linux::full_stat(*pid).ok()?).fold(
        Usage::default(),
        |sum, stat| Usage {
            rss_bytes: sum.rss_bytes + stat.rss * page,
            cpu: sum.cpu + Duration::from_millis((stat.utime + stat.stime) * 1000 / tick.max(1)),
        },
    )
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
}
