//! Counts and lists the workflows of the server while a dashboard is open and the server is up.

mod history;

use crate::presenter::{CountedServer, NamespaceSnapshot, WorkflowSample};
use crate::protocol::Status;
use crate::session::{Changes, Session};
use crate::temporal::health::Client;
use crate::temporal::workflows::StatusCounts;
use history::EndedHistory;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// Pause between two counts. The pause is long, because the counts use the same rate limit of the
/// server as the user's programs.
const PERIOD: Duration = Duration::from_secs(3);
/// Maximum time between two lists while the counts do not change.
const RELIST: Duration = Duration::from_secs(15);
/// Time limit of a request. A request normally takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Number of open workflows that are listed, and of closed ones. A row costs the server 0.5 ms.
const ROWS: u16 = 50;

const OPEN: &str = "ExecutionStatus IN ('Running', 'Paused')";
const CLOSED: &str = "ExecutionStatus NOT IN ('Running', 'Paused')";
/// Maximum number of counts for the history of ended workflows, per sample.
const STEPS_AT_ONCE: usize = 4;

/// A stream of samples of the workflows.
#[derive(Debug)]
pub struct Census {
    latest: watch::Receiver<Option<WorkflowSample>>,
}

impl Census {
    /// Starts to sample the workflows of the server of this session. The sampling ends when the
    /// returned value is dropped.
    #[must_use]
    pub fn begin(session: Session) -> Self {
        let (sender, latest) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = sample(session, &sender) => {}
            }
        });
        Self { latest }
    }

    /// Waits for the next sample that differs from the previous one. Cancel-safe.
    pub async fn next(&mut self) -> WorkflowSample {
        loop {
            if self.latest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(sample) = &*self.latest.borrow_and_update() {
                return sample.clone();
            }
        }
    }
}

/// Samples the workflows as soon as a server is ready or degraded, and again after each pause.
async fn sample(session: Session, sender: &watch::Sender<Option<WorkflowSample>>) {
    let mut changes = session.changes();
    loop {
        let status = session.view().snapshot.status.clone();
        let server = CountedServer::up(&status);
        let sampling = async {
            let (Some(server), Some(mut sampler)) = (server, Sampler::of(&status)) else {
                return std::future::pending().await;
            };
            loop {
                // Log errors only at the level "debug": the server may be stopping, or may have
                // reached its rate limit.
                let unknown = |error: &String| tracing::debug!(%error, "cannot count workflows");
                let found = sampler.look().await.inspect_err(unknown).ok();
                let holdings = sampler.client.holdings().await.inspect_err(unknown).ok();
                let sample = Some(WorkflowSample { server, found, holdings });
                sender
                    .send_if_modified(|latest| std::mem::replace(latest, sample.clone()) != sample);
                tokio::time::sleep(PERIOD).await;
            }
        };
        tokio::select! {
            () = sampling => {}
            goes_on = another(&session, &mut changes, server) => if !goes_on { return },
        }
    }
}

/// Waits until a server other than `server` is up, or until no server is up. Returns false if the
/// session has ended.
async fn another(session: &Session, changes: &mut Changes, server: Option<CountedServer>) -> bool {
    while changes.next().await {
        if CountedServer::up(&session.view().snapshot.status) != server {
            return true;
        }
    }
    false
}

/// Samples one namespace of one server.
struct Sampler {
    client: Client,
    namespace: String,
    /// The latest sample that has lists, and its time.
    last: Option<(NamespaceSnapshot, Instant)>,
    history: EndedHistory,
}

impl Sampler {
    fn of(status: &Status) -> Option<Self> {
        Some(Self {
            client: Client::new(&status.temporal.as_ref()?.address, PATIENCE).ok()?,
            namespace: status.options.first_namespace()?.to_owned(),
            last: None,
            history: EndedHistory::default(),
        })
    }

    /// Sends one request at a time. Lists the workflows only if their counts have changed.
    async fn look(&mut self) -> Result<NamespaceSnapshot, String> {
        let counts = self.client.status_counts(&self.namespace).await?;
        let is_current = |(last, at): &(NamespaceSnapshot, Instant)| {
            last.counts == counts && at.elapsed() < RELIST
        };
        let mut last = match self.last.take().filter(is_current) {
            Some(last) => last,
            None => (self.list(counts).await?, Instant::now()),
        };
        self.count_ended().await?;
        last.0.history = self.history.counts(SystemTime::now());
        self.last = Some(last.clone());
        Ok(last.0)
    }

    async fn list(&self, counts: StatusCounts) -> Result<NamespaceSnapshot, String> {
        let mut recent = Vec::new();
        for (query, count) in [(OPEN, counts.open), (CLOSED, counts.closed)] {
            if count > 0 {
                recent
                    .extend(self.client.list(&self.namespace, query, ROWS, &[]).await?.executions);
            }
        }
        Ok(NamespaceSnapshot { counts, recent, ..NamespaceSnapshot::default() })
    }

    async fn count_ended(&mut self) -> Result<(), String> {
        let due: Vec<_> = self.history.due(SystemTime::now()).take(STEPS_AT_ONCE).collect();
        for step in due {
            let (from, to) = (step.begin(), step.end());
            let counts = self.client.ended_between(&self.namespace, from, to).await?;
            self.history.note(step, counts, SystemTime::now());
        }
        Ok(())
    }
}
