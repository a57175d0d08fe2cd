//! The stream of events for viewers: a snapshot, and then a delta for each change. A reader that is
//! too slow loses deltas and gets a new snapshot. A slow reader does not delay any other reader.

use super::Facts;
use crate::protocol::{Delta, Event, Fresh, Hello, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

/// Maximum number of deltas that wait for a reader.
const BACKLOG: usize = 256;

/// If nothing changes for this time, an empty delta is sent, which shows that the host is alive.
pub const BEAT: Duration = Duration::from_secs(2);

/// The latest snapshot, and the time of its creation.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The latest snapshot.
    pub snapshot: Arc<Snapshot>,
    /// When the snapshot was created.
    pub at: Instant,
}

/// Sends the events to all readers. The manager of the host owns this value.
#[derive(Debug)]
pub(crate) struct Broadcast {
    latest: watch::Sender<Latest>,
    deltas: broadcast::Sender<Arc<Delta>>,
    sent: Instant,
}

impl Broadcast {
    pub(crate) fn new(facts: &Facts, now: Instant) -> Self {
        let latest = Latest { snapshot: Arc::new(facts.snapshot(now)), at: now };
        Self {
            latest: watch::Sender::new(latest),
            deltas: broadcast::Sender::new(BACKLOG),
            sent: now,
        }
    }

    /// When the next delta must be sent even if nothing has changed.
    pub(crate) fn due(&self) -> Instant {
        self.sent + BEAT
    }

    /// Sends the changes since the last call. The host applies the delta to its own snapshot too,
    /// so the screen of the host shows the same as every viewer.
    pub(crate) fn publish(&mut self, facts: &Facts, now: Instant) {
        let before = self.latest.borrow().snapshot.clone();
        let mut snapshot = facts.snapshot(now);
        snapshot.seq = before.seq + 1;
        let delta = snapshot.since(&before);
        if delta.changes.is_empty() && now < self.due() {
            return;
        }
        self.sent = now;
        let mut reduced = Snapshot::clone(&before);
        drop(before);
        reduced.apply(&delta);
        debug_assert_eq!(reduced, snapshot, "the deltas lead to another snapshot than the facts");
        self.latest.send_replace(Latest { snapshot: Arc::new(reduced), at: now });
        // The send fails if there is no reader.
        let _ = self.deltas.send(Arc::new(delta));
    }

    pub(crate) fn source(&self) -> Source {
        Source { latest: self.latest.subscribe(), deltas: self.deltas.downgrade() }
    }
}

/// Creates readers of the stream of events.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    latest: watch::Receiver<Latest>,
    /// A weak reference, so that each stream ends when the manager of the host ends.
    deltas: broadcast::WeakSender<Arc<Delta>>,
}

impl Source {
    pub(crate) fn latest(&self) -> watch::Receiver<Latest> {
        self.latest.clone()
    }

    pub(crate) fn stream(&self) -> Stream {
        let deltas = self.deltas.upgrade().map(|deltas| deltas.subscribe());
        Stream { latest: self.latest.clone(), deltas, said: Said::Nothing }
    }
}

/// The stream of events for one reader.
#[derive(Debug)]
pub struct Stream {
    /// The sender sets the snapshot before it sends the delta, so the snapshot is never older than
    /// a received delta.
    latest: watch::Receiver<Latest>,
    deltas: Option<broadcast::Receiver<Arc<Delta>>>,
    said: Said,
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Nothing,
    Hello,
    /// The reader has received a snapshot, and all deltas up to this number.
    Up(u64),
}

impl Stream {
    /// Waits for the next event. `None` if the manager of the host has ended.
    pub async fn next(&mut self) -> Option<Event> {
        let seq = match self.said {
            Said::Nothing => {
                self.said = Said::Hello;
                return Some(Event::Hello(Hello::own()));
            }
            Said::Hello => return Some(self.fresh(None)),
            Said::Up(seq) => seq,
        };
        let deltas = self.deltas.as_mut()?;
        loop {
            match deltas.recv().await {
                // The snapshot that was sent already includes this delta.
                Ok(delta) if delta.seq <= seq => {}
                Ok(delta) => {
                    self.said = Said::Up(delta.seq);
                    return Some(Event::Delta(delta));
                }
                Err(RecvError::Lagged(_)) => {
                    // The new snapshot includes the deltas that are still in the queue, so the
                    // queue is emptied.
                    *deltas = deltas.resubscribe();
                    return Some(self.fresh(Some(seq)));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn fresh(&mut self, seen: Option<u64>) -> Event {
        let Latest { snapshot, at } = self.latest.borrow().clone();
        let mut snapshot = Snapshot::clone(&snapshot);
        snapshot.grow_older(super::millis(at.elapsed()));
        self.said = Said::Up(snapshot.seq);
        let missed = seen.map_or(0, |seen| snapshot.seq.saturating_sub(seen));
        Event::Snapshot(Box::new(Fresh { missed, snapshot }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SERVER_KIND;
    use super::*;
    use crate::config::{Options, Settings};
    use crate::protocol::Mode;
    use crate::supervisor::{Generation, Supervisor};

    fn facts(now: Instant) -> Facts {
        let home = crate::paths::Home::at(std::path::Path::new("/tmp/stigmer-broadcast")).unwrap();
        let settings = Settings::resolve(home, Options::default()).unwrap();
        let supervisor =
            Supervisor::new(SERVER_KIND, settings.policy.clone(), Generation::default(), 0, now);
        Facts::new(Arc::new(settings), Mode::Background, supervisor.schedule().clone(), now)
    }

    #[tokio::test]
    async fn slow_reader_gets_the_snapshot_and_the_number_of_missed_events() {
        let begun = Instant::now();
        let mut facts = facts(begun);
        let mut broadcast = Broadcast::new(&facts, begun);
        let source = broadcast.source();
        let (mut quick, mut slow) = (source.stream(), source.stream());
        for stream in [&mut quick, &mut slow] {
            assert_eq!(stream.next().await, Some(Event::Hello(Hello::own())));
            let Some(Event::Snapshot(fresh)) = stream.next().await else { panic!("no snapshot") };
            assert_eq!((fresh.missed, fresh.snapshot.seq), (0, 0));
        }
        let mut now = begun;
        for n in 1..=1_000_u64 {
            now += Duration::from_millis(7);
            facts.note = n.to_string();
            broadcast.publish(&facts, now);
            let Some(Event::Delta(delta)) = quick.next().await else { panic!("no delta") };
            assert_eq!(delta.seq, n);
        }
        let Some(Event::Snapshot(fresh)) = slow.next().await else { panic!("no snapshot") };
        assert_eq!((fresh.missed, fresh.snapshot.seq), (1_000, 1_000));
        assert_eq!(fresh.snapshot.status.message, "1000");
        facts.note = "on".into();
        broadcast.publish(&facts, now);
        let Some(Event::Delta(delta)) = slow.next().await else { panic!("no delta") };
        assert_eq!(delta.seq, 1_001);
        drop(broadcast);
        assert_eq!(slow.next().await, None);
    }

    #[tokio::test]
    async fn empty_delta_shows_that_the_host_is_alive() {
        let begun = Instant::now();
        let facts = facts(begun);
        let mut broadcast = Broadcast::new(&facts, begun);
        broadcast.publish(&facts, begun + BEAT / 2);
        assert_eq!(broadcast.latest.borrow().snapshot.seq, 0, "no news so soon");
        broadcast.publish(&facts, begun + BEAT);
        let latest = broadcast.latest.borrow().clone();
        assert_eq!((latest.snapshot.seq, latest.snapshot.at_ms()), (1, 2_000));
    }
}
