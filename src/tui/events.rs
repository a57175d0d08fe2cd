//! Reads terminal events (keys, mouse, size) on a separate thread. The thread is created before the
//! terminal is set up, because later the system may be at its limit of processes. Do not use the
//! event stream of crossterm: it would panic at that limit.

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

/// Timeout to read input that has arrived already. Must not be zero, because then crossterm does
/// not check for input.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Milliseconds from a read with input to the next read. On a busy machine, crossterm may leave a
/// part of the input in its own buffer. For that part, the kernel reports no further input, so only
/// this timeout wakes the thread.
const AGAIN: u8 = 20;

/// A stream of terminal events. The thread ends when the value is dropped.
#[derive(Debug)]
pub(super) struct TerminalEvents {
    events: UnboundedReceiver<io::Result<Event>>,
    resized: Signal,
    is_reading: Arc<AtomicBool>,
    /// The write end of a pipe whose read end wakes the thread.
    wake: PipeWriter,
}

impl TerminalEvents {
    /// Creates the thread. Input is read only after the first call of [`Self::next`].
    ///
    /// # Errors
    /// If the system cannot create the thread, a pipe or a signal handler.
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

    /// Waits for the next event. `None` if the terminal was closed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.set_reading(true);
        tokio::select! {
            event = self.events.recv() => event,
            // The size 0 is only a placeholder: the dashboard reads the real size before each
            // frame.
            _ = self.resized.recv() => Some(Ok(Event::Resize(0, 0))),
        }
    }

    /// Stops reading, so that another program gets the input. The next call of [`Self::next`]
    /// continues the reading.
    pub(super) fn pause(&mut self) {
        self.set_reading(false);
    }

    fn set_reading(&mut self, reading: bool) {
        if self.is_reading.swap(reading, Ordering::SeqCst) != reading {
            // This write cannot fail: the pipe has room for thousands of bytes, and the thread
            // keeps the read end open.
            let _ = self.wake.write(&[0]);
        }
    }
}

/// The loop of the thread. Calls `take` whenever the terminal has input. `take` sends the events
/// and returns their number. The loop ends when the terminal is closed, or when the write end of
/// the pipe `woken` is closed.
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
            // The kernel reports a closed terminal as readable again and again, but there is no
            // data to read.
            0 if is_closed => return Ok(()),
            0 => timeout = PollTimeout::NONE,
            _ => timeout = AGAIN.into(),
        }
    }
}

/// Reads the available events and sends them. Returns their number.
fn take(sender: &UnboundedSender<io::Result<Event>>) -> io::Result<usize> {
    let mut taken = 0;
    while event::poll(AT_ONCE)? {
        // Ignore an error: if the receiver was dropped, the pipe is closed too, which ends the
        // thread.
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
    fn event_left_in_the_buffer_does_not_wait_for_the_next_key() {
        let (woken, wake) = io::pipe().unwrap();
        let (mut terminal, mut keys) = io::pipe().unwrap();
        let (sender, looks) = mpsc::channel();
        keys.write_all(b"ab").unwrap();
        // The first call of `take` reads both keys from the terminal, but sends only the first one.
        // The second key must be sent without further input.
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
