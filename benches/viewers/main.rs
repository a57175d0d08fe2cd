//! Measures how long a viewer waits for the first snapshot and for the status, how long a log line
//! takes to the screen, and how much CPU time and memory a flood of lines costs the host and a
//! viewer.
//!
//! `cargo bench --bench viewers -- [--seconds N] [--lines N]`

mod lines;
#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../shared/report.rs"]
mod report;
#[path = "../shared/screen.rs"]
mod screen;
#[path = "../../tests/support/server.rs"]
pub mod server;
#[path = "../shared/stage.rs"]
mod stage;
mod writer;

use anyhow::{Context, Result};
use lines::LineScreen;
use report::{Load, peak, print, print_memory, print_share, resident};
use stage::Stage;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stigmer::control::client;
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
    let Arguments { seconds, lines: count } = arguments()?;
    let stage = Stage::set(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("viewers"), false)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("ms: median, 99 % of all, most");
    runtime.block_on(requests(&stage))?;

    let lines = LineScreen::attach(&stage)?;
    let (pid, log) = (lines.screen.pid(), stage.home.temporal_log());
    let span = Duration::from_secs(seconds.into());
    let idle = Load::begin(pid);
    std::thread::sleep(span);
    let (idle, resident) = (idle.percent(), resident(pid)?);

    let load = Load::begin(pid);
    let written = writer::steady(&log, 0, RATE, span)?;
    let load = load.percent();
    let seen = lines.until(written.len() as u64 - 1)?;
    let latencies = lines::latencies(&written, &seen);
    let name = format!("log line to an attached screen, {RATE} lines/s");
    print(&name, latencies, 50.0, |spread| spread.p99);

    let (first, busy) = (written.len() as u64, log.clone());
    let writer = std::thread::spawn(move || writer::steady(&busy, first, RATE, span));
    let keys = lines.screen.keys(span)?;
    let written = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    let last = first + written.len() as u64 - 1;
    lines.until(last)?;
    print(&format!("key to the screen, {RATE} lines/s"), keys, 50.0, |spread| spread.most);

    println!("\nthe dashboard:");
    print_share("idle, of a core", idle, 1.0);
    print_memory("idle, memory", resident, 25.0);
    print_share(&format!("{RATE} lines/s, of a core"), load, 5.0);

    let begun = Instant::now();
    let written = writer::flood(&log, last + 1, count)?;
    let speed = written.len as f64 / written.took.as_secs_f64() / f64::from(1 << 20);
    lines.until(last + count)?;
    println!(
        "\n{count} lines at full speed: {:.1} s to write ({speed:.0} MiB/s), the last on the screen after {:.1} s",
        written.took.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    for (name, pid) in [("most memory of the host", stage.host()), ("of the viewer", pid)] {
        print_memory(name, peak(pid)?, MEMORY_MAX);
    }
    // Deallocated parts do not count.
    let blocks = std::fs::metadata(&log)?.blocks();
    println!("  log on disk {:.1} MiB", blocks as f64 * 512.0 / f64::from(1 << 20));
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
