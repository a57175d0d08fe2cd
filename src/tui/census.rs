//! Counts and lists the workflows of the server while a dashboard is open and the server is up.

mod closings;
mod history;
mod recent;

use crate::presenter::{
    CountedServer, FoundSample, NamespaceSnapshot, WorkflowSample, shown_namespace,
};
use crate::protocol::Status;
use crate::session::{Changes, Session};
use crate::temporal::executions::Execution;
use crate::temporal::health::Client;
use crate::temporal::history::EventOrder;
use crate::temporal::workflows::StatusCounts;
use closings::Closings;
use history::EndedHistory;
use recent::{NewList, PAGE};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime};
use stigmer_ui::model::Listing;
use tokio::sync::watch;

/// Pause between two counts. The pause is long, because the counts use the same rate limit of the
/// server as the user's programs.
const PERIOD: Duration = Duration::from_secs(3);
/// Minimum pause between two samples, as a multiple of the duration of a sample: a slow server, or one
/// with many workflows, gets fewer requests.
const REST: u32 = 40;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// Maximum time between two complete lists. The lists in between end at known rows, and are read only if
/// the counts have changed.
const RELIST: Duration = Duration::from_secs(15);
/// Time limit of a request. A request normally takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Number of workflows that are listed for a query of the user.
const FOUND: u16 = 100;

const OPEN: &str = "ExecutionStatus IN ('Running', 'Paused')";
const CLOSED: &str = "ExecutionStatus NOT IN ('Running', 'Paused')";
/// Number of workflows above which the exact counts would cost the server more than 7 ms.
const LARGE: u64 = 2_000;
/// Maximum number of counts for the history of ended workflows, per sample.
const STEPS_AT_ONCE: usize = 4;

/// A stream of samples of the workflows.
#[derive(Debug)]
pub struct Census {
    wanted: watch::Sender<Listing>,
    latest: watch::Receiver<Option<WorkflowSample>>,
}

