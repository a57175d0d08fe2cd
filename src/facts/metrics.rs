//! The response to `/metrics`: the facts as OpenMetrics text. The text is created for each request.
//! Only the histograms and counters of checks and restarts are stored between requests.

mod worker;

use super::Facts;
use crate::log::line::Level;
use crate::protocol::{Problem, ProblemKind, State};
use crate::supervisor::Cause;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// The content type of the response.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Float = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LevelLabel {
    level: &'static str,
}

/// Returns the metrics as text. Ages are relative to `now`. `problems` is `None` while no client
/// requests the problems.
#[must_use]
pub fn expose(facts: &Facts, problems: Option<&[Problem]>, now: Instant) -> String {
    let status = facts.status(now);
    let temporal = status.temporal.as_ref();
    let mut registry = Registry::with_prefix("stigmer");
    registry.register(
        "build",
        "Version of stigmer",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
    );

    let up: Gauge = Gauge::default();
    up.set(i64::from(status.state.is_up()));
    registry.register("temporal_up", "1 if workers can use the server, else 0", up);

    let states = Family::<StateLabel, Gauge>::default();
    for state in State::ALL {
        let label = StateLabel { state: state.as_str() };
        states.get_or_create(&label).set(i64::from(state == status.state));
    }
    registry.register("temporal_state", "1 for the current state, 0 for the others", states);

    let restarts = Family::<CauseLabel, Counter>::default();
    for cause in Cause::automatic() {
        let label = CauseLabel { cause: cause.as_str() };
        let count = facts.restarts.get(&cause).copied().unwrap_or(0);
        restarts.get_or_create(&label).inc_by(count);
    }
    registry.register("temporal_restarts", "Automatic restarts by cause", restarts);

    let generation: Gauge = Gauge::default();
    generation.set(i64::try_from(facts.generation.0).unwrap_or(i64::MAX));
    registry.register("temporal_generation", "Number of the latest generation", generation);

    if let Some(uptime) = temporal.and_then(|temporal| temporal.uptime_ms) {
        let seconds = Float::default();
        seconds.set(uptime as f64 / 1000.0);
        registry.register(
            "temporal_uptime_seconds",
            "Seconds since the server process was spawned",
            seconds,
        );
    }
    if let Some(rss) = temporal.and_then(|temporal| temporal.rss_bytes) {
        let bytes: Gauge = Gauge::default();
        bytes.set(i64::try_from(rss).unwrap_or(i64::MAX));
        registry.register(
            "temporal_resident_memory_bytes",
            "Resident memory of all processes of the server",
            bytes,
        );
    }
    if let Some(cpu) = facts.cpu_time.filter(|_| temporal.is_some()) {
        let seconds = Counter::<f64, AtomicU64>::default();
        seconds.inc_by(cpu.as_secs_f64());
        registry.register(
            "temporal_cpu_seconds",
            "CPU time of all processes of the server",
            seconds,
        );
    }

    let lines = Family::<LevelLabel, Counter>::default();
    for level in Level::ALL {
        let label = LevelLabel { level: level.as_str() };
        lines.get_or_create(&label).inc_by(facts.log_lines[level.index()]);
    }
    registry.register("log_lines", "Lines of the server log, by level", lines);

    if let Some(problems) = problems {
        let kinds = Family::<KindLabel, Gauge>::default();
        for kind in ProblemKind::ALL {
            let label = KindLabel { kind: kind.as_str() };
            let count = problems.iter().filter(|problem| problem.kind == kind).count();
            kinds.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        registry.register(
            "problems",
            "Problems by kind, up to 15 s after a request for problems",
            kinds,
        );
    }

    let kept = &facts.distributions;
    registry.register(
        "temporal_probe_duration_seconds",
        "Duration of a check that got an answer, by layer (the name of the check)",
        kept.durations.clone(),
    );
    registry.register(
        "temporal_probe_failures",
        "Failed checks, by layer (the name of the check)",
        kept.failures.clone(),
    );
    registry.register(
        "temporal_recovery_seconds",
        "Time from the end of a server until a server is ready again",
        kept.recoveries.clone(),
    );

    worker::register(&mut registry, facts);

    let mut exposition = String::new();
    // Writing into a string cannot fail.
    let _ = text::encode(&mut exposition, &registry);
    exposition
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Settings};
    use crate::facts::{SERVER_KIND, WorkerFacts};
    use crate::paths::Home;
    use crate::protocol::Mode;
    use crate::supervisor::{Generation, Supervisor};
    use std::path::Path;

    #[test]
    fn restarts_have_the_causes_of_automatic_restarts() {
        let now = Instant::now();
        let home = Home::at(Path::new("/tmp/stigmer-metrics")).unwrap();
        let settings = Settings::resolve(home, Options::default()).unwrap();
        let policy = settings.policy.clone();
        let last = Generation::default();
        let supervisor = Supervisor::new(SERVER_KIND, policy.clone(), last, 0, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.into(), Mode::Background, schedule.clone(), now);
        let file = Path::new("/shop/stigmer.toml");
        let worker = WorkerFacts::new("orders", file, "/log".into(), policy, schedule, now);
        facts.workers.insert("orders".to_owned(), worker.into());
        let text = expose(&facts, None, now);
        for cause in Cause::ALL {
            let expected = usize::from(cause.is_automatic());
            for metric in ["stigmer_temporal_restarts_total{", "stigmer_worker_restarts_total{"] {
                let is_of_cause = |line: &&str| {
                    line.starts_with(metric) && line.contains(&format!("cause=\"{cause}\""))
                };
                assert_eq!(text.lines().filter(is_of_cause).count(), expected, "{metric} {cause}");
            }
        }
    }
}
