//! What a program with a terminal is asked from outside: by signals, and by the terminal itself.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Undoes what a caller may have left behind and what would break us: with SIGCHLD ignored no
/// exit status is known, with job control's signals ignored a terminal cannot be taken back,
/// and what is blocked is never heard. To be called before there is another thread.
pub fn reset_inherited() {
    for number in [libc::SIGCHLD, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGCONT] {
        // SAFETY: the default disposition runs no code of ours, and the number is a signal's.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    crate::process::spawn::unblock_signals();
}

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
    // Without a thread, SIGHUP tells.
    let watch = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
        let _ = until_closed(io::stdin());
        // Whoever listened may be gone.
        let _ = gone.blocking_send(());
    });
    if let Err(error) = watch {
        tracing::warn!(%error, "a terminal that closes without SIGHUP is not noticed");
    }
}

/// Waits until the other end of this descriptor is closed. A file has no other end.
fn until_closed(descriptor: impl AsFd) -> nix::Result<()> {
    loop {
        let mut fds = [PollFd::new(descriptor.as_fd(), PollFlags::empty())];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whoever reads what this process writes to stdout.
#[derive(Debug)]
pub struct Reader {
    gone: mpsc::Receiver<()>,
}

impl Reader {
    /// Watches the reader of stdout.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::of(io::stdout())
    }

    fn of(descriptor: impl AsFd + Send + 'static) -> Self {
        let (tell, gone) = mpsc::channel(1);
        // Without a thread, a write tells that the reader is gone, as soon as there is one.
        let _ = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            if until_closed(descriptor).is_ok() {
                let _ = tell.blocking_send(());
            }
        });
        Self { gone }
    }

    /// Completes when the reader has closed its end of the pipe; cancel-safe.
    pub async fn gone(&mut self) {
        if self.gone.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_closes_its_pipe_is_noticed_without_a_write() {
        let (reader, writer) = io::pipe().unwrap();
        let mut watched = Reader::of(writer);
        tokio::select! {
            biased;
            () = watched.gone() => panic!("it is there"),
            () = tokio::task::yield_now() => {}
        }
        drop(reader);
        tokio::time::timeout(std::time::Duration::from_secs(30), watched.gone()).await.unwrap();
    }

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
