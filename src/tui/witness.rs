//! Asks the server itself whether it serves, while no host watches it.

use crate::presenter::Unwatched;
use crate::session::{Link, Session};
use crate::temporal::health::Client;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Between two requests.
const PERIOD: Duration = Duration::from_secs(1);
/// As long as the default of `--probe-timeout`.
const PATIENCE: Duration = Duration::from_secs(1);

/// The latest answer of the server.
#[derive(Debug)]
pub(super) struct Witness(watch::Receiver<Unwatched>);

impl Witness {
    /// Asks the server of this session, until it is dropped.
    pub(super) fn begin(session: Session) -> Self {
        let (tell, latest) = watch::channel(Unwatched::Unknown);
        tokio::spawn(async move {
            tokio::select! {
                () = tell.closed() => {}
                () = ask(&session, &tell) => {}
            }
        });
        Self(latest)
    }

    /// What is known of a server that runs.
    pub(super) fn latest(&self) -> Unwatched {
        *self.0.borrow()
    }

    /// Returns when the answer changes; cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn ask(session: &Session, tell: &watch::Sender<Unwatched>) {
    let mut changes = session.changes();
    loop {
        let view = session.view();
        let temporal = view.snapshot.status.temporal.as_ref();
        let address = temporal.map(|temporal| temporal.address.clone());
        match address.filter(|_| view.link == Link::Gone) {
            Some(address) => {
                became(tell, look(&address).await);
                tokio::time::sleep(PERIOD).await;
            }
            None => {
                became(tell, Unwatched::Unknown);
                if !changes.next().await {
                    return;
                }
            }
        }
    }
}

async fn look(address: &str) -> Unwatched {
    let serving = match Client::new(address, PATIENCE) {
        Ok(client) => client.serving().await,
        Err(error) => Err(error),
    };
    if serving.is_ok() {
        return Unwatched::Serving;
    }
    match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Unwatched::Stopped,
        Ok(_) | Err(_) => Unwatched::Failing,
    }
}

fn became(tell: &watch::Sender<Unwatched>, now: Unwatched) {
    tell.send_if_modified(|latest| std::mem::replace(latest, now) != now);
}
