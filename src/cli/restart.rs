//! `stigmer local restart`: a new generation.

use super::output::line;
use super::{CliError, Context, block_on, start, stop};
use crate::config::{Options, Settings};
use crate::control::client::{self, ClientError};
use crate::host;

pub(super) fn run(context: &Context) -> Result<i32, CliError> {
    let home = &context.home;
    // Checked here too, so that a mistake is a usage error and changes nothing.
    as_before(context)?;
    let body = if context.asked == Options::default() {
        None
    } else {
        serde_json::to_string(&context.asked).ok()
    };
    match block_on(client::command(home, "restart", body))? {
        Ok(status) => {
            line(start::READY);
            start::describe(&status);
            Ok(0)
        }
        Err(ClientError::NoHost) => {
            let settings = as_before(context)?;
            stop::stop_orphan(home)?;
            block_on(start::ensure(context, &settings))?
        }
        Err(ClientError::Unresponsive) => {
            let settings = as_before(context)?;
            stop::end_host(home)?;
            block_on(start::ensure(context, &settings))?
        }
        Err(error) => Err(CliError::Other(error.to_string())),
    }
}

/// The options that the Temporal without host was started with, and over them
/// those given anew.
fn as_before(context: &Context) -> Result<Settings, CliError> {
    match host::running(&context.home) {
        Some((_, before)) => {
            let options = context.asked.clone().or(before);
            Ok(Settings::resolve(context.home.clone(), options)?)
        }
        None => context.settings(),
    }
}
