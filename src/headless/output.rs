//! Writes to stdout on a separate thread. If the reader of stdout stops reading (a pager, Ctrl-S, a
//! full pipe), only this thread blocks, and the supervision of the server continues.

use crate::harmless;
use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Maximum number of parts of the log in the queue. If the queue is full, further lines stay in the
/// log file until the queue has room.
const PIECES: usize = 16;

/// How long the process waits at its end until the reader has read all output.
const CLOSING: Duration = Duration::from_secs(1);

/// Writes texts to stdout. Removes control characters except line ends, because the texts contain
/// output of other processes and must not control the terminal. A closed pipe is not an error.
pub(super) struct LineOutput {
    texts: mpsc::Sender<Text>,
    room: Arc<Semaphore>,
    done: oneshot::Receiver<()>,
}

struct Text {
    text: String,
    /// The place of this text in the queue, which is free again after the text is written.
    _room: Option<OwnedSemaphorePermit>,
}

impl LineOutput {
    /// Creates the thread that writes to `out`.
    ///
    /// # Errors
    /// If the system cannot create a thread, for example at the limit of processes.
    pub(super) fn begin(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (texts, incoming) = mpsc::channel::<Text>();
        let (ended, done) = oneshot::channel();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            for Text { text, _room } in incoming {
                let _ = out.write_all(harmless::lines(&text).as_bytes()).and_then(|()| out.flush());
            }
            drop(ended);
        })?;
        Ok(Self { texts, room: Arc::new(Semaphore::new(PIECES)), done })
    }

    /// Writes an event. Does not wait for room in the queue, because events are few.
    pub(super) fn event(&self, text: String) {
        let _ = self.texts.send(Text { text, _room: None });
    }

    /// Waits until the queue has room for another part of the log. Cancel-safe.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_owned().await.ok()
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    pub(super) fn log(&self, text: String, room: Option<OwnedSemaphorePermit>) {
        let _ = self.texts.send(Text { text, _room: room });
    }

    /// Waits until all output is written, but not longer than [`CLOSING`].
    pub(super) async fn close(self) {
        drop(self.texts);
        let _ = tokio::time::timeout(CLOSING, self.done).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmless::tests::{HOSTILE, assert_harmless};

    #[tokio::test]
    async fn control_characters_of_events_and_log_lines_are_not_written() {
        let (written, sink) = io::pipe().unwrap();
        let out = LineOutput::begin(sink).unwrap();
        out.event(format!("12:00:00 stigmer  {HOSTILE}\n"));
        out.log(format!("{HOSTILE}\nnext\n"), out.room().await);
        out.close().await;
        let text = io::read_to_string(written).unwrap();
        assert_harmless(&text);
        assert!(text.ends_with("\nnext\n"), "our own line ends stay: {text:?}");
    }
}
