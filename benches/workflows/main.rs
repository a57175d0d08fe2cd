//! Measures what an open dashboard costs itself, its host and the server, while the database has many
//! workflows and new ones start all the time; which calls stigmer sends with and without a dashboard;
//! how long the page of a long workflow takes to open; and how long a key takes while the server is
//! suspended.
//!
//! `cargo bench --bench workflows -- [--seconds N] [--rounds N] [--workflows N]`
//!
//! The first run fills the database, which takes some minutes. Later runs use the same database.

mod api;
#[path = "../../tests/support/calls.rs"]
mod calls;
#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../shared/report.rs"]
mod report;
#[path = "../shared/screen.rs"]
mod screen;
#[path = "../../tests/support/server.rs"]
pub mod server;
#[path = "../shared/stage.rs"]
mod stage;
mod user;

use anyhow::{Context, Result};
use report::{Load, peak, print, print_memory, print_share, resident};
use rustix::process::Signal;
use screen::Screen;
use stage::Stage;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stigmer::control::client;
use stigmer::process::Pid;
use user::User;

/// New workflows per second.
const RATE: u32 = 5;
/// Events in the history of the long workflow.
const EVENTS: u64 = 10_000;
/// Time in which the samples of a new dashboard become complete, and in which a host stops to sample
/// after the last dashboard.
const SETTLING: Duration = Duration::from_secs(20);
/// How often the page of the long workflow is opened.
const OPENINGS: usize = 10;
/// How long the server is suspended. The host does not restart the server within this time.
const SUSPENSION: Duration = Duration::from_secs(2);

struct Arguments {
    seconds: u32,
    rounds: u32,
    workflows: u64,
}

fn main() -> Result<()> {
    // `cargo test --benches` runs this program, too, and needs no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let arguments = arguments()?;
    let stage = Stage::set(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("workflows"), true)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let status = runtime.block_on(client::status(&stage.home))?;
    let temporal = status.temporal.context("no server")?;
    let server = temporal.server_pid.context("no process of the server")?;
    let user = runtime.block_on(User::begin(&temporal.address))?;
    let (all, open) = runtime.block_on(user.fill(arguments.workflows))?;
    println!("{all} workflows, {open} of them open; {RATE} new ones per second");

    let handle = runtime.handle().clone();
    let user = Arc::new(user);
    let stage = Arc::new(stage);
    let measured = stage.clone();
    runtime.block_on(async {
        let busy = user.clone();
        let long = move || handle.block_on(user.long(EVENTS));
        let measure = move || measure(&measured, server, long, &arguments);
        // `stage` keeps the server until both have ended, so the error shown is the first one.
        tokio::select! {
            ended = busy.steady(RATE) => ended,
            measured = tokio::task::spawn_blocking(measure) => measured?,
        }
    })
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments { seconds: 30, rounds: 2, workflows: 20_000 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seconds" => parsed.seconds = value()?.parse().context("--seconds")?,
            "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
            "--workflows" => parsed.workflows = value()?.parse().context("--workflows")?,
            "--bench" => {}
            _ => anyhow::bail!("{word}: not known; --seconds, --rounds and --workflows are"),
        }
    }
    anyhow::ensure!(parsed.seconds > 0 && parsed.rounds > 0, "at least 1");
    Ok(parsed)
}

