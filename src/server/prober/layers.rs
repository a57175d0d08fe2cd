//! The six health checks of a server. Each of them checks one layer of the server.

use super::Prober;
use crate::facts::Verdict;
use crate::process::identity::Identity;
use crate::process::ports::{self, SocketHolder};
use crate::process::requirements::is_shortage;
use crate::process::sweep::reap_inherited;
use crate::process::threads::LOOKS;
use crate::process::usage::KnownLeader;
use crate::process::{lock, look};
use crate::protocol::{Layer, PerLayer};
use crate::supervisor::Check;
use crate::temporal::dial;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The outcome of one check that has not failed. A failed check is an `Err` instead.
#[derive(Debug)]
enum CheckOutcome {
    Passes,
    DoesNotApply(String),
    /// The check could not be made, for example for lack of a descriptor.
    Unknown(String),
}

impl From<Layer> for Check {
    fn from(layer: Layer) -> Self {
        // If this check fails, the server may have ended: no process listens on the port of an
        // ended server.
        Self { name: layer.as_str(), shows_end: layer == Layer::Tcp }
    }
}

/// The layers that a deep round checks one after the other. A deep round then checks the other two.
pub(super) const LOWER: [Layer; 4] = [Layer::Lock, Layer::Process, Layer::Tcp, Layer::Grpc];

/// The layers that an ordinary round checks. The `grpc` check uses the open connection.
pub(super) const CONNECTED: [Layer; 2] = [Layer::Process, Layer::Grpc];

/// The results of the checks of one round.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The result of each check. `None` if the round did not make the check.
    pub layers: PerLayer<Option<Verdict>>,
    /// Why a check could not be made.
    pub unknown: Option<String>,
}

impl Findings {
    /// The first failed check in the order of the layers, with its error.
    pub(super) fn failed(&self) -> Option<(Layer, &str)> {
        self.layers.iter().find_map(|(layer, verdict)| {
            let verdict = verdict.as_ref().filter(|verdict| verdict.ok == Some(false))?;
            Some((layer, verdict.detail.as_str()))
        })
    }

    pub(super) fn passes(&self, layer: Layer) -> bool {
        self.layers[layer].as_ref().is_some_and(|verdict| verdict.ok == Some(true))
    }
}

impl Prober {
    /// Checks these layers in their order and stops at the first check that fails. The later checks
    /// would fail too, and would take longer.
    pub(super) async fn check_lower(&mut self, layers: &[Layer]) -> Findings {
        let mut findings = Findings::default();
        for &layer in layers {
            let (outcome, latency) = timed(self.check_layer(layer)).await;
            if let Ok(CheckOutcome::Unknown(why)) = &outcome {
                findings.unknown = Some(why.clone());
            }
            let goes_on =
                matches!(outcome, Ok(CheckOutcome::Passes | CheckOutcome::DoesNotApply(_)));
            findings.layers[layer] = Some(verdict(outcome, latency));
            if !goes_on {
                break;
            }
        }
        findings
    }

    /// Makes the `store` and `engine` checks. The `store` check fails if the database file was
    /// deleted or replaced.
    pub(super) async fn check_upper(&self, findings: &mut Findings) {
        // Both checks run at the same time, because the first calls to a new server take long.
        let (store, engine) = tokio::join!(timed(self.store()), timed(self.engine()));
        let store = match (&store.0, self.loss()) {
            (Ok(_), Some(why)) => verdict(Err(why), store.1),
            (Ok(_) | Err(_), _) => verdict(store.0, store.1),
        };
        let engine = verdict(engine.0, engine.1);
        findings.layers[Layer::Engine] = (store.ok == Some(true)).then_some(engine);
        findings.layers[Layer::Store] = Some(store);
    }

    async fn check_layer(&mut self, layer: Layer) -> Result<CheckOutcome, String> {
        match layer {
            Layer::Lock => Ok(match &self.target.instance {
                None => CheckOutcome::DoesNotApply("started elsewhere".into()),
                Some(_) => match self.look_at_home(|lock| lock::is_held(&lock)).await {
                    Ok(true) => CheckOutcome::Passes,
                    Ok(false) => {
                        CheckOutcome::DoesNotApply("the server has closed the lock file".into())
                    }
                    Err(error) if is_shortage(&error) => CheckOutcome::Unknown(error.to_string()),
                    Err(error) => CheckOutcome::DoesNotApply(error.to_string()),
                },
            }),
            Layer::Process => self.process().await,
            Layer::Tcp => {
                let address = self.target.settings.server_address();
                match self.other_user() {
                    Ok(None) => {}
                    Ok(Some(uid)) => {
                        return Err(format!("another user (uid {uid}) listens on {address} now"));
                    }
                    Err(error) => return Ok(CheckOutcome::Unknown(error.to_string())),
                }
                let patience = self.target.settings.policy.probe_timeout;
                match dial::connect(&address, patience).await {
                    Ok(stream) => {
                        // The connection is closed with a reset. Otherwise its socket would stay in
                        // TIME_WAIT for a minute.
                        let _ = stream.set_zero_linger();
                        Ok(CheckOutcome::Passes)
                    }
                    Err(error) if is_shortage(&error) => {
                        Ok(CheckOutcome::Unknown(format!("{address}: {error}")))
                    }
                    Err(error) => Err(format!("{address}: {error}")),
                }
            }
            Layer::Grpc => self.client.serving().await.map(|()| CheckOutcome::Passes),
            Layer::Store => self.store().await,
            Layer::Engine => self.engine().await,
        }
    }

