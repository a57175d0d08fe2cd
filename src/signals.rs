//! What a program with a terminal is asked from outside: by signals, and by the terminal itself.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Where a session ends, SIGTERM and SIGHUP reach a program in any order, up to this far apart.
/// SIGHUP decides then, because it leaves the server running.
const HANGUP_GRACE: Duration = Duration::from_millis(100);

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

/// What a signal, or a terminal that is gone, requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRequest {
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
    /// When a SIGTERM that was received takes effect.
    terminates: Option<Instant>,
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
            terminates: None,
        })
    }

    /// The next request; cancel-safe.
    pub async fn next(&mut self) -> SignalRequest {
        self.heard().await.unwrap_or(SignalRequest::End)
    }

    /// While another program has the terminal, Ctrl-C is for that one. Ctrl-Z is for the whole job:
    /// the shell waits until all of it has stopped. Cancel-safe.
    pub async fn next_while_lent(&mut self) -> SignalRequest {
        loop {
            if let Some(request) = self.heard().await {
                return request;
            }
        }
    }

    /// None for Ctrl-C.
    async fn heard(&mut self) -> Option<SignalRequest> {
        loop {
            let terminates = self.terminates;
            let terminated = async {
                match terminates {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What takes Temporal down comes last.
                biased;
                Some(()) = self.vanished.recv() => return self.leave(),
                _ = self.hangup.recv() => return self.leave(),
                _ = self.suspend.recv() => return Some(SignalRequest::Suspend),
                () = terminated => {
                    self.terminates = None;
                    return Some(SignalRequest::End);
                }
                _ = self.terminate.recv() => {
                    self.terminates.get_or_insert_with(|| Instant::now() + HANGUP_GRACE);
                }
                _ = self.interrupt.recv() => return None,
            }
        }
    }

    /// A SIGTERM that came with the hangup has no effect.
    fn leave(&mut self) -> Option<SignalRequest> {
        self.terminates = None;
        Some(SignalRequest::Leave)
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
        tokio::time::timeout(Duration::from_secs(30), watched.gone()).await.unwrap();
    }

    #[tokio::test]
    async fn a_hangup_counts_for_more_than_a_sigterm_shortly_before_it() {
        let mut signals = Signals::listen().unwrap();
        raise(libc::SIGTERM);
        while signals.terminates.is_none() {
            tokio::select! {
                biased;
                asked = signals.next() => panic!("{asked:?} before a hangup could come"),
                () = tokio::task::yield_now() => {}
            }
        }
        // On a busy machine the hangup may need longer than the grace.
        signals.terminates = Some(Instant::now() + Duration::from_secs(3600));
        raise(libc::SIGHUP);
        assert_eq!(signals.next().await, SignalRequest::Leave);

        raise(libc::SIGTERM);
        assert_eq!(signals.next().await, SignalRequest::End, "a SIGTERM alone");
    }

    fn raise(number: libc::c_int) {
        // SAFETY: `Signals` has installed a handler, which stays until the process ends.
        assert_eq!(unsafe { libc::raise(number) }, 0);
    }
}
