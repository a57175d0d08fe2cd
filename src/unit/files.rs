//! Keeps the small files of the home, such as the record of the server, up to date. Checks that
//! each file has its intended content, and writes the file if not.
//!
//! A disk may be full, read-only or broken. A file that cannot be written never ends or delays
//! supervision: the status names the file, and the file is written once the disk accepts it.
//!
//! A file system may not respond, so the files are accessed on threads. All files of the home are
//! accessed in one job, see [`look::promptly`]. Each file outside the home has a job of its own.

mod distant;

use crate::process::look;
use distant::DistantFile;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time from one check of all files to the next, after a check in which a file could not be
/// written.
const RETRY: Duration = Duration::from_secs(1);

/// Time from one check of all files to the next, while all files are written. A check of the four
/// usual files makes 40 system calls.
const CHECK: Duration = Duration::from_secs(5);

/// A function that writes the intended content of a file, unless the file already has it.
type Keep = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The files that are checked and written; see the module documentation. The name of a file is its
/// path relative to the home, and appears in messages.
pub(crate) struct Files {
    home: PathBuf,
    kept: BTreeMap<&'static str, Arc<Mutex<Keep>>>,
    distant: BTreeMap<&'static str, DistantFile>,
    unwritten: BTreeMap<&'static str, io::Error>,
    looked: Option<Instant>,
}

impl Files {
    /// Creates the value for this home, without any file.
    pub(crate) fn of(home: PathBuf) -> Self {
        Self {
            home,
            kept: BTreeMap::new(),
            distant: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            looked: None,
        }
    }

    /// Adds the file `name`. Calls `keep`, which writes the file if necessary, now and at each
    /// later check. Replaces an earlier function for the same file.
    pub(crate) fn keep(
        &mut self,
        name: &'static str,
        keep: impl FnMut() -> io::Result<()> + Send + 'static,
    ) {
        self.add(name, keep);
        self.check(name);
    }

    /// Adds a file like [`Self::keep`], but calls its function only from the next check on.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        keep: impl FnMut() -> io::Result<()> + Send + 'static,
    ) {
        self.kept.insert(name, Arc::new(Mutex::new(Box::new(keep))));
    }

    /// Checks the file with this name now.
    pub(crate) fn check(&mut self, name: &'static str) {
        let kept = self.kept.get(name).cloned();
        self.check_all(kept.into_iter().map(|keep| (name, keep)).collect());
    }

    /// Checks these files in one job on a thread, and waits up to 500 ms. If the file system
    /// responds later, the thread still finishes the job.
    fn check_all(&mut self, kept: Vec<(&'static str, Arc<Mutex<Keep>>)>) {
        let names: Vec<&'static str> = kept.iter().map(|(name, _)| *name).collect();
        let written = look::promptly(&self.home, move |_| {
            let written = kept.into_iter().map(|(name, keep)| {
                let mut keep = keep.lock().unwrap_or_else(PoisonError::into_inner);
                (name, keep())
            });
            Ok(written.collect::<Vec<_>>())
        });
        match written {
            Ok(written) => written.into_iter().for_each(|(name, result)| self.report(name, result)),
            Err(error) => {
                let again = || Err(io::Error::new(error.kind(), error.to_string()));
                names.into_iter().for_each(|name| self.report(name, again()));
            }
        }
    }

    /// Adds a file like [`Self::keep`], but for a file outside the home, whose file system may not
    /// respond. `keep` runs on a thread. Waits up to 250 ms for the first call of `keep`.
    pub(crate) fn keep_distant(
        &mut self,
        name: &'static str,
        keep: impl FnMut() -> io::Result<()> + Send + 'static,
    ) {
        let before = self.distant.remove(name);
        let file = self.distant.entry(name).or_insert(DistantFile::new(Box::new(keep), before));
        file.check_now();
        self.receive();
    }

    /// Stores the results of the checks of the files outside the home.
    pub(crate) fn receive(&mut self) {
        for (name, file) in &self.distant {
            match file.result() {
                Some(Ok(())) => drop(self.unwritten.remove(name)),
                Some(Err(error)) => drop(self.unwritten.insert(name, error)),
                None => {}
            }
        }
    }

    /// Removes a file. After this call, the file is no longer checked or written.
    pub(crate) fn forget(&mut self, name: &'static str) {
        self.kept.remove(name);
        self.distant.remove(name);
        self.unwritten.remove(name);
    }

    fn report(&mut self, name: &'static str, written: io::Result<()>) {
        match written {
            Ok(()) => drop(self.unwritten.remove(name)),
            Err(error) => drop(self.unwritten.insert(name, error)),
        }
    }

    /// When the caller must wake up for the next check. `None` if all files are written: the next
    /// check can then wait until another event wakes the caller.
    pub(crate) fn due(&self) -> Option<Instant> {
        let looked = self.looked.filter(|_| !self.unwritten.is_empty())?;
        Some(looked + RETRY)
    }

    /// Whether the time of the next check has come.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let pause = if self.unwritten.is_empty() { CHECK } else { RETRY };
        self.looked.is_none_or(|looked| now >= looked + pause)
    }

    /// Makes the next check due now.
    pub(crate) fn hurry(&mut self) {
        self.looked = None;
    }

    /// Checks all files if their next check is due. Returns whether it was due.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        if !self.is_due(now) {
            return false;
        }
        self.looked = Some(now);
        self.check_all(self.kept.iter().map(|(name, keep)| (*name, keep.clone())).collect());
        self.distant.values_mut().for_each(DistantFile::check);
        true
    }

    /// Names the files that could not be written, with reasons and hints, for the status.
    pub(crate) fn trouble(&self) -> Option<String> {
        let mut reasons: BTreeMap<String, (Vec<&str>, &str)> = BTreeMap::new();
        for (name, error) in &self.unwritten {
            let (names, _) = reasons
                .entry(error.to_string())
                .or_insert_with(|| (Vec::new(), hint(error.kind())));
            names.push(name);
        }
        let mut text = String::new();
        for (reason, (names, hint)) in reasons {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{separator}cannot write {}: {reason}; {hint}", names.join(", "));
        }
        (!text.is_empty()).then(|| text + "; stigmer retries every second")
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("unwritten", &self.unwritten).finish_non_exhaustive()
    }
}

