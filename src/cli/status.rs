//! `stigmer local status`.

mod screen;

use super::output::{self, is_coloured, raw};
use super::{CliError, Context, block_on};
use crate::config::{Options, Settings};
use crate::control::client::{self, ClientError};
use crate::facts::{Facts, chronicle};
use crate::hosting::{self, Work};
use crate::paths::Home;
use crate::process::{linux, memory};
use crate::protocol::{Entry, Happened, Mode, State, Status, TemporalStatus};
use crate::server::running::{self, Running};
use crate::supervisor::Want;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    let status = current(context)?;
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

/// Returns the status from the host, or from the files if no host responds.
pub(super) fn current(context: &Context) -> Result<Status, CliError> {
    let deadline = Instant::now() + client::PATIENCE;
    loop {
        match block_on(client::status(&context.home))? {
            Ok(status) => return Ok(status),
            Err(ClientError::NoHost) if !hosting::is_hosted(&context.home) => {
                return from_files(context, Holder::Nobody);
            }
            Err(ClientError::NoHost) => {
                if let Some(work) = hosting::work(&context.home) {
                    return from_files(context, Holder::Command(work));
                }
                // The host has its lock, but its socket does not exist yet or no longer.
                if Instant::now() > deadline {
                    return from_files(context, Holder::Host);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(ClientError::Unresponsive) => return from_files(context, Holder::Host),
            Err(error) => return Err(CliError::Other(error.to_string())),
        }
    }
}

/// The holder of the host lock if no host responds.
enum Holder {
    Nobody,
    /// A host that does not respond.
    Host,
    /// A command that ends the server.
    Command(Work),
}

fn from_files(context: &Context, holder: Holder) -> Result<Status, CliError> {
    let home = &context.home;
    let found = running::find(home).map_err(|error| super::server_not_found(home, &error))?;
    let unproven = unproven(home, &found);
    let record = found.server();
    let options = record.as_ref().and_then(|record| serde_json::from_str(&record.options).ok());
    let options: Options = options.unwrap_or_default();
    let settings = Settings::resolve(home.clone(), options)?;
    let now = Instant::now();
    let history = chronicle::recent(&home.events());
    let failure = last_failure(history.back());
    // Facts without a server, for the parts that are unknown.
    let nothing = block_on(async {
        let supervisor = crate::supervisor::Supervisor::new(
            settings.policy.clone(),
            crate::supervisor::Generation::default(),
            0,
            now,
        );
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.clone().into(), Mode::Background, schedule, now);
        facts.recall(history, now);
        facts.status(now)
    })?;
    let serving = match &record {
        Some(_) => block_on(async {
            let client = crate::temporal::health::Client::new(
                &settings.server_address(),
                Duration::from_secs(1),
            )?;
            client.serving().await
        })?,
        None => Ok(()),
    };
    let is_stopping = matches!(holder, Holder::Command(_));
    let message = match (&record, holder) {
        (_, Holder::Command(work)) => format!("pid {} is {}", work.pid, work.doing),
        (_, Holder::Host) => format!("host unresponsive: {}", hosting::remedy(home)),
        (Some(_), Holder::Nobody) => {
            "no host, a crash is not repaired; adopt it with `stigmer local`, or stop it with `stigmer local stop`"
                .to_owned()
        }
        (None, Holder::Nobody) if unproven.is_empty() => failure,
        (None, Holder::Nobody) => unproven,
    };
    Ok(Status {
        host: None,
        state: match (&record, &serving) {
            (_, _) if is_stopping => State::Stopping,
            (None, _) => State::Stopped,
            (Some(_), Ok(())) => State::Ready,
            (Some(_), Err(_)) => State::Starting,
        },
        intent: if record.is_some() && !is_stopping { Want::Up } else { Want::Down },
        message,
        temporal: record.map(|record| TemporalStatus {
            pid: Some(record.leader.pid),
            pgid: Some(record.leader.pid),
            server_pid: None,
            generation: Some(record.generation),
            adopted: false,
            address: settings.server_address(),
            ui_url: settings.ui_url(),
            version: None,
            server_version: None,
            uptime_ms: linux::age(record.leader.start_ticks)
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            rss_bytes: None,
            cpu_percent: None,
            database: None,
        }),
        ..nothing
    })
}

/// Why the last start failed, if that is the last event.
fn last_failure(last: Option<&Arc<Entry>>) -> String {
    match last {
        Some(last) if last.happened == Happened::Failed => {
            format!("the last start failed: {}", last.detail)
        }
        Some(_) | None => String::new(),
    }
}

/// Describes processes that may still run and are not proven to be our server.
fn unproven(home: &Home, found: &Running) -> String {
    match found {
        Running::Nothing | Running::Recorded(_) | Running::Unrecorded(_) => String::new(),
        Running::Elsewhere(record) => format!(
            "{} was recorded in another container or pid namespace (pid {}), where it may still run",
            home.record().display(),
            record.leader.pid
        ),
        Running::Remains(instance) => format!(
            "the server has ended and left processes behind, for example {}; end them with \
             `stigmer local stop`",
            memory::describe(instance.leader.pid)
        ),
        Running::Stranger(who) => format!(
            "{} is held by {who}, which is not proven to be ours",
            home.temporal_lock().display()
        ),
    }
}
