//! Handles the reports about one generation (one run of the server): launched, checked, ended.

use super::{End, Event, Manager};
use crate::facts::record::ServerRecord;
use crate::facts::timeline::{self, Episode};
use crate::facts::{self, ServerFacts, Verdict};
use crate::process::lock;
use crate::process::ports::Occupant;
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::watch::Watched;
use crate::protocol::{Entry, Happened, Layer};
use crate::server::aftermath::Aftermath;
use crate::server::database;
use crate::server::fatal::fatal;
use crate::server::launch::{Launched, Started};
use crate::server::prober::{self, Report, Target};
use crate::supervisor::{Cause, Found, Generation, Input, Owner, Round, State};
use crate::unit::Refused;
use crate::unit::exit::{self, Ended};
use crate::unit::mark::late;
use crate::unit::tasks::Task;
use crate::unit::words::Words;
use std::path::Path;
use std::time::Instant;

/// The files that the manager keeps up to date while a server runs. These names appear in messages.
const RECORD: &str = "temporal.pid";
const LOCK: &str = "temporal.lock";
pub(super) const STAMP: &str = "the lock next to the database";
const LOG: &str = "the first line of this generation in logs/temporal.log";

impl Manager {
    pub(super) fn launched(&mut self, generation: Generation, result: Result<Launched, Refused>) {
        self.unit.launched();
        match result {
            Ok(Launched::Ours(started)) => self.spawned(generation, *started),
            Ok(Launched::Met(record, watched)) => {
                // The launch has found a running server of this home. Give that server the
                // generation of this start, because the highest generation must be the newest.
                self.met(&Record { generation, ..*record }, watched);
            }
            Ok(Launched::External(occupant)) => self.found_external(generation, &occupant),
            Err(refused) => self.launch_refused(generation, refused),
        }
    }

    /// Handles a server that this host has spawned: keeps the files of the server up to date, and
    /// begins to watch and check the server.
    fn spawned(&mut self, generation: Generation, started: Started) {
        self.unadopted = None;
        for note in &started.notes {
            tracing::warn!("{note}");
        }
        self.facts.note = started.notes.join("; ");
        if let Some(mark) = started.mark {
            self.files.keep(LOG, late(mark, self.facts.settings.home.temporal_log()));
        }
        if let (Some(file), Some(stamp)) =
            (self.facts.settings.database.file().map(Path::to_owned), started.stamp)
        {
            let mut kept = database::Kept::new(file, stamp, started.instance.clone());
            self.files.keep_distant(STAMP, move || kept.keep());
        }
        self.episode.passed("cleaned", started.cleaned);
        self.episode.passed("spawned", started.spawned);
        let instance = started.instance.clone();
        tracing::info!(
            %generation, pid = instance.leader.pid,
            "started the server process"
        );
        self.take_over(
            generation,
            instance,
            started.watched,
            Owner::Spawned,
            started.version,
            &started.record,
        );
        self.step(Some(Input::Launched { generation }));
    }

    /// Begins to check a server that someone else runs.
    fn found_external(&mut self, generation: Generation, occupant: &Occupant) {
        self.unadopted = None;
        let settings = self.facts.settings.clone();
        let target = Target { generation, instance: None, adopted: true, settings };
        let probes = self.probe(target);
        self.unit.check(generation, probes);
        self.facts.server = Some(ServerFacts {
            generation,
            owner: Owner::External,
            leader: None,
            since: None,
            server: occupant.pid,
            version: None,
            server_version: None,
            metrics_port: None,
            // Unknown until the first round of checks has searched for a web UI.
            ui_url: None,
        });
        self.ask_server_version(generation);
        self.step(Some(Input::Found { generation, found: Found::External }));
    }

