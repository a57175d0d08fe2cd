//! The stream of events: a greeting, a snapshot, and then deltas.

use super::{Delta, Snapshot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Version of the stream. Kinds and keys are added without another, and so are words for layers,
/// causes, modes and what has happened; it is raised when a viewer that ignores what it does not
/// know would show what is not, as by another state or intent.
pub const PROTOCOL: u32 = 1;

/// What is said first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the host.
    pub protocol: u32,
    /// Its version of stigmer.
    pub version: String,
}

impl Hello {
    /// Ours.
    #[must_use]
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Why a viewer of this version cannot follow, and which side to upgrade.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        let Self { protocol, version } = self;
        let own = env!("CARGO_PKG_VERSION");
        let cure = match protocol.cmp(&PROTOCOL) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less => "upgrade the host",
            std::cmp::Ordering::Greater => "upgrade this stigmer, or downgrade the host",
        };
        Some(format!(
            "the host is stigmer {version} with protocol {protocol}, this is stigmer {own} with \
             protocol {PROTOCOL}: {cure} (`stigmer local stop`, then `stigmer local`, brings one \
             of this version)"
        ))
    }
}

/// An event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Who speaks.
    Hello(Hello),
    /// All that is: at first, and again for a reader that has lagged.
    Snapshot(Box<Fresh>),
    /// What has changed.
    Delta(Arc<Delta>),
}

/// A snapshot and what was lost before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// How many deltas this reader was too slow for.
    pub missed: u64,
    /// What is.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}
