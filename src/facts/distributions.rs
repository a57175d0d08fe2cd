//! Histograms and counters of probes and repairs, for `/metrics`.

use crate::supervisor::Layer;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use std::time::Duration;

/// A layer as a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LayerLabel {
    layer: &'static str,
}

/// All clones share the values, so a copy of the facts has the current ones.
#[derive(Debug, Clone)]
pub struct Distributions {
    /// Latencies of passed probes, in seconds.
    pub durations: Family<LayerLabel, Histogram, fn() -> Histogram>,
    /// Number of failed probes.
    pub failures: Family<LayerLabel, Counter>,
    /// Durations of repairs, in seconds.
    pub recoveries: Histogram,
}

impl Default for Distributions {
    fn default() -> Self {
        let kept = Self {
            // 50 µs … 1.6 s.
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_05, 2.0, 16))
            }),
            failures: Family::default(),
            // 50 ms … 51 s.
            recoveries: Histogram::new(exponential_buckets(0.05, 2.0, 11)),
        };
        // A series must exist from the beginning, so that its rate can be queried.
        for layer in Layer::ALL {
            let label = LayerLabel { layer: layer.as_str() };
            drop(kept.durations.get_or_create(&label));
            drop(kept.failures.get_or_create(&label));
        }
        kept
    }
}

impl Distributions {
    pub(crate) fn probed(&self, layer: Layer, ok: Option<bool>, took: Duration) {
        let label = LayerLabel { layer: layer.as_str() };
        match ok {
            Some(true) => self.durations.get_or_create(&label).observe(took.as_secs_f64()),
            Some(false) => drop(self.failures.get_or_create(&label).inc()),
            None => {}
        }
    }
}
