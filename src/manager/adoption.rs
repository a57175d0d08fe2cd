//! Adopts the server that an earlier host left running. The search for that server may fail, or may
//! find a process without proof that the process is the server. In both cases it is unknown whether
//! a server runs, so the host repeats the search.

use super::{Event, Manager, spawn};
use crate::config::{Database, Options, Settings};
use crate::facts::record::{self, ServerRecord};
use crate::facts::timeline::{self, Episode};
use crate::paths::Home;
use crate::process::record::Record;
use crate::process::threads::LOOKS;
use crate::process::watch::Watched;
use crate::protocol::{Entry, Happened};
use crate::server::launch::{self, Searched};
use crate::server::log_format;
use crate::server::running::{self, Running};
use crate::supervisor::{Cause, Exit, Found, Generation, Input, Owner, State, Want};
use crate::temporal::polls::LoadedQueues;
use crate::temporal::version;
use crate::unit::sweeps::Unswept;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time limit of one search for the running server. A search normally takes milliseconds.
const FINDING: Duration = Duration::from_secs(10);

/// Time limit for reading the log of an adopted server.
const READING: Duration = Duration::from_secs(10);

/// How long the manager repeats a failed search for the server. The manager searches at its start
/// and before the first command.
const ADOPTING: Duration = Duration::from_secs(5);
const ADOPT_PAUSE: Duration = Duration::from_millis(100);

/// Pause between two searches. The pause doubles after each search, up to [`LONGEST_PAUSE`].
const LOOK_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a stop waits until the host has restored its home, before the stop searches for a
/// server. The host normally restores a deleted home within a second.
const RESTORING: Duration = Duration::from_secs(2);
const RESTORE_PAUSE: Duration = Duration::from_millis(50);

/// The state of a host that does not know whether a server of an earlier host still runs. Either
/// the search for the server has failed, or stigmer cannot prove that the process that was found is
/// the server.
#[derive(Debug)]
pub(super) struct Unadopted {
    why: String,
    pause: Duration,
    /// Time of the next search. `None` while a search runs.
    due: Option<Instant>,
    /// Whether the operator has requested a restart. If so, a server that is found later is
    /// restarted.
    pub(super) is_replaced: bool,
}

impl Unadopted {
    fn new(why: String) -> Self {
        Self { why, pause: LOOK_PAUSE, due: Some(Instant::now() + LOOK_PAUSE), is_replaced: false }
    }

    pub(super) fn trouble(&self) -> String {
        format!(
            "cannot determine whether a server of an earlier host runs: {}; stigmer tries again",
            self.why
        )
    }
}

/// The result of a search for the server that an earlier host left in this home.
#[derive(Debug)]
pub(super) enum Adoptable {
    Server {
        record: Box<Record>,
        watched: Watched,
    },
    /// The recorded server has just exited.
    Ended(Box<Record>),
    Nothing,
    /// A process has locked the lock file of the server, but stigmer cannot prove that it started
    /// that process. The string describes the process, for messages.
    NotProven(String),
}

/// Finds the server of this home, and opens a pidfd of the server to watch for its exit.
async fn adoptable(home: &Home) -> io::Result<Adoptable> {
    let home = home.clone();
    let found = LOOKS.run(FINDING, move || running::find(&home)).await;
    let record = match found.map_err(|error| io::Error::other(error.to_string()))?? {
        Running::Recorded(record) | Running::Unrecorded(record) => record,
        // A server in another pid namespace (a container) cannot be watched from this process.
        Running::Nothing | Running::Remains(_) | Running::Elsewhere(_) => {
            return Ok(Adoptable::Nothing);
        }
        Running::Stranger(who) => return Ok(Adoptable::NotProven(who)),
    };
    let Some(proven) = record.leader.prove()? else { return Ok(Adoptable::Ended(record)) };
    Ok(Adoptable::Server { record, watched: Watched::new(proven)? })
}

impl Manager {
    /// Searches for a running server of this home, and adopts it.
    pub(super) async fn adopt(&mut self) {
        let settings = self.facts.settings.clone();
        if settings.address.is_some() {
            return;
        }
        let begun = Instant::now();
        loop {
            match adoptable(&settings.home).await {
                // Try again: the system may lack descriptors or memory only for a moment.
                Err(error) if begun.elapsed() < ADOPTING => {
                    tracing::warn!(%error, "cannot search for a running server, retrying");
                    tokio::time::sleep(ADOPT_PAUSE).await;
                }
                found => return self.adopt_found(found),
            }
        }
    }

