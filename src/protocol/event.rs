//! The stream of events from a host to a viewer: first a hello, then a snapshot, then deltas.

use super::{Delta, Snapshot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Version of the event stream.
///
/// A viewer ignores kinds, keys and names that it does not know. So the version does not change for
/// a new event kind, key, check, cause, mode or kind of timeline entry. The version must change if
/// a viewer that ignores the new value would show a wrong result, for example another state or
/// intent.
pub const PROTOCOL: u32 = 1;

/// The first event of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol version of the host; see [`PROTOCOL`].
    pub protocol: u32,
    /// Version of stigmer that the host runs.
    pub version: String,
}

impl Hello {
    /// Creates the hello that a host of this version sends.
    #[must_use]
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Why a viewer of this version cannot attach to the host, and which of the two to upgrade.
    /// `None` if the viewer can attach.
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
    /// Protocol and version of the host. Always the first event.
    Hello(Hello),
    /// All data: after the hello, and again for a reader that was too slow for the deltas.
    Snapshot(Box<Fresh>),
    /// The changes since the last snapshot or delta.
    Delta(Arc<Delta>),
}

/// A snapshot, and the number of deltas that the reader lost before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// Number of deltas that this reader lost.
    pub missed: u64,
    /// The current snapshot.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}
