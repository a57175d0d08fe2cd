//! Reads the log of a unit in the host: counts the lines, remembers the last lines of the process,
//! and limits the size of the file.

mod limit;

use super::words::{LogFormat, Words};
use crate::log::line::Level;
use crate::log::{Batch, Follower, StartAt};
use crate::process::identity::Identity;
use crate::process::look;
use crate::process::threads::LOOKS;
use limit::LogBound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Number of new bytes after which the size limit is enforced again.
const BOUND_EVERY: u64 = 1 << 20;

/// Time limit for closing the inotify watch of the log. Closing it usually takes 20 ms.
const CLOSING: Duration = Duration::from_secs(1);

/// Time limit for one enforcement of the size limit. One enforcement usually takes milliseconds,
/// and longer on a busy disk.
const LIMITING: Duration = Duration::from_secs(3);

/// The words for a unit in messages about a log file that was deleted or moved.
#[derive(Debug, Clone, Copy)]
pub struct TroubleWords {
    /// What the messages call the process that writes the log, for example "the server".
    pub writer: &'static str,
    /// What the user can do to get a new log.
    pub hint: &'static str,
}

/// A handle to the task that reads the log. The task ends when its last handle is dropped.
#[derive(Debug, Clone)]
pub struct LogReader {
    requests: mpsc::Sender<ReadRequest>,
    shared: Arc<ReaderState>,
}

#[derive(Debug)]
enum ReadRequest {
    CatchUp(oneshot::Sender<()>),
    LastWords(oneshot::Sender<Words>),
    Inspect(Identity),
}

#[derive(Debug, Default)]
struct ReaderState {
    lines: [AtomicU64; Level::ALL.len()],
    /// Maximum size of the log on disk, in bytes.
    max: AtomicU64,
    trouble: Mutex<Option<String>>,
    /// True from the beginning of a stop until the next process of the unit has started.
    stopping: watch::Sender<bool>,
}

impl LogReader {
    /// Starts a task that reads the lines that are written from now on. `max` is the maximum size
    /// of the log on disk, in bytes.
    #[must_use]
    pub(crate) fn start(
        path: PathBuf,
        max: u64,
        words: TroubleWords,
        format: impl LogFormat,
    ) -> Self {
        let (requests, incoming) = mpsc::channel(4);
        let shared = Arc::new(ReaderState { max: max.into(), ..ReaderState::default() });
        tokio::spawn(read(path, words, format, incoming, shared.clone()));
        Self { requests, shared }
    }

    /// Sets the maximum size of the log on disk, in bytes.
    pub fn set_max(&self, max: u64) {
        self.shared.max.store(max, Ordering::Relaxed);
    }

    /// The number of lines that were read, by level.
    #[must_use]
    pub fn lines(&self) -> [u64; Level::ALL.len()] {
        std::array::from_fn(|level| self.shared.lines[level].load(Ordering::Relaxed))
    }

    /// Checks that the process `writer` still writes to the file at the path of the log. If that
    /// file was deleted, the size limit applies to the deleted file, and the status reports the
    /// problem. Must be called regularly, because a deleted file would otherwise grow without a
    /// limit.
    pub fn inspect(&self, writer: &Identity) {
        // If the queue is full, this inspection is skipped. The next regular inspection finds the
        // same problem.
        let _ = self.requests.try_send(ReadRequest::Inspect(writer.clone()));
    }

