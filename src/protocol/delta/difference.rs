//! Computes, in the host, the changes between two snapshots.

use super::{Change, Delta, Grown};
use crate::protocol::{ProjectWorker, Snapshot, Status};

impl Snapshot {
    /// Computes the delta from `before` to this snapshot. The delta may be without changes.
    #[must_use]
    pub fn since(&self, before: &Self) -> Delta {
        let mut known = before.clone();
        known.grow_older(self.at_ms().saturating_sub(before.at_ms()));
        let changes = [
            self.state_since(&known),
            self.temporal_since(&known),
            self.restarts_since(&known),
            self.probe_since(&known),
            self.resources_since(&known),
        ];
        let entries = Grown::between(&known.timeline, &self.timeline);
        let (log, options) = (&self.status.log, &self.status.options);
        let log = (*log != known.status.log).then_some(Change::Log { lines: log.lines });
        let options = (*options != known.status.options)
            .then(|| Change::Options { options: options.clone() });
        let broken = &self.status.broken_projects;
        let broken = (*broken != known.status.broken_projects)
            .then(|| Change::BrokenProjects { projects: broken.clone() });
        Delta {
            seq: self.seq,
            at_ms: self.at_ms(),
            changes: changes
                .into_iter()
                .flatten()
                .chain(entries.into_iter().flat_map(|grown| grown.more).map(Change::Entry))
                .chain(log)
                .chain(options)
                .chain(broken)
                .chain(self.workers_since(&known))
                .collect(),
        }
    }

    fn state_since(&self, known: &Self) -> Option<Change> {
        let what = |of: &Self| {
            let Status { state, intent, managed, .. } = of.status;
            (state, intent, managed, of.state_ms, of.next_start_ms, of.in_a_row)
        };
        let same = what(self) == what(known)
            && self.status.message == known.status.message
            && self.hint == known.hint
            && self.last_words == known.last_words;
        (!same).then(|| Change::State {
            state: self.status.state,
            intent: self.status.intent,
            managed: self.status.managed,
            message: self.status.message.clone(),
            state_ms: self.state_ms,
            next_start_ms: self.next_start_ms,
            in_a_row: self.in_a_row,
            hint: self.hint.clone(),
            last_words: self.last_words.clone(),
        })
    }

    fn temporal_since(&self, known: &Self) -> Option<Change> {
        let mut known = known.status.temporal.clone();
        if let (Some(known), Some(now)) = (&mut known, &self.status.temporal) {
            // Memory, CPU usage and database size change in almost every round, so a separate
            // change sends them: [`Change::Resources`].
            known.rss_bytes = now.rss_bytes;
            known.cpu_percent = now.cpu_percent;
            if let (Some(known), Some(now)) = (&mut known.database, &now.database) {
                known.bytes = now.bytes;
            }
        }
        (self.status.temporal != known)
            .then(|| Change::Temporal { temporal: self.status.temporal.clone() })
    }

    fn restarts_since(&self, known: &Self) -> Option<Change> {
        let same = self.status.restarts == known.status.restarts
            && self.restart_ages_ms == known.restart_ages_ms;
        (!same).then(|| Change::Restarts {
            restarts: self.status.restarts.clone(),
            ages_ms: self.restart_ages_ms.clone(),
        })
    }

    fn probe_since(&self, known: &Self) -> Option<Change> {
        let (health, before) = (&self.status.health, &known.status.health);
        let same = health == before && self.probes == known.probes;
        (!same).then(|| Change::Probe {
            layers: health
                .layers
                .iter()
                .filter(|layer| !before.layers.contains(layer))
                .cloned()
                .collect(),
            latency_us: health.latency_us,
            consecutive_failures: health.consecutive_failures,
            no_restart: health.no_restart,
            history: Grown::between(&known.probes, &self.probes),
        })
    }

    fn resources_since(&self, known: &Self) -> Option<Change> {
        let (rss_bytes, cpu_percent, database_bytes) = self.resources();
        let same =
            known.resources() == self.resources() && known.rss == self.rss && known.cpu == self.cpu;
        (!same).then(|| Change::Resources {
            rss_bytes,
            cpu_percent,
            database_bytes,
            rss: Grown::between(&known.rss, &self.rss),
            cpu: Grown::between(&known.cpu, &self.cpu),
        })
    }

    fn workers_since(&self, known: &Self) -> Vec<Change> {
        let (before, now) = (&known.status.workers, &self.status.workers);
        let find = |all: &'_ [ProjectWorker], name: &str| {
            all.iter().position(|worker| worker.name == name)
        };
        let removed = before.iter().filter(|it| find(now, &it.name).is_none());
        let removed = removed.map(|it| Change::WorkerRemoved { name: it.name.clone() });
        let changed = now.iter().filter_map(|worker| {
            let Some(before) = find(before, &worker.name).map(|at| &before[at]) else {
                return Some(Change::Worker(Box::new(worker.clone())));
            };
            if before == worker {
                return None;
            }
            let (usage, mut same) = (worker.usage(), before.clone());
            usage.apply(&mut same);
            Some(match same == *worker {
                true => Change::WorkerUsage(usage),
                false => Change::Worker(Box::new(worker.clone())),
            })
        });
        removed.chain(changed).collect()
    }

    fn resources(&self) -> (Option<u64>, Option<f64>, Option<u64>) {
        self.status.temporal.as_ref().map_or((None, None, None), |temporal| {
            let database = temporal.database.as_ref().and_then(|database| database.bytes);
            (temporal.rss_bytes, temporal.cpu_percent, database)
        })
    }
}
