//! Reasons for the end of the dashboard's loop.

use crate::signals::SignalRequest;
use stigmer_ui::QuitChoice;

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopEnd {
    /// The dashboard exits.
    Over(Over),
    /// Ctrl-Z: the dashboard is suspended.
    Suspended,
    /// There is no host, and the operator wants this dashboard to become it.
    TakesOver,
    /// Another host uses the home.
    HomeLost,
}

/// Why the dashboard exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The operator quits.
    Quit(QuitChoice),
    /// The terminal is gone.
    Vanished,
    /// SIGTERM or SIGINT.
    Signalled,
    /// A panic. The terminal was already given back.
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
