//! Observes a server that has no host. Checks once a second whether a host runs again, whether the
//! server still runs, and whether the server responds.

use crate::paths::Home;
use crate::presenter::Unwatched;
use crate::process::lock;
use crate::process::threads::LOOKS;
use crate::server::running::{self, Running};
use crate::session::{Link, Session};
use crate::temporal::dial;
use crate::temporal::health::Client;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::sync::watch;

/// Pause between two checks.
const PERIOD: Duration = Duration::from_secs(1);
/// Time limit of a health check. The same as the default of `--probe-timeout`.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time limit to find the server of a home. The search normally takes milliseconds. If a process
/// that stigmer did not start has locked temporal.lock, the search takes 0.5 s.
const FINDING: Duration = Duration::from_secs(2);

/// The last observed state of the server while it has no host. `None` while a host runs.
#[derive(Debug)]
pub(super) struct Witness(watch::Receiver<Option<Unwatched>>);

impl Witness {
    /// Starts to observe the server whenever this session has no host. The observation ends when
    /// the returned value is dropped.
    pub(super) fn begin(session: Session, home: Home) -> Self {
        let (sender, latest) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = look(&session, &home, &sender) => {}
            }
        });
        Self(latest)
    }

    /// The result of the last check. `None` while a host runs.
    pub(super) fn latest(&self) -> Option<Unwatched> {
        *self.0.borrow()
    }

    /// Waits until the result changes. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn look(session: &Session, home: &Home, sender: &watch::Sender<Option<Unwatched>>) {
    let mut changes = session.changes();
    loop {
        if session.view().link == Link::Gone {
            let now = unwatched(session, home).await;
            became(sender, if session.view().link == Link::Gone { now } else { None });
            tokio::time::sleep(PERIOD).await;
        } else {
            became(sender, None);
            if !changes.next().await {
                return;
            }
        }
    }
}

/// Checks the server once. Returns `None` if a host runs again.
async fn unwatched(session: &Session, home: &Home) -> Option<Unwatched> {
    let status = &session.view().snapshot.status;
    let finding = home.clone();
    let found = LOOKS.run(FINDING, move || find(&finding)).await;
    let found = found.unwrap_or_else(|error| Err(io::Error::other(error.to_string())));
    let is_found = match found {
        Ok(FoundProcess::Host) => return None,
        Ok(FoundProcess::Nothing) if status.managed => return Some(Unwatched::Stopped),
        Ok(FoundProcess::Nothing) => false,
        Ok(FoundProcess::Server) => true,
        // The search has failed, so a server may run. Continue with the health check below.
        Err(error) => {
            tracing::warn!(%error, "cannot search for the server");
            false
        }
    };
    let Some(temporal) = &status.temporal else { return Some(Unwatched::Unknown) };
    match ask(&temporal.address).await {
        // The server does not listen on its port, but the search has found a process of the server.
        Unwatched::Stopped if is_found => Some(Unwatched::Failing),
        seen => Some(seen),
    }
}

enum FoundProcess {
    Host,
    /// A server, or another process that may be a server.
    Server,
    Nothing,
}

fn find(home: &Home) -> io::Result<FoundProcess> {
    if lock::is_held(&home.supervisor_lock())? {
        return Ok(FoundProcess::Host);
    }
    Ok(match running::find(home)? {
        Running::Nothing | Running::Remains(_) => FoundProcess::Nothing,
        Running::Recorded(_)
        | Running::Unrecorded(_)
        | Running::Stranger(_)
        | Running::Elsewhere(_) => FoundProcess::Server,
    })
}

async fn ask(address: &str) -> Unwatched {
    let serving = match Client::new(address, PATIENCE) {
        Ok(client) => client.serving().await,
        Err(error) => Err(error),
    };
    if serving.is_ok() {
        return Unwatched::Serving;
    }
    match dial::connect(address, PATIENCE).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Unwatched::Stopped,
        Ok(_) | Err(_) => Unwatched::Failing,
    }
}

fn became(sender: &watch::Sender<Option<Unwatched>>, now: Option<Unwatched>) {
    sender.send_if_modified(|latest| std::mem::replace(latest, now) != now);
}