/// Makes all measurements. `long` starts the long workflow and returns its ID.
fn measure(
    stage: &Stage,
    server: Pid,
    long: impl FnOnce() -> Result<String>,
    arguments: &Arguments,
) -> Result<()> {
    let span = Duration::from_secs(arguments.seconds.into());
    let (mut without, mut with) = (Share::default(), Share::default());
    let mut screen = None;
    for number in 0..arguments.rounds {
        eprint!("\rround {} of {} ", number + 1, arguments.rounds);
        drop(screen.take());
        std::thread::sleep(SETTLING);
        without.add(stage.host(), server, None, span);
        let attached = Screen::attach(stage, |_, _| {})?;
        std::thread::sleep(SETTLING);
        with.add(stage.host(), server, Some(attached.pid()), span);
        screen = Some(attached);
    }
    eprint!("\r{:30}\r", "");
    let screen = screen.context("no dashboard")?;
    let rounds = f64::from(arguments.rounds);
    println!("\nof a core, with the dashboard:");
    print_share("the dashboard", with.viewer / rounds, 3.0);
    print_share("more for its host", (with.host - without.host) / rounds, 1.0);
    print_share("more for the server", (with.server - without.server) / rounds, 5.0);
    println!("  {:<46} {:>7.2} %", "the server without the dashboard", without.server / rounds);
    println!("\nmemory of the dashboard:");
    print_memory("now", resident(screen.pid())?, 45.0);

    println!("\ncalls per second:                   without  with a dashboard");
    let methods =
        calls::LOOKS.iter().copied().chain(["DescribeWorkflowExecution", "DescribeTaskQueue"]);
    for method in methods {
        let rate = |share: &Share| share.calls.get(method).copied().unwrap_or_default() / rounds;
        println!("  {method:<38} {:>5.2} {:>7.2}", rate(&without), rate(&with));
    }

    println!("\nms: median, 99 % of all, most");
    let (opened, complete): (Vec<_>, Vec<_>) = open_page(&screen, &long()?)?.into_iter().unzip();
    print(&format!("page of {EVENTS} events: Enter to the first rows"), opened, 300.0, |it| {
        it.most
    });
    print("the same: Enter to the first event", complete, 5_000.0, |it| it.most);
    let keys = suspended(server, || screen.keys(SUSPENSION))?;
    print("key to the screen, server suspended", keys, 50.0, |it| it.most);
    print_memory("peak of the dashboard", peak(screen.pid())?, 64.0);
    Ok(())
}

/// Sums over all rounds: shares of a core in percent, and calls per second.
#[derive(Default)]
struct Share {
    viewer: f64,
    host: f64,
    server: f64,
    calls: BTreeMap<String, f64>,
}

impl Share {
    fn add(&mut self, host: Pid, server: Pid, viewer: Option<Pid>, span: Duration) {
        let calls = calls::received(server);
        let begun = Instant::now();
        let (of_host, of_server) = (Load::begin(host), Load::begin(server));
        let of_viewer = viewer.map(Load::begin);
        std::thread::sleep(span);
        self.host += of_host.percent();
        self.server += of_server.percent();
        self.viewer += of_viewer.map_or(0.0, |load| load.percent());
        let seconds = begun.elapsed().as_secs_f64();
        for (method, count) in calls::received(server) {
            let more = count - calls.get(&method).copied().unwrap_or_default();
            *self.calls.entry(method).or_default() += more as f64 / seconds;
        }
    }
}

/// Opens the page of this workflow repeatedly. Returns the times from the key to the first rows of its
/// history, and to its oldest event.
fn open_page(screen: &Screen, workflow_id: &str) -> Result<Vec<(Duration, Duration)>> {
    screen.press("2")?;
    screen.wait("the workflow", |text| text.contains(workflow_id))?;
    screen.press(&format!("/id:{workflow_id}"))?;
    screen.press("\r")?;
    screen.wait("one row", |text| text.matches(workflow_id).count() == 2)?;
    screen.press("g")?;
    let is_complete = format!("{EVENTS} events");
    let mut took = Vec::new();
    for _ in 0..OPENINGS {
        let pressed = Instant::now();
        screen.press("\r")?;
        screen.wait("the history", |text| text.contains("nudge"))?;
        let opened = pressed.elapsed();
        screen.wait("all events", |text| text.replace(',', "").contains(&is_complete))?;
        took.push((opened, pressed.elapsed()));
        screen.press("\x1b")?;
        screen.wait("the list", |text| !text.contains("nudge"))?;
    }
    Ok(took)
}

/// Suspends the server while `work` runs.
fn suspended<T>(server: Pid, work: impl FnOnce() -> T) -> T {
    let signal = |signal| {
        let server = rustix::process::Pid::from_raw(server);
        server.map(|server| rustix::process::kill_process(server, signal))
    };
    signal(Signal::STOP);
    let result = work();
    signal(Signal::CONT);
    result
}
