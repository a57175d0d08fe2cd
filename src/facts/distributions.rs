//! What is kept of many probes and repairs, for `/metrics`.

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

/// Shared by all clones: a copy of the facts counts on.
#[derive(Debug, Clone)]
pub struct Distributions {
    /// Answered probes, in seconds.
    pub durations: Family<LayerLabel, Histogram, fn() -> Histogram>,
    /// Probes that did not pass.
    pub failures: Family<LayerLabel, Counter>,
    /// Repairs, in seconds.
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
        // A series that is there from the beginning can be asked for its rate.
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