    fn adopt_found(&mut self, found: io::Result<Adoptable>) {
        self.unadopted = None;
        match found {
            Ok(Adoptable::Server { record, watched }) => self.watch_again(&record, watched),
            Ok(Adoptable::Nothing) => {
                let recorded = record::read(&self.facts.settings.home).ok().flatten();
                recorded.iter().for_each(|record| self.ended_unseen(record));
            }
            Ok(Adoptable::Ended(record)) => self.ended_unseen(&record),
            // Remember that a server may run. If a later launch finds a server of this home, the
            // launch must not end that server as a leftover of an earlier generation.
            Ok(Adoptable::NotProven(who)) => {
                self.unadopted = Some(Unadopted::new(format!("temporal.lock is locked by {who}")));
            }
            Err(error) => {
                tracing::error!(%error, "cannot search for a running server");
                self.unadopted = Some(Unadopted::new(error.to_string()));
            }
        }
    }

    /// Time of the next search for a server that could not be adopted. `None` after the first
    /// command, and if the intent of the earlier host is "up": in both cases each launch or stop
    /// searches.
    pub(super) fn look_due(&self) -> Option<Instant> {
        self.unadopted.as_ref()?.due.filter(|_| self.unit.supervisor.is_fresh())
    }

    /// Starts another search for a server that could not be adopted, if the search is due.
    pub(super) fn look_again(&mut self) {
        if self.look_due().is_none_or(|due| Instant::now() < due) {
            return;
        }
        let Some(unadopted) = &mut self.unadopted else { return };
        unadopted.due = None;
        let (home, report) = (self.facts.settings.home.clone(), self.report.clone());
        spawn(self.on_panic(), async move {
            let _ = report.send(Event::Looked(adoptable(&home).await));
        });
    }

    /// Handles the result of a repeated search for the server of an earlier host. Ignores the result
    /// if the manager has received a command since the search began: the launch or stop for that
    /// command searches again itself.
    pub(super) fn looked(&mut self, found: io::Result<Adoptable>) {
        let Some(before) = self.unadopted.take_if(|it| it.due.is_none()) else { return };
        if !self.unit.supervisor.is_fresh() {
            self.unadopted = Some(before);
            return;
        }
        self.adopt_found(found);
        self.resume_intent();
        if let Some(unadopted) = &mut self.unadopted {
            unadopted.pause = (before.pause * 2).min(LONGEST_PAUSE);
            unadopted.due = Some(Instant::now() + unadopted.pause);
        }
    }

    /// Starts a search for a server that this host does not watch, for a stop: the stop must end
    /// such a server too.
    pub(super) fn search(&self, generation: Generation) {
        let settings = self.facts.settings.clone();
        let (launches, report) = (self.unit.launches(), self.report.clone());
        spawn(self.on_panic(), async move {
            let begun = Instant::now();
            let permit = loop {
                match launches.begin().await {
                    Err(Unswept::NotInPlace) if begun.elapsed() < RESTORING => {
                        tokio::time::sleep(RESTORE_PAUSE).await;
                    }
                    permit => break permit,
                }
            };
            let result = match permit {
                Ok(permit) => launch::search(settings, &permit).await,
                Err(Unswept::Leaving) => return,
                Err(error) => Err(launch::not_searched(&error)),
            };
            let _ = report.send(Event::Searched { generation, result });
        });
    }

    /// Handles the result of the search that a stop has started. Stops a server that was found,
    /// like an adopted server.
    pub(super) fn searched(&mut self, generation: Generation, result: Searched) {
        match result {
            Ok(Some((record, watched))) => {
                // Write the intent "down" again, with this generation. The file contains an earlier
                // generation, and the next host ignores an intent with another generation than the
                // last one.
                self.intent.renew();
                self.watch_again(&Record { generation, ..*record }, watched);
            }
            Ok(None) => {
                self.unadopted = None;
                self.step(Some(Input::Absent { generation }));
            }
            Err(failure) => {
                tracing::error!(%generation, %failure, "cannot verify that the server has stopped");
                self.step(Some(Input::SearchFailed { generation, failure }));
            }
        }
    }

    /// Adopts a server of an earlier host that a launch has found. If a restart was requested,
    /// restarts the server with the requested options.
    pub(super) fn met(&mut self, record: &Record, watched: Watched) {
        let is_replaced = self.unadopted.as_ref().is_some_and(|it| it.is_replaced);
        let wanted = Settings::clone(&self.facts.settings);
        self.watch_again(record, watched);
        if is_replaced && matches!(self.unit.supervisor.state(), State::Starting(_)) {
            self.unit.supervisor.set_next_policy(wanted.policy.clone());
            self.next = Some(Box::new(wanted));
            self.step(Some(Input::Restart));
        }
    }

