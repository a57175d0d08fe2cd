//! Reads the run whose page is open: its description each second, and its history, the newest events
//! first.

use crate::presenter::RunSample;
use crate::session::Session;
use crate::temporal::executions::Description;
use crate::temporal::health::Client;
use crate::temporal::history::{EventOrder, RunEvent};
use crate::workflow::items::HistoryItems;
use std::sync::Arc;
use std::time::Duration;
use stigmer_ui::model::OpenWorkflow;
use tokio::sync::watch;
use tokio::time::Instant;

/// Pause between two descriptions.
const PERIOD: Duration = Duration::from_secs(1);
/// Minimum time between two samples while older events are read.
const SHOWN: Duration = Duration::from_millis(200);
/// Time limit of a request. A request normally takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Number of events in the first page. They fill a screen.
const FIRST: u16 = 200;
/// Number of events in the other pages.
const PAGE: u16 = 1_000;
/// Maximum number of events that are kept. The server warns at 10,240 events, and ends a run at
/// 51,200.
const KEPT: u64 = 100_000;

/// A stream of samples of one run at a time.
#[derive(Debug)]
pub(super) struct RunReader {
    wanted: watch::Sender<Option<OpenWorkflow>>,
    latest: watch::Receiver<RunSample>,
}

impl RunReader {
    /// Starts a reader without a run. It ends when the returned value is dropped.
    pub(super) fn begin(session: Session) -> Self {
        let (wanted, runs) = watch::channel(None);
        let (sender, latest) = watch::channel(RunSample::default());
        tokio::spawn(async move { read(&session, runs, &sender).await });
        Self { wanted, latest }
    }

    /// Reads this run from now on.
    pub(super) fn look_at(&self, run: Option<OpenWorkflow>) {
        // The open row makes no difference.
        let run = run.map(|run| OpenWorkflow { row: None, ..run });
        self.wanted.send_if_modified(|wanted| {
            let is_new = *wanted != run;
            *wanted = run;
            is_new
        });
    }

    /// Waits for the next sample. Cancel-safe.
    pub(super) async fn next(&mut self) -> RunSample {
        if self.latest.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.latest.borrow_and_update().clone()
    }
}

async fn read(
    session: &Session,
    mut runs: watch::Receiver<Option<OpenWorkflow>>,
    sender: &watch::Sender<RunSample>,
) {
    loop {
        let run = runs.borrow_and_update().clone();
        let reading = async {
            match run {
                Some(run) => RunReading::new(run, sender).follow(session).await,
                None => {
                    sender.send_replace(RunSample::default());
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            changed = runs.changed() => if changed.is_err() { return },
        }
    }
}

/// The state of reading one run.
struct RunReading<'s> {
    run: OpenWorkflow,
    sender: &'s watch::Sender<RunSample>,
    client: Option<(String, Client)>,
    description: Option<Arc<Description>>,
    items: HistoryItems,
    /// Token of the next page of older events. `None` once the first event is read.
    older: Option<Vec<u8>>,
}

impl<'s> RunReading<'s> {
    fn new(run: OpenWorkflow, sender: &'s watch::Sender<RunSample>) -> Self {
        let items = HistoryItems::default();
        Self { run, sender, client: None, description: None, items, older: None }
    }

    /// Reads the run until it has ended and all of its history is read.
    async fn follow(&mut self, session: &Session) {
        loop {
            let next = Instant::now() + PERIOD;
            match self.round(session, next).await {
                Ok(true) => return std::future::pending().await,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "cannot read the workflow");
                    let run_id = &self.run.run_id;
                    self.sender.send_modify(|sample| {
                        *sample = std::mem::take(sample).failed(run_id, error);
                    });
                }
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Reads the description and new events, and older events until `deadline`. Returns whether
    /// nothing more can change.
    async fn round(&mut self, session: &Session, deadline: Instant) -> Result<bool, String> {
        let client = self.connect(session)?;
        let OpenWorkflow { namespace, workflow_id, run_id, .. } = self.run.clone();
        let Some(found) = client.describe_run(&namespace, &workflow_id, &run_id).await? else {
            *self = Self { client: self.client.take(), ..Self::new(self.run.clone(), self.sender) };
            self.sender.send_replace(RunSample::missing(&run_id));
            return Ok(false);
        };
        let is_open = found.execution.status.is_open();
        let has_news = found.history_length > self.items.newest() || self.items.newest() == 0;
        let found = Arc::new(found);
        let is_changed = self.description.replace(Arc::clone(&found)) != Some(found);
        if has_news {
            self.read_news(&client).await?;
        }
        if has_news || is_changed || !self.sender.borrow().is_current() {
            self.show();
        }
        let mut shown = Instant::now();
        while self.older.is_some() && Instant::now() < deadline {
            self.read_older(&client).await?;
            if self.older.is_none() || shown.elapsed() >= SHOWN {
                self.show();
                shown = Instant::now();
            }
        }
        Ok(!is_open && self.older.is_none())
    }

    fn connect(&mut self, session: &Session) -> Result<Client, String> {
        let status = &session.view().snapshot.status;
        let server = status.temporal.as_ref().filter(|_| status.state.is_up());
        let address = server.map(|server| server.address.clone());
        let address = address.ok_or_else(|| "the server does not run".to_owned())?;
        match &self.client {
            Some((known, client)) if *known == address => Ok(client.clone()),
            _ => {
                let client = Client::new(&address, PATIENCE)?;
                self.client = Some((address, client.clone()));
                Ok(client)
            }
        }
    }

    /// Reads the events that are newer than all known ones. The first time, reads the newest page and the
    /// first event, which has the arguments.
    async fn read_news(&mut self, client: &Client) -> Result<(), String> {
        let known = self.items.newest();
        if known == 0 {
            let (newest, first) = tokio::join!(
                self.page(client, EventOrder::NewestFirst, FIRST, &[]),
                self.page(client, EventOrder::OldestFirst, 1, &[]),
            );
            let (events, next) = newest?;
            self.older = Some(next).filter(|next| !next.is_empty());
            events.into_iter().chain(first?.0).for_each(|event| self.items.add(event));
            return Ok(());
        }
        let mut next = Vec::new();
        loop {
            let (events, more) = self.page(client, EventOrder::NewestFirst, FIRST, &next).await?;
            let oldest = events.last().map_or(0, |event| event.id);
            events.into_iter().for_each(|event| self.items.add(event));
            if more.is_empty() || oldest <= known + 1 {
                return Ok(());
            }
            next = more;
        }
    }

    async fn read_older(&mut self, client: &Client) -> Result<(), String> {
        let Some(token) = self.older.clone() else { return Ok(()) };
        let (events, next) = self.page(client, EventOrder::NewestFirst, PAGE, &token).await?;
        let is_end = next.is_empty() || self.items.count() >= KEPT;
        self.older = Some(next).filter(|_| !is_end);
        events.into_iter().for_each(|event| self.items.add(event));
        Ok(())
    }

    async fn page(
        &self,
        client: &Client,
        order: EventOrder,
        size: u16,
        next: &[u8],
    ) -> Result<(Vec<RunEvent>, Vec<u8>), String> {
        let OpenWorkflow { namespace, workflow_id, run_id, .. } = &self.run;
        let page = client.history_page(namespace, (workflow_id, run_id), order, size, next).await?;
        let page = page.unwrap_or_default();
        Ok((page.events, page.next))
    }

    fn show(&self) {
        let Some(description) = self.description.clone() else { return };
        let sample = RunSample::described(&self.run.run_id, description, self.items.clone());
        self.sender.send_replace(sample);
    }
}
