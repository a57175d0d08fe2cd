//! Creates the views of the six checks (layers) and of the latency of the gRPC check.

use super::{Now, millis};
use crate::protocol::{Layer, NoRestart, State};
use stigmer_ui::model::{FailureLimit, LayerView, ProbePoint, ProbeView};

pub(super) fn layers(now: Now<'_>) -> [LayerView; 6] {
    Layer::ALL.map(|name| layer(now, name))
}

fn layer(now: Now<'_>, name: Layer) -> LayerView {
    let status = now.status();
    let found = status.health.layers.iter().find(|layer| layer.name == name);
    let name = name.to_string();
    let Some(layer) = found.filter(|_| now.measured().is_some()) else {
        return LayerView { name, ..LayerView::default() };
    };
    let is_in_progress = matches!(status.state, State::Starting | State::Stopping);
    LayerView {
        name,
        // While the server is starting or stopping, a check that does not pass is not shown as a
        // failure.
        ok: layer.ok.filter(|ok| *ok || !is_in_progress),
        latency_us: layer.latency_us,
        detail: layer.detail.clone(),
        since_ms: layer.since_ms.map(|ms| now.age(ms)),
    }
}

pub(super) fn probe(now: Now<'_>) -> ProbeView {
    let status = now.status();
    let latency = Some(&status.health.latency_us).filter(|_| !now.is_unwatched());
    ProbeView {
        last_us: latency.and_then(|latency| latency.last),
        p50_us: latency.and_then(|latency| latency.p50),
        p99_us: latency.and_then(|latency| latency.p99),
        history: now
            .snapshot
            .probes
            .iter()
            .map(|probe| probe.map_or(ProbePoint::Failed, ProbePoint::Ok))
            .collect(),
        period_ms: status.options.values.probe_period.map(millis),
        limit: match status.options.failure_span {
            Some(span) => Some(FailureLimit::Span(millis(span))),
            None => status.options.values.failure_threshold.map(FailureLimit::Count),
        },
        // Show 0 while the server is starting or stopping: checks fail then, but these failures do
        // not cause a restart.
        consecutive_failures: match status.state.is_up() {
            true => status.health.consecutive_failures,
            false => 0,
        },
        no_restart: match status.health.no_restart {
            _ if !status.managed => "not started by stigmer".to_owned(),
            None => String::new(),
            Some(NoRestart::DataLoss) => "data would be lost".to_owned(),
            Some(NoRestart::NoHelp) => "would not help".to_owned(),
        },
    }
}
