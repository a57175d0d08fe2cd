//! The sweep: runs each point, which is a phase of a host's life with a function, an error and the
//! number of the call that fails.

use crate::control::{self, FUNCTIONS, Fault};
use crate::phases::{self, Outcome, Phase};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Number of homes at the same time. This number may be greater than the number of processors,
/// because the test of a point mostly waits.
const JOBS: usize = 4;

/// Number of points that the normal run selects at random.
const SAMPLE: usize = 48;

/// Points that the normal run always contains.
const MUST_HOLD: [&str; 21] = [
    "start:open@/stat:EMFILE:1",
    "start:open@/boot_id:ENOMEM:1",
    "start:thread:EAGAIN:1",
    "start:thread:EAGAIN:2+",
    "watch:open:EMFILE:1+",
    "watch:open:ENOMEM:1+",
    "watch:socket:EMFILE:1+",
    "crash:open@/temporal.lock:EMFILE:1+",
    "crash:open@/temporal.lock:ENFILE:1+",
    "crash:open@/temporal.lock:ENOMEM:1+",
    "crash:open@/temporal.lock:EIO:1+",
    "crash:lock@/temporal.lock:EINTR:1+",
    "crash:lock@/temporal.db.stigmer:ENOLCK:1+",
    "crash:open@/temporal.db.stigmer:EMFILE:1+",
    "crash:open@/temporal.db.stigmer:ENOMEM:1+",
    "crash:fallocate:EIO:1+",
    "crash:write:ENOSPC:1+",
    "crash:write:EIO:1+",
    "hand-over:open@/supervisor.lock:EMFILE:1",
    "hand-over:open@/supervisor.lock:EMFILE:2",
    "hand-over:stat:ENOMEM:50",
];

/// Points of a start, each with a part of the expected error message. An empty text: the start must
/// succeed.
const MESSAGES: [(&str, &str); 5] = [
    ("start:stat@/home/bin:ENOMEM:1", ""),
    ("start:readlink@/proc/self:EIO:1", "cannot read /proc/self (Input/output error"),
    ("start:open@/self/status:EMFILE:1+", "cannot identify processes: Too many open files"),
    ("start:socket:EMFILE:1", "cannot start the tokio runtime: "),
    ("start:socket:ENOMEM:2", "cannot start the tokio runtime: "),
];

/// Points that lose the host if the host has no watchdog.
const WITH_WATCHDOG: [&str; 4] = [
    "hand-over:fork:EAGAIN:1+",
    "hand-over:socket:EMFILE:1+",
    "hand-over:epoll:ENOSPC:1+",
    "hand-over:lock:ENOLCK:2+",
];

/// Distance in the list of two points that run one after the other. After the end of the list, the
/// sweep continues near the beginning. So a sweep with a time limit reaches every phase.
const STRIDE: usize = 12;

type Point = (Phase, Fault);

/// Whether the filter selects this point. `main.rs` describes the filters.
fn is_wanted(filter: &str, point: &Point) -> bool {
    let name = name(point);
    filter == "all" || name == filter || name.starts_with(&format!("{filter}:"))
}

fn parse(name: &'static str) -> Option<Point> {
    let (phase, fault) = name.split_once(':')?;
    let phase = Phase::ALL.into_iter().find(|it| it.name() == phase)?;
    Some((phase, Fault::parse(fault)?))
}

fn name((phase, fault): &Point) -> String {
    format!("{}:{fault}", phase.name())
}

/// Returns a point for every call of every phase with each error of the called function. Also
/// returns points whose failure lasts to the end of the phase: from the first call on, and from a
/// call in the middle on.
fn points() -> Vec<Point> {
    Phase::ALL.iter().flat_map(|phase| points_of(*phase)).collect()
}

fn points_of(phase: Phase) -> Vec<Point> {
    let counts = catch(phase, None, false).expect("the phase without a failure").counts;
    eprintln!("{}: {}", phase.name(), calls(&counts));
    let mut points = Vec::new();
    for (function, count) in counts.into_iter().enumerate() {
        for error in FUNCTIONS[function].errors {
            let fault = |nth, times| Fault { function, file: "", error: *error, nth, times };
            points.extend((1..=count).map(|nth| (phase, fault(nth, 1))));
            if count > 0 {
                points.push((phase, fault(1, u32::MAX)));
                points.push((phase, fault(count.div_ceil(2), u32::MAX)));
            }
        }
    }
    points
}

