//! Reads the state and the history that earlier hosts have left in the home.

use crate::facts::timeline::{self, Episode};
use crate::facts::{Facts, HandOver, Intent, LeftWorker, chronicle, record};
use crate::paths::files::Unreadable;
use crate::paths::{Home, is_passing};
use crate::process::lock;
use crate::protocol::Entry;
use crate::supervisor::{Cause, Generation, State, Supervisor, Want};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Creates the timeline entry for a watchdog that starts no further host, because several hosts in
/// a row died or did not start.
#[must_use]
pub fn gave_up(home: &Home, why: &str) -> Entry {
    // If the history cannot be read, use generation 0: an entry with a wrong number is better than
    // no entry.
    let last = History::read(home).map_or_else(|_| Generation::default(), |history| history.last);
    timeline::failed(last, why, Vec::new())
}

/// The state and the history that the previous host has left for this host.
#[derive(Debug)]
pub(super) struct Predecessor {
    /// Number of the last generation.
    pub(super) last: Generation,
    /// The intent of the previous host, which this host continues. `None` if the previous host left
    /// none.
    pub(super) want: Option<Want>,
    left: Left,
}

/// What the previous host has left of its workers.
#[derive(Debug)]
pub(super) struct LeftWorkers {
    /// The state of each worker.
    pub(super) workers: Vec<LeftWorker>,
    /// The time since the state was left.
    pub(super) gap: Duration,
    /// The timeline of earlier hosts.
    pub(super) past: Arc<VecDeque<Arc<Entry>>>,
}

#[derive(Debug)]
enum Left {
    HandOver(Box<HandOver>),
    /// The timeline in the home, if the previous host left no hand-over file.
    Timeline(VecDeque<Arc<Entry>>),
}

impl Predecessor {
    /// Reads the files of the previous host, and takes its hand-over file.
    ///
    /// # Errors
    /// If a file of an earlier host cannot be read. The file is kept, so that a later attempt can
    /// read it.
    pub(super) fn read(home: &Home) -> Result<Self, Unreadable> {
        let History { last, timeline } = History::read(home)?;
        let hand_over = HandOver::take(home, last).map_err(Unreadable::at(home.hand_over()))?;
        let (want, left) = match hand_over {
            Some(before) => (Some(before.supervisor.want), Left::HandOver(Box::new(before))),
            // Without a hand-over file, the intent file still shows whether the previous host was
            // stopping the server.
            None => {
                let is_stopping = Intent::is_stop_under_way(home, last)?;
                (is_stopping.then_some(Want::Down), Left::Timeline(timeline))
            }
        };
        Ok(Self { last, want, left })
    }

    /// What the previous host has left of its workers.
    pub(super) fn workers(&self) -> LeftWorkers {
        let (workers, gap, past) = match &self.left {
            Left::HandOver(before) => {
                (before.workers.clone(), before.age(), before.timeline.clone().into())
            }
            Left::Timeline(timeline) => (Vec::new(), Duration::ZERO, timeline.clone()),
        };
        LeftWorkers { workers, gap, past: Arc::new(past) }
    }

    /// Restores the state of the supervisor, and the counters and the timeline in the facts.
    pub(super) fn restore(self, supervisor: &mut Supervisor, facts: &mut Facts, now: Instant) {
        match self.left {
            Left::HandOver(before) => {
                supervisor.resume(&before.supervisor, before.age(), now);
                before.restore(facts, now);
                facts.state = supervisor.state().clone();
            }
            Left::Timeline(timeline) => facts.recall(timeline, now),
        }
    }
}

/// The episode (a start or a repair) that is in progress when a host begins, according to the state
/// of its supervisor.
pub(super) fn first_episode(state: &State, now: Instant) -> Episode {
    match state {
        // The previous host was waiting before a restart, which this host continues. The restart is
        // a repair.
        State::Backoff { cause, detail, .. } => Episode::begin(*cause, detail.clone(), true, now),
        State::Stopped { .. }
        | State::Starting(_)
        | State::Ready(_)
        | State::Degraded(..)
        | State::Stopping(_)
        | State::Failed { .. } => Episode::begin(Cause::Operator, String::new(), false, now),
    }
}

/// The history of a home, according to its files.
#[derive(Debug)]
struct History {
    /// Number of the last generation (start of the server). 0 if this home has had no server.
    last: Generation,
    timeline: VecDeque<Arc<Entry>>,
}

