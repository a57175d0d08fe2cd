//! Requests that stigmer gets from outside: signals, and the close of its terminal.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How long a received SIGTERM waits for a SIGHUP. At the end of a login session, both signals
/// arrive in any order, up to this time apart. The SIGHUP then takes effect instead of the SIGTERM,
/// and the server continues to run.
const HANGUP_GRACE: Duration = Duration::from_millis(100);

/// Resets inherited signal settings that would break this program. If SIGCHLD is ignored, the exit
/// statuses of children are lost. If the signals of job control are ignored, the program cannot
/// take the terminal back. A blocked signal never arrives. Must be called before the first thread
/// is created.
pub fn reset_inherited() {
    for number in [libc::SIGCHLD, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGCONT] {
        // SAFETY: the default disposition runs no code of this program, and the number is a valid
        // signal.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    crate::process::spawn::unblock_signals();
}

/// A request that a signal or the close of the terminal makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRequest {
    /// Stop the server and exit.
    End,
    /// Exit and leave the server running, because the terminal is gone.
    Leave,
    /// Suspend the program, as on Ctrl-Z. Another host must supervise the server while the program
    /// is suspended.
    Suspend,
}

/// The signal handlers of the program. The handlers stay installed until the program exits, so that
/// no signal is lost while the program is suspended.
#[derive(Debug)]
pub struct Signals {
    vanished: mpsc::Receiver<()>,
    hangup: Signal,
    suspend: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// Time at which a received SIGTERM takes effect, unless a SIGHUP arrives before.
    terminates: Option<Instant>,
}

impl Signals {
    /// Installs the signal handlers.
    ///
    /// # Errors
    /// If signals cannot be handled.
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

    /// Returns the next request. Cancel-safe.
    pub async fn next(&mut self) -> SignalRequest {
        self.next_or_interrupt().await.unwrap_or(SignalRequest::End)
    }

    /// Returns the next request while another program, such as a pager, uses the terminal. Ctrl-C
    /// is only for that program, so this function ignores Ctrl-C. Ctrl-Z is for the whole job,
    /// because the shell waits until all processes of the job have stopped. Cancel-safe.
    pub async fn next_while_lent(&mut self) -> SignalRequest {
        loop {
            if let Some(request) = self.next_or_interrupt().await {
                return request;
            }
        }
    }

    /// Returns the next request, or `None` after Ctrl-C.
    async fn next_or_interrupt(&mut self) -> Option<SignalRequest> {
        loop {
            let terminates = self.terminates;
            let terminated = async {
                match terminates {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Signals that stop the server are handled after signals that leave the server
                // running.
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

    /// Returns [`SignalRequest::Leave`], and discards a SIGTERM that arrived shortly before.
    fn leave(&mut self) -> Option<SignalRequest> {
        self.terminates = None;
        Some(SignalRequest::Leave)
    }
}

/// Detects a closed terminal by polling stdin, on a thread. A terminal may close without SIGHUP (a
/// killed multiplexer, `trap "" HUP`), and the events of crossterm do not report it.
fn watch_terminal(gone: mpsc::Sender<()>) {
    // If the thread cannot be created, only SIGHUP reports a closed terminal.
    let watch = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
        let _ = until_closed(io::stdin());
        // Sending fails if the receiver was dropped. Then no code needs the report.
        let _ = gone.blocking_send(());
    });
    if let Err(error) = watch {
        tracing::warn!(%error, "cannot detect a terminal that closes without SIGHUP");
    }
}

/// Waits until the other end of the terminal, pipe or socket is closed. Never returns for a regular
/// file, which has no other end.
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

/// Watches the process that reads the stdout of this process.
#[derive(Debug)]
pub struct StdoutReader {
    gone: mpsc::Receiver<()>,
}

impl StdoutReader {
    /// Starts to watch the process that reads the stdout of this process.
    #[must_use]
    pub fn of_stdout() -> Self {
        Self::of(io::stdout())
    }

    fn of(descriptor: impl AsFd + Send + 'static) -> Self {
        let (closed, gone) = mpsc::channel(1);
        // If the thread cannot be created, the exit of the reader shows later, as an error of the
        // next write.
        let _ = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            if until_closed(descriptor).is_ok() {
                let _ = closed.blocking_send(());
            }
        });
        Self { gone }
    }

    /// Completes after the reader of stdout has closed its end of the pipe. Cancel-safe.
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
    async fn closed_pipe_is_detected_without_a_write() {
        let (reader, writer) = io::pipe().unwrap();
        let mut watched = StdoutReader::of(writer);
        tokio::select! {
            biased;
            () = watched.gone() => panic!("the pipe is open"),
            () = tokio::task::yield_now() => {}
        }
        drop(reader);
        tokio::time::timeout(Duration::from_secs(30), watched.gone()).await.unwrap();
    }

    #[tokio::test]
    async fn hangup_overrides_a_sigterm_shortly_before_it() {
        let mut signals = Signals::listen().unwrap();
        raise(libc::SIGTERM);
        while signals.terminates.is_none() {
            tokio::select! {
                biased;
                asked = signals.next() => panic!("{asked:?} before the grace period has ended"),
                () = tokio::task::yield_now() => {}
            }
        }
        // The grace period is made longer here, because the SIGHUP may arrive late on a busy
        // machine.
        signals.terminates = Some(Instant::now() + Duration::from_secs(3600));
        raise(libc::SIGHUP);
        assert_eq!(signals.next().await, SignalRequest::Leave);

        raise(libc::SIGTERM);
        assert_eq!(signals.next().await, SignalRequest::End, "a SIGTERM without a hangup");
    }

    fn raise(number: libc::c_int) {
        // SAFETY: `Signals` has installed a handler, which stays until the process ends.
        assert_eq!(unsafe { libc::raise(number) }, 0);
    }
}
