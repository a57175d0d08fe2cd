//! What ends the loop of the dashboard, and what does so from outside.

use crate::hangup;
use std::io;
use stigmer_ui::QuitChoice;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// For good.
    Over(Over),
    /// Ctrl-Z: for a while.
    Suspended,
    /// There is no host, and this dashboard is asked to be one.
    TakesOver,
}

/// Why it ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The operator is done.
    Quit(QuitChoice),
    /// The terminal is gone.
    Vanished,
    /// SIGTERM or SIGINT.
    Signalled,
    /// Something panicked; the screen is given back already.
    Panicked,
}

/// What ends the loop from outside. Listened to from the beginning to the end:
/// what comes while the dashboard is suspended is not lost.
pub(super) struct Signals {
    vanished: mpsc::Receiver<()>,
    hangup: Signal,
    suspend: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let (gone, vanished) = mpsc::channel(1);
        hangup::watch(move || {
            let _ = gone.blocking_send(());
        });
        Ok(Self {
            vanished,
            hangup: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(libc::SIGTSTP))?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> End {
        tokio::select! {
            Some(()) = self.vanished.recv() => End::Over(Over::Vanished),
            _ = self.hangup.recv() => End::Over(Over::Vanished),
            _ = self.suspend.recv() => End::Suspended,
            _ = self.terminate.recv() => End::Over(Over::Signalled),
            _ = self.interrupt.recv() => End::Over(Over::Signalled),
        }
    }

    /// While another program has the terminal, Ctrl-C is for that one. Ctrl-Z is
    /// for the whole job: the shell waits until all of it has stopped. Cancel-safe.
    pub(super) async fn next_while_lent(&mut self) -> End {
        loop {
            tokio::select! {
                Some(()) = self.vanished.recv() => return End::Over(Over::Vanished),
                _ = self.hangup.recv() => return End::Over(Over::Vanished),
                _ = self.terminate.recv() => return End::Over(Over::Signalled),
                _ = self.suspend.recv() => return End::Suspended,
                _ = self.interrupt.recv() => {}
            }
        }
    }
}
