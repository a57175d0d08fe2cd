//! The connection to a host in another process. After that host has ended, connects to the next
//! host.

use super::{Link, View};
use crate::control::client::{self, ClientError};
use crate::control::events::Events;
use crate::facts::BEAT;
use crate::paths::Home;
use crate::protocol::{Event, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Pause between two attempts to connect. If a host is replaced, the next host responds within this
/// time.
const RECONNECT: Duration = Duration::from_millis(100);

/// Pause after the end of the event stream, before the stream is opened again.
const PAUSE: Duration = Duration::from_millis(20);

/// Time without an event after which the host counts as silent. A healthy host sends a heartbeat
/// every half of this time.
const SILENCE: Duration = Duration::from_secs(BEAT.as_secs() * 2);

/// A connection to a host in another process.
#[derive(Debug, Clone)]
pub struct Remote {
    home: Home,
    received: watch::Receiver<Received>,
}

#[derive(Debug, Clone)]
pub(super) struct Received {
    snapshot: Arc<Snapshot>,
    at: Instant,
    link: Link,
}

/// Whether the snapshot is still complete after an event was applied.
enum Continuity {
    /// The snapshot is up to date.
    Current,
    /// An earlier event is missing, so the connection needs a new snapshot.
    Gap,
}

impl Received {
    fn apply_event(&mut self, event: Event) -> Continuity {
        match event {
            Event::Hello(_) => return Continuity::Current,
            Event::Snapshot(fresh) => self.snapshot = Arc::new(fresh.snapshot),
            Event::Delta(delta) if delta.seq == self.snapshot.seq + 1 => {
                Arc::make_mut(&mut self.snapshot).apply(&delta);
            }
            Event::Delta(_) => return Continuity::Gap,
        }
        self.at = Instant::now();
        self.link = Link::Up;
        Continuity::Current
    }
}

impl Remote {
    pub(super) async fn connect(home: &Home) -> Result<Self, ClientError> {
        let mut events = Events::open(home).await?;
        let first = tokio::time::timeout(client::PATIENCE, events.next())
            .await
            .map_err(|_| ClientError::Unresponsive)??
            .ok_or(ClientError::NoHost)?;
        let Event::Snapshot(fresh) = first else {
            return Err(ClientError::Garbled("the host sent no snapshot after `hello`".into()));
        };
        let snapshot = Arc::new(fresh.snapshot);
        let sender = watch::Sender::new(Received { snapshot, at: Instant::now(), link: Link::Up });
        let received = sender.subscribe();
        tokio::spawn(listen(home.clone(), events, sender));
        Ok(Self { home: home.clone(), received })
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn received(&self) -> watch::Receiver<Received> {
        self.received.clone()
    }

    pub(super) fn view(&self) -> View {
        let received = self.received.borrow();
        View {
            snapshot: received.snapshot.clone(),
            age: received.at.elapsed(),
            link: received.link.clone(),
        }
    }
}

async fn listen(home: Home, mut events: Events, sender: watch::Sender<Received>) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = receive_events(&mut events, &sender) => {}
        }
        // Pause here. If the stream of a host cannot be parsed, the host will probably send the
        // same data again, and this loop would use the CPU all the time.
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = sender.closed() => return,
            again = reopen(&home, &sender) => events = again,
        }
    }
}

/// Receives events until the stream ends, until an event is missing, or until an event cannot be
/// parsed.
async fn receive_events(events: &mut Events, sender: &watch::Sender<Received>) {
    loop {
        let event = match tokio::time::timeout(SILENCE, events.next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return became(sender, &Link::Gone),
            Ok(Err(error)) => {
                return became(sender, &Link::Foreign(error.to_string()));
            }
            Err(_) => {
                became(sender, &Link::Silent);
                continue;
            }
        };
        let mut continuity = Continuity::Current;
        sender.send_modify(|received| continuity = received.apply_event(event));
        match continuity {
            Continuity::Current => {}
            Continuity::Gap => return,
        }
    }
}

async fn reopen(home: &Home, sender: &watch::Sender<Received>) -> Events {
    loop {
        match Events::open(home).await {
            Ok(events) => return events,
            Err(ClientError::Foreign(why)) => became(sender, &Link::Foreign(why)),
            Err(ClientError::Unresponsive | ClientError::Unreachable { .. }) => {
                became(sender, &Link::Silent);
            }
            Err(error @ ClientError::Garbled(_)) => {
                became(sender, &Link::Foreign(error.to_string()));
            }
            Err(ClientError::NoHost | ClientError::Refused(_)) => became(sender, &Link::Gone),
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

fn became(sender: &watch::Sender<Received>, link: &Link) {
    sender
        .send_if_modified(|received| std::mem::replace(&mut received.link, link.clone()) != *link);
}
