//! What a search through 100,000 lines costs, and what taking them in does:
//! `cargo bench --bench search`.

use jiff::tz::TimeZone;
use std::time::{Duration, Instant};
use stigmer::log::LogStore;
use stigmer::log::search::Finder;

const LINES: usize = 100_000;
const ROUNDS: usize = 25;

/// As Temporal writes them, 240 bytes each.
const SAMPLES: [&str; 4] = [
    r#"{"time":"2026-11-22T20:54:24.761398496Z","level":"INFO","msg":"Quota changed","service":"history","component":"persistence","scope":"host","current-quota":null,"new-quota":45000}"#,
    r#"{"time":"2026-11-22T20:54:24.868153736Z","level":"INFO","msg":"Stopped physicalTaskQueueManager","component":"matching-engine","wf-task-queue-name":"/_sys/temporal-sys-dlq-activity-tq/1","wf-task-queue-type":"Activity","wf-namespace":"temporal-system","worker-version":"_unversioned_"}"#,
    r#"{"time":"2026-11-22T20:54:28.874282652Z","level":"WARN","msg":"network dial error","service":"client","address":"127.0.0.1:41547","totalDuration":90585,"error":"dial tcp 127.0.0.1:41547: connect: connection refused","error-type":"net.OpError","connectDuration":89500}"#,
    r#"{"time":"2026-11-22T20:54:24.785249678Z","level":"INFO","msg":"Created gRPC listener","service":"frontend","address":"127.0.0.1:7500","queue":"billing-7731"}"#,
];

fn main() {
    let mut store = LogStore::new(LogStore::LINES, LogStore::BYTES, TimeZone::UTC);
    let begin = Instant::now();
    for line in SAMPLES.iter().cycle().take(LINES) {
        store.push(line.as_bytes());
    }
    let took = begin.elapsed();
    let each = took / u32::try_from(LINES).unwrap_or(1);
    println!("take in {LINES} lines, {} bytes: {took:.1?}, {each:.2?} a line", store.bytes());
    for pattern in [
        "quota",
        "nothing of the kind",
        "a.*b",
        "billing-77",
        "wf-namespace=temporal-system",
        "[a-z]+ing stop",
        "^.*refused$",
        r"\d+\.\d+\.0\.1:4\d+",
        r"\d{5,}",
        "error|warn",
    ] {
        let mut found = 0;
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                // With all that a first search costs.
                let finder = Finder::new(pattern).expect("a pattern");
                found = store.find(&finder, 0..u64::MAX).len();
                begin.elapsed()
            })
            .collect();
        times.sort();
        let (best, median) = (times[0], times[ROUNDS / 2]);
        println!("search {pattern:<30} {found:>7} found  best {best:>8.1?}  median {median:>8.1?}");
    }
}
