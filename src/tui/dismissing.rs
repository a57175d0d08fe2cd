//! The requests of this dashboard to dismiss problems and to undo that. The host gets them in the
//! order of the keys.

use crate::protocol::ProblemList;
use crate::session::Session;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// A request to the host about dismissed problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dismissing {
    /// Dismiss the problems with these IDs.
    Dismiss(Vec<String>),
    /// Undo the latest request to dismiss problems.
    Undo,
}

impl Dismissing {
    async fn send(self, session: &Session) -> Result<ProblemList, String> {
        let list = match self {
            Self::Dismiss(ids) => session.dismiss(ids).await,
            Self::Undo => session.undo_dismissal().await,
        };
        list.map_err(|error| error.to_string())
    }
}

/// The requests that have no result yet. One task sends them, one at a time.
pub(super) struct DismissalQueue {
    pending: VecDeque<Dismissing>,
    requests: mpsc::UnboundedSender<Dismissing>,
    results: mpsc::UnboundedReceiver<Result<ProblemList, String>>,
}

impl DismissalQueue {
    /// Starts the task that sends the requests to the host of this session. The task ends some time
    /// after the queue is dropped.
    pub(super) fn begin(session: Session) -> Self {
        Self::sending(move |request| {
            let session = session.clone();
            async move { request.send(&session).await }
        })
    }

    fn sending<S, F>(send: S) -> Self
    where
        S: Fn(Dismissing) -> F + Send + 'static,
        F: Future<Output = Result<ProblemList, String>> + Send,
    {
        let (requests, mut given) = mpsc::unbounded_channel();
        let (done, results) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(request) = given.recv().await {
                // Ignore an error: it means that the dashboard has ended. The requests that it has
                // given are sent all the same.
                let _ = done.send(send(request).await);
            }
        });
        Self { pending: VecDeque::new(), requests, results }
    }

    pub(super) fn give(&mut self, request: Dismissing) {
        self.pending.push_back(request.clone());
        // Ignore an error: the task ends only after the queue.
        let _ = self.requests.send(request);
    }

    /// Waits for the next result of a request. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<ProblemList, String> {
        let Some(result) = self.results.recv().await else {
            // The task has panicked.
            return std::future::pending().await;
        };
        self.pending.pop_front();
        result
    }

    /// The IDs of the problems that the pending requests dismiss.
    pub(super) fn hidden(&self) -> Vec<String> {
        let mut dismissed: Vec<&[String]> = Vec::new();
        for request in &self.pending {
            match request {
                Dismissing::Dismiss(ids) => dismissed.push(ids),
                Dismissing::Undo => drop(dismissed.pop()),
            }
        }
        dismissed.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::Dismissing::{Dismiss, Undo};
    use super::*;
    use crate::protocol::SCHEMA;
    use std::sync::{Arc, Mutex};

    fn ids(ids: &[&str]) -> Dismissing {
        Dismiss(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[tokio::test]
    async fn requests_are_sent_in_order_and_hide_their_problems_until_their_results() {
        let (answers, given) = mpsc::unbounded_channel();
        let given = Arc::new(tokio::sync::Mutex::new(given));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = sent.clone();
        let mut queue = DismissalQueue::sending(move |request| {
            log.lock().unwrap().push(request);
            let given = given.clone();
            async move { given.lock().await.recv().await.unwrap() }
        });
        let list =
            || ProblemList { schema: SCHEMA, as_of_ms: None, unknown: None, problems: Vec::new() };
        let requests = [ids(&["a"]), ids(&["b", "c"]), Undo, ids(&["d"])];
        let expected: [&[&str]; 4] = [&["a"], &["a", "b", "c"], &["a"], &["a", "d"]];
        for (request, expected) in requests.iter().zip(expected) {
            queue.give(request.clone());
            assert_eq!(queue.hidden(), expected);
        }
        answers.send(Err("refused".to_owned())).unwrap();
        assert_eq!(queue.next().await, Err("refused".to_owned()));
        assert_eq!(queue.hidden(), ["d"], "a is shown again");
        for rest in [&["d"][..], &["d"], &[]] {
            answers.send(Ok(list())).unwrap();
            assert_eq!(queue.next().await, Ok(list()));
            assert_eq!(queue.hidden(), rest);
        }
        assert_eq!(*sent.lock().unwrap(), requests);
    }
}
