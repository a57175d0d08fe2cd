//! What a program with a terminal is asked from outside: by signals, and by the terminal itself.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To stop Temporal and end.
    End,
    /// To end and leave Temporal running: the terminal is gone.
    Leave,
    /// To stop for a while, as Ctrl-Z does; Temporal must not be without a host.
    Suspend,
}

/// Listened to from the beginning to the end: what comes while the program is suspended is not
/// lost.
#[derive(Debug)]
pub struct Signals {
    vanished: mpsc::Receiver<()>,
    hangup: Signal,
    suspend: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub fn listen() -> io::Result<Self> {
        let (gone, vanished) = mpsc::channel(1);
        if io::stdin().is_terminal() {
            watch_terminal(gone);
        }
        Ok(Self {
            vanished,
            hangup: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(libc::SIGTSTP))?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// What is asked for next; cancel-safe.
    pub async fn next(&mut self) -> Asked {
        self.heard().await.unwrap_or(Asked::End)
    }

    /// While another program has the terminal, Ctrl-C is for that one. Ctrl-Z is for the whole job:
    /// the shell waits until all of it has stopped. Cancel-safe.
    pub async fn next_while_lent(&mut self) -> Asked {
        loop {
            if let Some(asked) = self.heard().await {
                return asked;
            }
        }
    }

    /// None for Ctrl-C.
    async fn heard(&mut self) -> Option<Asked> {
        tokio::select! {
            // What takes Temporal down comes last: where a session ends, all of it may come at once,
            // in any order.
            biased;
            Some(()) = self.vanished.recv() => Some(Asked::Leave),
            _ = self.hangup.recv() => Some(Asked::Leave),
            _ = self.suspend.recv() => Some(Asked::Suspend),
            _ = self.terminate.recv() => Some(Asked::End),
            _ = self.interrupt.recv() => None,
        }
    }
}

/// A closed terminal need not send SIGHUP (a killed multiplexer, `trap "" HUP`), and an event
/// stream does not tell; waiting for nothing on stdin does.
fn watch_terminal(gone: mpsc::Sender<()>) {
    std::thread::spawn(move || {
        let stdin = io::stdin();
        loop {
            let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => break,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        // Whoever listened may be gone.
        let _ = gone.blocking_send(());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hangup_counts_for_more_than_the_sigterm_that_comes_with_it() {
        // What chance decides is right by chance half of the time.
        for _ in 0..20 {
            let mut signals = Signals::listen().unwrap();
            for number in [libc::SIGTERM, libc::SIGHUP] {
                // SAFETY: it has a handler, which stays for ever; and it is for this very thread.
                assert_eq!(unsafe { libc::raise(number) }, 0);
            }
            assert_eq!(signals.next().await, Asked::Leave);
        }
    }
}
