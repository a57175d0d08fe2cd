//! The commands that this dashboard has sent and that are still in progress. Several commands may
//! be in progress at a time. Each command has a number, by which its result is matched to the
//! command.

use crate::protocol::ApiError;
use tokio::sync::mpsc;

/// The result of a command to the host.
pub(super) type CommandResult = Result<(), ApiError>;

/// The commands of this dashboard that have no result yet.
pub(super) struct PendingCommands<R, W = &'static str> {
    given: u64,
    /// Number of each command in progress, and what is known about it, newest last.
    pending: Vec<(u64, W)>,
    sender: mpsc::UnboundedSender<(u64, R)>,
    outcomes: mpsc::UnboundedReceiver<(u64, R)>,
}

impl<R: Send + 'static, W> PendingCommands<R, W> {
    pub(super) fn none() -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        Self { given: 0, pending: Vec::new(), sender, outcomes }
    }

    /// Runs `command` in a task. The screen shows `word` until the command is done, for example
    /// "starting".
    pub(super) fn give(&mut self, word: W, command: impl Future<Output = R> + Send + 'static) {
        self.given += 1;
        let (number, sender) = (self.given, self.sender.clone());
        self.pending.push((number, word));
        tokio::spawn(async move {
            // Ignore an error: it means that the dashboard has ended.
            let _ = sender.send((number, command.await));
        });
    }

    /// Word on the screen for the newest command in progress.
    pub(super) fn under_way(&self) -> Option<&W> {
        self.pending.last().map(|(_, word)| word)
    }

    /// What is known about each command in progress, newest last.
    pub(super) fn all(&self) -> impl Iterator<Item = &W> {
        self.pending.iter().map(|(_, word)| word)
    }

    /// Waits for the next result of a command. Cancel-safe.
    pub(super) async fn next(&mut self) -> R {
        let Some((number, outcome)) = self.outcomes.recv().await else {
            // Unreachable, because `self` owns a sender, which keeps the channel open.
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
    async fn outcome_of_one_command_does_not_end_another_command() {
        let mut commands = PendingCommands::<CommandResult>::none();
        let [restart, stop, start] = ["restarting", "stopping", "starting"].map(|word| {
            let (done, outcome) = oneshot::channel();
            commands.give(word, async { outcome.await.unwrap() });
            done
        });
        assert_eq!(commands.under_way(), Some(&"starting"));
        restart.send(Err(ApiError::new("superseded", "", ""))).unwrap();
        assert_eq!(commands.next().await.unwrap_err().code, "superseded");
        assert_eq!(commands.under_way(), Some(&"starting"));
        start.send(Ok(())).unwrap();
        assert_eq!(commands.next().await, Ok(()));
        assert_eq!(commands.under_way(), Some(&"stopping"));
        stop.send(Ok(())).unwrap();
        assert_eq!(commands.next().await, Ok(()));
        assert_eq!(commands.under_way(), None);
    }
}
