//! The client side of the event stream of a host.

use super::client::{self, ClientError};
use super::sse::{self, EventSplitter};
use crate::paths::Home;
use crate::protocol::{Event, Hello};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;

/// Maximum size of an event, in bytes. The largest event is a snapshot, with about 100 kB.
const EVENT_MAX: usize = 8 << 20;

/// An open event stream from a host with a compatible protocol.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    splitter: EventSplitter,
}

impl Events {
    /// Opens the stream, and checks the protocol version in the first event.
    ///
    /// # Errors
    /// See [`ClientError`]. The error is [`ClientError::Foreign`] if the host has another protocol.
    pub async fn open(home: &Home) -> Result<Self, ClientError> {
        let open = async {
            let answer = client::send(home, Method::GET, "/v1/events", None).await?;
            if !answer.status().is_success() {
                return Err(client::refusal(answer).await);
            }
            let mut events = Self { body: answer.into_body(), splitter: EventSplitter::default() };
            let hello = match events.next().await {
                Ok(Some(Event::Hello(hello))) => hello,
                Ok(None) => return Err(ClientError::NoHost),
                // A very old host sends no `hello`, because its protocol has no version.
                Ok(Some(Event::Snapshot(_) | Event::Delta(_))) | Err(_) => {
                    Hello { protocol: 0, version: "of an early version".into() }
                }
            };
            match hello.objection() {
                None => Ok(events),
                Some(objection) => Err(ClientError::Foreign(objection)),
            }
        };
        client::patient(open).await
    }

    /// Returns the next event, or `None` if the host has closed the stream. Cancel-safe: received
    /// bytes of an incomplete event stay in the buffer.
    ///
    /// # Errors
    /// If the event cannot be parsed. After such an error, the stream must not be used.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            while let Some(block) = self.splitter.event() {
                if let Some(event) = sse::read(&block).map_err(ClientError::Garbled)? {
                    return Ok(Some(event));
                }
            }
            if self.splitter.held() > EVENT_MAX {
                return Err(ClientError::Garbled(format!(
                    "an event has more than {EVENT_MAX} bytes"
                )));
            }
            let Some(Ok(frame)) = self.body.frame().await else { return Ok(None) };
            if let Ok(data) = frame.into_data() {
                self.splitter.push(&data);
            }
        }
    }
}
