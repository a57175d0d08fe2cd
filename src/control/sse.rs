//! The encoding of the event stream: server-sent events (SSE) with JSON data.

use crate::protocol::{Event, Hello};
use serde::Serialize;
use std::sync::Arc;

/// Content type of an event stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// Encodes one event.
#[must_use]
pub fn write(event: &Event) -> String {
    match event {
        Event::Hello(hello) => block("hello", None, hello),
        Event::Snapshot(fresh) => block("snapshot", Some(fresh.snapshot.seq), &**fresh),
        Event::Delta(delta) => block("delta", Some(delta.seq), &**delta),
    }
}

fn block(kind: &str, id: Option<u64>, data: &impl Serialize) -> String {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    // This type can always be serialized. The JSON text contains no line breaks, which would end
    // the event.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {kind}\n{id}data: {data}\n\n")
}

/// Decodes one event. Returns `None` for an SSE comment and for an event of an unknown kind.
///
/// # Errors
/// If the event cannot be parsed.
pub fn read(block: &[u8]) -> Result<Option<Event>, String> {
    let text = std::str::from_utf8(block).map_err(|error| error.to_string())?;
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let (Some(kind), Some(data)) = (field("event"), field("data")) else { return Ok(None) };
    let event = match kind {
        "hello" => serde_json::from_str::<Hello>(data).map(Event::Hello),
        "snapshot" => serde_json::from_str(data).map(Event::Snapshot),
        "delta" => serde_json::from_str(data).map(|delta| Event::Delta(Arc::new(delta))),
        _ => return Ok(None),
    };
    event.map(Some).map_err(|error| format!("{kind}: {error}"))
}

/// Splits a stream of bytes into events.
#[derive(Debug, Default)]
pub struct EventSplitter {
    bytes: Vec<u8>,
    /// Number of bytes at the start of the buffer that contain no end of an event.
    searched: usize,
}

impl EventSplitter {
    /// Appends received bytes to the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Number of received bytes in the buffer, which [`Self::event`] has not returned yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Removes the next complete event from the buffer, and returns its bytes.
    pub fn event(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.saturating_sub(1);
        let end = self.bytes[from..].windows(2).position(|pair| pair == b"\n\n");
        let Some(end) = end else {
            self.searched = self.bytes.len();
            return None;
        };
        self.searched = 0;
        Some(self.bytes.drain(..from + end + 2).collect())
    }
}
