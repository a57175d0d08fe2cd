//! The host's own reader of Temporal's log: counts, last words, the bound on disk.

use crate::log::bound::FileBound;
use crate::log::{Batch, Follower, Start};
use crate::temporal::last_words::LastWords;
use crate::temporal::logline::{Level, LineParser};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// The bound is looked after whenever this much was written since.
const BOUND_EVERY: u64 = 1 << 20;

/// What a server said at last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Its own account of its end.
    pub cause: Option<String>,
    /// The first lines of a crash dump.
    pub dump: Vec<String>,
    /// The last lines of all.
    pub last: Vec<String>,
}

/// A handle to the reader; it ends with its last handle.
#[derive(Debug, Clone)]
pub struct LogReader {
    asks: mpsc::Sender<oneshot::Sender<Words>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: [AtomicU64; Level::ALL.len()],
    /// How much is kept on disk, in bytes.
    max: AtomicU64,
}

impl LogReader {
    /// Begins to read what is written from now on.
    #[must_use]
    pub fn start(path: PathBuf, max: u64) -> Self {
        let (asks, asked) = mpsc::channel(4);
        let shared = Arc::new(Shared { max: max.into(), ..Shared::default() });
        tokio::spawn(read(path, asked, shared.clone()));
        Self { asks, shared }
    }

    /// Keeps this much from now on, in bytes.
    pub fn set_max(&self, max: u64) {
        self.shared.max.store(max, Ordering::Relaxed);
    }

    /// Lines read, by level.
    #[must_use]
    pub fn lines(&self) -> [u64; Level::ALL.len()] {
        std::array::from_fn(|level| self.shared.lines[level].load(Ordering::Relaxed))
    }

    /// Reads to the end, then tells what the current generation said at last.
    pub async fn last_words(&self) -> Words {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(reply).await.is_err() {
            return Words::default();
        }
        answer.await.unwrap_or_default()
    }
}

struct Reading {
    parser: LineParser,
    words: LastWords,
    shared: Arc<Shared>,
    unbounded: u64,
}

impl Reading {
    fn take(&mut self, lines: &Batch) {
        for line in lines.lines() {
            let text = String::from_utf8_lossy(line);
            let head = self.parser.scan(&text);
            self.words.observe(&head, &text);
            self.shared.lines[head.level.index()].fetch_add(1, Ordering::Relaxed);
            self.unbounded += line.len() as u64 + 1;
        }
    }
}

async fn read(
    path: PathBuf,
    mut asked: mpsc::Receiver<oneshot::Sender<Words>>,
    shared: Arc<Shared>,
) {
    let mut follower = Follower::new(&path, Start::Tail(0));
    let mut bound = Some(FileBound::new(&path, shared.max.load(Ordering::Relaxed)));
    let mut reading = Reading {
        // No time is read here, and finding the machine's zone takes milliseconds of a start.
        parser: LineParser::new(jiff::tz::TimeZone::UTC),
        words: LastWords::default(),
        shared,
        unbounded: BOUND_EVERY,
    };
    loop {
        tokio::select! {
            batch = follower.next() => match batch {
                Ok(batch) => reading.take(&batch),
                Err(error) => tracing::warn!(%error, "log not read"),
            },
            ask = asked.recv() => {
                let Some(reply) = ask else { return };
                if let Err(error) = follower.drain(|batch| reading.take(batch)) {
                    tracing::warn!(%error, "last words not read");
                }
                // Whoever asked may be gone.
                let _ = reply.send(Words {
                    cause: reading.words.cause(),
                    dump: reading.words.dump().to_vec(),
                    last: reading.words.last(),
                });
            }
        }
        if reading.unbounded >= BOUND_EVERY
            && let Some(file) = &mut bound
        {
            reading.unbounded = 0;
            file.set_max(reading.shared.max.load(Ordering::Relaxed));
            if let Err(error) = file.enforce() {
                tracing::warn!(%error, "Temporal's log grows without bound");
                bound = None;
            }
        }
    }
}
