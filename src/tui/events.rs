//! What comes from the terminal: keys, mouse, its size. Read on a thread that exists before the
//! terminal is taken: at the limit of processes the system creates none later, and crossterm's own
//! stream panics then.

use crossterm::event::{self, Event};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// For what is there already. With no time at all crossterm looks for nothing.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Milliseconds. On a busy machine crossterm may not get to all that one read has brought, and the
/// kernel does not report it again.
const AGAIN: u8 = 20;

/// The events, in the order in which they come. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Events {
    events: UnboundedReceiver<io::Result<Event>>,
    resized: Signal,
    is_reading: Arc<AtomicBool>,
    /// Wakes the thread.
    wake: PipeWriter,
}

impl Events {
    /// Creates the thread. It reads nothing before the first [`Self::next`].
    ///
    /// # Errors
    /// When the system creates no thread, pipe or signal handler.
    pub(super) fn listen() -> io::Result<Self> {
        let (woken, wake) = io::pipe()?;
        let (tell, events) = unbounded_channel();
        let resized = signal(SignalKind::window_change())?;
        let is_reading = Arc::new(AtomicBool::new(false));
        let reads = is_reading.clone();
        let thread = Builder::new().name("events".to_owned());
        thread.spawn(move || {
            if let Err(error) = read(woken, &reads, &io::stdin(), || take(&tell)) {
                let _ = tell.send(Err(error));
            }
        })?;
        Ok(Self { events, resized, is_reading, wake })
    }

    /// The next event; cancel-safe. `None` when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.set_reading(true);
        tokio::select! {
            event = self.events.recv() => event,
            // The dashboard reads the size of the terminal before each frame.
            _ = self.resized.recv() => Some(Ok(Event::Resize(0, 0))),
        }
    }

    /// Leaves what is typed to another program, until [`Self::next`].
    pub(super) fn pause(&mut self) {
        self.set_reading(false);
    }

    fn set_reading(&mut self, reading: bool) {
        if self.is_reading.swap(reading, Ordering::SeqCst) != reading {
            // The pipe takes thousands of these, and its reader lives as long as the thread.
            let _ = self.wake.write(&[0]);
        }
    }
}

/// Calls `take` whenever the terminal has something, until the terminal or the other end of the pipe
/// is gone. `take` returns the number of events that it passed on.
///
/// # Errors
/// Those of `take`.
fn read(
    mut woken: PipeReader,
    reads: &AtomicBool,
    terminal: &impl AsFd,
    mut take: impl FnMut() -> io::Result<usize>,
) -> io::Result<()> {
    let mut timeout = PollTimeout::NONE;
    loop {
        let mut fds = [
            PollFd::new(woken.as_fd(), PollFlags::POLLIN),
            PollFd::new(terminal.as_fd(), PollFlags::POLLIN),
        ];
        let is_reading = reads.load(Ordering::SeqCst);
        let polled = match is_reading {
            true => poll(&mut fds, timeout),
            false => poll(&mut fds[..1], PollTimeout::NONE),
        };
        match polled {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return Ok(()),
        }
        if fds[0].any() == Some(true) {
            match woken.read(&mut [0; 64]) {
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) => continue,
            }
        }
        if !is_reading {
            continue;
        }
        let is_closed =
            fds[1].revents().is_some_and(|it| !it.difference(PollFlags::POLLIN).is_empty());
        match take()? {
            // A closed terminal is always readable and contains nothing.
            0 if is_closed => return Ok(()),
            0 => timeout = PollTimeout::NONE,
            _ => timeout = AGAIN.into(),
        }
    }
}

/// Passes on what is there, and returns how much that was.
fn take(tell: &UnboundedSender<io::Result<Event>>) -> io::Result<usize> {
    let mut taken = 0;
    while event::poll(AT_ONCE)? {
        // Nobody may listen any more; then the pipe tells so.
        let _ = tell.send(Ok(event::read()?));
        taken += 1;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn an_event_that_one_look_leaves_behind_does_not_wait_for_the_next_key() {
        let (woken, wake) = io::pipe().unwrap();
        let (mut terminal, mut keys) = io::pipe().unwrap();
        let (tell, looks) = mpsc::channel();
        keys.write_all(b"ab").unwrap();
        // Both keys are read at once, but the first look passes on only one of them.
        let mut queue = None;
        let thread = std::thread::spawn(move || {
            let looked_at = terminal.try_clone().unwrap();
            read(woken, &AtomicBool::new(true), &looked_at, move || {
                let queued = match queue {
                    None => terminal.read(&mut [0; 8])?,
                    Some(0) => return Ok(0),
                    Some(queued) => queued,
                };
                queue = Some(queued - 1);
                tell.send(queued - 1).unwrap();
                Ok(1)
            })
        });
        let look = || looks.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!((look(), look()), (1, 0));
        drop(wake);
        thread.join().unwrap().unwrap();
    }
}
