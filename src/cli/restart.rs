//! `stigmer local restart`: a new generation.

use super::loss::{self, Ending};
use super::output::line;
use super::{CliError, Context, block_on, running, start, stop};
use crate::config::{Options, Settings};
use crate::control::client::{self, ClientError};
use crate::hosting;
use crate::presenter;

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    let home = &context.home;
    // Checked here too, so that a mistake is a usage error and changes nothing.
    as_before(context)?;
    loss::confirm(context, Ending::Restart, yes)?;
    let body = if context.asked == Options::default() {
        None
    } else {
        serde_json::to_string(&context.asked).ok()
    };
    loop {
        let host = hosting::prove(home);
        match block_on(client::command(home, "restart", body.clone()))? {
            Ok(status) => {
                line(&presenter::announce(&status, false));
                start::describe(&status);
                return Ok(0);
            }
            Err(ClientError::Refused(error)) if error.code != "gone" => {
                return Err(CliError::Other(error.to_string()));
            }
            Err(ClientError::NoHost | ClientError::Refused(_)) => {}
            Err(error @ ClientError::Unreachable { .. }) => {
                return Err(CliError::Other(error.to_string()));
            }
            Err(ClientError::Unresponsive | ClientError::Garbled(_) | ClientError::Foreign(_)) => {
                stop::kill_host(home, host)?;
            }
        }
        let settings = as_before(context)?;
        // Otherwise another host came meanwhile, and may be asked.
        if !home.root().is_dir() || stop::stop_orphan(home)?.is_some() {
            return block_on(start::ensure(context, &settings))?;
        }
    }
}

/// The options that the Temporal without host was started with, and over them
/// those given anew.
fn as_before(context: &Context) -> Result<Settings, CliError> {
    match running(&context.home)? {
        Some((_, before)) => {
            let options = context.asked.clone().or(before);
            Ok(Settings::resolve(context.home.clone(), options)?)
        }
        None => context.settings(),
    }
}