    async fn store(&self) -> Result<CheckOutcome, String> {
        let namespace = &self.target.settings.namespaces[0];
        self.client.namespace(namespace).await.map(|()| CheckOutcome::Passes)
    }

    async fn engine(&self) -> Result<CheckOutcome, String> {
        self.client.engine(&self.target.settings.namespaces[0]).await.map(|()| CheckOutcome::Passes)
    }

    async fn process(&mut self) -> Result<CheckOutcome, String> {
        let Some(instance) = &self.target.instance else {
            return Ok(CheckOutcome::DoesNotApply("started elsewhere".into()));
        };
        match self.leader.as_mut().map_or(Ok(false), KnownLeader::is_alive) {
            Ok(true) => {}
            Ok(false) => {
                return Err(format!("the server process (pid {}) has ended", instance.leader.pid));
            }
            Err(error) => return Ok(CheckOutcome::Unknown(error.to_string())),
        }
        if let Some(pid) = self.halted() {
            return Err(format!(
                "the server process (pid {pid}) is stopped by a signal; continue it with `kill \
                 -CONT {pid}`"
            ));
        }
        match self.find_server().await {
            Ok(found) => found.map(|()| CheckOutcome::Passes),
            Err(error) => Ok(CheckOutcome::Unknown(error.to_string())),
        }
    }

    /// Finds the process of the server that listens on the port. The inner error is a failed check.
    /// The outer error is a failed search, which proves nothing about the server.
    async fn find_server(&mut self) -> io::Result<Result<(), String>> {
        // This condition reads one link in `/proc` without following it, so it cannot block.
        if let Some(holder) = &self.holder
            && holder.still_holds()?
        {
            return Ok(Ok(()));
        }
        self.holder = None;
        let port = self.target.settings.port;
        let listeners: Vec<u64> = ports::listeners(port)?.iter().map(|l| l.inode).collect();
        if listeners.is_empty() {
            return Ok(Err(match &self.server {
                Some(server) if server.is_alive()? => {
                    format!(
                        "the server is shutting down: pid {} has closed port {port}",
                        server.pid
                    )
                }
                Some(_) | None => format!("no process listens on port {port}"),
            }));
        }
        self.holder = self.holder_of(listeners.clone()).await?;
        if self.holder.is_none() {
            // The server may be a child process that is not known yet, for example the child of a
            // wrapper script.
            self.refresh_members().await?;
            self.holder = self.holder_of(listeners).await?;
        }
        self.server = match &self.holder {
            Some(holder) => Identity::of(holder.pid)?,
            None => None,
        };
        Ok(match &self.holder {
            Some(_) => Ok(()),
            None => Err(format!("a process of another program listens on port {port}")),
        })
    }

    async fn holder_of(&self, listeners: Vec<u64>) -> io::Result<Option<SocketHolder>> {
        let members = self.members.clone();
        self.look(move || {
            for inode in listeners {
                if let Some(holder) = ports::holder_among(&members, inode)? {
                    return Ok(Some(holder));
                }
            }
            Ok(None)
        })
        .await?
    }

    pub(super) async fn refresh_members(&mut self) -> io::Result<()> {
        let Some(instance) = self.target.instance.clone() else {
            return self.look(reap_inherited).await;
        };
        let members =
            self.look_at_home(move |lock| instance.members_without_orphans(&lock)).await?;
        self.members = members.iter().map(|Identity { pid, .. }| *pid).collect();
        Ok(())
    }

    /// Runs a function, which may block, on a separate thread. If the function takes too long, this
    /// call returns an error and does not wait for the thread.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let bound = self.target.settings.policy.probe_timeout;
        LOOKS.run(bound, look).await.map_err(|error| io::Error::other(error.to_string()))
    }

    /// Runs, on a separate thread, a function that examines the lock file of the server. If the
    /// function takes too long, this call returns an error and does not wait for the thread; see
    /// [`look::patiently`].
    async fn look_at_home<T: Send + 'static>(
        &self,
        look: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let settings = &self.target.settings;
        let lock = self.lock.clone();
        let bound = settings.policy.probe_timeout;
        look::patiently(bound, settings.home.root(), move |_| look(lock)).await
    }

    /// For a server that someone else started: the uid of another user whose process listens on the
    /// port now. Such a process has replaced the server that was found on the port. `None` if the
    /// user has named the server with --address.
    fn other_user(&self) -> io::Result<Option<u32>> {
        let settings = &self.target.settings;
        let is_ours = self.target.instance.is_some() || settings.address.is_some();
        if is_ours || settings.allow_other_user {
            return Ok(None);
        }
        ports::other_user(settings.port)
    }
}

async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let value = future.await;
    (value, begun.elapsed())
}

fn verdict(outcome: Result<CheckOutcome, String>, latency: Duration) -> Verdict {
    let (ok, detail) = match outcome {
        Ok(CheckOutcome::Passes) => (Some(true), String::new()),
        Ok(CheckOutcome::DoesNotApply(why) | CheckOutcome::Unknown(why)) => (None, why),
        Err(why) => (Some(false), why),
    };
    Verdict { ok, latency, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_port_shows_the_end_of_an_external_server() {
        let shown = Layer::ALL.map(Check::from).into_iter().filter(|check| check.shows_end);
        assert_eq!(shown.map(|check| check.name).collect::<Vec<_>>(), ["tcp"]);
    }
}
