//! `stigmer local`: ensure that a supervised Temporal runs in the background.

use super::output::{self, line, note};
use super::{CliError, Context, block_on};
use crate::config::{self, Settings};
use crate::control::client::{self, ClientError};
use crate::hosting::background::{self, EXIT_RUNNING, Spawned};
use crate::hosting::{self, Patience, Unresponsive};
use crate::paths::Home;
use crate::presenter;
use crate::protocol::Status;
use crate::supervisor::Want;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// A host that has its lock binds its socket within milliseconds; one that is
/// on its way out frees the lock as fast.
const SETTLING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);

pub(super) fn run(context: &Context) -> Result<i32, CliError> {
    block_on(async {
        // A host knows what it runs. Only where none responds, the server is looked for.
        if let Ok(status) = client::status(&context.home).await {
            match use_host(context, &context.settings()?, &status, false).await {
                Ok(code) => return Ok(code),
                Err(Gone::Error(error)) => return Err(error),
                Err(Gone::Retry) => {}
            }
        }
        ensure(context, &context.settings_to_host()?).await
    })?
}

pub(super) async fn ensure(context: &Context, settings: &Settings) -> Result<i32, CliError> {
    let home = &context.home;
    let mut spawned: Option<Spawned> = None;
    let mut patience = Patience::new(SETTLING);
    loop {
        match client::status(home).await {
            Ok(status) => {
                let ours = spawned
                    .as_ref()
                    .is_some_and(|s| status.host.as_ref().is_some_and(|h| h.pid == s.pid()));
                match use_host(context, settings, &status, ours).await {
                    Err(Gone::Retry) if !patience.is_over(home, &output::notice) => {}
                    Err(Gone::Retry) => return Err(unsettled(home)),
                    Err(Gone::Error(error)) => {
                        if let Some(child) = spawned.as_mut().filter(|_| ours) {
                            // It has nothing to supervise, and would only be in the way.
                            let _ = client::command(home, "shutdown", None).await;
                            let deadline = Instant::now() + SETTLING;
                            while child.ended().is_none() && Instant::now() < deadline {
                                tokio::time::sleep(PAUSE).await;
                            }
                        }
                        return Err(error);
                    }
                    Ok(code) => return Ok(code),
                }
            }
            Err(ClientError::NoHost) => {
                if let Some(child) = &mut spawned {
                    match child.ended() {
                        // Another one was faster: its host serves us too.
                        Some((Some(EXIT_RUNNING), _)) => spawned = None,
                        Some((code, said)) => return Err(host_failed(home, code, &said)),
                        None => {}
                    }
                } else if hosting::is_hosted(home) {
                    hosting::check_local(home)?;
                } else {
                    super::install::ensure(settings)?;
                    hosting::prepare(home)?;
                    let child = background::spawn(home, &settings.options);
                    spawned = Some(child.map_err(|error| not_spawned(&error))?);
                    // What came before, an installation perhaps, is not the host's time.
                    patience.renew();
                }
                if patience.is_over(home, &output::notice) {
                    let hosted = spawned.is_none() && hosting::is_hosted(home);
                    return Err(if hosted {
                        Unresponsive::host_of(home).into()
                    } else {
                        unsettled(home)
                    });
                }
            }
            Err(ClientError::Unresponsive) => return Err(Unresponsive::host_of(home).into()),
            Err(error) => return Err(CliError::Other(error.to_string())),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_spawned(error: &std::io::Error) -> CliError {
    let next = match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM) => {
            "; end some processes, or raise the limit (`ulimit -u`)"
        }
        _ => "",
    };
    CliError::Other(format!("cannot start a background host: {error}{next}"))
}

enum Gone {
    /// The host went away under us.
    Retry,
    Error(CliError),
}

impl From<CliError> for Gone {
    fn from(error: CliError) -> Self {
        Self::Error(error)
    }
}

async fn use_host(
    context: &Context,
    settings: &Settings,
    before: &Status,
    ours: bool,
) -> Result<i32, Gone> {
    let home = &context.home;
    let rests = before.intent == Want::Down || before.state == crate::protocol::State::Failed;
    let same = config::agree(&context.asked, &before.options, before.managed);
    let mut restarted = false;
    let answer = if same.is_ok() {
        warn_of_file(settings, &before.options);
        if before.state.is_up() && before.intent == Want::Up {
            Ok(before.clone())
        } else {
            client::command(home, "start", None).await
        }
    } else if rests {
        // Nothing runs that these options would contradict.
        restarted = true;
        let body = serde_json::to_string(&settings.options).ok();
        client::command(home, "restart", body).await
    } else {
        return same.map(|()| 0).map_err(|different| CliError::from(different).into());
    };
    let status = match answer {
        Ok(status) => status,
        Err(ClientError::NoHost) => return Err(Gone::Retry),
        Err(ClientError::Refused(error)) if error.code == "gone" => return Err(Gone::Retry),
        Err(ClientError::Unresponsive) => {
            return Err(CliError::from(Unresponsive::host_of(home)).into());
        }
        Err(error) => return Err(CliError::Other(error.to_string()).into()),
    };
    let adopted = status.temporal.as_ref().is_some_and(|temporal| temporal.adopted);
    let reused = !restarted && (adopted || !(ours || rests));
    line(&presenter::announce(&status, reused));
    describe(&status);
    Ok(0)
}

/// Address, web UI, pid, database and log, for people.
pub(super) fn describe(status: &Status) {
    let Some(temporal) = &status.temporal else { return };
    let row = |name: &str, value: String| line(&format!("  {name:<9} {value}"));
    row("address", temporal.address.clone());
    if let Some(url) = &temporal.ui_url {
        row("web UI", url.clone());
    }
    if let Some(pid) = temporal.pid {
        let generation =
            temporal.generation.map_or_else(String::new, |g| format!(" (generation {g})"));
        row("pid", format!("{pid}{generation}"));
    }
    match (&temporal.database, status.managed) {
        (Some(database), true) => row("database", database.path.display().to_string()),
        (None, true) => row("database", "in memory: a restart loses it".to_owned()),
        (_, false) => {}
    }
    if status.managed {
        row("log", status.log.path.display().to_string());
    }
    if !status.message.is_empty() {
        note(&format!("note: {}", status.message));
    }
}

pub(super) fn warn_of_file(settings: &Settings, in_force: &Map<String, Value>) {
    for difference in config::differences(&settings.options, in_force) {
        note(&format!(
            "warning: config.toml differs from what is running: {difference}; \
             `stigmer local restart` does not apply it, stop and start do"
        ));
    }
}

fn unsettled(home: &Home) -> CliError {
    CliError::Other(format!(
        "no host of {home} came up within {SETTLING:?}; see {} and try again",
        home.stigmer_log().display()
    ))
}

fn host_failed(home: &Home, code: Option<i32>, said: &str) -> CliError {
    let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
    CliError::Other(format!(
        "the background host ended with {code}: {}; see {}",
        if said.is_empty() { "it said nothing" } else { said },
        home.stigmer_log().display()
    ))
}
