//! The message about a state that the status shows. The server and the workers share most of these
//! texts.

use super::Troubles;
use crate::supervisor::{Cause, State, Want};

/// The message about the state of a unit. May be empty.
pub(super) fn of_state(state: &State, want: Want) -> String {
    match state {
        State::Stopped { note } => note.clone().unwrap_or_default(),
        State::Starting(starting) => match starting.cause {
            Cause::Operator => String::new(),
            cause => format!("restart after {cause}: {}", starting.detail),
        },
        State::Ready(_) => String::new(),
        State::Degraded(_, degradation) => {
            format!("{}: {}", degradation.check, degradation.detail)
        }
        State::Stopping(stopping) => match (want, stopping.cause) {
            (Want::Up, Cause::Operator) => "stopping, then restart".to_owned(),
            (Want::Up, cause) => {
                format!("stopping, then restart ({cause}: {})", stopping.detail)
            }
            (Want::Down, _) => String::new(),
        },
        State::Backoff { cause, detail, .. } => format!("restart after {cause}: {detail}"),
        State::Failed { failure, .. } => failure.reason.clone(),
    }
}

/// The whole message: about the state, followed by a note and the troubles, newest first.
pub(super) fn joined(said: &str, note: &str, troubles: &Troubles<&'static str>) -> String {
    let parts = [said, note].into_iter().chain(troubles.messages());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// In the state failed: what the user can do.
pub(super) fn hint(state: &State) -> Option<String> {
    match state {
        State::Failed { failure, .. } => Some(failure.hint.clone()),
        State::Stopped { .. }
        | State::Starting(_)
        | State::Ready(_)
        | State::Degraded(..)
        | State::Stopping(_)
        | State::Backoff { .. } => None,
    }
}
