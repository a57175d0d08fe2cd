//! `stigmer local status`: prints the status. The exit code depends on the status.

mod screen;

use super::output::{self, is_coloured, raw};
use super::{CliError, Context};
use crate::hosting;
use crate::protocol::State;

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    let status = hosting::status(&context.home)?;
    if json {
        let text = serde_json::to_string_pretty(&status)
            .map_err(|error| CliError::Other(format!("cannot write the status: {error}")))?;
        output::json(&text);
    } else {
        raw(screen::render(&status, &context.home.to_string(), is_coloured()).as_bytes());
    }
    Ok(match status.state {
        State::Ready | State::Degraded => 0,
        State::Stopped => 3,
        State::Starting | State::Stopping | State::Backoff | State::Failed => 4,
    })
}
