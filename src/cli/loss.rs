//! Asks the user for confirmation before `stop` or `restart` loses data.

use super::output::{self, note};
use super::{CliError, Context};
use crate::hosting::{Data, ServerAtRisk};
use crate::protocol::Detached;
use std::io::{BufRead, IsTerminal};
use stigmer_ui::loss::{Loss, StopImpact, Storage, WorkflowCount, WorkflowTotals};

/// The kind of command that is about to end the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    Stop,
    Restart,
}

/// Asks the user whether to end the server if data would be lost. Without a terminal, or with
/// `--yes`, only prints a warning. Does nothing if no data would be lost.
///
/// # Errors
/// If the user does not confirm.
pub(super) fn confirm(context: &Context, ending: Ending, yes: bool) -> Result<(), CliError> {
    let Some(loss) = ServerAtRisk::find(&context.home).and_then(|server| loss(&server)) else {
        return Ok(());
    };
    let (question, refused) = match ending {
        Ending::Stop => (
            "Stop the server?",
            "the server was not stopped: the stop was not \
                                              confirmed; answer `y`, or use --yes",
        ),
        Ending::Restart => (
            "Restart the server?",
            "the server was not restarted: the restart was not confirmed; answer `y`, or use --yes",
        ),
    };
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        note(&format!("warning: {loss}"));
        return Ok(());
    }
    note(&loss.to_string());
    output::prompt(&format!("{question} Type `y` to confirm [y/N] "));
    let mut answer = String::new();
    // Treat an answer that cannot be read as a "no".
    let read = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(CliError::Other(refused.to_owned())),
    }
}

/// Describes the data that would be lost at the end of `server`. Counts the workflows only if they
/// could be lost, because a count takes time.
fn loss(server: &ServerAtRisk) -> Option<Loss> {
    let storage = match server.data() {
        Data::Memory => Storage::Memory,
        Data::File => Storage::File,
        Data::Detached(Detached::Deleted) => Storage::Deleted,
        Data::Detached(Detached::Replaced) => Storage::Replaced,
    };
    storage.why_lost()?;
    let count = server.holdings().map_or(WorkflowCount::Unknown, |it| {
        WorkflowCount::Current(WorkflowTotals { running: it.running, closed: it.closed })
    });
    StopImpact::judge(storage, count).and_then(StopImpact::loss)
}