fn calls(counts: &[u32]) -> String {
    FUNCTIONS.iter().zip(counts).filter(|(_, count)| **count > 0).fold(
        String::new(),
        |mut text, (function, count)| {
            let _ = write!(text, "{} {count}, ", function.name);
            text
        },
    )
}

/// Selects about [`SAMPLE`] points, each of another pair of function and phase. The choice is the
/// same in each run, as long as the numbers of calls are the same.
fn sample(points: &[Point]) -> Vec<Point> {
    let mut groups: BTreeMap<(usize, usize), Vec<Point>> = BTreeMap::new();
    for point in points {
        let phase = Phase::ALL.iter().position(|phase| *phase == point.0).unwrap();
        groups.entry((point.1.function, phase)).or_default().push(*point);
    }
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut chosen: Vec<Point> = groups
        .into_values()
        .map(|group| {
            // Knuth's linear congruential generator.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            group[(state >> 33) as usize % group.len()]
        })
        .collect();
    let step = chosen.len().div_ceil(SAMPLE).max(1);
    let mut at = 0;
    chosen.retain(|_| {
        at += 1;
        at % step == 0
    });
    chosen
}

fn catch(phase: Phase, fault: Option<Fault>, watchdog: bool) -> Result<Outcome, String> {
    catching(|| phases::run(phase, fault, watchdog))
}

fn catching<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// The points that are still to run, and the results so far.
struct Sweep {
    filter: Option<&'static str>,
    watchdog: bool,
    required: [Point; MUST_HOLD.len()],
    /// A file with one line per point that has run. A later run reads it.
    log: Option<Log>,
    end: Option<Instant>,
    queue: Mutex<std::vec::IntoIter<Point>>,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    /// For each phase the numbers of cases, failed calls, reported errors and lost hosts.
    table: BTreeMap<&'static str, [u32; 4]>,
    broken: Vec<String>,
}

struct Log(File);

impl Log {
    fn open(path: &str) -> Self {
        Self(File::options().create(true).read(true).append(true).open(path).unwrap())
    }

    /// The names of the points that an earlier run did not mark as broken.
    fn held(&self) -> HashSet<String> {
        let text = std::io::read_to_string(&self.0).unwrap();
        let held = text.lines().filter(|line| !line.ends_with(" broken"));
        held.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
    }

    fn write(&self, point: &Point, result: &Result<Outcome, String>) {
        let word = match result {
            Err(_) => "broken",
            Ok(outcome) if outcome.host_lost => "lost",
            Ok(outcome) if outcome.reported.is_some() => "reported",
            Ok(outcome) if outcome.hits == 0 => "missed",
            Ok(_) => "held",
        };
        (&self.0).write_all(format!("{} {word}\n", name(point)).as_bytes()).unwrap();
    }
}

fn variable(name: &str) -> Option<&'static str> {
    std::env::var(name).ok().map(|text| &*text.leak())
}

impl Sweep {
    fn new() -> Self {
        let filter = variable("STIGMER_FAULTS");
        let log = variable("STIGMER_FAULTS_LOG").map(Log::open);
        let seconds = variable("STIGMER_FAULTS_SECONDS").and_then(|text| text.parse().ok());
        let required =
            MUST_HOLD.map(|name| parse(name).unwrap_or_else(|| panic!("no point: {name}")));
        let mut points = match filter {
            None => [required.to_vec(), sample(&points())].concat(),
            Some("required") => required.to_vec(),
            Some(names) if names.split(' ').all(|name| parse(name).is_some()) => {
                names.split(' ').filter_map(parse).collect()
            }
            Some(filter) => {
                let wanted: Vec<Point> =
                    points().into_iter().filter(|point| is_wanted(filter, point)).collect();
                let strided = |first| wanted.iter().skip(first).step_by(STRIDE);
                (0..STRIDE).flat_map(strided).copied().collect()
            }
        };
        let held = log.as_ref().map(Log::held).unwrap_or_default();
        points.retain(|point| !held.contains(&name(point)));
        Self {
            filter,
            watchdog: variable("STIGMER_FAULTS_WATCHDOG").is_some(),
            required,
            log,
            end: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
            queue: Mutex::new(points.into_iter()),
            done: Mutex::default(),
        }
    }