    /// A problem with the log file, for the status. `None` if there is no problem.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the inotify watch of the log file, and polls the file until [`Self::follow`]. Must be
    /// called when a stop begins, because closing the watch takes 20 ms. Otherwise a host that
    /// exits right after the stop would have to wait for it.
    pub fn stopping(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// Watches the log file again. Must be called after a process has started or was adopted.
    pub fn follow(&self) {
        self.shared.stopping.send_if_modified(std::mem::take);
    }

    /// Reads the log to its end before a start. After a stop the file is not watched, so the reader
    /// may not have noticed that the file was truncated. This call notices the truncation. Later,
    /// new lines of the next process could hide it.
    pub async fn catch_up(&self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(ReadRequest::CatchUp(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    /// Reads the log to its end. Returns the last lines of the current generation, and the lines
    /// that explain its exit.
    pub async fn last_words(&self) -> Words {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(ReadRequest::LastWords(reply)).await.is_err() {
            return Words::default();
        }
        answer.await.unwrap_or_default()
    }
}

struct Reading<F> {
    format: F,
    shared: Arc<ReaderState>,
    unbounded: u64,
}

impl<F: LogFormat> Reading<F> {
    fn take(&mut self, lines: &Batch) {
        for line in lines.lines() {
            let text = String::from_utf8_lossy(line);
            let level = self.format.observe(&text);
            self.shared.lines[level.index()].fetch_add(1, Ordering::Relaxed);
            self.unbounded += line.len() as u64 + 1;
        }
    }

    fn catch_up(&mut self, follower: &mut Follower) {
        if let Err(error) = follower.drain(|batch| self.take(batch)) {
            tracing::warn!(%error, "cannot read the last log lines");
        }
    }
}

async fn read(
    path: PathBuf,
    words: TroubleWords,
    format: impl LogFormat,
    mut requests: mpsc::Receiver<ReadRequest>,
    shared: Arc<ReaderState>,
) {
    let mut follower = Follower::new(&path, StartAt::Tail(0));
    let folder = path.parent().unwrap_or(&path).to_owned();
    let bound = Arc::new(Mutex::new(LogBound::new(path, words, shared.clone())));
    let limit = async |limit: Box<dyn FnOnce(&mut LogBound) + Send>| {
        let bound = bound.clone();
        let limited = look::patiently(LIMITING, &folder, move |_| {
            limit(&mut bound.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(())
        });
        if let Err(error) = limited.await {
            tracing::debug!(%error, "cannot limit the size of the log now");
        }
    };
    let mut reading = Reading { format, shared: shared.clone(), unbounded: BOUND_EVERY };
    let mut stopping = shared.stopping.subscribe();
    // True after the last lines of a stopped process were read. In this phase no process writes to
    // the log, so the task does not poll the file.
    let mut rests = false;
    loop {
        tokio::select! {
            batch = follower.next(), if !rests => match batch {
                Ok(batch) => reading.take(&batch),
                Err(error) => tracing::warn!(%error, "cannot read the log"),
            },
            Ok(()) = stopping.changed() => {
                rests = false;
                match *stopping.borrow_and_update() {
                    true => close(follower.unwatch()),
                    false => follower.watch_again(),
                }
            }
            request = requests.recv() => match request {
                // Sending the reply fails if the requester has ended. The reply is then not needed.
                Some(ReadRequest::CatchUp(reply)) => {
                    reading.catch_up(&mut follower);
                    rests = *stopping.borrow();
                    let _ = reply.send(());
                }
                Some(ReadRequest::LastWords(reply)) => {
                    reading.catch_up(&mut follower);
                    rests = *stopping.borrow();
                    let _ = reply.send(reading.format.last_words());
                }
                Some(ReadRequest::Inspect(writer)) => {
                    limit(Box::new(move |bound| bound.inspect(&writer))).await;
                }
                None => return,
            }
        }
        if reading.unbounded >= BOUND_EVERY {
            reading.unbounded = 0;
            limit(Box::new(LogBound::enforce)).await;
        }
    }
}

/// Drops an inotify watch on a separate thread, because the drop takes 20 ms. Does not wait for the
/// thread.
fn close(watch: impl Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = LOOKS.run(CLOSING, move || drop(watch)).await {
            tracing::debug!(%error, "cannot close the inotify watch of the log file yet");
        }
    });
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::words::LastLine;
    use super::*;
    use std::fs::{self, File};
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    const MAX: u64 = 256 * 1024;
    const WORDS: TroubleWords = TroubleWords { writer: "the writer", hint: "restart the writer" };
    /// Number of lines with enough bytes for at least two enforcements of the size limit.
    const LINES: usize = 2 * BOUND_EVERY as usize / 16;

    /// A log format without levels. Only the marks of stigmer, the lines at the beginning of each
    /// generation, have a meaning.
    #[derive(Debug, Default)]
    pub(crate) struct PlainLog {
        last: Vec<LastLine>,
    }

    fn plain(line: &str) -> LastLine {
        LastLine { level: Level::Unknown, text: line.to_owned() }
    }

    impl LogFormat for PlainLog {
        fn observe(&mut self, line: &str) -> Level {
            match line.starts_with("{\"stigmer\":\"generation\"") {
                true => self.last.clear(),
                false => self.last.push(plain(line)),
            }
            Level::Unknown
        }

        fn last_words(&self) -> Words {
            Words { last: self.last.clone(), ..Words::default() }
        }
    }

    fn is_bounded(file: &Path) -> bool {
        fs::metadata(file).is_ok_and(|meta| meta.len() > MAX && meta.blocks() * 512 < 2 * MAX)
    }

    async fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("no {what}"));
    }

    #[tokio::test]
    async fn deleted_log_is_limited_and_reported_until_another_process_writes_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.log");
        let log = File::options().create(true).append(true).open(&path).unwrap();
        let mut writer = Command::new("cat").stdin(Stdio::piped()).stdout(log).spawn().unwrap();
        let identity = Identity::of(writer.id().try_into().unwrap()).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        let mut input = writer.stdin.take().unwrap();
        input.write_all("0123456789abcde\n".repeat(LINES).as_bytes()).unwrap();

        // This reader starts after the file was deleted, as in a host that adopts a running
        // process.
        let reader = LogReader::start(path.clone(), MAX, WORDS, PlainLog::default());
        let invisible = Path::new("/proc").join(writer.id().to_string()).join("fd/1");
        until("bound of the invisible file", || {
            reader.inspect(&identity);
            is_bounded(&invisible)
        })
        .await;
        until("trouble", || {
            reader.trouble().is_some_and(|it| it.contains("but the writer still writes"))
        })
        .await;

        // A new file at the path does not end the problem, because the process still writes to the
        // old file.
        fs::write(&path, "").unwrap();
        for _ in 0..3 {
            reader.inspect(&identity);
            tokio::task::yield_now().await;
        }
        assert!(reader.trouble().is_some());

        drop(input);
        writer.wait().unwrap();
        until("end of the trouble", || {
            reader.inspect(&Identity::own());
            reader.trouble().is_none()
        })
        .await;
    }

