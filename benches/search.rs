//! Measures the cost of storing 100,000 log lines, and of a search in them.
//!
//! `cargo bench --bench search`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use stigmer::log::search::Finder;
use stigmer::log::{LineParser, LogStore};

const LINES: usize = 100_000;
const PATTERNS: [&str; 10] = [
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
];

/// Lines as Temporal writes them, 240 bytes each.
const SAMPLES: [&str; 4] = [
    r#"{"time":"2026-11-22T20:54:24.761398496Z","level":"INFO","msg":"Quota changed","service":"history","component":"persistence","scope":"host","current-quota":null,"new-quota":45000}"#,
    r#"{"time":"2026-11-22T20:54:24.868153736Z","level":"INFO","msg":"Stopped physicalTaskQueueManager","component":"matching-engine","wf-task-queue-name":"/_sys/temporal-sys-dlq-activity-tq/1","wf-task-queue-type":"Activity","wf-namespace":"temporal-system","worker-version":"_unversioned_"}"#,
    r#"{"time":"2026-11-22T20:54:28.874282652Z","level":"WARN","msg":"network dial error","service":"client","address":"127.0.0.1:41547","totalDuration":90585,"error":"dial tcp 127.0.0.1:41547: connect: connection refused","error-type":"net.OpError","connectDuration":89500}"#,
    r#"{"time":"2026-11-22T20:54:24.785249678Z","level":"INFO","msg":"Created gRPC listener","service":"frontend","address":"127.0.0.1:7500","queue":"billing-7731"}"#,
];

fn searches(criterion: &mut Criterion) {
    let lines: Vec<_> = SAMPLES.iter().cycle().take(LINES).collect();
    let filled = || {
        let mut store = LogStore::new(LogStore::LINES, LogStore::BYTES);
        let mut parser = LineParser::new(TimeZone::UTC);
        for line in &lines {
            store.push(LogStore::SERVER, line, &parser.scan(line));
        }
        store
    };

    let mut taking = criterion.benchmark_group("take in");
    taking.sample_size(20).throughput(Throughput::Elements(LINES as u64));
    taking.bench_function("100,000 lines", |bencher| bencher.iter_with_large_drop(filled));
    taking.finish();

    let store = filled();
    let mut group = criterion.benchmark_group("search 100,000 lines");
    for pattern in PATTERNS {
        group.bench_function(pattern, |bencher| {
            // Each search creates its own `Finder`, so the time includes the setup that the first
            // search for a pattern needs.
            bencher.iter(|| store.find(&Finder::new(pattern).expect("a pattern"), 0..u64::MAX));
        });
    }
    group.finish();
}

criterion_group!(benches, searches);
criterion_main!(benches);
