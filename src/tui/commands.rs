//! Commands of this dashboard that are in progress. A command may begin before the previous one is
//! done, and each result belongs to its own command.

use crate::protocol::ApiError;
use tokio::sync::mpsc;

type CommandResult = Result<(), ApiError>;

/// The commands of this dashboard that have no outcome yet.
pub(super) struct PendingCommands {
    given: u64,
    /// Name of each command in progress, newest last.
    pending: Vec<(u64, &'static str)>,
    sender: mpsc::UnboundedSender<(u64, CommandResult)>,
    outcomes: mpsc::UnboundedReceiver<(u64, CommandResult)>,
}

impl PendingCommands {
    pub(super) fn none() -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        Self { given: 0, pending: Vec::new(), sender, outcomes }
    }

    /// Starts a command, which is done when `order` completes.
    pub(super) fn give(
        &mut self,
        word: &'static str,
        command: impl Future<Output = CommandResult> + Send + 'static,
    ) {
        self.given += 1;
        let (number, sender) = (self.given, self.sender.clone());
        self.pending.push((number, word));
        tokio::spawn(async move {
            // The dashboard may have exited.
            let _ = sender.send((number, command.await));
        });
    }

    /// Name of the newest command in progress.
    pub(super) fn under_way(&self) -> Option<&'static str> {
        self.pending.last().map(|(_, word)| *word)
    }

    /// Returns the next result. Cancel-safe.
    pub(super) async fn next(&mut self) -> CommandResult {
        let Some((number, outcome)) = self.outcomes.recv().await else {
            // Never happens: this value has a sender.
            return std::future::pending().await;
        };
        self.pending.retain(|(pending, _)| *pending != number);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn the_outcome_of_one_says_nothing_about_another() {
        let mut commands = PendingCommands::none();
        let [restart, stop, start] = ["restarting", "stopping", "starting"].map(|word| {
            let (done, outcome) = oneshot::channel();
            commands.give(word, async { outcome.await.unwrap() });
            done
        });
        assert_eq!(commands.under_way(), Some("starting"));
        restart.send(Err(ApiError::new("superseded", "", ""))).unwrap();
        assert_eq!(commands.next().await.unwrap_err().code, "superseded");
        assert_eq!(commands.under_way(), Some("starting"));
        start.send(Ok(())).unwrap();
        assert_eq!(commands.next().await, Ok(()));
        assert_eq!(commands.under_way(), Some("stopping"));
        stop.send(Ok(())).unwrap();
        assert_eq!(commands.next().await, Ok(()));
        assert_eq!(commands.under_way(), None);
    }
}
