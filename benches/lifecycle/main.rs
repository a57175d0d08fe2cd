//! Measures starts, repairs and stops, and compares them with the server alone. Both run the same
//! program with the same options, alternately.
//!
//! `cargo bench --bench lifecycle -- [--rounds N] [--idle SECONDS]`

mod bare;
mod figures;
#[path = "../../tests/support/server.rs"]
pub mod server;
mod supervised;

use anyhow::{Context, Result};
use bare::Bare;
use figures::{Figure, Series};
use std::path::{Path, PathBuf};
use std::time::Duration;
use supervised::Supervised;

/// Pause after a start, for the work that a server does directly after its start.
const SETTLING: Duration = Duration::from_millis(500);

/// Number of measurements for one median.
const REPEATS: usize = 5;

struct Arguments {
    rounds: usize,
    idle: Duration,
}

fn main() -> Result<()> {
    // `cargo test --benches` runs this program, too, and needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let arguments = arguments()?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lifecycle");
    let program = server::program();
    println!("{}", figures::machine(program));
    // An interrupted run may have left files.
    let _ = std::fs::remove_dir_all(folder.join("kept"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    let mut kept = Series::default();
    let homes = Homes { folder: folder.join("kept"), program };
    round(&runtime, &homes, &mut Series::default()).context("warming up")?;
    let mut new = Series::default();
    for number in 0..arguments.rounds {
        eprint!("\rround {} of {} ", number + 1, arguments.rounds);
        round(&runtime, &homes, &mut kept)?;
        let folder = folder.join("new");
        let _ = std::fs::remove_dir_all(&folder);
        round(&runtime, &Homes { folder: folder.clone(), program }, &mut new)?;
        std::fs::remove_dir_all(folder)?;
    }
    eprint!("\rmeasuring the idle host");
    let idle = homes.supervised()?.idle(&runtime, arguments.idle)?;
    eprint!("\r                       \r");

    let rounds = arguments.rounds;
    println!("\nExisting database file, medians of {rounds} rounds");
    figures::print(&[
        Figure::ratio("cold start: begin to ready", &kept.start, &kept.bare_start, 1.3),
        Figure::compared("cold start, against bare until engine", &kept.start, &kept.bare_layers),
        Figure::at_most("repeated start", &kept.repeated, 10.0),
        Figure::ratio("crash to ready, against a bare start", &kept.repair, &kept.bare_start, 1.3),
        Figure::compared(
            "crash to ready, against bare kill + start",
            &kept.repair,
            &kept.bare_repair,
        ),
        Figure::ratio("stop, against SIGTERM to exit", &kept.stop, &kept.bare_stop, 1.1),
        Figure::at_most("host killed to the next host's status", &kept.next_host, 2000.0),
        Figure::at_most("last passed check to the start's return", &kept.start_return, 5.0),
        Figure::at_most("server's end to the stop's return", &kept.stop_return, 10.0),
    ]);
    println!("\nNew database file (its schema is bound by fsync)");
    figures::print(&[
        Figure::ratio("cold start: begin to ready", &new.start, &new.bare_start, 1.3),
        Figure::compared("cold start, against bare until engine", &new.start, &new.bare_layers),
        Figure::ratio("stop, against SIGTERM to exit", &new.stop, &new.bare_stop, 1.1),
    ]);
    println!("\nDurations of the phases, from the host (median ms)");
    figures::print_phases("start, existing file", &kept.start_phases);
    figures::print_phases("start, new file", &new.start_phases);
    figures::print_phases("repair", &kept.repair_phases);
    println!("\nBackground host, idle for {:?}, one probe a second", arguments.idle);
    idle.print();
    Ok(())
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments { rounds: 10, idle: Duration::from_secs(30) };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
            "--idle" => parsed.idle = Duration::from_secs(value()?.parse().context("--idle")?),
            "--bench" => {}
            _ => anyhow::bail!("{word}: not known; --rounds N and --idle SECONDS are"),
        }
    }
    anyhow::ensure!(parsed.rounds > 0, "--rounds: at least 1");
    Ok(parsed)
}

/// The homes of two servers: one without stigmer, one with stigmer.
struct Homes<'a> {
    folder: PathBuf,
    program: &'a Path,
}

impl Homes<'_> {
    fn bare(&self) -> Result<Bare> {
        Bare::new(&self.folder.join("bare"), self.program)
    }

    fn supervised(&self) -> Result<Supervised> {
        Supervised::new(&self.folder.join("stigmer"), self.program)
    }
}

/// Measures one round. Both servers start, crash, start again and stop. Then a host is killed.
fn round(runtime: &tokio::runtime::Runtime, homes: &Homes<'_>, series: &mut Series) -> Result<()> {
    runtime.block_on(async {
        let mut bare = homes.bare()?;
        let (served, answered) = bare.start().await?;
        series.bare_start.push(served);
        series.bare_layers.push(answered);
        tokio::time::sleep(SETTLING).await;
        let killed = bare.kill()?;
        series.bare_repair.push(killed + bare.start().await?.0);
        tokio::time::sleep(SETTLING).await;
        series.bare_stop.push(bare.stop()?);

        let mut supervised = homes.supervised()?;
        series.start.push(supervised.start()?);
        for _ in 0..REPEATS {
            series.repeated.push(supervised.start()?);
        }
        tokio::time::sleep(SETTLING).await;
        series.repair.push(supervised.crash().await?);
        tokio::time::sleep(SETTLING).await;
        supervised.phases(series).await?;
        let (stop, stop_return) = supervised.stop()?;
        series.stop.push(stop);
        series.stop_return.push(stop_return);

        // Kill the host last, because the measurements above must be of a server that its host has
        // spawned, not adopted.
        supervised.start()?;
        tokio::time::sleep(SETTLING).await;
        series.next_host.push(supervised.kill_host().await?);
        supervised.stop()?;
        Ok(())
    })
}