impl Census {
    /// Starts to sample the workflows of the server of this session. The sampling ends when the
    /// returned value is dropped.
    #[must_use]
    pub fn begin(session: Session, listing: Listing) -> Self {
        let (sender, latest) = watch::channel(None);
        let (wanted, listings) = watch::channel(listing);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = sample(session, listings, &sender) => {}
            }
        });
        Self { wanted, latest }
    }

    /// Samples these workflows from now on.
    pub fn list(&self, listing: &Listing) {
        self.wanted.send_if_modified(|wanted| {
            let is_new = wanted != listing;
            wanted.clone_from(listing);
            is_new
        });
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
async fn sample(
    session: Session,
    mut listings: watch::Receiver<Listing>,
    sender: &watch::Sender<Option<WorkflowSample>>,
) {
    let mut changes = session.changes();
    loop {
        let status = session.view().snapshot.status.clone();
        let server = CountedServer::up(&status);
        let sampling = async {
            let (Some(server), Some(mut sampler)) = (server, Sampler::of(&status)) else {
                return std::future::pending().await;
            };
            loop {
                sampler.aim(&status, &listings.borrow_and_update());
                // Log errors only at the level "debug": the server may be stopping, or may have
                // reached its rate limit.
                let unknown = |error: &String| tracing::debug!(%error, "cannot count workflows");
                let begun = Instant::now();
                let matches = sampler.run_query().await;
                let found = sampler.look().await.inspect_err(unknown).ok();
                let counted = found.as_ref().map(|it| (sampler.namespace.as_str(), it.counts));
                let holdings = sampler.client.holdings(counted).await;
                let holdings = holdings.inspect_err(unknown).ok();
                let sample = Some(WorkflowSample { server, found, matches, holdings });
                sender
                    .send_if_modified(|latest| std::mem::replace(latest, sample.clone()) != sample);
                let pause = (begun.elapsed() * REST).clamp(PERIOD, LONGEST);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    Ok(()) = listings.changed() => {}
                }
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

/// Returns the reason why the server does not run a query, without the words that each such reason has.
fn plain(error: &str) -> &str {
    let prefixes = ["InvalidArgument: ", "invalid query: ", "malformed SQL query: "];
    prefixes.iter().fold(error, |error, prefix| error.strip_prefix(prefix).unwrap_or(error))
}

/// Samples one namespace of one server.
struct Sampler {
    client: Client,
    namespace: String,
    /// The query of the user.
    query: Option<String>,
    /// The latest answer to the query, the counts at that moment, and its time.
    answer: Option<(FoundSample, Option<StatusCounts>, Instant)>,
    /// The latest lists. `None` if the next lists must be complete.
    last: Option<Lists>,
    history: EndedHistory,
    closings: Closings,
    /// Whether the namespace had more than [`LARGE`] workflows at the last count.
    is_large: bool,
}

/// Lists of workflows, and the counts at the time of the lists.
struct Lists {
    counts: StatusCounts,
    open: Vec<Execution>,
    closed: Vec<Execution>,
    /// When the lists were read completely.
    complete: Instant,
}

impl Sampler {
    fn of(status: &Status) -> Option<Self> {
        Some(Self {
            client: Client::new(&status.temporal.as_ref()?.address, PATIENCE).ok()?,
            namespace: status.options.first_namespace()?.to_owned(),
            query: None,
            answer: None,
            last: None,
            history: EndedHistory::default(),
            closings: Closings::new(),
            is_large: false,
        })
    }

    /// Selects what the next samples are of.
    fn aim(&mut self, status: &Status, listing: &Listing) {
        let namespace = shown_namespace(status, listing).unwrap_or_default();
        if self.namespace != namespace {
            self.namespace = namespace.to_owned();
            (self.last, self.history) = (None, EndedHistory::default());
            self.is_large = false;
        }
        self.query.clone_from(&listing.query);
    }

    /// Returns the workflows that match the query of the user. Runs the query only if it is new, if the
    /// counts have changed since, or if it has failed.
    async fn run_query(&mut self) -> Option<FoundSample> {
        let query = self.query.clone()?;
        let counts = self.last.as_ref().map(|last| last.counts);
        let is_current = |(answer, then, at): &(FoundSample, Option<StatusCounts>, Instant)| {
            let is_it = answer.query == query && answer.namespace == self.namespace;
            is_it && answer.result.is_ok() && *then == counts && at.elapsed() < RELIST
        };
        if let Some((answer, ..)) = self.answer.as_ref().filter(|it| is_current(it)) {
            return Some(answer.clone());
        }
        let page = self.client.list(&self.namespace, &query, FOUND, &[]).await;
        let result = page.map(|page| (page.executions, !page.next.is_empty()));
        let result = result.map_err(|error| plain(&error).to_owned());
        let answer = FoundSample { namespace: self.namespace.clone(), query, result };
        self.answer = Some((answer.clone(), counts, Instant::now()));
        Some(answer)
    }

    /// Sends one request at a time.
    async fn look(&mut self) -> Result<NamespaceSnapshot, String> {
        let counts = match self.is_large {
            true => self.client.many_status_counts(&self.namespace).await?,
            false => self.client.status_counts(&self.namespace).await?,
        };
        self.is_large = counts.open + counts.closed > LARGE;
        // After an error, the next lists are complete.
        let last = self.last.take().filter(|last| last.complete.elapsed() < RELIST);
        let lists = match last {
            Some(last) if last.counts == counts => last,
            last => self.list(counts, last).await?,
        };
        // The lists are more important. The next sample tries again.
        if let Err(error) = self.count_ended(counts).await {
            tracing::debug!(%error, "cannot count the workflows that ended lately");
        }
        let recent: Vec<_> = lists.open.iter().chain(&lists.closed).cloned().collect();
        self.last = Some(lists);
        Ok(NamespaceSnapshot {
            namespace: self.namespace.clone(),
            counts,
            closings: self.read_closings(&recent).await,
            recent,
            history: self.history.counts(SystemTime::now(), counts),
        })
    }

    /// Lists the workflows. The lists are complete if there are no last ones.
    async fn list(&self, counts: StatusCounts, last: Option<Lists>) -> Result<Lists, String> {
        let (mut open, closed, complete) = match last {
            Some(last) => (last.open, last.closed, last.complete),
            None => (vec![], vec![], Instant::now()),
        };
        let new_closed = self.new_rows(CLOSED, counts.closed, &closed).await?;
        if new_closed.has_all_new() {
            let ended: HashSet<&str> = new_closed.run_ids().collect();
            open.retain(|it| !ended.contains(it.run_id.as_str()));
        } else {
            open.clear();
        }
        let new_open = self.new_rows(OPEN, counts.open, &open).await?;
        let (open, closed) = (new_open.complete(&open), new_closed.complete(&closed));
        Ok(Lists { counts, open, closed, complete })
    }

    /// Reads how some of these workflows ended, the newest first. Returns the known ends.
    async fn read_closings(&mut self, recent: &[Execution]) -> BTreeMap<String, String> {
        for (workflow_id, run_id) in self.closings.due(recent) {
            let run = (workflow_id.as_str(), run_id.as_str());
            let (order, size) = (EventOrder::NewestFirst, 1);
            match self.client.history_page(&self.namespace, run, order, size, &[]).await {
                Ok(page) => {
                    let last = page.and_then(|page| page.events.into_iter().next());
                    self.closings.note(run_id, last.as_ref());
                }
                // The next sample tries again. The lists are more important.
                Err(error) => {
                    tracing::debug!(%error, "cannot read how a workflow ended");
                    break;
                }
            }
        }
        self.closings.known()
    }

    /// Lists workflows until a row of `before`. Sends no request if there are no workflows.
    async fn new_rows(
        &self,
        query: &str,
        count: u64,
        before: &[Execution],
    ) -> Result<NewList, String> {
        let mut list = match count {
            0 => NewList::empty(),
            _ => NewList::default(),
        };
        while let Some(next) = list.wanted() {
            let page = self.client.list(&self.namespace, query, PAGE, next).await?;
            list.add(page, before);
        }
        Ok(list)
    }

    /// Counts the workflows that ended within the last 30 minutes, some of the times in each sample.
    /// `totals` are the counts of all workflows.
    async fn count_ended(&mut self, totals: StatusCounts) -> Result<(), String> {
        let due: Vec<_> = self.history.due(SystemTime::now()).take(STEPS_AT_ONCE).collect();
        for step in due {
            let (from, to) = (step.begin(), step.end());
            let begun = SystemTime::now();
            let counts = self.client.ended_between(&self.namespace, from, to).await?;
            self.history.note(step, counts, totals, begun);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_query_has_the_reason_without_the_code() {
        let error = "InvalidArgument: invalid query: invalid search attribute: WorkflowTypo";
        assert_eq!(plain(error), "invalid search attribute: WorkflowTypo");
        let error = "InvalidArgument: invalid query: malformed SQL query: syntax error at position 50 near 'Refund'";
        assert_eq!(plain(error), "syntax error at position 50 near 'Refund'");
        assert_eq!(plain("no response in time"), "no response in time");
    }
}
