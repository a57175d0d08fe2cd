//! Handles the reports about one generation (one start) of a worker: launched, checked, ended.

use super::{Event, WorkerTask};
use crate::facts::millis;
use crate::facts::timeline::{self, Episode};
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::watch::Watched;
use crate::process::{linux, lock};
use crate::protocol::{Entry, Happened};
use crate::supervisor::{Cause, Exit, Generation, Input, Owner, Round, State};
use crate::unit::Refused;
use crate::unit::exit::{self, Ended};
use crate::unit::mark::late;
use crate::unit::tasks::{Task, spawn};
use crate::worker::prober::{self, Report, WorkerTarget};
use crate::worker::{self, LaunchedWorker};
use std::time::Instant;

/// The files that are kept up to date while a worker runs, by their names in its folder.
const RECORD: &str = "pid";
const LOCK: &str = "lock";
const LOG: &str = "the first line of this generation in the log";

impl WorkerTask {
    pub(super) fn launched(
        &mut self,
        generation: Generation,
        result: Result<LaunchedWorker, Refused>,
    ) {
        self.unit.launched();
        if self.release.is_some() && result.is_err() {
            // The next host starts the worker.
            return;
        }
        match result {
            Ok(LaunchedWorker::Ours(started)) => {
                self.unadopted = false;
                self.wait = None;
                self.facts.note.clone_from(&started.note);
                if let Some(mark) = started.mark {
                    self.kept.keep(LOG, late(mark, self.files.log()));
                }
                self.episode.passed("spawned", started.spawned);
                let (instance, watched) = (started.instance, started.watched);
                tracing::info!(
                    worker = self.name, %generation, pid = instance.leader.pid,
                    "started the worker process"
                );
                self.take_over(generation, &started.record, instance, watched, Owner::Spawned);
                self.step(Some(Input::Launched { generation }));
            }
            Ok(LaunchedWorker::Met(record, watched)) => {
                // The worker gets the number of this start, because the highest number must be the
                // newest.
                self.watch_again(&Record { generation, ..*record }, watched);
            }
            Err(refused) => {
                tracing::error!(
                    worker = self.name, %generation, failure = %refused.failure,
                    "cannot start the worker"
                );
                self.facts.last_words = refused.last_words;
                if refused.is_transient {
                    let reason = refused.failure.reason.clone();
                    self.episode = Episode::begin(Cause::SpawnFailed, reason, true, Instant::now());
                }
                self.step(Some(Input::LaunchRefused {
                    generation,
                    failure: refused.failure,
                    is_transient: refused.is_transient,
                }));
            }
        }
    }

    /// Begins to watch and check a process of the worker, which is either new or adopted.
    pub(super) fn take_over(
        &mut self,
        generation: Generation,
        record: &Record,
        instance: Instance,
        watched: Watched,
        owner: Owner,
    ) {
        let (path, kept) = (self.files.record(), record.clone());
        self.kept.keep(RECORD, move || kept.keep(&path));
        let (path, number) = (self.files.lock(), generation.to_string());
        self.kept.keep(LOCK, move || lock::keep_text(&path, &number));
        let report = self.report.clone();
        let ended = async move |ended: Ended, _| {
            let _ = report.send(Event::Ended { generation, ended: Box::new(ended) });
        };
        let target = WorkerTarget {
            instance: instance.clone(),
            is_spawned: owner == Owner::Spawned,
            spec: self.spec.clone(),
            queues: self.queues.clone(),
            files: self.files.clone(),
            server: self.server.clone(),
        };
        let report = self.report.clone();
        let send = move |round, findings| {
            let findings = Box::new(findings);
            report.send(Event::Probed { generation, round, report: findings }).is_ok()
        };
        let probes = Task::spawn(self.on_panic(), prober::run(target, send));
        self.facts.generation = generation;
        self.facts.leader = Some(instance.leader.clone());
        let age = linux::age(instance.leader.start_ticks);
        self.facts.since = age.and_then(|age| Instant::now().checked_sub(age));
        self.unit.supervise(generation, instance, watched, probes, self.on_panic(), ended);
    }

    pub(super) fn probed(&mut self, generation: Generation, round: Round, report: Report) {
        if !self.unit.supervises(generation) {
            return;
        }
        if round == Round::Pass {
            self.unit.round_passed(None, Instant::now());
        }
        self.facts.namespace = report.namespace.or(self.facts.namespace.take());
        self.facts.queues = report.queues;
        if let Some((usage, percent)) = report.usage {
            self.facts.rss_bytes = Some(usage.rss_bytes);
            self.facts.cpu_time = Some(usage.cpu);
            // The value is shown with one decimal. More decimals would only make each delta longer.
            self.facts.cpu_percent = percent.map(|percent| (percent * 10.0).round() / 10.0);
        }
        self.step(Some(Input::Probed { generation, round }));
    }

    pub(super) fn ended(&mut self, generation: Generation, ended: &Ended) {
        if !self.unit.supervises(generation) {
            return;
        }
        let unrequested = !matches!(self.unit.supervisor.state(), State::Stopping(_));
        let Some(supervision) = self.unit.unwatch(generation) else { return };
        tracing::info!(worker = self.name, %generation, exit = %ended.exit, "the worker exited");
        let left = exit::lock_holder_left(&self.sweeps.lock_file(&self.files.lock()));
        match &left {
            None => self.forget_record(supervision.instance.as_ref()),
            Some(left) => {
                tracing::warn!("{left}");
                [RECORD, LOCK].into_iter().for_each(|file| self.kept.forget(file));
            }
        }
        let by_kill = ended.is_killed(unrequested);
        self.facts.last_words = ended.shown(by_kill);
        let leader = self.facts.leader.as_ref();
        let uptime = leader.and_then(|leader| linux::age(leader.start_ticks));
        let oom_kills = unrequested.then(|| ended.oom_kills_since(supervision.oom_kills)).flatten();
        let (cause, detail) = self.unit.cause_of_end(&ended.exit);
        let detail = match oom_kills {
            Some(_) => exit::struck(&detail, None),
            None => detail,
        };
        if unrequested {
            self.episode = Episode::begin(cause, detail.clone(), true, ended.at);
        }
        let was_killed = matches!(ended.exit, Exit::Signal(libc::SIGKILL | libc::SIGTERM, _));
        if !self.facts.queues.is_empty() {
            self.queues = std::mem::take(&mut self.facts.queues);
        }
        if was_killed || (unrequested && ended.exit != Exit::Code(0)) {
            let (spec, server) = (self.spec.clone(), self.server.clone());
            let queues = self.queues.clone();
            spawn(self.on_panic(), worker::release_workflows(spec, server, queues));
        }
        let words = if cause.is_automatic() { ended.words.last_shown(by_kill) } else { Vec::new() };
        self.remember(Entry {
            uptime_ms: uptime.map(millis),
            oom_kills,
            last_words: words,
            ..timeline::entry(Happened::Ended, generation, cause, detail)
        });
        self.episode.ended(ended.at, ended.at.elapsed());
        self.facts.forget_process();
        self.facts.note = left.unwrap_or_default();
        self.step(Some(Input::Exited { generation, exit: ended.exit.clone(), fatal: None }));
    }

    /// Deletes the record of a worker whose processes have all ended.
    fn forget_record(&mut self, instance: Option<&Instance>) {
        for file in [RECORD, LOCK, LOG] {
            self.kept.forget(file);
        }
        if let Some(Instance { marker, .. }) = instance {
            let (path, marker) = (self.files.record(), marker.clone());
            self.kept.keep(RECORD, move || {
                Record::remove(&path, &marker);
                Ok(())
            });
        }
    }
}
