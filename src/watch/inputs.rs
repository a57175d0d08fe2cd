//! The bounded queue in which notifications wait for the thread that watches files.

use notify::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

/// Maximum number of notifications that wait for the thread. A program may change files faster than the
/// thread can handle the notifications.
pub(super) const WAITING_MAX: usize = 4096;

/// What the thread has to do next.
pub(super) enum WatchInput {
    Event(notify::Result<Event>),
    /// Notifications were lost.
    Lost,
    /// The requested time has come, or there is nothing to do.
    Nothing,
    /// The watch has ended.
    End,
}

/// The end of the queue at which notifications arrive.
#[derive(Debug, Clone)]
pub(super) struct WatchInputs {
    // Without a bound of its own: a bounded channel allocates all its places at once, 256 KiB.
    queue: mpsc::Sender<Option<notify::Result<Event>>>,
    state: Arc<WatchState>,
}

/// The end of the queue from which the thread takes them.
#[derive(Debug)]
pub(super) struct WatchQueue {
    /// `None` wakes the thread, because a flag has changed.
    incoming: mpsc::Receiver<Option<notify::Result<Event>>>,
    state: Arc<WatchState>,
}

#[derive(Debug, Default)]
struct WatchState {
    waiting: AtomicUsize,
    has_lost: AtomicBool,
    is_ended: AtomicBool,
}

impl WatchInputs {
    /// Creates a queue. The other end is for the thread.
    pub(super) fn new() -> (Self, WatchQueue) {
        let (queue, incoming) = mpsc::channel();
        let state = Arc::<WatchState>::default();
        (Self { queue, state: state.clone() }, WatchQueue { incoming, state })
    }

    pub(super) fn send(&self, event: notify::Result<Event>) {
        // Waiting here could never end: the thread waits for `notify` when it adds a folder.
        if self.state.waiting.load(Ordering::Acquire) >= WAITING_MAX {
            return self.raise(&self.state.has_lost);
        }
        self.state.waiting.fetch_add(1, Ordering::AcqRel);
        // Without a receiver the watch has ended.
        let _ = self.queue.send(Some(event));
    }

    pub(super) fn end(&self) {
        self.raise(&self.state.is_ended);
    }

    fn raise(&self, flag: &AtomicBool) {
        if !flag.swap(true, Ordering::AcqRel) {
            let _ = self.queue.send(None);
        }
    }
}

impl WatchQueue {
    /// Waits until there is something to do, or until this time.
    pub(super) fn next(&self, until: Option<Instant>) -> WatchInput {
        // Also before the wait: its wake may have been among the discarded notifications.
        if self.is_ended() {
            return WatchInput::End;
        }
        let taken = match until {
            Some(until) => self.take(until),
            None => self.incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if self.is_ended() {
            return WatchInput::End;
        }
        let input = match taken {
            Ok(Some(event)) => {
                self.state.waiting.fetch_sub(1, Ordering::AcqRel);
                WatchInput::Event(event)
            }
            Ok(None) | Err(RecvTimeoutError::Timeout) => WatchInput::Nothing,
            Err(RecvTimeoutError::Disconnected) => WatchInput::End,
        };
        if self.state.has_lost.swap(false, Ordering::AcqRel) {
            // Who searches all folders finds what the waiting notifications say.
            self.discard();
            return WatchInput::Lost;
        }
        input
    }

    fn is_ended(&self) -> bool {
        self.state.is_ended.load(Ordering::Acquire)
    }

    fn discard(&self) {
        let notifications = self.incoming.try_iter().flatten().count();
        self.state.waiting.fetch_sub(notifications, Ordering::AcqRel);
    }

    fn take(&self, until: Instant) -> Result<Option<notify::Result<Event>>, RecvTimeoutError> {
        self.incoming.recv_timeout(until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::EventKind;

    #[test]
    fn notification_beyond_the_maximum_loses_all_that_wait() {
        let (inputs, queue) = WatchInputs::new();
        let event = || Ok(Event::new(EventKind::Any));
        (0..WAITING_MAX).for_each(|_| inputs.send(event()));
        assert!(matches!(queue.next(None), WatchInput::Event(_)));
        (0..3).for_each(|_| inputs.send(event()));
        assert!(matches!(queue.next(None), WatchInput::Lost));
        assert!(matches!(queue.next(Some(Instant::now())), WatchInput::Nothing));
        // Its room is free again.
        (0..WAITING_MAX).for_each(|_| inputs.send(event()));
        assert!(matches!(queue.next(None), WatchInput::Event(_)));
    }

    #[test]
    fn end_comes_before_what_waits() {
        let (inputs, queue) = WatchInputs::new();
        inputs.send(Ok(Event::new(EventKind::Any)));
        inputs.end();
        assert!(matches!(queue.next(None), WatchInput::End));
        assert!(matches!(queue.next(None), WatchInput::End));
    }
}
