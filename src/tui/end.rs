//! The reasons why the main loop of the dashboard ends.

use crate::signals::SignalRequest;
use stigmer_ui::QuitChoice;

/// The reason why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopEnd {
    /// The dashboard must end.
    Over(Over),
    /// The operator has pressed Ctrl-Z, so the dashboard must suspend itself.
    Suspended,
    /// No host runs, and the operator has requested a start. So this process must become the host.
    TakesOver,
    /// Another process has become the host of the home of this host.
    HomeLost,
}

/// The reason why the dashboard must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The operator has chosen to quit.
    Quit(QuitChoice),
    /// The terminal was closed.
    Vanished,
    /// The process has received SIGTERM or SIGINT.
    Signalled,
    /// A thread has panicked. The panic hook has restored the terminal already.
    Panicked,
}

impl From<SignalRequest> for LoopEnd {
    fn from(request: SignalRequest) -> Self {
        match request {
            SignalRequest::End => Self::Over(Over::Signalled),
            SignalRequest::Leave => Self::Over(Over::Vanished),
            SignalRequest::Suspend => Self::Suspended,
        }
    }
}