impl History {
    /// Reads the history. The last generation is the highest number in the lock file of the server,
    /// in the record of the server and in the timeline. A missing or damaged file does not count.
    ///
    /// # Errors
    /// If a file cannot be read now but may be readable later, or if the lock file cannot be read
    /// and no other file has a number. A guess could give the next generation a number that was
    /// used before.
    fn read(home: &Home) -> Result<Self, Unreadable> {
        let timeline = chronicle::recent(&home.events()).map_err(Unreadable::at(home.events()))?;
        // Normally the lock file has the highest number. But on a full disk, the timeline may have
        // stored a higher number than the lock file.
        let of_server = timeline.iter().filter(|entry| entry.worker.is_none());
        let written = of_server.map(|entry| entry.generation.0).max().unwrap_or(0);
        let recorded = match record::read(home) {
            Ok(record) => record.map_or(0, |record| record.generation.0),
            Err(source) if is_passing(&source) => {
                return Err(Unreadable { path: home.record(), source });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read temporal.pid, the record of the server");
                0
            }
        };
        let known = written.max(recorded);
        let last = match lock::read_number(&home.temporal_lock()) {
            Ok(locked) => locked.max(known),
            Err(source) if is_passing(&source) || known == 0 => {
                return Err(Unreadable { path: home.temporal_lock(), source });
            }
            Err(error) => {
                tracing::warn!(%error, known, "cannot read temporal.lock, the lock of the server");
                known
            }
        };
        Ok(Self { last: Generation(last), timeline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Settings};
    use crate::facts::SERVER_KIND;
    use crate::process::descriptors::tests::{in_own_process, without_descriptors};
    use crate::process::record::{Record, tests::record};
    use crate::protocol::{Happened, Mode};

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare(true).unwrap();
        (folder, home)
    }

    fn last(home: &Home) -> Option<u64> {
        History::read(home).ok().map(|history| history.last.0)
    }

    fn write_entry(home: &Home, generation: u64) {
        let entry = timeline::failed(Generation(generation), "why", Vec::new());
        chronicle::Chronicle::open(&home.events()).write(&entry).unwrap();
    }

    #[test]
    fn last_generation_is_the_largest_number_that_can_be_read() {
        let (_folder, home) = home();
        assert_eq!(last(&home), Some(0), "a new home");
        write_entry(&home, 3);
        assert_eq!(last(&home), Some(3));
        std::fs::write(home.temporal_lock(), "5").unwrap();
        assert_eq!(last(&home), Some(5));
        Record { generation: Generation(7), ..record() }.write(&home.record()).unwrap();
        assert_eq!(last(&home), Some(7));
        // Put folders at the paths of the files, so that reading fails. Removing the read
        // permission is not enough, because the tests may run as root.
        std::fs::remove_file(home.temporal_lock()).unwrap();
        std::fs::create_dir(home.temporal_lock()).unwrap();
        assert_eq!(last(&home), Some(7), "the lock cannot be read");
        std::fs::remove_file(home.record()).unwrap();
        std::fs::create_dir(home.record()).unwrap();
        assert_eq!(last(&home), Some(3), "the record cannot be read");
        std::fs::remove_file(home.events()).unwrap();
        std::fs::create_dir(home.events()).unwrap();
        assert_eq!(last(&home), None, "nothing can be read");
        std::fs::remove_dir(home.temporal_lock()).unwrap();
        assert_eq!(last(&home), Some(0), "a home without a lock has had no server");
    }

    #[test]
    fn last_generation_is_an_error_without_descriptors() {
        if !in_own_process(
            "manager::history::tests::last_generation_is_an_error_without_descriptors",
        ) {
            return;
        }
        let (_folder, home) = home();
        write_entry(&home, 3);
        let error = without_descriptors(|| History::read(&home).unwrap_err());
        assert_eq!(error.source.raw_os_error(), Some(libc::EMFILE), "{error}");
        assert_eq!(last(&home), Some(3));
    }

    #[test]
    fn ends_of_workers_are_known_with_and_without_a_hand_over() {
        let (_folder, home) = home();
        let ended = timeline::entry(Happened::Ended, Generation(2), Cause::Crash, String::new());
        let ended = Entry { worker: Some("orders".into()), ..ended };
        chronicle::Chronicle::open(&home.events()).write(&ended).unwrap();
        let past = |is_handed_over| {
            let before = Predecessor::read(&home).unwrap();
            assert_eq!(matches!(before.left, Left::HandOver(_)), is_handed_over);
            before.workers().past
        };
        assert_eq!(past(false).len(), 1);

        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let (policy, now) = (settings.policy.clone(), Instant::now());
        let supervisor = Supervisor::new(SERVER_KIND, policy, Generation::default(), 1, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.into(), Mode::Background, schedule, now);
        facts.timeline.push_back(Arc::new(ended));
        let hand_over = HandOver::new(&facts, supervisor.hand_over(now), Vec::new(), now);
        hand_over.write(&home).unwrap();
        assert_eq!(past(true), facts.timeline.into());
    }
}