    /// Adopts a server that an earlier host started: watches and checks the server from now on.
    fn watch_again(&mut self, record: &Record, watched: Watched) {
        self.unadopted = None;
        self.use_options_of(record);
        let generation = record.generation;
        tracing::info!(
            %generation, pid = record.leader.pid,
            "a server of this home runs: adopting the server"
        );
        let version =
            version::remembered(&self.facts.settings.home.version_cache(), &record.executable);
        self.episode =
            Episode::begin(Cause::Operator, "found running".into(), false, Instant::now());
        self.take_over(generation, record.instance(), watched, Owner::Adopted, version, record);
        self.step(Some(Input::Found { generation, found: Found::Ours }));
        self.read_queues(generation);
    }

    /// Reads the task queues that the adopted server has loaded from its log.
    fn read_queues(&self, generation: Generation) {
        let (log, report) = (self.facts.settings.home.temporal_log(), self.report.clone());
        spawn(self.on_panic(), async move {
            let read = LOOKS.run(READING, move || log_format::read_queues(&log)).await;
            let read = read.map_err(|error| error.to_string());
            match read.and_then(|read| read.map_err(|error| error.to_string())) {
                Ok(queues) => _ = report.send(Event::Queues { generation, queues }),
                Err(error) => tracing::warn!(%error, "cannot read the task queues from the log"),
            }
        });
    }

    /// Adds the queues from the log of an adopted server, unless that server has ended meanwhile.
    pub(super) fn queues_read(&self, generation: Generation, queues: &LoadedQueues) {
        if self.unit.supervises(generation) {
            self.queues.extend(queues);
        }
    }

    /// Handles a server that has ended while no host ran. It is restarted if this host continues the
    /// intent of the earlier host; otherwise a command starts it.
    fn ended_unseen(&mut self, record: &Record) {
        let generation = record.generation;
        let waits = matches!(self.unit.supervisor.state(), State::Backoff { .. });
        let is_stopped = self.resumed == Some(Want::Down);
        let entries = self.facts.timeline.iter().map(AsRef::as_ref);
        let own = entries.filter(|entry: &&Entry| entry.worker.is_none());
        let is_known = timeline::ended(own).contains(&generation);
        if is_stopped || waits || is_known || !record.leader.is_local() {
            return;
        }
        let exit = Exit::Unseen;
        let (cause, detail) = (exit.cause(), exit.to_string());
        tracing::warn!(%generation, "the server has ended while no host ran");
        self.remember(timeline::entry(Happened::Ended, generation, cause, detail.clone()));
        if self.resumed != Some(Want::Up) {
            return;
        }
        self.use_options_of(record);
        self.step(Some(Input::Found { generation, found: Found::Ours }));
        self.episode = Episode::begin(cause, detail, true, Instant::now());
        self.step(Some(Input::Exited { generation, exit, fatal: None }));
    }

    /// Adopts the running workers of earlier hosts. If the earlier host has left a server that is to run,
    /// also loads its projects.
    pub(super) async fn adopt_workers(&mut self) {
        self.crew.adopt().await;
        if self.loads_projects {
            self.crew.resume_projects().await;
        }
    }

    /// Follows the intent of the earlier host: starts the server if it was to run, or completes a
    /// stop that was in progress.
    pub(super) fn resume_intent(&mut self) {
        let is_stopped = matches!(self.unit.supervisor.state(), State::Stopped { .. });
        match self.resumed {
            Some(Want::Up) if is_stopped => self.step(Some(Input::Start)),
            // Stop the server also after a failed search, because the server of the earlier host
            // may still run.
            Some(Want::Down) if !is_stopped || self.unadopted.is_some() => {
                self.stop_all(Cause::Operator);
            }
            Some(Want::Down) if self.crew.may_run() => self.stop_all(Cause::Operator),
            Some(Want::Up | Want::Down) | None => {}
        }
    }

    /// Replaces the options of this host by those of the adopted server. Otherwise the checks could
    /// use a wrong port, fail, and cause a restart.
    fn use_options_of(&mut self, record: &Record) {
        let before = &self.facts.settings;
        let recorded = Options::recorded(&record.options)
            .and_then(|options| Settings::resolve(before.home.clone(), options).ok());
        // Read the port and the database from other parts of the record, because the options in the
        // record may be unreadable.
        let server = ServerRecord::of(record);
        let settings = recorded.unwrap_or_else(|| Settings {
            port: server.port,
            ui_port: server.ui_port,
            database: server.database.map_or(Database::Memory, Database::File),
            ..(**before).clone()
        });
        self.unit.supervisor.set_policy(settings.policy.clone());
        self.unit.log.set_max(settings.log_max);
        self.facts.settings = Arc::new(settings);
    }
}
