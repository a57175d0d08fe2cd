//! The stream of events: a hello, a snapshot, and then deltas.

use super::{Delta, Snapshot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Version of the stream. New kinds, keys, and names of layers, causes, modes and timeline entries
/// do not change it. It is raised if a viewer that ignores unknown data would show a wrong result,
/// such as another state or intent.
pub const PROTOCOL: u32 = 1;

/// The first event of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol version of the host.
    pub protocol: u32,
    /// Version of the host's stigmer.
    pub version: String,
}

impl Hello {
    /// The hello of this version.
    #[must_use]
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Why a viewer of this version cannot follow the host, and which side to upgrade.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        let Self { protocol, version } = self;
        let own = env!("CARGO_PKG_VERSION");
        let hint = match protocol.cmp(&PROTOCOL) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less => "upgrade the host",
            std::cmp::Ordering::Greater => "upgrade this stigmer, or downgrade the host",
        };
        Some(format!(
            "the host is stigmer {version} with protocol {protocol}, this is stigmer {own} with \
             protocol {PROTOCOL}: {hint} (run `stigmer local stop`, then `stigmer local`)"
        ))
    }
}

/// An event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Protocol and version of the host.
    Hello(Hello),
    /// The whole state: first, and again for a reader that was too slow.
    Snapshot(Box<Fresh>),
    /// The changes since the last event.
    Delta(Arc<Delta>),
}

/// A snapshot, and the number of deltas that were lost before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// Number of deltas that this reader has missed.
    pub missed: u64,
    /// The current snapshot.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}
