//! The file of the timeline, `logs/events.jsonl`, with one JSON object per line. The file remains
//! when hosts and servers end.

use super::{Facts, RestartFacts, WorkerFacts};
use crate::log::{RotatingWriter, predecessor};
use crate::paths::is_passing;
use crate::protocol::{ENTRIES, Entry, Happened};
use crate::supervisor::{Cause, Generation};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum size of the file and its predecessor together, in bytes.
const MAX: u64 = 1 << 20;

/// How many bytes of the end of the file a host reads when it starts. The entry of a start has
/// about 400 bytes, and the entry of a crash some kilobytes.
const TAIL: u64 = 256 << 10;

/// Writes entries into the file of the timeline. An entry that cannot be written waits in memory
/// for the next attempt.
///
/// All clones use the same file and the same waiting entries. A write may block, but [`Self::add`]
/// never waits for a write.
#[derive(Debug, Clone)]
pub struct Chronicle {
    file: Arc<Mutex<RotatingWriter>>,
    /// Lines that are not written yet, oldest first. At most [`ENTRIES`].
    waiting: Arc<Mutex<VecDeque<String>>>,
}

impl Chronicle {
    /// Creates a writer that appends to the file, which may have entries of earlier hosts.
    pub fn open(path: &Path) -> Self {
        Self { file: Arc::new(Mutex::new(RotatingWriter::new(path, MAX))), waiting: Arc::default() }
    }

    /// Writes an entry. After an error the entry waits in memory for [`Self::retry`].
    ///
    /// # Errors
    /// If the entry cannot be written yet.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        self.add(entry)?;
        self.retry()
    }

    /// Adds an entry without writing it. The next [`Self::retry`] writes it.
    ///
    /// # Errors
    /// If the entry cannot be converted to JSON.
    pub fn add(&self, entry: &Entry) -> io::Result<()> {
        let text = serde_json::to_string(entry)?;
        let mut waiting = self.waiting();
        if waiting.len() == ENTRIES {
            waiting.pop_front();
        }
        waiting.push_back(text + "\n");
        Ok(())
    }

    /// Writes the entries that are not written yet.
    ///
    /// # Errors
    /// If an entry still cannot be written.
    pub fn retry(&self) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(line) = self.waiting().pop_front() else { return Ok(()) };
            if let Err(error) = file.append(line.as_bytes()) {
                let mut waiting = self.waiting();
                if waiting.len() < ENTRIES {
                    waiting.push_front(line);
                }
                return Err(error);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The paths of the two files of the timeline, the older one first.
#[must_use]
pub fn files(path: &Path) -> [PathBuf; 2] {
    [predecessor(path), path.to_owned()]
}

/// Reads the newest entries, oldest first, at most [`ENTRIES`]. A damaged file is skipped, because
/// no host depends on its entries.
///
/// # Errors
/// If a file cannot be read now but may be readable later; see [`is_passing`].
pub fn recent(path: &Path) -> io::Result<VecDeque<Arc<Entry>>> {
    let mut found = VecDeque::new();
    let mut room = TAIL;
    for file in files(path).iter().rev() {
        let text = match tail(file, room) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(
                    path = %file.display(), %error,
                    "cannot read this file of the timeline: its entries are not shown"
                );
                continue;
            }
        };
        room = room.saturating_sub(text.len() as u64);
        // A line that cannot be parsed is skipped: a full disk has cut the line, or another version
        // of stigmer has written it.
        let entries = text.rsplit(|byte| *byte == b'\n').flat_map(serde_json::from_slice);
        for entry in entries.take(ENTRIES - found.len()) {
            found.push_front(entry);
        }
    }
    Ok(found)
}

impl Facts {
    /// Restores the timeline and the restart counts from the entries of earlier hosts. Called in a
    /// host that got no state from the previous host, for example because that host was killed.
    ///
    /// The restarts before this host do not count towards the restart limit, because the death of a
    /// host does not show that the server cannot run.
    pub fn recall(&mut self, found: VecDeque<Arc<Entry>>, now: Instant) {
        let of_server: Vec<&Entry> =
            found.iter().map(AsRef::as_ref).filter(|it| it.worker.is_none()).collect();
        for repair in repairs(&of_server, now) {
            self.remember_restart(repair);
        }
        count_restarts(&mut self.restarts, &of_server, self.generation);
        self.timeline = found;
    }
}

impl WorkerFacts {
    /// The same for a worker, from its entries.
    pub(crate) fn recall(&mut self, entries: &[&Entry], now: Instant) {
        for repair in repairs(entries, now) {
            self.remember_restart(repair);
        }
        count_restarts(&mut self.restarts, entries, self.generation);
    }
}

