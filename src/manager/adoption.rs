//! Goes on with the server that an earlier host left.

use super::Manager;
use crate::config::{Database, Options, Settings};
use crate::facts::timeline::{self, Episode};
use crate::paths::Home;
use crate::process::record::Record;
use crate::process::threads::LOOKS;
use crate::process::watch::Watched;
use crate::protocol::Happened;
use crate::server::running::{self, Running};
use crate::supervisor::{Cause, Exit, Found, Input, Owner, State, Want};
use crate::temporal::version;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most that finding the running server may take. It takes milliseconds.
const FINDING: Duration = Duration::from_secs(10);

/// How long a host tries to look for the server that an earlier host left.
const ADOPTING: Duration = Duration::from_secs(5);
const ADOPT_PAUSE: Duration = Duration::from_millis(100);

/// What an earlier host left in this home.
enum Adoptable {
    Server {
        record: Box<Record>,
        is_recorded: bool,
        watched: Watched,
    },
    /// A server that has just ended.
    Ended(Box<Record>),
    Nothing,
    NotOurs,
}

/// Finds the server of this home, and pins it.
async fn adoptable(home: &Home) -> io::Result<Adoptable> {
    let home = home.clone();
    let found = LOOKS.run(FINDING, move || running::find(&home)).await;
    let (record, is_recorded) =
        match found.map_err(|error| io::Error::other(error.to_string()))?? {
            Running::Recorded(record) => (record, true),
            Running::Unrecorded(record) => (record, false),
            Running::Nothing | Running::Remains(_) => return Ok(Adoptable::Nothing),
            Running::Stranger(_) | Running::Elsewhere(_) => return Ok(Adoptable::NotOurs),
        };
    let Some(proven) = record.leader.prove()? else { return Ok(Adoptable::Ended(record)) };
    Ok(Adoptable::Server { record, is_recorded, watched: Watched::new(proven)? })
}

impl Manager {
    /// A verified Temporal of this home without host is watched again.
    pub(super) async fn adopt(&mut self) {
        let settings = self.facts.settings.clone();
        if settings.address.is_some() {
            return;
        }
        let begun = Instant::now();
        let (record, is_recorded, watched) = loop {
            match adoptable(&settings.home).await {
                Ok(Adoptable::Server { record, is_recorded, watched }) => {
                    break (record, is_recorded, watched);
                }
                Ok(Adoptable::Nothing) => {
                    let recorded = Record::read(&settings.home.record()).ok().flatten();
                    return recorded.iter().for_each(|record| self.ended_unseen(record));
                }
                Ok(Adoptable::Ended(record)) => return self.ended_unseen(&record),
                // The launch looks again, and refuses. If it finds a server of this home by then, that
                // is not what an earlier generation left.
                Ok(Adoptable::NotOurs) => {
                    self.unadopted = Some("its lock was held by an unknown process".to_owned());
                    return;
                }
                // Descriptors or memory may be short for a moment only.
                Err(error) if begun.elapsed() < ADOPTING => {
                    tracing::warn!(%error, "cannot look for a running server, trying again");
                    tokio::time::sleep(ADOPT_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look for a running server");
                    self.unadopted = Some(error.to_string());
                    return;
                }
            }
        };
        self.go_on_as(&record);
        let settings = self.facts.settings.clone();
        let home = &settings.home;
        let generation = record.generation;
        tracing::info!(%generation, pid = record.leader.pid, is_recorded, "found running, adopting");
        if !is_recorded && let Err(error) = record.write(&home.record()) {
            tracing::warn!(%error, "the server is not recorded; its lock proves it");
        }
        let version = version::remembered(&home.version_cache(), &record.executable);
        self.episode =
            Episode::begin(Cause::Operator, "found running".into(), false, Instant::now());
        self.take_over(generation, record.subject(), watched, Owner::Adopted, version, &record);
        self.step(Some(Input::Found { generation, found: Found::Ours }));
    }

    /// What was handed over to this host ended before it was watched again.
    fn ended_unseen(&mut self, record: &Record) {
        let generation = record.generation;
        let waits = matches!(self.supervisor.state(), State::Backoff { .. });
        if self.resumed != Some(Want::Up) || waits || !record.leader.is_local() {
            return;
        }
        self.go_on_as(record);
        let exit = Exit::Unknown;
        let (cause, detail) = (exit.cause(), exit.to_string());
        tracing::warn!(%generation, "ended while it was handed over");
        self.remember(timeline::entry(Happened::Ended, generation, cause, detail.clone()));
        self.step(Some(Input::Found { generation, found: Found::Ours }));
        self.episode = Episode::begin(cause, detail, true, Instant::now());
        self.step(Some(Input::Exited { generation, exit, fatal: None }));
    }

    /// Goes on with the intent of the earlier host.
    pub(super) fn go_on(&mut self) {
        let is_stopped = matches!(self.supervisor.state(), State::Stopped { .. });
        match self.resumed {
            Some(Want::Up) if is_stopped => self.step(Some(Input::Start)),
            Some(Want::Down) if !is_stopped => {
                self.step(Some(Input::Stop { cause: Cause::Operator }));
            }
            Some(Want::Up | Want::Down) | None => {}
        }
    }

    /// What runs already goes on with the options that it was started with: other
    /// ones would have it probed where it is not, and ended for that.
    fn go_on_as(&mut self, record: &Record) {
        let before = &self.facts.settings;
        let recorded = serde_json::from_str::<Options>(&record.options)
            .ok()
            .and_then(|options| Settings::resolve(before.home.clone(), options).ok());
        // Where another version wrote them, the parts of the record still say where it is.
        let settings = recorded.unwrap_or_else(|| Settings {
            port: record.port,
            ui_port: record.ui_port,
            database: record.database.clone().map_or(Database::Memory, Database::File),
            ..(**before).clone()
        });
        self.supervisor.set_policy(settings.policy.clone());
        self.log.set_max(settings.log_max);
        self.facts.settings = Arc::new(settings);
    }
}
