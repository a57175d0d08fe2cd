//! What `stop` and `restart` would lose, and the question before they lose it.

use super::output::{self, note};
use super::{CliError, Context, block_on};
use crate::config::Settings;
use crate::control::client;
use crate::hosting;
use crate::paths::Home;
use crate::process::{Pid, look, ports};
use crate::protocol::{Detached, State, Status};
use crate::server::database;
use crate::temporal::health::Client;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;
use stigmer_ui::loss::{Loss, StopImpact, Storage, WorkflowCount, WorkflowTotals};

/// A count is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A command that ends the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Stop,
    Restart,
}

/// Asks on a terminal whether the server is to end although that loses data. Elsewhere, and where
/// `--yes` was given, says what is lost. Does neither where nothing is.
///
/// # Errors
/// When the answer is no.
pub(super) fn confirm(context: &Context, ending: Ending, yes: bool) -> Result<(), CliError> {
    let Some(loss) = running(&context.home).and_then(|server| server.loss()) else {
        return Ok(());
    };
    let (question, refused) = match ending {
        Ending::Stop => ("Stop Temporal?", "not stopped: nothing was confirmed"),
        Ending::Restart => ("Restart Temporal?", "not restarted: nothing was confirmed"),
    };
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        note(&format!("warning: {loss}"));
        return Ok(());
    }
    note(&loss.to_string());
    output::prompt(&format!("{question} Only `y` confirms [y/N] "));
    let mut answer = String::new();
    // Without an answer there is no consent.
    let read = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(CliError::Other(refused.to_owned())),
    }
}

/// A server of this home, as it runs now.
#[derive(Debug)]
struct Server {
    /// Its database; none in memory.
    database: Option<PathBuf>,
    /// Processes that have it open.
    pids: Vec<Pid>,
    address: String,
}

/// The server whose end is this command's doing, hosted or not.
fn running(home: &Home) -> Option<Server> {
    if !home.root().is_dir() {
        return None;
    }
    match block_on(client::status(home)).ok()? {
        Ok(status) => hosted(&status),
        Err(_) => unhosted(home),
    }
}

/// As a host tells of it. Before it is ready there is nothing on it, unless it ran before its host did.
fn hosted(status: &Status) -> Option<Server> {
    let temporal = status.temporal.as_ref().filter(|_| status.managed)?;
    let has_work = status.state.is_up() || status.state == State::Starting && temporal.adopted;
    has_work.then(|| Server {
        database: temporal.database.as_ref().map(|database| database.path.clone()),
        pids: temporal.server_pid.into_iter().collect(),
        address: temporal.address.clone(),
    })
}

/// As its record tells of it. Where it does not listen yet, or no longer, it has opened nothing for
/// certain, so its database is not looked for.
fn unhosted(home: &Home) -> Option<Server> {
    let (record, options) = hosting::running(home).ok()??;
    let settings = Settings::resolve(home.clone(), options).ok()?;
    let members: Vec<Pid> = record
        .instance()
        .members(&home.temporal_lock())
        .iter()
        .flatten()
        .map(|member| member.pid)
        .collect();
    let holder = ports::listeners(record.port)
        .iter()
        .flatten()
        .find_map(|listener| ports::holder_among(&members, listener.inode).ok()?);
    Some(Server {
        database: settings.database.file().map(ToOwned::to_owned),
        pids: holder.map(|holder| holder.pid).into_iter().collect(),
        address: settings.server_address(),
    })
}

impl Server {
    fn storage(&self) -> Storage {
        let Some(path) = &self.database else { return Storage::Memory };
        let pids = self.pids.clone();
        match look::bounded(path, move |path| database::detached(path, &pids)) {
            // A file that cannot be looked at is not a file that is gone.
            Ok(None) | Err(_) => Storage::File,
            Ok(Some(Detached::Deleted)) => Storage::Deleted,
            Ok(Some(Detached::Replaced)) => Storage::Replaced,
        }
    }

    /// Workflows are counted only where they could be lost: that takes a moment.
    fn loss(&self) -> Option<Loss> {
        let storage = self.storage();
        storage.why_lost()?;
        StopImpact::judge(storage, self.count()).and_then(StopImpact::loss)
    }

    fn count(&self) -> WorkflowCount {
        let counted = block_on(async {
            let client = Client::new(&self.address, PATIENCE)?;
            // All of it in bounded time, however many namespaces there are.
            let counted = tokio::time::timeout(PATIENCE, client.holdings()).await;
            counted.unwrap_or_else(|_| Err("no answer in time".to_owned()))
        });
        match counted {
            Ok(Ok(it)) => {
                WorkflowCount::Current(WorkflowTotals { running: it.running, closed: it.closed })
            }
            Ok(Err(_)) | Err(_) => WorkflowCount::Unknown,
        }
    }
}