    fn run(&self) {
        while self.end.is_none_or(|end| Instant::now() < end) {
            let Some(point) = self.queue.lock().unwrap().next() else { return };
            let result = if self.required.contains(&point) {
                self.run_required(point)
            } else {
                catch(point.0, Some(point.1), self.watchdog)
            };
            self.count(&point, &result);
        }
    }

    /// Runs a point up to three times until its call occurs, because an unrelated crash of the
    /// server can shift the numbers of the calls. If the call never occurs, the point in
    /// [`MUST_HOLD`] is out of date.
    fn run_required(&self, (phase, fault): Point) -> Result<Outcome, String> {
        for _ in 0..3 {
            let outcome = catch(phase, Some(fault), self.watchdog)?;
            if outcome.hits > 0 {
                return Ok(outcome);
            }
        }
        Err("no call failed".into())
    }

    fn count(&self, point: &Point, result: &Result<Outcome, String>) {
        let done = &mut *self.done.lock().unwrap();
        if let Some(log) = &self.log {
            log.write(point, result);
        }
        let row = done.table.entry(point.0.name()).or_default();
        row[0] += 1;
        match result {
            Ok(outcome) => {
                row[1] += u32::from(outcome.hits > 0);
                row[2] += u32::from(outcome.reported.is_some());
                row[3] += u32::from(outcome.host_lost);
                if outcome.host_lost {
                    eprintln!("{}: the host is lost", name(point));
                }
                if self.filter.is_some() {
                    let said = outcome.reported.as_deref().unwrap_or("held").trim();
                    eprintln!("{} ({} failures): {said}", name(point), outcome.hits);
                }
            }
            Err(why) => {
                eprintln!("BROKEN {}: {why}", name(point));
                done.broken.push(name(point));
            }
        }
    }
}

#[test]
fn one_failed_call_leaves_no_server_without_a_host() {
    if control::library().is_none() {
        eprintln!("skipped: there is no C compiler (`cc`)");
        return;
    }
    let sweep = Sweep::new();
    let jobs = variable("STIGMER_FAULTS_JOBS").and_then(|jobs| jobs.parse().ok());
    std::thread::scope(|scope| {
        for _ in 0..jobs.unwrap_or(JOBS) {
            scope.spawn(|| sweep.run());
        }
    });
    let Done { table, broken } = sweep.done.into_inner().unwrap();
    for (phase, [cases, hits, reported, lost]) in table {
        eprintln!(
            "{phase}: {cases} cases, {hits} with a failure, {reported} reported, {lost} hosts lost"
        );
    }
    assert!(broken.is_empty(), "{} broken: {}", broken.len(), broken.join(" "));
}

#[test]
fn watchdog_replaces_a_host_that_cannot_hand_over() {
    if control::library().is_none() {
        return;
    }
    for name in WITH_WATCHDOG {
        let (phase, fault) = parse(name).unwrap();
        let held = catch(phase, Some(fault), true);
        assert!(held.as_ref().is_ok_and(|outcome| outcome.hits > 0), "{name}: {held:?}");
    }
}

#[test]
fn start_that_a_failed_call_prevents_reports_the_call() {
    if control::library().is_none() {
        return;
    }
    for (name, words) in MESSAGES {
        let (phase, fault) = parse(name).unwrap();
        let outcome = catch(phase, Some(fault), false).unwrap();
        assert!(outcome.hits > 0, "{name}: no call failed");
        let message = outcome.reported.unwrap_or_default();
        assert_eq!(message.is_empty(), words.is_empty(), "{name}: {message}");
        assert!(message.contains(words), "{name}: no `{words}` in `{message}`");
    }
}

#[test]
fn mark_of_a_complete_database_is_synced_to_the_disk() {
    if control::library().is_none() {
        return;
    }
    catching(phases::sync_mark).unwrap();
}

#[test]
fn few_descriptors_leave_no_server_without_a_host() {
    let step =
        if std::env::var("STIGMER_FAULTS").is_ok_and(|filter| filter == "all") { 1 } else { 7 };
    let limits: Vec<u64> = (16..=64).step_by(step).collect();
    let broken: Vec<u64> = limits
        .into_iter()
        .filter(|limit| {
            let result = catching(|| phases::run_with_descriptors(*limit));
            result.inspect_err(|why| eprintln!("BROKEN with {limit} descriptors: {why}")).is_err()
        })
        .collect();
    assert!(broken.is_empty(), "broken with these numbers of descriptors: {broken:?}");
}
