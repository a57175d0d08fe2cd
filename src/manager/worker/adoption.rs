//! Adopts the process of a worker that an earlier host left running.

use super::{Event, WorkerTask};
use crate::facts::timeline::{self, Episode};
use crate::process::environment::BaseEnvironment;
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::threads::LOOKS;
use crate::process::watch::Watched;
use crate::process::{linux, look};
use crate::protocol::Happened;
use crate::supervisor::{Cause, Exit, Found, Generation, Input, Owner, State, Want};
use crate::unit::Refused;
use crate::unit::tasks::spawn;
use crate::worker;
use crate::worker::running::{self, RunningWorker};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Time limit of a search, which normally takes milliseconds.
const FINDING: Duration = Duration::from_secs(10);

impl WorkerTask {
    /// Searches for a running process of this worker, and adopts it. After a failed search, the next
    /// launch searches again.
    pub(super) async fn adopt(&mut self) {
        let files = self.files.clone();
        let search =
            move || Ok((running::find(&files)?, Record::read(&files.record()).ok().flatten()));
        let found = LOOKS.run(FINDING, search).await;
        let found = found.map_err(|error| io::Error::other(error.to_string())).flatten();
        match found {
            Ok((RunningWorker::Recorded(record), _)) => match watch(&record) {
                Ok(Some(watched)) => self.watch_again(&record, watched),
                Ok(None) => self.ended_unseen(&record),
                Err(error) => self.cannot_adopt(&error.to_string()),
            },
            // The launch, or the search of a stop, ends the remains.
            Ok((RunningWorker::Nothing | RunningWorker::Remains(_), recorded)) => {
                recorded.iter().for_each(|record| self.ended_unseen(record));
            }
            Ok((RunningWorker::Stranger(who), _)) => {
                self.cannot_adopt(&format!("its lock is held by {who}"));
            }
            Err(error) => self.cannot_adopt(&error.to_string()),
        }
    }

    /// Ends the command `before` that a killed host has left running. No launch of this host may have begun.
    pub(super) async fn end_before(&mut self) {
        let files = self.files.clone();
        let ended = self.sweeps.run(move || worker::end_before(&files)).await;
        if let Err(error) = ended.map_err(|error| io::Error::other(error.to_string())).flatten() {
            tracing::warn!(worker = self.name, %error, "cannot end `before` of an earlier host");
        }
    }

    fn cannot_adopt(&mut self, why: &str) {
        tracing::warn!(worker = self.name, why, "cannot find out whether the worker runs");
        self.unadopted = true;
    }

    /// Adopts the process of this record: watches and checks it from now on.
    pub(super) fn watch_again(&mut self, record: &Record, watched: Watched) {
        self.unadopted = false;
        let generation = record.generation;
        tracing::info!(
            worker = self.name, %generation, pid = record.leader.pid,
            "the worker runs: adopting its process"
        );
        self.episode =
            Episode::begin(Cause::Operator, "found running".into(), false, Instant::now());
        self.take_over(generation, record, record.instance(), watched, Owner::Adopted);
        self.learn(generation, record.instance());
        // Without a host, nobody has seen a change of the watched files.
        let age = linux::age(record.leader.start_ticks);
        self.watch_files(age.and_then(|age| SystemTime::now().checked_sub(age)));
        self.step(Some(Input::Found { generation, found: Found::Ours }));
        if *self.wanted.get_or_insert(Want::Up) == Want::Down {
            self.step(Some(Input::Stop { cause: Cause::Operator }));
        }
    }

    /// Reads the variables of the command that has started an adopted worker from its process, for
    /// further starts. No file has them, because they may contain secrets.
    fn learn(&self, generation: Generation, instance: Instance) {
        let (spec, report) = (self.spec.clone(), self.report.clone());
        let unlearned = self.base.borrow().clone();
        spawn(self.on_panic(), async move {
            let read = move || worker::base_of_running(&spec, &instance);
            let base = LOOKS.run(FINDING, read).await.ok().flatten().map(Box::new);
            let _ = report.send(Event::Environment { generation, base, unlearned });
        });
    }

    /// Handles the variables of an adopted worker. `unlearned` are those in use when they were requested.
    pub(super) fn learned(
        &mut self,
        generation: Generation,
        base: Option<Box<BaseEnvironment>>,
        unlearned: &Arc<BaseEnvironment>,
    ) {
        // A command has sent newer variables meanwhile.
        let is_replaced = !Arc::ptr_eq(&self.base.borrow(), unlearned);
        if !self.unit.supervises(generation) || is_replaced {
            return;
        }
        match base {
            Some(base) => _ = self.base.send_replace(Arc::new(*base)),
            None => tracing::warn!(
                worker = self.name,
                "cannot read the environment of the worker: its next start has that of this host"
            ),
        }
    }

