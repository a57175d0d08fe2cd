//! Stdout, written by a thread of its own: who reads it may stop reading (a
//! pager, Ctrl-S, a full pipe), and supervision must not stop with it.

use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Pieces of the log on their way; more of it waits in its file.
const PIECES: usize = 16;

/// A reader that lives has taken everything by then.
const CLOSING: Duration = Duration::from_secs(1);

/// See the module's documentation. A reader that has gone is no error.
pub(super) struct Output {
    texts: mpsc::Sender<Text>,
    room: Arc<Semaphore>,
    done: oneshot::Receiver<()>,
}

struct Text {
    text: String,
    /// Given back once it is written.
    _room: Option<OwnedSemaphorePermit>,
}

impl Output {
    pub(super) fn begin() -> Self {
        let (texts, incoming) = mpsc::channel::<Text>();
        let (ended, done) = oneshot::channel();
        std::thread::spawn(move || {
            let mut out = std::io::stdout();
            for Text { text, _room } in incoming {
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            drop(ended);
        });
        Self { texts, room: Arc::new(Semaphore::new(PIECES)), done }
    }

    /// What happens: little, and never held back.
    pub(super) fn say(&self, text: String) {
        let _ = self.texts.send(Text { text, _room: None });
    }

    /// Waits until there is room for another piece of the log; cancel-safe.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_owned().await.ok()
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    pub(super) fn log(&self, text: String, room: Option<OwnedSemaphorePermit>) {
        let _ = self.texts.send(Text { text, _room: room });
    }

    /// Waits until everything is written, or nobody reads.
    pub(super) async fn close(self) {
        drop(self.texts);
        let _ = tokio::time::timeout(CLOSING, self.done).await;
    }
}
