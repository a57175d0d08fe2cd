//! Measures how long a viewer waits for the first snapshot and for the status, how long a log line
//! takes to the screen, and how much CPU time and memory a flood of lines costs the host and a
//! viewer.
//!
//! `cargo bench --bench viewers -- [--seconds N] [--lines N]`

mod screen;
#[path = "../../tests/support/server.rs"]
pub mod server;
mod stage;
mod writer;

use anyhow::{Context, Result};
use screen::Screen;
use stage::Stage;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stigmer::control::client;
use stigmer::process::usage;
use stigmer::session::Session;

/// Number of lines per second that a busy dev server writes.
const RATE: u32 = 10_000;
/// Accepted peak memory of host and of viewer in MiB.
const MEMORY_MAX: f64 = 64.0;

struct Arguments {
    seconds: u32,
    lines: u64,
}

fn main() -> Result<()> {
    // `cargo test --benches` runs this program, too, and needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let Arguments { seconds, lines } = arguments()?;
    let stage = Stage::set(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("viewers"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("ms: median, 99 % of all, most");
    runtime.block_on(requests(&stage))?;

    let screen = Screen::attach(&stage)?;
    let span = Duration::from_secs(seconds.into());
    let idle = Load::begin(screen.pid());
    std::thread::sleep(span);
    let (idle, resident) = (idle.percent(), resident(screen.pid())?);

    let load = Load::begin(screen.pid());
    let written = writer::steady(&stage.log(), 0, RATE, span)?;
    let load = load.percent();
    let seen = screen.until(written.len() as u64 - 1)?;
    let latencies = screen::latencies(&written, &seen);
    let name = format!("log line to an attached screen, {RATE} lines/s");
    print(&name, latencies, 50.0, |spread| spread.p99);

    let (log, first) = (stage.log(), written.len() as u64);
    let writer = std::thread::spawn(move || writer::steady(&log, first, RATE, span));
    let keys = screen.keys(span)?;
    let written = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    let last = first + written.len() as u64 - 1;
    screen.until(last)?;
    print(&format!("key to the screen, {RATE} lines/s"), keys, 50.0, |spread| spread.most);

    println!("\nthe dashboard:");
    let share = |name: &str, percent: f64, most: f64| {
        println!("  {name:<46} {percent:>7.2} %   ≤ {most} %  {}", met(percent, most));
    };
    share("idle, of a core", idle, 1.0);
    println!("  {:<46} {resident:>7.1} MiB ≤ 25 MiB  {}", "idle, memory", met(resident, 25.0));
    share(&format!("{RATE} lines/s, of a core"), load, 5.0);

    let begun = Instant::now();
    let written = writer::flood(&stage.log(), last + 1, lines)?;
    let speed = written.len as f64 / written.took.as_secs_f64() / f64::from(1 << 20);
    screen.until(last + lines)?;
    println!(
        "\n{lines} lines at full speed: {:.1} s to write ({speed:.0} MiB/s), the last on the screen after {:.1} s",
        written.took.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    for (who, pid) in [("host", stage.host()), ("viewer", screen.pid())] {
        let mib = peak(pid)?;
        println!(
            "  most memory of the {who:<8} {mib:>6.1} MiB   ≤ {MEMORY_MAX} MiB  {}",
            met(mib, MEMORY_MAX)
        );
    }
    println!("  log on disk {:.1} MiB", stage.log_blocks()?);
    Ok(())
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments { seconds: 10, lines: 5_000_000 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seconds" => parsed.seconds = value()?.parse().context("--seconds")?,
            "--lines" => parsed.lines = value()?.parse().context("--lines")?,
            "--bench" => {}
            _ => anyhow::bail!("{word}: not known; --seconds N and --lines N are"),
        }
    }
    anyhow::ensure!(parsed.seconds > 0 && parsed.lines > 0, "at least 1");
    Ok(parsed)
}

/// Measures requests. Each request has its own connection, like the request of a command or of a
/// new viewer.
async fn requests(stage: &Stage) -> Result<()> {
    let mut snapshots = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        let session = Session::connect(&stage.home).await?;
        snapshots.push(begun.elapsed());
        drop(session);
    }
    print("snapshot to a new viewer", snapshots, 5.0, |spread| spread.median);
    let mut answers = Vec::new();
    for _ in 0..1_000 {
        let begun = Instant::now();
        client::status(&stage.home).await?;
        answers.push(begun.elapsed());
    }
    print("status, there and back", answers, 1.0, |spread| spread.median);
    Ok(())
}

struct Spread {
    median: f64,
    p99: f64,
    most: f64,
}

fn print(name: &str, mut took: Vec<Duration>, target: f64, counts: fn(&Spread) -> f64) {
    took.sort_unstable();
    let rank = |percent: usize| {
        let rank = (took.len() * percent).div_ceil(100).saturating_sub(1);
        took.get(rank).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    let spread = Spread { median: rank(50), p99: rank(99), most: rank(100) };
    let verdict = met(counts(&spread), target);
    let Spread { median, p99, most } = spread;
    println!("  {name:<46} {median:>7.2} {p99:>7.2} {most:>7.2}   ≤ {target} ms  {verdict}");
}

fn met(value: f64, target: f64) -> &'static str {
    if value <= target { "met" } else { "MISSED" }
}

/// Measures the CPU time that a process has used since `begin`.
struct Load {
    pid: i32,
    begun: Instant,
    cpu: Duration,
}

impl Load {
    fn begin(pid: i32) -> Self {
        Self { pid, begun: Instant::now(), cpu: usage::read(&[pid]).cpu }
    }

    fn percent(&self) -> f64 {
        let cpu = usage::read(&[self.pid]).cpu.saturating_sub(self.cpu);
        cpu.as_secs_f64() * 100.0 / self.begun.elapsed().as_secs_f64()
    }
}

fn resident(pid: i32) -> Result<f64> {
    in_status(pid, "VmRSS:")
}

/// The peak memory of a process in MiB.
fn peak(pid: i32) -> Result<f64> {
    in_status(pid, "VmHWM:")
}

fn in_status(pid: i32, key: &'static str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).context(key)?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
