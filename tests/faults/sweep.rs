//! The sweep over phases, functions, errors and calls.

use crate::control::{self, FUNCTIONS, Fault};
use crate::phases::{self, Outcome, Phase};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Points of the normal run.
const SAMPLE: usize = 48;

type Point = (Phase, Fault);

/// Whether the point is in this part of the sweep; see the documentation of the test program.
fn is_wanted(filter: &str, point: &Point) -> bool {
    let name = name(point);
    filter == "all" || name == filter || name.starts_with(&format!("{filter}:"))
}

fn name((phase, fault): &Point) -> String {
    format!("{}:{fault}", phase.name())
}

/// Every call that occurs in a phase, once with each error, and failures that last from the first
/// call, and from one in the middle, through the phase.
fn points() -> Vec<Point> {
    Phase::ALL.iter().flat_map(|phase| points_of(*phase)).collect()
}

fn points_of(phase: Phase) -> Vec<Point> {
    let counts = catch(phase, None).expect("the phase without a failure").counts;
    eprintln!("{}: {}", phase.name(), calls(&counts));
    let mut points = Vec::new();
    for (function, count) in counts.into_iter().enumerate() {
        for error in FUNCTIONS[function].errors {
            let fault = |nth, times| Fault { function, error: *error, nth, times };
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

/// Every second function and phase, one call of each. The choice is seeded: it changes only with the
/// numbers of calls.
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

fn catch(phase: Phase, fault: Option<Fault>) -> Result<Outcome, String> {
    catching(|| phases::run(phase, fault))
}

fn catching<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

#[test]
fn one_failing_call_leaves_no_server_without_a_host() {
    if control::library().is_none() {
        eprintln!("skipped: there is no C compiler (`cc`)");
        return;
    }
    let filter = std::env::var("STIGMER_FAULTS").ok();
    let jobs = std::env::var("STIGMER_FAULTS_JOBS").ok().and_then(|jobs| jobs.parse().ok());
    let points = points();
    let points = match &filter {
        None => sample(&points),
        Some(filter) => points.into_iter().filter(|point| is_wanted(filter, point)).collect(),
    };
    let total = points.len();
    let queue = Mutex::new(points.into_iter());
    let done = Mutex::new((BTreeMap::<&str, [u32; 4]>::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.unwrap_or(2) {
            scope.spawn(|| {
                loop {
                    let Some(point) = queue.lock().unwrap().next() else { return };
                    let result = catch(point.0, Some(point.1));
                    let (table, broken) = &mut *done.lock().unwrap();
                    let row = table.entry(point.0.name()).or_default();
                    row[0] += 1;
                    match result {
                        Ok(outcome) => {
                            row[1] += u32::from(outcome.hits > 0);
                            row[2] += u32::from(outcome.reported.is_some());
                            row[3] += u32::from(outcome.host_lost);
                            if outcome.host_lost {
                                eprintln!("{}: the host is lost", name(&point));
                            }
                            if let (Some(_), Some(said)) = (&filter, &outcome.reported) {
                                eprintln!("{}: {}", name(&point), said.trim());
                            }
                        }
                        Err(why) => {
                            eprintln!("BROKEN {}: {why}", name(&point));
                            broken.push(name(&point));
                        }
                    }
                }
            });
        }
    });
    let (table, broken) = done.into_inner().unwrap();
    for (phase, [cases, hits, reported, lost]) in table {
        eprintln!(
            "{phase}: {cases} cases, {hits} with a failure, {reported} reported, {lost} hosts lost"
        );
    }
    assert!(broken.is_empty(), "{} of {total} broken: {}", broken.len(), broken.join(" "));
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