    /// Handles a process that has ended while no host ran.
    fn ended_unseen(&mut self, record: &Record) {
        let waits = matches!(self.unit.supervisor.state(), State::Backoff { .. });
        let is_known = self.past_ends.contains(&record.generation);
        let is_stopped = self.wanted.unwrap_or(worker::default_want(&self.spec)) == Want::Down;
        if is_stopped || waits || is_known || !record.leader.is_local() {
            return;
        }
        let (generation, exit) = (record.generation, Exit::Unseen);
        let (cause, detail) = (exit.cause(), exit.to_string());
        self.remember(timeline::entry(Happened::Ended, generation, cause, detail.clone()));
        self.step(Some(Input::Found { generation, found: Found::Ours }));
        self.episode = Episode::begin(cause, detail, true, Instant::now());
        self.step(Some(Input::Exited { generation, exit, fatal: None }));
    }

    /// Handles the result of the search that a stop has started.
    pub(super) fn searched(
        &mut self,
        generation: Generation,
        result: Result<Option<(Box<Record>, Watched)>, Refused>,
    ) {
        match result {
            Ok(Some((record, watched))) => {
                let record = Record { generation, ..*record };
                self.take_over(generation, &record, record.instance(), watched, Owner::Adopted);
                self.step(Some(Input::Found { generation, found: Found::Ours }));
            }
            Ok(None) => {
                self.unadopted = false;
                if self.sweeps.is_in_place() {
                    // A record of processes that have ended proves nothing, so it may stay.
                    let _ = look::promptly(&self.files.record(), |path| std::fs::remove_file(path));
                }
                self.step(Some(Input::Absent { generation }));
            }
            Err(refused) => {
                let failure = refused.failure;
                tracing::error!(worker = self.name, %failure, "cannot verify the stop of a worker");
                self.step(Some(Input::SearchFailed { generation, failure }));
            }
        }
    }
}

/// Watches the recorded process. `None` if it has just exited.
fn watch(record: &Record) -> io::Result<Option<Watched>> {
    record.leader.prove()?.map(Watched::new).transpose()
}

#[cfg(test)]
mod tests {
    use super::super::Assignment;
    use super::*;
    use crate::facts::{LeftWorker, WorkerFacts};
    use crate::manager::report::WorkerReport;
    use crate::paths::Home;
    use crate::process::identity::Identity;
    use crate::process::lock::HostLock;
    use crate::process::record::tests::record;
    use crate::project::Project;
    use crate::protocol::Entry;
    use crate::supervisor::Supervisor;
    use crate::unit::sweeps::Sweeps;
    use crate::worker::ServerAccess;
    use std::path::Path;
    use tokio::sync::{mpsc, watch};

    /// The number of entries that a host adds for a worker whose process has ended. `past` is the
    /// timeline of the previous host, which has handed over.
    async fn added_entries(past: Vec<Entry>) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare(true).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let files = home.worker("orders");
        files.prepare().unwrap();
        let leader = Identity { start_ticks: 1, ..Identity::own() };
        Record { leader, ..record() }.write(&files.record()).unwrap();

        let (file, text) = (Path::new("/shop/stigmer.toml"), "[worker.orders]\nrun = \"true\"");
        let spec = Project::parse(file, text, |_| Ok(true)).unwrap().workers.remove(0);
        let (policy, now) = (worker::policy(&spec), Instant::now());
        let kind = worker::kind("orders");
        let supervisor = Supervisor::new(kind, policy.clone(), record().generation, 0, now);
        let schedule = supervisor.schedule().clone();
        let facts = WorkerFacts::new("orders", file, files.log(), policy, schedule, now);
        let left = LeftWorker::new(&facts, Want::Up, supervisor.hand_over(now));
        let assignment = Assignment {
            home,
            project: file.to_owned(),
            spec: Arc::new(spec),
            left: Some((left, Duration::ZERO)),
            past: Arc::new(past.into_iter().map(Arc::new).collect()),
            wanted: None,
            base: None,
            sweeps: Sweeps::new(&lock),
            server: watch::channel(ServerAccess::default()).1,
        };
        let (_requests, incoming) = mpsc::unbounded_channel();
        let (manager, mut reports) = mpsc::unbounded_channel();
        WorkerTask::new(assignment, incoming, manager).adopt().await;
        let reports = std::iter::from_fn(|| reports.try_recv().ok());
        reports.filter(|report| matches!(report, WorkerReport::Entry(_))).count()
    }

    #[tokio::test]
    async fn end_that_the_previous_host_has_seen_is_not_added_after_a_hand_over() {
        assert_eq!(added_entries(Vec::new()).await, 1, "no host has seen the end");
        let (generation, cause) = (record().generation, Cause::Crash);
        let ended = timeline::entry(Happened::Ended, generation, cause, String::new());
        let ended = Entry { worker: Some("orders".into()), ..ended };
        assert_eq!(added_entries(vec![ended]).await, 0);
    }
}
