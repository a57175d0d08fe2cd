//! Medians and ratios of the measurements, and their output.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use stigmer::process::Pid;

/// Limits for an idle host: resident memory in MiB, and CPU usage in percent.
const RSS_MAX: f64 = 12.0;
const CPU_MAX: f64 = 0.3;

/// All measurements on one kind of database file. `bare` is the server without stigmer.
#[derive(Default)]
pub struct Series {
    pub bare_start: Vec<Duration>,
    pub bare_layers: Vec<Duration>,
    pub bare_repair: Vec<Duration>,
    pub bare_stop: Vec<Duration>,
    pub start: Vec<Duration>,
    pub repeated: Vec<Duration>,
    pub repair: Vec<Duration>,
    pub stop: Vec<Duration>,
    /// Times from SIGKILL of the host to the first status of the next host.
    pub next_host: Vec<Duration>,
    /// Times from the last passed check of a start to the end of the command.
    pub start_return: Vec<Duration>,
    /// Times from the end of the server to the end of the command `stop`.
    pub stop_return: Vec<Duration>,
    pub start_phases: Vec<Phases>,
    pub repair_phases: Vec<Phases>,
}

/// Phases of a start or repair: their names and durations in microseconds.
pub type Phases = Vec<(String, u64)>;

/// A row of the printed table.
pub struct Figure {
    name: &'static str,
    ours: Spread,
    bare: Option<Spread>,
    /// The largest accepted ratio of the time with stigmer to the time of the server alone. For a
    /// row without `bare`, the largest accepted time in milliseconds.
    target: Option<f64>,
}

impl Figure {
    pub fn ratio(name: &'static str, ours: &[Duration], bare: &[Duration], target: f64) -> Self {
        Self { target: Some(target), ..Self::compared(name, ours, bare) }
    }

    pub fn compared(name: &'static str, ours: &[Duration], bare: &[Duration]) -> Self {
        Self { name, ours: Spread::of(ours), bare: Some(Spread::of(bare)), target: None }
    }

    pub fn at_most(name: &'static str, ours: &[Duration], target: f64) -> Self {
        Self { name, ours: Spread::of(ours), bare: None, target: Some(target) }
    }
}

#[derive(Clone, Copy)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(durations: &[Duration]) -> Self {
        let ms: Vec<f64> = durations.iter().map(|d| d.as_secs_f64() * 1e3).collect();
        let (min, max) = ms.iter().fold((f64::MAX, 0.0_f64), |(a, b), &ms| (a.min(ms), b.max(ms)));
        Self { min, median: median(ms), max }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.1} ({:.0}–{:.0})", self.median, self.min, self.max);
        f.pad(&text)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

pub fn print(figures: &[Figure]) {
    println!(
        "  {:<42} {:>20} {:>20} {:>7}  target",
        "ms: median (min–max)", "stigmer", "bare", "ratio"
    );
    for Figure { name, ours, bare, target } in figures {
        let ratio = bare.map(|bare| ours.median / bare.median);
        let verdict = target.map_or_else(String::new, |target| {
            let unit = if ratio.is_some() { "" } else { " ms" };
            let met = if ratio.unwrap_or(ours.median) <= target { "met" } else { "MISSED" };
            format!("≤ {target}{unit}  {met}")
        });
        println!(
            "  {name:<42} {ours:>20} {:>20} {:>7}  {verdict}",
            bare.map_or_else(String::new, |bare| bare.to_string()),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        );
    }
}

pub fn print_phases(what: &str, lives: &[Phases]) {
    let Some(first) = lives.first() else { return };
    let of = |name: &str| {
        let found = lives.iter().flatten().filter(|(known, _)| known == name);
        median(found.map(|(_, us)| *us as f64 / 1e3).collect())
    };
    let parts: Vec<String> =
        first.iter().map(|(name, _)| format!("{name} {:.1}", of(name))).collect();
    println!("  {what:<22} {}", parts.join("  "));
}

/// Memory and CPU of an idle host.
pub struct Idle {
    rss: f64,
    private: f64,
    threads: usize,
    cpu: f64,
    server_cpu: f64,
}

impl Idle {
    pub fn measure(host: Pid, server: Pid, duration: Duration) -> Result<Self> {
        let begun = Instant::now();
        let before = (on_cpu(host)?, on_cpu(server)?);
        std::thread::sleep(duration);
        let after = (on_cpu(host)?, on_cpu(server)?);
        let percent = |spent: Duration| spent.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
        let memory = std::fs::read_to_string(format!("/proc/{host}/smaps_rollup"))?;
        let mib = |name: &str| -> Result<f64> {
            let line = memory.lines().find_map(|line| line.strip_prefix(name)).context("smaps")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(Self {
            rss: mib("Rss:")?,
            private: mib("Anonymous:")?,
            threads: std::fs::read_dir(format!("/proc/{host}/task"))?.count(),
            cpu: percent(after.0 - before.0),
            server_cpu: percent(after.1 - before.1),
        })
    }

    pub fn print(&self) {
        let met = |value: f64, max: f64| if value <= max { "met" } else { "MISSED" };
        let Self { rss, private, threads, cpu, server_cpu } = self;
        println!(
            "  memory     {rss:.1} MiB resident ({private:.1} its own, the rest its program's file)  ≤ {RSS_MAX} MiB  {}",
            met(*rss, RSS_MAX)
        );
        println!(
            "  processor  {cpu:.2} % of a core, {threads} threads (Temporal itself: {server_cpu:.2} %)  ≤ {CPU_MAX} %  {}",
            met(*cpu, CPU_MAX)
        );
    }
}

/// The CPU time of a process, summed over its threads. The scheduler counts nanoseconds, while
/// `stat` counts only ticks of 10 ms.
fn on_cpu(pid: Pid) -> Result<Duration> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // The thread may have ended, so a file that cannot be read counts as 0.
        let text = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        sum += text.split_whitespace().next().map_or(Ok(0), str::parse::<u64>)?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Describes the versions and the machine of the measurement.
pub fn machine(temporal: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            Some(line.strip_prefix("model name")?.trim_start_matches([' ', '\t', ':']))
        })
        .unwrap_or("unknown processor")
        .to_owned();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let version = Command::new(temporal)
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!(
        "stigmer {} · {version}\nLinux {} · {cores} × {cpu} · load {}",
        env!("CARGO_PKG_VERSION"),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    )
}
