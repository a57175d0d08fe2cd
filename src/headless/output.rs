//! Writes to stdout on a separate thread. The reader of stdout may stop reading (a pager, Ctrl-S, a
//! full pipe). That must block only this thread, and not the supervision of the server.

use crate::harmless;
use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Maximum number of parts of the log in the queue. Lines that do not fit stay in the log file
/// until there is room.
const PIECES: usize = 16;

/// Time limit at the end of the process for the reader to read all output.
const CLOSING: Duration = Duration::from_secs(1);

/// Writes texts to stdout. No control character except line ends reaches the terminal, because the
/// texts contain output of other processes. A closed pipe is not an error.
pub(super) struct LineOutput {
    texts: mpsc::Sender<Text>,
    room: Arc<Semaphore>,
    done: oneshot::Receiver<()>,
}

struct Text {
    text: String,
    /// The room in the queue that this text takes. Released after the text is written.
    _room: Option<OwnedSemaphorePermit>,
}

impl LineOutput {
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

    /// Writes an event. An event never waits for room in the queue, because events are few.
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
