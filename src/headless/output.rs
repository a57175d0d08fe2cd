//! Stdout, written by a thread of its own: who reads it may stop reading (a
//! pager, Ctrl-S, a full pipe), and supervision must not stop with it.

use crate::harmless;
use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Pieces of the log on their way; more of it waits in its file.
const PIECES: usize = 16;

/// A reader that lives has taken everything by then.
const CLOSING: Duration = Duration::from_secs(1);

/// See the module's documentation. Each text is made harmless: no control character but line ends
/// reaches the terminal. A reader that has gone is no error.
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
    /// # Errors
    /// When the system creates no thread, for example at the limit of processes.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmless::tests::{HOSTILE, assert_harmless};

    #[tokio::test]
    async fn no_control_character_of_an_event_or_a_log_line_is_written() {
        let (written, sink) = io::pipe().unwrap();
        let out = Output::begin(sink).unwrap();
        out.say(format!("12:00:00 stigmer  {HOSTILE}\n"));
        out.log(format!("{HOSTILE}\nnext\n"), out.room().await);
        out.close().await;
        let text = io::read_to_string(written).unwrap();
        assert_harmless(&text);
        assert!(text.ends_with("\nnext\n"), "line ends of ours stay: {text:?}");
    }
}
