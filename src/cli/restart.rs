//! `stigmer local restart`: a new generation.

use super::loss::{self, Ending};
use super::output::{self, line};
use super::{CliError, Context, block_on, running, start};
use crate::config::{Options, Settings};
use crate::control::client::{self, ClientError};
use crate::hosting;
use crate::presenter;

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    let home = &context.home;
    check(context)?;
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
                hosting::end_unresponsive(home, host, &output::notice)?;
            }
        }
        let settings = as_before(context)?;
        // Otherwise another host came meanwhile, and may be asked.
        if !home.root().is_dir() || hosting::stop_unhosted(home, &output::notice)?.is_some() {
            return block_on(start::ensure(context, &settings))?;
        }
    }
}

/// Checks the options before anything changes, so that a mistake is a usage error. Where the server
/// of the home cannot be found, a host that answers knows it, and checks the options itself.
fn check(context: &Context) -> Result<(), CliError> {
    match as_before(context) {
        Err(CliError::Other(_)) if block_on(client::status(&context.home))?.is_ok() => Ok(()),
        checked => checked.map(drop),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::Host;
    use crate::paths::Home;
    use crate::protocol::Mode;
    use std::time::Duration;

    #[test]
    fn an_unreadable_record_prevents_a_restart_only_where_no_host_answers() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let context =
            Context { home: home.clone(), asked: Options::default(), theme: Option::default() };
        hosting::prepare(&home).unwrap();
        std::fs::create_dir(home.record()).unwrap();
        let error = check(&context).unwrap_err().to_string();
        assert!(error.contains("cannot find the server"), "{error}");

        // It answers from a thread of its own: the command blocks this one.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let host = runtime.block_on(async { Host::start(settings, Mode::Headless) }).unwrap();
        while block_on(client::status(&home)).unwrap().is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        check(&context).unwrap();
        runtime.block_on(host.leave());
        check(&context).unwrap_err();
    }
}
