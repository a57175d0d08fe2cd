//! Commands out, state in: from the host in this process or over its socket,
//! with one behaviour.

mod bring_up;

use crate::control::client::{self, ClientError, Events};
use crate::manager::{Command, Handle};
use crate::paths::Home;
use crate::protocol::{ApiError, Snapshot};
use crate::supervisor::Cause;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A host that is being replaced is back within this time.
const RECONNECT: Duration = Duration::from_millis(100);

/// What the operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Bring it up.
    Start,
    /// Take it down.
    Stop,
    /// A new generation.
    Restart,
}

impl Order {
    fn path(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// A connection to a host.
#[derive(Debug, Clone)]
pub enum Session {
    /// The host in this process.
    Local(Handle),
    /// A host elsewhere.
    Remote(Remote),
}

/// A host elsewhere, as last heard.
#[derive(Debug, Clone)]
pub struct Remote {
    home: Home,
    heard: watch::Receiver<Heard>,
}

#[derive(Debug, Clone)]
struct Heard {
    snapshot: Arc<Snapshot>,
    at: Instant,
    connected: bool,
}

/// What is, at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// How old it is: its ages are that much larger by now.
    pub age: Duration,
    /// False while the host cannot be reached.
    pub connected: bool,
}

impl Session {
    /// Connects to the host of a home and keeps connected, for as long as this
    /// session is held.
    ///
    /// # Errors
    /// When there is no host, or it does not answer.
    pub async fn connect(home: &Home) -> Result<Self, ClientError> {
        let mut events = Events::open(home).await?;
        let first = tokio::time::timeout(client::PATIENCE, events.next())
            .await
            .map_err(|_| ClientError::Unresponsive)?
            .ok_or(ClientError::NoHost)?;
        let heard = Heard { snapshot: Arc::new(first), at: Instant::now(), connected: true };
        let (tell, heard) = watch::channel(heard);
        tokio::spawn(listen(home.clone(), events, tell));
        Ok(Self::Remote(Remote { home: home.clone(), heard }))
    }

    /// What is now.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Local(handle) => View {
                snapshot: Arc::new(handle.facts().snapshot(Instant::now())),
                age: Duration::ZERO,
                connected: true,
            },
            Self::Remote(remote) => {
                let heard = remote.heard.borrow();
                View {
                    snapshot: heard.snapshot.clone(),
                    age: heard.at.elapsed(),
                    connected: heard.connected,
                }
            }
        }
    }

    /// Something that tells when to look again.
    #[must_use]
    pub fn changes(&self) -> Changes {
        match self {
            Self::Local(handle) => Changes(Source::Local(handle.watch())),
            Self::Remote(remote) => Changes(Source::Remote(remote.heard.clone())),
        }
    }

    /// Gives an order and waits until it is done.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn order(&self, order: Order) -> Result<(), ApiError> {
        match self {
            Self::Local(handle) => {
                let command = match order {
                    Order::Start => Command::Start,
                    Order::Stop => Command::Stop(Cause::Operator),
                    Order::Restart => Command::Restart(None),
                };
                handle.command(command).await
            }
            Self::Remote(remote) => client::command(&remote.home, order.path(), None)
                .await
                .map(drop)
                .map_err(|error| match error {
                    ClientError::Refused(error) => error,
                    ClientError::NoHost | ClientError::Unresponsive | ClientError::Garbled(_) => {
                        ApiError::new("unreachable", error.to_string(), "")
                    }
                }),
        }
    }
}

/// See [`Session::changes`].
#[derive(Debug)]
pub struct Changes(Source);

#[derive(Debug)]
enum Source {
    Local(watch::Receiver<Arc<crate::manager::Facts>>),
    Remote(watch::Receiver<Heard>),
}

impl Changes {
    /// Returns when something has changed; false when nothing ever will again.
    pub async fn next(&mut self) -> bool {
        match &mut self.0 {
            Source::Local(facts) => facts.changed().await.is_ok(),
            Source::Remote(heard) => heard.changed().await.is_ok(),
        }
    }
}

async fn listen(home: Home, mut events: Events, tell: watch::Sender<Heard>) {
    loop {
        tokio::select! {
            () = tell.closed() => return,
            snapshot = events.next() => match snapshot {
                Some(snapshot) => {
                    tell.send_replace(Heard {
                        snapshot: Arc::new(snapshot),
                        at: Instant::now(),
                        connected: true,
                    });
                }
                None => {
                    tell.send_modify(|heard| heard.connected = false);
                    loop {
                        tokio::select! {
                            () = tell.closed() => return,
                            () = tokio::time::sleep(RECONNECT) => {}
                        }
                        if let Ok(again) = Events::open(&home).await {
                            events = again;
                            break;
                        }
                    }
                }
            },
        }
    }
}