    fn launch_refused(&mut self, generation: Generation, refused: Refused) {
        tracing::error!(%generation, failure = %refused.failure, "cannot start the server");
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

    /// Starts the regular checks of a server. The checks end when the returned task is dropped.
    fn probe(&self, target: Target) -> Task {
        let (generation, events) = (target.generation, self.report.clone());
        let send = move |round, report| {
            let report = Box::new(report);
            events.send(Event::Probed { generation, round, report }).is_ok()
        };
        Task::spawn(self.on_panic(), prober::run(target, send))
    }

    /// Begins to watch and check a server of stigmer, which is either new or adopted.
    pub(super) fn take_over(
        &mut self,
        generation: Generation,
        instance: Instance,
        watched: Watched,
        owner: Owner,
        version: Option<String>,
        record: &Record,
    ) {
        let settings = self.facts.settings.clone();
        let (path, kept) = (settings.home.record(), record.clone());
        self.files.keep(RECORD, move || kept.keep(&path));
        let (path, number) = (settings.home.temporal_lock(), generation.to_string());
        self.files.keep(LOCK, move || lock::keep_text(&path, &number));
        let (report, sweeps, with) = (self.report.clone(), self.sweeps.clone(), settings.clone());
        let ports = ServerRecord::of(record).ports();
        let ended = async move |ended: Ended, was_ready| {
            let lock = sweeps.lock_file(&with.home.temporal_lock());
            let aftermath = Aftermath::of(with, ports, lock, was_ready).await;
            let cleaned = ended.at.elapsed();
            let end = Box::new(End { ended, aftermath, cleaned });
            let _ = report.send(Event::Ended { generation, end });
        };
        let target = Target {
            generation,
            instance: Some(instance.clone()),
            adopted: owner == Owner::Adopted,
            settings: settings.clone(),
        };
        let probes = self.probe(target);
        self.facts.generation = generation;
        self.facts.server = Some(ServerFacts {
            generation,
            owner,
            leader: Some(instance.leader.clone()),
            since: crate::process::linux::age(instance.leader.start_ticks)
                .and_then(|age| Instant::now().checked_sub(age)),
            server: None,
            version,
            server_version: None,
            metrics_port: Some(ServerRecord::of(record).metrics_port).filter(|port| *port > 0),
            ui_url: settings.ui_url(),
        });
        self.unit.supervise(generation, instance, watched, probes, self.on_panic(), ended);
    }

    pub(super) fn probed(&mut self, generation: Generation, round: Round, report: &Report) {
        if !self.unit.supervises(generation) {
            return;
        }
        let now = Instant::now();
        let starting = matches!(self.unit.supervisor.state(), State::Starting(_));
        let was_ready =
            matches!(self.unit.supervisor.state(), State::Ready(_) | State::Degraded(..));
        for (name, layer) in self.facts.layers.iter_mut() {
            let Some(verdict) = &report.layers[name] else { continue };
            if layer.ok != verdict.ok {
                layer.since = now;
            }
            layer.ok = verdict.ok;
            layer.latency = (verdict.ok == Some(true)).then_some(verdict.latency);
            layer.detail.clone_from(&verdict.detail);
        }
        let passed = round == Round::Pass;
        if passed {
            self.unit.round_passed(report.oom_kills, now);
        }
        let is_failed = |it: &Verdict| it.ok == Some(false);
        if let Some((failed, _)) =
            report.layers.iter().find(|(_, verdict)| verdict.as_ref().is_some_and(is_failed))
        {
            // The checks run from the lowest layer to the highest, and stop at the first failure.
            // So the results of the higher layers are out of date.
            for (_, layer) in self.facts.layers.iter_mut().filter(|(name, _)| *name > failed) {
                if layer.ok.is_some() {
                    layer.since = now;
                }
                layer.ok = None;
                layer.latency = None;
                "not checked, because an earlier check failed".clone_into(&mut layer.detail);
            }
        }
        self.episode.layers(&report.layers, now);
        let is_void = round == Round::Void;
        // Count a round only if the server was ready: a server that is starting or stopping need
        // not respond.
        if was_ready && !is_void {
            for (layer, verdict) in report.layers.iter() {
                if let Some(verdict) = verdict {
                    self.facts.distributions.probed(layer, verdict.ok, verdict.latency);
                }
            }
            self.facts.failures = if passed { 0 } else { self.facts.failures + 1 };
            let grpc = report.layers[Layer::Grpc]
                .as_ref()
                .filter(|verdict| verdict.ok == Some(true))
                .map(|verdict| facts::micros(verdict.latency));
            self.facts.remember_probe(grpc);
        } else if starting && passed {
            self.facts.failures = 0;
        }
        if let Some((usage, cpu)) = report.usage {
            self.facts.remember_usage(usage, cpu, report.peak_bytes);
        }
        if report.database_bytes.is_some() {
            self.facts.database_bytes = report.database_bytes;
        }
        self.facts.detached = report.detached;
        if let Some(server) = &mut self.facts.server {
            server.server = report.server.or(server.server);
            if let Some(is_there) = report.external_ui {
                server.ui_url = self.facts.settings.ui_url().filter(|_| is_there);
            }
        }
        self.step(Some(Input::Probed { generation, round }));
    }

    pub(super) fn ended(&mut self, generation: Generation, end: End) {
        if !self.unit.supervises(generation) {
            return;
        }
        let End { ended, aftermath, cleaned } = end;
        let before = self.unit.supervisor.state().clone();
        let unrequested = !matches!(before, State::Stopping(_));
        if unrequested {
            self.is_down(&before, ended.at);
        }
        let Some(supervision) = self.unit.unwatch(generation) else { return };
        tracing::info!(%generation, exit = %ended.exit, ?cleaned, "the server exited");
        self.queues.clear();
        let settings = self.facts.settings.clone();
        self.release_files(supervision.instance.as_ref(), aftermath.leftover.as_deref());
        let fatal = (!supervision.is_ever_ready())
            .then(|| fatal(&ended.exit, ended.words.cause.as_deref(), &aftermath.disks, &settings))
            .flatten();
        let by_kill = ended.is_killed(unrequested);
        self.facts.last_words = ended.shown(by_kill);
        let leader = self.facts.server.as_ref().and_then(|server| server.leader.as_ref());
        let uptime = leader.and_then(|leader| crate::process::linux::age(leader.start_ticks));
        let oom_kills = unrequested.then(|| ended.oom_kills_since(supervision.oom_kills)).flatten();
        let peak = self.facts.peak_rss;
        let (cause, detail) = self.unit.cause_of_end(&ended.exit);
        let detail = match oom_kills {
            Some(_) => exit::struck(&detail, peak),
            None => detail,
        };
        if unrequested {
            self.episode = Episode::begin(cause, detail.clone(), true, ended.at);
        }
        let words = cause.is_automatic().then_some(&ended.words);
        self.remember(Entry {
            uptime_ms: uptime.map(facts::millis),
            peak_rss_bytes: peak,
            oom_kills,
            first_words: words.map(Words::first_shown).unwrap_or_default(),
            last_words: words.map(|words| words.last_shown(by_kill)).unwrap_or_default(),
            ..timeline::entry(Happened::Ended, generation, cause, detail)
        });
        self.episode.ended(ended.at, cleaned);
        self.facts.forget_server(Instant::now());
        if let Some(leftover) = aftermath.leftover {
            self.facts.note = leftover;
        }
        self.step(Some(Input::Exited { generation, exit: ended.exit, fatal }));
    }

    /// Stops the upkeep of the files of a server that has ended. Also deletes the record, unless a
    /// process of the server may be left.
    fn release_files(&mut self, instance: Option<&Instance>, leftover: Option<&str>) {
        for file in [RECORD, LOCK, STAMP, LOG] {
            self.files.forget(file);
        }
        match (leftover, instance) {
            (Some(leftover), _) => tracing::warn!("{leftover}"),
            (None, Some(Instance { marker, .. })) => {
                let (record, marker) = (self.facts.settings.home.record(), marker.clone());
                self.files.keep(RECORD, move || {
                    Record::remove(&record, &marker);
                    Ok(())
                });
            }
            (None, None) => {}
        }
    }

    pub(super) fn became_ready(&mut self, generation: Generation, owner: Owner) {
        self.unit.became_ready();
        if self.facts.server.as_ref().is_some_and(|server| server.server_version.is_none()) {
            self.ask_server_version(generation);
        }
        if owner == Owner::External {
            return;
        }
        self.note_readiness(generation);
    }
}
