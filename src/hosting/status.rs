//! The status of a home, with or without a host.

mod workers;

use super::deadlines::{PAUSE, SERVING};
use super::unhosted::UnknownServer;
use super::{Work, hint, is_hosted, work};
use crate::config::{ConfigError, Settings};
use crate::control::client::{self, ClientError};
use crate::facts::{Facts, SERVER_KIND, chronicle};
use crate::paths::Home;
use crate::process::{linux, memory};
use crate::protocol::{Entry, Happened, Mode, State, Status, TemporalStatus};
use crate::runtime::{RuntimeError, block_on};
use crate::server::running::{self, Running};
use crate::supervisor::{Generation, Supervisor, Want};
use crate::temporal::health::Client;
use std::sync::Arc;
use std::time::Instant;

/// The reason why the status is unknown.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The options of the running server are not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The search for the server has failed. A server may run.
    #[error(transparent)]
    Unknown(#[from] UnknownServer),
    /// The host cannot be reached, or its response cannot be read.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// This process cannot create the runtime (tokio) that sends requests.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Returns the status of this home: from its host, or from its files if no host responds.
///
/// # Errors
/// If the home cannot be read, if its host cannot be reached, or if the response of the host cannot
/// be understood.
pub fn status(home: &Home) -> Result<Status, StatusError> {
    let deadline = Instant::now() + client::PATIENCE;
    loop {
        match block_on(client::status(home))? {
            Ok(status) => return Ok(status),
            Err(ClientError::NoHost) if !is_hosted(home) => {
                return from_files(home, SilentHolder::Nobody);
            }
            Err(ClientError::NoHost) => {
                if let Some(work) = work(home) {
                    return from_files(home, SilentHolder::Command(work));
                }
                // A process holds the host lock but has no socket: a host is starting or ending.
                // Wait for it.
                if Instant::now() > deadline {
                    return from_files(home, SilentHolder::Host);
                }
                std::thread::sleep(PAUSE);
            }
            Err(ClientError::Unresponsive) => return from_files(home, SilentHolder::Host),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The processes that may hold the host lock when no host responds.
enum SilentHolder {
    Nobody,
    /// A host that does not respond.
    Host,
    /// A command that ends the server.
    Command(Work),
}

fn from_files(home: &Home, holder: SilentHolder) -> Result<Status, StatusError> {
    let found = running::find(home).map_err(UnknownServer::of(home))?;
    let unproven = unproven(home, &found);
    let record = found.server();
    let options = record.as_ref().map(running::options).unwrap_or_default();
    let settings = Settings::resolve(home.clone(), options)?;
    let now = Instant::now();
    // If the history cannot be read, report the status without it.
    let history = chronicle::recent(&home.events()).unwrap_or_default();
    let failure = last_failure(history.back());
    // A status of a home without a server. The result below uses its values for all fields that are
    // not set explicitly.
    let nothing = block_on(async {
        let supervisor =
            Supervisor::new(SERVER_KIND, settings.policy.clone(), Generation::default(), 0, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.clone().into(), Mode::Background, schedule, now);
        facts.recall(history, now);
        facts.status(now)
    })?;
    let serving = match &record {
        Some(_) => {
            block_on(async { Client::new(&settings.server_address(), SERVING)?.serving().await })?
        }
        None => Ok(()),
    };
    let is_stopping = matches!(holder, SilentHolder::Command(_));
    let message = match (&record, holder) {
        (_, SilentHolder::Command(work)) => {
            format!("another command (pid {}) is {}", work.pid, work.doing)
        }
        (_, SilentHolder::Host) => format!("host unresponsive: {}", hint(home)),
        (Some(_), SilentHolder::Nobody) => {
            "no host supervises the server, so a crash is not repaired; start a host with `stigmer \
             local`, or stop the server with `stigmer local stop`"
                .to_owned()
        }
        (None, SilentHolder::Nobody) if unproven.is_empty() => failure,
        (None, SilentHolder::Nobody) => unproven,
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
        workers: workers::running(home),
        ..nothing
    })
}

/// Describes the failure of the last start. Empty if the last entry of the timeline is not a
/// failure.
fn last_failure(last: Option<&Arc<Entry>>) -> String {
    match last {
        Some(last) if last.happened == Happened::Failed => {
            format!("the last start failed: {}", last.detail)
        }
        Some(_) | None => String::new(),
    }
}

/// Describes processes that may belong to a server of this home, but without proof. Empty if there
/// are none.
fn unproven(home: &Home, found: &Running) -> String {
    match found {
        Running::Nothing | Running::Recorded(_) | Running::Unrecorded(_) => String::new(),
        Running::Elsewhere(record) => format!(
            "{} records a server in another container or pid namespace (pid {}), where that server \
             may still run; stop the server there, or choose another home with --home",
            home.record().display(),
            record.leader.pid
        ),
        Running::Remains(instance) => format!(
            "the server has ended, but some of its processes still run, for example {}; end them \
             with `stigmer local stop`",
            memory::describe(instance.leader.pid)
        ),
        Running::Stranger(who) => format!(
            "{} is locked by {who}, and stigmer cannot verify that this process is a server of \
             this home; stop that process yourself, or choose another home with --home",
            home.temporal_lock().display()
        ),
    }
}