    #[tokio::test]
    async fn stop_ends_the_watch_of_the_log_and_loses_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.log");
        let mut log = File::options().create(true).append(true).open(&path).unwrap();
        let reader = LogReader::start(path.clone(), MAX, WORDS, PlainLog::default());
        // When `last_words` returns, the reader has opened the file and follows it.
        reader.last_words().await;
        let lines = || reader.lines().iter().sum::<u64>();
        let mut expected = 0;
        for _ in 0..3 {
            reader.follow();
            for (stops, line) in [(false, "of a server\n"), (true, "of its stop\n")] {
                if stops {
                    reader.stopping();
                }
                log.write_all(line.as_bytes()).unwrap();
                expected += 1;
                until(line, || lines() == expected).await;
            }
            log.write_all(b"last line\n").unwrap();
            expected += 1;
            assert_eq!(reader.last_words().await.last.last().unwrap().text, "last line");
            assert_eq!(lines(), expected);
        }
    }

    #[tokio::test]
    async fn log_that_is_truncated_after_a_stop_is_read_from_its_beginning_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.log");
        let mut log = File::options().create(true).append(true).open(&path).unwrap();
        let reader = LogReader::start(path.clone(), MAX, WORDS, PlainLog::default());
        reader.last_words().await;
        log.write_all(b"of the first server\n").unwrap();
        reader.stopping();
        reader.last_words().await;
        let lines = || reader.lines().iter().sum::<u64>();
        assert_eq!(lines(), 1);
        log.set_len(0).unwrap();

        reader.catch_up().await;
        // After this write, the file is longer than before the truncation. So the size of the file
        // does not show the truncation.
        let mark = "{\"stigmer\":\"generation\",\"n\":2}\n";
        log.write_all(format!("{mark}second\n").as_bytes()).unwrap();
        reader.follow();
        until("line of the second server", || lines() == 3).await;
        assert_eq!(reader.last_words().await.last, [plain("second")]);
    }

    #[tokio::test]
    async fn moved_log_is_reported_and_keeps_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (folder.path().join("temporal.log"), folder.path().join("kept"));
        let log = File::options().create(true).append(true).open(&path).unwrap();
        let mut writer = Command::new("cat").stdin(Stdio::piped()).stdout(log).spawn().unwrap();
        let identity = Identity::of(writer.id().try_into().unwrap()).unwrap().unwrap();
        let reader = LogReader::start(path.clone(), MAX, WORDS, PlainLog::default());
        let inspect = || reader.inspect(&identity);
        // The reader handles requests in order. So when `last_words` returns, the inspection is
        // complete.
        inspect();
        reader.last_words().await;
        fs::rename(&path, &to).unwrap();
        let mut input = writer.stdin.take().unwrap();
        let text = "0123456789abcde\n".repeat(LINES);
        input.write_all(text.as_bytes()).unwrap();
        until("trouble", || {
            inspect();
            reader.trouble().is_some_and(|it| it.contains("was moved to") && it.contains("kept"))
        })
        .await;
        drop(input);
        writer.wait().unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), text);
        assert!(fs::metadata(&to).unwrap().blocks() * 512 >= text.len() as u64, "no holes");
    }

    #[tokio::test]
    async fn failed_limit_is_retried() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().join("temporal.log"), folder.path().join("file"));
        fs::write(&file, "").unwrap();
        // The limit fails, because the path is a symbolic link. The reader reads through the link,
        // but never limits the target of a link.
        std::os::unix::fs::symlink(&file, &path).unwrap();
        let reader = LogReader::start(path.clone(), MAX, WORDS, PlainLog::default());
        let text = "0123456789abcde\n".repeat(LINES);
        File::options().append(true).open(&file).unwrap().write_all(text.as_bytes()).unwrap();
        until("trouble", || {
            reader.inspect(&Identity::own());
            reader.trouble().is_some_and(|it| it.contains("symbolic link"))
        })
        .await;
        assert!(!is_bounded(&file));

        fs::rename(&file, &path).unwrap();
        until("bound", || {
            reader.inspect(&Identity::own());
            is_bounded(&path)
        })
        .await;
        until("end of the trouble", || reader.trouble().is_none()).await;
    }
}
