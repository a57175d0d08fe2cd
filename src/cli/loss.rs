//! Asks for confirmation before `stop` or `restart` loses data.

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

/// Time limit of a count. It normally takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A command that ends the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Stop,
    Restart,
}

/// On a terminal, asks whether to end the server if that loses data. Otherwise, and with `--yes`,
/// prints a warning instead. Does nothing if no data would be lost.
///
/// # Errors
/// If the answer is no.
pub(super) fn confirm(context: &Context, ending: Ending, yes: bool) -> Result<(), CliError> {
    let Some(loss) = running(&context.home).and_then(|server| server.loss()) else {
        return Ok(());
    };
    let (question, refused) = match ending {
        Ending::Stop => ("Stop the server?", "not stopped: nothing was confirmed"),
        Ending::Restart => ("Restart the server?", "not restarted: nothing was confirmed"),
    };
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        note(&format!("warning: {loss}"));
        return Ok(());
    }
    note(&loss.to_string());
    output::prompt(&format!("{question} Only `y` confirms [y/N] "));
    let mut answer = String::new();
    // A failed read is not a confirmation.
    let read = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(CliError::Other(refused.to_owned())),
    }
}

/// The running server of this home.
#[derive(Debug)]
struct Server {
    /// Path of its database. `None` in memory.
    database: Option<PathBuf>,
    /// Processes that may have it open.
    pids: Vec<Pid>,
    address: String,
}

/// The server that this command would end, with or without a host.
fn running(home: &Home) -> Option<Server> {
    if !home.root().is_dir() {
        return None;
    }
    match block_on(client::status(home)).ok()? {
        Ok(status) => hosted(&status),
        Err(_) => unhosted(home),
    }
}

/// The server of a host. Before it is ready it has no workflows, unless it ran before its host did.
fn hosted(status: &Status) -> Option<Server> {
    let temporal = status.temporal.as_ref().filter(|_| status.managed)?;
    let has_work = status.state.is_up() || status.state == State::Starting && temporal.adopted;
    has_work.then(|| Server {
        database: temporal.database.as_ref().map(|database| database.path.clone()),
        pids: temporal.server_pid.into_iter().collect(),
        address: temporal.address.clone(),
    })
}

/// The server of a record. If it does not listen on its port, it may not have opened its database,
/// so that is not checked.
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
            // A file that cannot be examined does not count as missing.
            Ok(None) | Err(_) => Storage::File,
            Ok(Some(Detached::Deleted)) => Storage::Deleted,
            Ok(Some(Detached::Replaced)) => Storage::Replaced,
        }
    }

    /// Workflows are counted only if they could be lost, because a count takes time.
    fn loss(&self) -> Option<Loss> {
        let storage = self.storage();
        storage.why_lost()?;
        StopImpact::judge(storage, self.count()).and_then(StopImpact::loss)
    }

    fn count(&self) -> WorkflowCount {
        let counted = block_on(async {
            let client = Client::new(&self.address, PATIENCE)?;
            // The total time is bounded, for any number of namespaces.
            let counted = tokio::time::timeout(PATIENCE, client.holdings()).await;
            counted.unwrap_or_else(|_| Err("no response in time".to_owned()))
        });
        match counted {
            Ok(Ok(it)) => {
                WorkflowCount::Current(WorkflowTotals { running: it.running, closed: it.closed })
            }
            Ok(Err(_)) | Err(_) => WorkflowCount::Unknown,
        }
    }
}