/// The automatic restarts that the entries of one unit show.
fn repairs(entries: &[&Entry], now: Instant) -> Vec<RestartFacts> {
    let clock = Timestamp::now();
    let is_repair = |it: &&&Entry| it.happened == Happened::Ready && it.cause.is_automatic();
    let restart = |repair: &&Entry| {
        let took = repair.took_ms.map(Duration::from_millis);
        // If the clock was set back after the entry was written, the time of the entry may be
        // in the future. The current time is used instead.
        let ago = Duration::try_from(clock.duration_since(repair.time)).unwrap_or_default();
        let ago = ago + took.unwrap_or_default();
        RestartFacts {
            cause: repair.cause,
            detail: repair.detail.clone(),
            at: now.checked_sub(ago).unwrap_or(now),
            recovery: took,
            downtime: repair.downtime_ms.map(Duration::from_millis),
        }
    };
    entries.iter().filter(is_repair).map(restart).collect()
}

/// Sets the numbers of restarts of a unit, whose last start has the number `last`, from its entries.
fn count_restarts(counts: &mut BTreeMap<Cause, u64>, entries: &[&Entry], last: Generation) {
    // Entries of earlier versions and of the watchdog have no counts. If no entry has counts,
    // the counts of the repairs remain.
    let written = entries.iter().rev().map(|it| &it.restarts).find(|counts| !counts.is_empty());
    for (cause, count) in written.into_iter().flatten() {
        let known = counts.entry(*cause).or_default();
        *known = (*count).max(*known);
    }
    if let Some(newest) = entries.last() {
        // The earlier host had begun an automatic restart, and died before the new process was
        // ready. So this restart has no entry yet, and is counted here.
        let unasked = newest.happened == Happened::Ended && newest.cause.is_automatic();
        if unasked && newest.generation < last {
            *counts.entry(newest.cause).or_default() += 1;
        }
    }
}

