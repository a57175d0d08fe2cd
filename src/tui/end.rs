//! What ends the loop of the dashboard.

use crate::signals::SignalRequest;
use stigmer_ui::QuitChoice;

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// For good.
    Over(Over),
    /// Ctrl-Z: for a while.
    Suspended,
    /// There is no host, and this dashboard is asked to be one.
    TakesOver,
    /// Another host has the home.
    HomeLost,
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

impl From<SignalRequest> for End {
    fn from(request: SignalRequest) -> Self {
        match request {
            SignalRequest::End => Self::Over(Over::Signalled),
            SignalRequest::Leave => Self::Over(Over::Vanished),
            SignalRequest::Suspend => Self::Suspended,
        }
    }
}
