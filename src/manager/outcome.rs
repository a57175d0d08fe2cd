//! Whether a command has had its effect.

use super::{Facts, Outcome};
use crate::protocol::ApiError;
use crate::supervisor::{State, Want};

/// Whether what was asked for has come about, or no longer will.
pub(super) fn outcome(goal: Want, want: Want, state: &State, facts: &Facts) -> Option<Outcome> {
    let error =
        |code: &str, message: String, hint: &str| Some(Err(ApiError::new(code, message, hint)));
    match (goal, state) {
        (Want::Up, State::Ready(_) | State::Degraded(..)) if want == Want::Up => Some(Ok(())),
        (Want::Up, State::Failed { failure, .. }) => {
            let mut message = failure.reason.clone();
            if !facts.last_words.is_empty() {
                message.push_str("\nTemporal's last words:\n  ");
                message.push_str(&facts.last_words.join("\n  "));
                message.push('\n');
            }
            error("failed", message, &failure.hint)
        }
        (Want::Up, State::Stopped { note }) => error(
            "stopped",
            format!(
                "Temporal was not started: {}",
                match note {
                    Some(_) => facts.message(),
                    None => "it was stopped by another command".to_owned(),
                }
            ),
            match facts.settings.address {
                Some(_) => {
                    "start it there, name another address, or leave out --address to run one here"
                }
                None => "`stigmer local` starts it",
            },
        ),
        (Want::Down, State::Stopped { .. }) => Some(Ok(())),
        (Want::Down, _) if want == Want::Down && !facts.is_managed() => Some(Ok(())),
        (Want::Down, _) if want == Want::Up => {
            error("superseded", "it was started again by another command".into(), "stop it again")
        }
        (Want::Down, State::Failed { failure, left, .. }) => {
            let code = left.map_or(ApiError::UNPROVEN, |_| "failed");
            error(code, failure.reason.clone(), &failure.hint)
        }
        (Want::Up | Want::Down, _) => None,
    }
}