/// Returns a function that calls `keep`, and calls `then` once after the first success of `keep`.
pub(crate) fn once_kept(
    mut keep: impl FnMut() -> io::Result<()> + Send + 'static,
    then: impl FnOnce() + Send + 'static,
) -> impl FnMut() -> io::Result<()> + Send + 'static {
    let mut then = Some(then);
    move || {
        keep()?;
        if let Some(then) = then.take() {
            then();
        }
        Ok(())
    }
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some disk space",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => "make the home writable",
        ErrorKind::TimedOut => "make the file system respond",
        _ => "check the home and its disk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    #[test]
    fn unwritable_file_is_reported_until_it_is_written() {
        let (is_full, written) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let mut files = Files::of("/home".into());
        let now = Instant::now();
        assert!(files.look(now));
        assert_eq!((files.due(), files.trouble()), (None, None));
        let keep = {
            let (is_full, written) = (is_full.clone(), written.clone());
            move || {
                if is_full.load(Ordering::Relaxed) {
                    return Err(ErrorKind::StorageFull.into());
                }
                written.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        files.keep("temporal.pid", keep.clone());
        files.keep("temporal.lock", keep);
        files.report("logs/events.jsonl", Err(ErrorKind::ReadOnlyFilesystem.into()));
        let trouble = files.trouble().unwrap();
        for words in [
            "cannot write temporal.lock, temporal.pid: no storage space; free some disk space",
            "cannot write logs/events.jsonl: read-only filesystem",
            "retries",
        ] {
            assert!(trouble.contains(words), "no `{words}` in {trouble}");
        }
        let due = files.due().unwrap();
        assert!(!files.look(due - Duration::from_millis(1)));
        assert!(files.look(due));
        assert!(files.trouble().is_some());
        is_full.store(false, Ordering::Relaxed);
        assert!(files.look(due + RETRY));
        assert_eq!(written.load(Ordering::Relaxed), 2);
        files.report("logs/events.jsonl", Ok(()));
        assert_eq!((files.due(), files.trouble()), (None, None));
        assert!(!files.look(due + CHECK));
        assert!(files.look(due + RETRY + CHECK));
        files.hurry();
        assert!(files.look(due + RETRY + CHECK));
    }

    #[test]
    fn follow_up_runs_once_after_the_first_success() {
        let (send, received) = std::sync::mpsc::channel();
        let mut results = vec![Ok(()), Ok(()), Err(io::Error::other("no"))];
        let keep = move || results.pop().unwrap();
        let mut keep = once_kept(keep, move || send.send(()).unwrap());
        keep().unwrap_err();
        assert!(received.try_recv().is_err());
        keep().unwrap();
        received.try_recv().unwrap();
        keep().unwrap();
        assert!(received.try_recv().is_err());
    }

    #[test]
    fn files_of_a_home_that_does_not_respond_wait_for_it() {
        let home = Path::new("/home/silent");
        let (send, received) = std::sync::mpsc::channel();
        let mut files = Files::of(home.to_owned());
        let release = look::tests::block(home);
        files.keep("temporal.pid", move || send.send(()).map_err(io::Error::other));
        let trouble = files.trouble().unwrap();
        assert!(trouble.contains("temporal.pid: the file system does not respond"), "{trouble}");
        assert!(received.try_recv().is_err());
        drop(release);
        while files.trouble().is_some() {
            files.check("temporal.pid");
        }
        received.try_recv().unwrap();
    }

    #[test]
    fn forgotten_file_is_neither_written_nor_reported() {
        let mut files = Files::of("/home".into());
        files.keep("temporal.pid", || Err(ErrorKind::StorageFull.into()));
        files.forget("temporal.pid");
        assert!(files.kept.is_empty());
        assert_eq!(files.trouble(), None);
    }
}
