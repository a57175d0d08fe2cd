//! Whether the code of a worker still matches the history of a run.

use super::connection::describe;
use super::health::Client;
use super::message::action::{QueryCall, QueryRequest, QueryResponse};
use super::run::RunRef;
use crate::harmless;
use tonic::{Code, Status};

/// A query that every SDK answers itself. To answer, a worker replays the history.
const METADATA: &str = "__temporal_workflow_metadata";
/// Maximum length of the message of an SDK, in characters.
const MESSAGE: usize = 2_000;

impl Client {
    /// Makes a worker replay the history of a run. Returns the message of the SDK if its code does not
    /// match the history. The history and the state of the run stay the same.
    ///
    /// # Errors
    /// The error of the server, or the end of the time limit if no worker responds.
    pub async fn mismatch(&self, run: &RunRef) -> Result<Option<String>, String> {
        let query = QueryCall { query_type: METADATA.to_owned(), query_args: None };
        let request = QueryRequest { query: Some(query), ..QueryRequest::on(run) };
        match self.call::<_, QueryResponse>("QueryWorkflow", request).await {
            Ok(_) => Ok(None),
            Err(status) => of_status(&status),
        }
    }
}

/// A worker reports its own errors as invalid arguments. Only one of them is about the history: an old
/// SDK, for example, does not know the query.
fn of_status(status: &Status) -> Result<Option<String>, String> {
    let message = status.message();
    let is_mismatch = ["[TMPRL1100]", "ondeterminis"].iter().any(|mark| message.contains(mark));
    match status.code() {
        Code::InvalidArgument => Ok(is_mismatch.then(|| first_line(message))),
        _ => Err(describe(status)),
    }
}

fn first_line(message: &str) -> String {
    harmless::block(message.lines().next().unwrap_or_default(), MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mismatch_with_the_history_is_one() {
        let core = "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: \
                    HistoryEvent(id: 5, ActivityTaskScheduled)";
        let go = "nondeterministic workflow: missing replay command for TimerStarted: (TimerId:5)";
        for message in [core, go] {
            let found = of_status(&Status::invalid_argument(message));
            assert_eq!(found, Ok(Some(message.to_owned())));
        }
        let old = "unknown queryType __temporal_workflow_metadata. KnownQueryTypes=[]";
        assert_eq!(of_status(&Status::invalid_argument(old)), Ok(None));
        assert!(of_status(&Status::deadline_exceeded(core)).is_err(), "no worker has looked");
    }
}
