//! `stigmer local status`: prints the status. The exit code depends on the status.

mod screen;

use super::output::{self, is_coloured, raw};
use super::{CliError, Context};
use crate::config;
use crate::hosting;
use crate::protocol::State;

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    let status = hosting::status(&context.home)?;
    if json {
        let text = serde_json::to_string_pretty(&status)
            .map_err(|error| CliError::Other(format!("cannot write the status: {error}")))?;
        output::json(&text);
    } else {
        // Mistakes in the files are a warning above.
        let requested = context.requested().unwrap_or_default();
        let file = config::read_file(&context.home).unwrap_or_default();
        let options = match &status.temporal {
            Some(_) => config::explain(&status.options, &context.home, &requested, &file),
            None => Vec::new(),
        };
        let text = screen::render(&status, &options, &context.home.to_string(), is_coloured());
        raw(text.as_bytes());
    }
    Ok(match status.state {
        State::Ready | State::Degraded => 0,
        State::Stopped => 3,
        State::Starting | State::Stopping | State::Backoff | State::Failed => 4,
    })
}
