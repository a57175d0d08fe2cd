//! The metrics of the workers of projects.

use crate::facts::Facts;
use crate::protocol::State;
use crate::supervisor::Cause;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabel {
    worker: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerStateLabel {
    worker: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerCauseLabel {
    worker: String,
    cause: &'static str,
}

/// Adds the metrics of all workers.
pub(super) fn register(registry: &mut Registry, facts: &Facts) {
    let up = Family::<WorkerLabel, Gauge>::default();
    let states = Family::<WorkerStateLabel, Gauge>::default();
    let restarts = Family::<WorkerCauseLabel, Counter>::default();
    let memory = Family::<WorkerLabel, Gauge>::default();
    let cpu = Family::<WorkerLabel, Counter<f64, AtomicU64>>::default();
    for (name, worker) in &facts.workers {
        let label = WorkerLabel { worker: name.clone() };
        let now = worker.state_name();
        up.get_or_create(&label).set(i64::from(now.is_up()));
        for state in State::ALL {
            let label = WorkerStateLabel { worker: name.clone(), state: state.as_str() };
            states.get_or_create(&label).set(i64::from(state == now));
        }
        for cause in Cause::automatic() {
            let label = WorkerCauseLabel { worker: name.clone(), cause: cause.as_str() };
            let count = worker.restarts.get(&cause).copied().unwrap_or(0);
            restarts.get_or_create(&label).inc_by(count);
        }
        if let Some(bytes) = worker.rss_bytes {
            memory.get_or_create(&label).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        if let Some(time) = worker.cpu_time {
            cpu.get_or_create(&label).inc_by(time.as_secs_f64());
        }
    }
    registry.register("worker_up", "1 if a worker of a project runs, else 0", up);
    registry.register(
        "worker_state",
        "1 for the current state of a worker of a project, 0 for the others",
        states,
    );
    registry.register("worker_restarts", "Automatic restarts of a worker, by cause", restarts);
    registry.register(
        "worker_resident_memory_bytes",
        "Resident memory of all processes of a worker",
        memory,
    );
    registry.register("worker_cpu_seconds", "CPU time of all processes of a worker", cpu);
}
