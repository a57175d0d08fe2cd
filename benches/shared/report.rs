//! Figures of processes and series of durations, and their output.

use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use stigmer::process::{Pid, usage};

/// The median, the value that 99 % do not exceed, and the largest value of a series, in ms.
pub struct Spread {
    pub median: f64,
    pub p99: f64,
    pub most: f64,
}

/// Prints a series of durations. `counts` selects the value that must not exceed `target` ms.
pub fn print(name: &str, took: Vec<Duration>, target: f64, counts: fn(&Spread) -> f64) {
    let spread = Spread::of(took);
    println!("{}   ≤ {target} ms  {}", spread.row(name), met(counts(&spread), target));
}

/// Prints a series of durations that has no target.
pub fn print_measured(name: &str, took: Vec<Duration>) {
    println!("{}", Spread::of(took).row(name));
}

impl Spread {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let rank = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).saturating_sub(1);
            took.get(rank).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
        };
        Self { median: rank(50), p99: rank(99), most: rank(100) }
    }

    fn row(&self, name: &str) -> String {
        let Self { median, p99, most } = self;
        format!("  {name:<46} {median:>7.2} {p99:>7.2} {most:>7.2}")
    }
}

/// Prints a share of a core.
pub fn print_share(name: &str, percent: f64, most: f64) {
    println!("  {name:<46} {percent:>7.2} %   ≤ {most} %  {}", met(percent, most));
}

/// Prints an amount of memory.
pub fn print_memory(name: &str, mib: f64, most: f64) {
    println!("  {name:<46} {mib:>7.1} MiB ≤ {most} MiB  {}", met(mib, most));
}

fn met(value: f64, target: f64) -> &'static str {
    if value <= target { "met" } else { "MISSED" }
}

/// Measures the CPU time that a process has used since `begin`.
pub struct Load {
    pid: Pid,
    begun: Instant,
    cpu: Duration,
}

impl Load {
    pub fn begin(pid: Pid) -> Self {
        Self { pid, begun: Instant::now(), cpu: usage::read(&[pid]).cpu }
    }

    /// In percent of a core.
    pub fn percent(&self) -> f64 {
        let cpu = usage::read(&[self.pid]).cpu.saturating_sub(self.cpu);
        cpu.as_secs_f64() * 100.0 / self.begun.elapsed().as_secs_f64()
    }
}

/// The resident memory of a process in MiB.
pub fn resident(pid: Pid) -> Result<f64> {
    in_status(pid, "VmRSS:")
}

/// The peak memory of a process in MiB.
pub fn peak(pid: Pid) -> Result<f64> {
    in_status(pid, "VmHWM:")
}

fn in_status(pid: Pid, key: &'static str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).context(key)?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
