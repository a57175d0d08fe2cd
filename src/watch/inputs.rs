//! The bounded queue in which notifications wait for the thread that watches files.

use notify::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// Maximum number of notifications that wait for the thread. A program may change files faster than the
/// thread can handle the notifications.
const WAITING_MAX: usize = 4096;

pub(super) enum WatchInput {
    Event(notify::Result<Event>),
    /// [`WatchFlags`] has changed.
    Wake,
}

/// What the thread must know even if no further notification can wait for it.
#[derive(Debug, Default)]
pub(super) struct WatchFlags {
    pub(super) is_ended: AtomicBool,
    /// Whether notifications were lost.
    pub(super) has_lost: AtomicBool,
}

/// The end of the queue at which notifications arrive.
#[derive(Debug, Clone)]
pub(super) struct WatchInputs {
    pub(super) queue: mpsc::SyncSender<WatchInput>,
    pub(super) flags: Arc<WatchFlags>,
}

impl WatchInputs {
    /// Creates a queue. The receiver is for the thread.
    pub(super) fn new() -> (Self, mpsc::Receiver<WatchInput>) {
        let (queue, incoming) = mpsc::sync_channel(WAITING_MAX);
        (Self { queue, flags: Arc::default() }, incoming)
    }

    pub(super) fn send(&self, event: notify::Result<Event>) {
        // Waiting here could never end: the thread waits for `notify` when it adds a folder.
        if self.queue.try_send(WatchInput::Event(event)).is_err() {
            self.raise(&self.flags.has_lost);
        }
    }

    pub(super) fn raise(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        // If the queue is full, the thread is awake, and reads the flags after each input.
        let _ = self.queue.try_send(WatchInput::Wake);
    }
}
