//! The problems of the server of a home and of its workflows.

use super::status::{StatusError, status};
use crate::control::client;
use crate::paths::Home;
use crate::protocol::{ProblemList, SCHEMA, State};
use crate::runtime::block_on;

/// Returns the state of the server, and the problems that its host reports. Without a host, the
/// problems of the workflows are unknown: the list is empty and has no age.
///
/// # Errors
/// If the home cannot be read, if its host cannot be reached, or if the response of the host cannot
/// be understood.
pub fn problems(home: &Home) -> Result<(State, ProblemList), StatusError> {
    let status = status(home)?;
    let list = match status.host {
        Some(_) => block_on(client::problems(home))??,
        None => {
            let unknown = Some(match status.state {
                State::Stopped => "the server is stopped; start it with `stigmer local`".to_owned(),
                // Why no host responds, and what to do.
                State::Starting
                | State::Ready
                | State::Degraded
                | State::Stopping
                | State::Backoff
                | State::Failed => status.message,
            });
            ProblemList { schema: SCHEMA, as_of_ms: None, unknown, problems: Vec::new() }
        }
    };
    Ok((status.state, list))
}
