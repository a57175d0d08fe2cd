//! A host elsewhere, as last heard; looked for again when it goes.

use super::{Link, View};
use crate::control::client::{self, ClientError};
use crate::control::events::Events;
use crate::facts::BEAT;
use crate::paths::Home;
use crate::protocol::{Event, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A host that is being replaced is back within this time.
const RECONNECT: Duration = Duration::from_millis(100);

/// Before a stream that ended is opened anew.
const PAUSE: Duration = Duration::from_millis(20);

/// A host that lives says so more often.
const SILENCE: Duration = Duration::from_secs(BEAT.as_secs() * 2);

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Remote {
    home: Home,
    heard: watch::Receiver<Heard>,
}

#[derive(Debug, Clone)]
pub(super) struct Heard {
    snapshot: Arc<Snapshot>,
    at: Instant,
    link: Link,
}

/// What an event says to a viewer.
enum News {
    /// It is all up to date.
    Current,
    /// Something is missing: only another snapshot helps.
    Gap,
}

impl Heard {
    fn hear(&mut self, event: Event) -> News {
        match event {
            Event::Hello(_) => return News::Current,
            Event::Snapshot(fresh) => self.snapshot = Arc::new(fresh.snapshot),
            Event::Delta(delta) if delta.seq == self.snapshot.seq + 1 => {
                Arc::make_mut(&mut self.snapshot).apply(&delta);
            }
            Event::Delta(_) => return News::Gap,
        }
        self.at = Instant::now();
        self.link = Link::Up;
        News::Current
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
            return Err(ClientError::Garbled("no snapshot after its greeting".into()));
        };
        let snapshot = Arc::new(fresh.snapshot);
        let tell = watch::Sender::new(Heard { snapshot, at: Instant::now(), link: Link::Up });
        let heard = tell.subscribe();
        tokio::spawn(listen(home.clone(), events, tell));
        Ok(Self { home: home.clone(), heard })
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn heard(&self) -> watch::Receiver<Heard> {
        self.heard.clone()
    }

    pub(super) fn view(&self) -> View {
        let heard = self.heard.borrow();
        View { snapshot: heard.snapshot.clone(), age: heard.at.elapsed(), link: heard.link.clone() }
    }
}

async fn listen(home: Home, mut events: Events, tell: watch::Sender<Heard>) {
    loop {
        tokio::select! {
            () = tell.closed() => return,
            () = hear(&mut events, &tell) => {}
        }
        // One that greets and then says what is not understood will do so again.
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = tell.closed() => return,
            again = reopen(&home, &tell) => events = again,
        }
    }
}

/// Until the stream ends, or is of no use.
async fn hear(events: &mut Events, tell: &watch::Sender<Heard>) {
    loop {
        let event = match tokio::time::timeout(SILENCE, events.next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return became(tell, &Link::Gone),
            Ok(Err(error)) => {
                let why = format!("{error}; `stigmer local restart` brings one of this version");
                return became(tell, &Link::Foreign(why));
            }
            Err(_) => {
                became(tell, &Link::Silent);
                continue;
            }
        };
        let mut news = News::Current;
        tell.send_modify(|heard| news = heard.hear(event));
        match news {
            News::Current => {}
            News::Gap => return,
        }
    }
}

async fn reopen(home: &Home, tell: &watch::Sender<Heard>) -> Events {
    loop {
        match Events::open(home).await {
            Ok(events) => return events,
            Err(ClientError::Foreign(why)) => became(tell, &Link::Foreign(why)),
            Err(ClientError::Unresponsive | ClientError::Unreachable { .. }) => {
                became(tell, &Link::Silent);
            }
            Err(error @ ClientError::Garbled(_)) => {
                became(tell, &Link::Foreign(error.to_string()));
            }
            Err(ClientError::NoHost | ClientError::Refused(_)) => became(tell, &Link::Gone),
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

fn became(tell: &watch::Sender<Heard>, link: &Link) {
    tell.send_if_modified(|heard| std::mem::replace(&mut heard.link, link.clone()) != *link);
}
