//! Measures the workers of a project: from `stigmer local` to all ready, from a changed file to the new
//! worker, both compared with the same workers started by hand, and an idle host. With `--chaos`, kills and freezes server, workers and hosts at random for
//! some minutes, and checks that every workflow completes.
//!
//! `cargo bench --bench workers -- [--rounds N] [--idle SECONDS] [--chaos MINUTES]`

#[allow(dead_code, reason = "another benchmark uses the rest")]
#[path = "../workflows/api.rs"]
mod api;
mod by_hand;
mod chaos;
#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../shared/report.rs"]
mod report;
#[path = "../../tests/support/server.rs"]
pub mod server;
mod shop;

use anyhow::{Context, Result};
use report::{Load, print, print_measured, print_memory, print_share, resident};
use shop::{Shop, WORKERS, pid, worker};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

struct Arguments {
    rounds: u32,
    idle: u32,
    chaos: Option<u32>,
}

fn main() -> Result<()> {
    // `cargo test --benches` runs this program, too, and needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let arguments = arguments()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workers");
    match arguments.chaos {
        Some(minutes) => chaos::run(&folder, Duration::from_secs(60) * minutes),
        None => measure(&folder, &arguments),
    }
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments { rounds: 5, idle: 20, chaos: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
            "--idle" => parsed.idle = value()?.parse().context("--idle")?,
            "--chaos" => parsed.chaos = Some(value()?.parse().context("--chaos")?),
            "--bench" => {}
            _ => anyhow::bail!("{word}: not known; --rounds, --idle and --chaos are"),
        }
    }
    Ok(parsed)
}

fn measure(folder: &Path, arguments: &Arguments) -> Result<()> {
    let shop = Shop::new(folder, "")?;
    let (mut starts, mut reloads) = (Starts::default(), Reloads::default());
    for _ in 0..arguments.rounds {
        starts.measure(&shop)?;
        reloads.measure(&shop)?;
        shop.run(&["stop"])?;
    }
    println!("ms: median, 99 % of all, most");
    starts.print();
    reloads.print();

    shop.run(&[])?;
    let status = shop.wait_ready()?;
    let host = pid(&status["host"]["pid"]).context("no host")?;
    std::thread::sleep(Duration::from_secs(5));
    let load = Load::begin(host);
    std::thread::sleep(Duration::from_secs(arguments.idle.into()));
    println!("\nthe idle host, with three workers:");
    print_share("of a core", load.percent(), 0.2);
    print_memory("memory", resident(host)?, 12.0);
    Ok(())
}

/// The start of the server with three workers, compared with both alone.
#[derive(Default)]
struct Starts {
    server: Vec<Duration>,
    workers: Vec<Duration>,
    all: Vec<Duration>,
    more: Vec<Duration>,
}

impl Starts {
    fn measure(&mut self, shop: &Shop) -> Result<()> {
        let begun = Instant::now();
        shop.run(&["--no-project"])?;
        let server = begun.elapsed();
        let (workers, _) = by_hand::measure(shop, &WORKERS)?;
        shop.run(&["stop"])?;

        let begun = Instant::now();
        shop.run(&[])?;
        let all = begun.elapsed();
        self.server.push(server);
        self.workers.push(workers);
        self.all.push(all);
        self.more.push(all.saturating_sub(server + workers));
        Ok(())
    }

    fn print(self) {
        print("the server alone", self.server, 400.0, |it| it.median);
        print_measured("three workers started by hand, to all polling", self.workers);
        print_measured("`stigmer local` to server and workers ready", self.all);
        print("more than both alone", self.more, 50.0, |it| it.median);
    }
}

/// The restart of a worker after a change, compared with its own stop and start.
#[derive(Default)]
struct Reloads {
    start: Vec<Duration>,
    stop: Vec<Duration>,
    all: Vec<Duration>,
    more: Vec<Duration>,
}

impl Reloads {
    fn measure(&mut self, shop: &Shop) -> Result<()> {
        let (start, stop) = by_hand::measure(shop, &WORKERS[..1])?;
        let generation = worker(&shop.wait_ready()?, WORKERS[0])["generation"].as_u64();
        let source = std::fs::read_to_string(shop.source())?;
        let changed = SystemTime::now();
        std::fs::write(shop.source(), source + "\n# changed\n")?;
        let next = generation.context("no generation")? + 1;
        let all = shop.became_ready(WORKERS[0], next)?.duration_since(changed)?;
        self.start.push(start);
        self.stop.push(stop);
        self.all.push(all);
        self.more.push(all.saturating_sub(start + stop));
        Ok(())
    }

    fn print(self) {
        print_measured("a worker started by hand, to its first poll", self.start);
        print_measured("the same worker, from SIGINT to its end", self.stop);
        print_measured("a changed file to the new worker ready", self.all);
        print("more than stop and start of the worker", self.more, 150.0, |it| it.median);
    }
}
