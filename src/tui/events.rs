//! Terminal events: keys, mouse, size. They are read on a thread that is created before the
//! terminal is set up. At the limit of processes the system could not create it later, and
//! crossterm's own stream would panic.

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

/// For input that is available already. With a timeout of zero, crossterm does not check.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Milliseconds between two checks. On a busy machine crossterm may leave a part of the input in
/// its buffer, and the kernel does not report that part again.
const AGAIN: u8 = 20;

/// The stream of events. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct TerminalEvents {
    events: UnboundedReceiver<io::Result<Event>>,
    resized: Signal,
    is_reading: Arc<AtomicBool>,
    /// Wakes the reader thread.
    wake: PipeWriter,
}

impl TerminalEvents {
    /// Creates the thread. It reads nothing before the first call of [`Self::next`].
    ///
    /// # Errors
    /// If the system cannot create a thread, pipe or signal handler.
    pub(super) fn listen() -> io::Result<Self> {
        let (woken, wake) = io::pipe()?;
        let (sender, events) = unbounded_channel();
        let resized = signal(SignalKind::window_change())?;
        let is_reading = Arc::new(AtomicBool::new(false));
        let reads = is_reading.clone();
        let thread = Builder::new().name("events".to_owned());
        thread.spawn(move || {
            if let Err(error) = read(woken, &reads, &io::stdin(), || take(&sender)) {
                let _ = sender.send(Err(error));
            }
        })?;
        Ok(Self { events, resized, is_reading, wake })
    }

    /// Returns the next event, or `None` if the terminal was closed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.set_reading(true);
        tokio::select! {
            event = self.events.recv() => event,
            // The dashboard reads the size of the terminal before each frame.
            _ = self.resized.recv() => Some(Ok(Event::Resize(0, 0))),
        }
    }

    /// Leaves the input to another program until the next call of [`Self::next`].
    pub(super) fn pause(&mut self) {
        self.set_reading(false);
    }

    fn set_reading(&mut self, reading: bool) {
        if self.is_reading.swap(reading, Ordering::SeqCst) != reading {
            // The pipe has room for thousands of bytes, and its reader lives as long as the thread.
            let _ = self.wake.write(&[0]);
        }
    }
}

/// Calls `take` whenever the terminal has input, until the terminal or the other end of the pipe is
/// closed. `take` returns the number of events that it has sent.
///
/// # Errors
/// The errors of `take`.
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
            // A closed terminal is always readable and has no data.
            0 if is_closed => return Ok(()),
            0 => timeout = PollTimeout::NONE,
            _ => timeout = AGAIN.into(),
        }
    }
}

/// Sends the available events, and returns their number.
fn take(sender: &UnboundedSender<io::Result<Event>>) -> io::Result<usize> {
    let mut taken = 0;
    while event::poll(AT_ONCE)? {
        // The receiver may be dropped. Then the pipe ends the thread.
        let _ = sender.send(Ok(event::read()?));
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
        let (sender, looks) = mpsc::channel();
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
                sender.send(queued - 1).unwrap();
                Ok(1)
            })
        });
        let look = || looks.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!((look(), look()), (1, 0));
        drop(wake);
        thread.join().unwrap().unwrap();
    }
}