/// Reads the last `most` bytes of a file.
fn tail(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{SERVER_KIND, timeline};
    use super::*;
    use crate::config::{Options, Settings};
    use crate::paths;
    use crate::protocol::Mode;
    use crate::supervisor::{Policy, Supervisor};
    use std::io::Write;

    struct Home(tempfile::TempDir);

    impl Home {
        fn path(&self) -> PathBuf {
            self.0.path().join("events.jsonl")
        }

        fn wrote(texts: [&str; 2]) -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            for (file, text) in files(&home.path()).iter().zip(texts) {
                std::fs::write(file, text).unwrap();
            }
            home
        }

        fn read(&self) -> Vec<u64> {
            recent(&self.path()).unwrap().iter().map(|entry| entry.generation.0).collect()
        }
    }

    fn entry(generation: u64) -> Entry {
        timeline::entry(Happened::Ready, Generation(generation), Cause::Operator, String::new())
    }

    fn line(generation: u64) -> String {
        serde_json::to_string(&entry(generation)).unwrap() + "\n"
    }

    #[test]
    fn entries_of_one_host_are_read_by_the_next() {
        let home = Home(tempfile::tempdir().unwrap());
        assert_eq!(home.read(), [0; 0], "nothing is there yet");
        let chronicle = Chronicle::open(&home.path());
        (1..=3).for_each(|n| chronicle.write(&entry(n)).unwrap());
        assert_eq!(home.read(), [1, 2, 3]);
    }

    #[test]
    fn entries_are_read_up_to_the_shown_number_and_the_older_file_comes_first() {
        let many: String = (1..=90).map(line).collect();
        let more: String = (91..=130).map(line).collect();
        let home = Home::wrote([&many, &more]);
        assert_eq!(home.read(), (31..=130).collect::<Vec<_>>());
        std::fs::remove_file(&files(&home.path())[1]).unwrap();
        assert_eq!(home.read(), (1..=90).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_entries_and_entries_of_another_version_are_skipped() {
        let later = line(5).replace("ready", "reborn");
        let added = line(6).replace("{\"time\"", "{\"later\":[1],\"time\"");
        let text = [&line(1), "\n\u{0}\u{0}{\"time\":\n", &later, &added, &line(7)[..30]].concat();
        let home = Home::wrote(["[1,2]\nno json\n", &text]);
        assert_eq!(home.read(), [1, 6]);
    }

    #[test]
    fn entry_after_a_cut_line_is_kept() {
        let home = Home::wrote(["", &format!("{}{}", line(1), &line(2)[..30])]);
        Chronicle::open(&home.path()).write(&entry(3)).unwrap();
        assert_eq!(home.read(), [1, 3]);
    }

    /// The facts of a host that got no state from the previous host. `read` are the entries in the
    /// file, and `last` is the latest generation number of the home.
    fn recalled(read: &[Entry], last: u64) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        let home = paths::Home::at(folder.path()).unwrap();
        let settings = Settings::resolve(home, Options::default()).unwrap();
        let now = Instant::now();
        let supervisor =
            Supervisor::new(SERVER_KIND, settings.policy.clone(), Generation(last), 1, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.into(), Mode::Background, schedule, now);
        facts.generation = Generation(last);
        facts.recall(read.iter().cloned().map(Arc::new).collect(), now);
        facts
    }

    fn wrote(happened: Happened, n: u64, cause: Cause, restarts: &[(Cause, u64)]) -> Entry {
        let entry = timeline::entry(happened, Generation(n), cause, "why".into());
        Entry { took_ms: Some(200), restarts: restarts.iter().copied().collect(), ..entry }
    }

    #[test]
    fn restart_counts_continue_from_the_newest_entry() {
        use Cause::{Crash, Operator, Unresponsive};
        use Happened::{Adopted, Ready};
        let facts = recalled(
            &[
                wrote(Ready, 8, Crash, &[(Crash, 6), (Unresponsive, 1)]),
                wrote(Adopted, 8, Operator, &[(Crash, 6), (Unresponsive, 1)]),
                timeline::failed(Generation(8), "given up by the watchdog", Vec::new()),
            ],
            8,
        );
        let status = facts.status(Instant::now()).restarts;
        assert_eq!((status.total, status.in_window), (7, 0));
        let last = status.last.unwrap();
        assert_eq!((last.cause, last.detail.as_str()), (Crash, "why"));
        assert_eq!((last.recovery_ms, last.ago_ms >= 200), (Some(200), true));
        assert_eq!(facts.marks.len(), 1);
        assert_eq!(recalled(&[], 8).restarts.len(), 0);
    }

    #[test]
    fn automatic_restarts_are_counted_in_entries_without_counts() {
        use Cause::{Crash, Operator};
        use Happened::{Ended, Ready};
        let entries = [
            wrote(Ready, 1, Operator, &[]),
            wrote(Ended, 1, Crash, &[]),
            wrote(Ready, 2, Crash, &[]),
            wrote(Ended, 2, Operator, &[]),
        ];
        assert_eq!(recalled(&entries, 2).restarts, [(Crash, 1)].into());
    }

    #[test]
    fn restart_counts_if_its_host_died_before_the_server_was_ready() {
        use Cause::{Crash, Operator};
        use Happened::Ended;
        let crash = [wrote(Ended, 3, Crash, &[(Crash, 2)])];
        assert_eq!(recalled(&crash, 3).restarts, [(Crash, 2)].into(), "it was not started again");
        assert_eq!(recalled(&crash, 4).restarts, [(Crash, 3)].into());
        let stop = [wrote(Ended, 3, Operator, &[(Crash, 2)])];
        assert_eq!(recalled(&stop, 4).restarts, [(Crash, 2)].into());
    }

    #[test]
    fn restart_counts_of_a_worker_continue_from_its_entries() {
        use Cause::{Crash, Operator};
        use Happened::{Ended, Ready};
        let entries = [
            wrote(Ready, 3, Crash, &[(Crash, 2)]),
            wrote(Ended, 3, Operator, &[(Crash, 2)]),
            wrote(Ready, 4, Operator, &[(Crash, 2)]),
        ];
        let (now, policy) = (Instant::now(), Policy::default());
        let supervisor = Supervisor::new(SERVER_KIND, policy.clone(), Generation(4), 1, now);
        let schedule = supervisor.schedule().clone();
        let (project, log) = (Path::new("/shop/stigmer.toml"), PathBuf::from("/h/log"));
        let mut facts = WorkerFacts::new("orders", project, log, policy, schedule, now);
        facts.generation = Generation(4);
        facts.recall(&entries.iter().collect::<Vec<_>>(), Instant::now());
        let last = facts.last_restart.as_ref().map(|it| it.cause);
        assert_eq!((facts.restarts, last), ([(Crash, 2)].into(), Some(Crash)));
    }

    #[test]
    fn long_file_is_read_only_at_its_end() {
        let home = Home(tempfile::tempdir().unwrap());
        let file = File::create(home.path()).unwrap();
        file.set_len(1 << 40).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(home.path())
            .unwrap()
            .write_all(format!("\n{}", line(2)).as_bytes())
            .unwrap();
        assert_eq!(home.read(), [2]);
    }

    #[test]
    fn entries_that_cannot_be_written_wait_for_the_next_try() {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path()).unwrap();
        std::fs::write(&files(&home.path())[0], line(1)).unwrap();
        assert_eq!(home.read(), [1]);
        let chronicle = Chronicle::open(&home.path());
        chronicle.write(&entry(2)).unwrap_err();
        chronicle.write(&entry(3)).unwrap_err();
        chronicle.retry().unwrap_err();
        std::fs::remove_dir(home.path()).unwrap();
        chronicle.write(&entry(4)).unwrap();
        assert_eq!(home.read(), [1, 2, 3, 4]);
    }

    #[test]
    fn waiting_entries_are_limited_to_the_shown_number() {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path()).unwrap();
        let chronicle = Chronicle::open(&home.path());
        (1..=150).for_each(|n| drop(chronicle.write(&entry(n)).unwrap_err()));
        std::fs::remove_dir(home.path()).unwrap();
        chronicle.retry().unwrap();
        assert_eq!(home.read(), (51..=150).collect::<Vec<_>>());
    }
}
