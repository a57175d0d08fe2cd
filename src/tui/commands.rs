//! Commands that this dashboard has given and that are not done. A command may be given before an earlier one is
//! done; the outcome of one says nothing about another.

use crate::protocol::ApiError;
use tokio::sync::mpsc;

type Outcome = Result<(), ApiError>;

/// See the module's documentation.
pub(super) struct PendingCommands {
    given: u64,
    /// What each that is not done yet is called, the newest last.
    pending: Vec<(u64, &'static str)>,
    tell: mpsc::UnboundedSender<(u64, Outcome)>,
    outcomes: mpsc::UnboundedReceiver<(u64, Outcome)>,
}

impl PendingCommands {
    pub(super) fn none() -> Self {
        let (tell, outcomes) = mpsc::unbounded_channel();
        Self { given: 0, pending: Vec::new(), tell, outcomes }
    }

    /// Another one, which is done when this ends.
    pub(super) fn give(
        &mut self,
        word: &'static str,
        command: impl Future<Output = Outcome> + Send + 'static,
    ) {
        self.given += 1;
        let (number, tell) = (self.given, self.tell.clone());
        self.pending.push((number, word));
        tokio::spawn(async move {
            // The dashboard may be gone by then.
            let _ = tell.send((number, command.await));
        });
    }

    /// What the newest that is not done yet is called.
    pub(super) fn under_way(&self) -> Option<&'static str> {
        self.pending.last().map(|(_, word)| *word)
    }

    /// The outcome of the next one that is done; cancel-safe.
    pub(super) async fn next(&mut self) -> Outcome {
        let Some((number, outcome)) = self.outcomes.recv().await else {
            // We keep a sender ourselves.
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
