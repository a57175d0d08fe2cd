//! A viewer's end of the stream of events.

use super::client::{self, ClientError};
use super::sse::{self, Splitter};
use crate::paths::Home;
use crate::protocol::{Event, Hello};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;

/// A snapshot has some 100 kB.
const EVENT_MAX: usize = 8 << 20;

/// The stream of events of a host that speaks our protocol.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    splitter: Splitter,
}

impl Events {
    /// Opens the stream and hears the greeting.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::Foreign`] where the host's protocol is
    /// another one.
    pub async fn open(home: &Home) -> Result<Self, ClientError> {
        let open = async {
            let answer = client::send(home, Method::GET, "/v1/events", None).await?;
            if !answer.status().is_success() {
                return Err(client::refusal(answer).await);
            }
            let mut events = Self { body: answer.into_body(), splitter: Splitter::default() };
            let hello = match events.next().await {
                Ok(Some(Event::Hello(hello))) => hello,
                Ok(None) => return Err(ClientError::NoHost),
                // The hosts before the first protocol did not greet.
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

    /// The next event; none when the host has gone. Cancel-safe: what was read
    /// is kept.
    ///
    /// # Errors
    /// When it is not understood; the stream is of no use then.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            while let Some(block) = self.splitter.event() {
                if let Some(event) = sse::read(&block).map_err(ClientError::Garbled)? {
                    return Ok(Some(event));
                }
            }
            if self.splitter.held() > EVENT_MAX {
                return Err(ClientError::Garbled(format!(
                    "an event of more than {EVENT_MAX} bytes"
                )));
            }
            let Some(Ok(frame)) = self.body.frame().await else { return Ok(None) };
            if let Ok(data) = frame.into_data() {
                self.splitter.push(&data);
            }
        }
    }
}
