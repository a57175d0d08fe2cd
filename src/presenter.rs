//! Creates the view model (the data that the dashboard draws) from a snapshot of the host. Each
//! panel has a function here. No other module uses both the snapshot and the view model.

mod header;
mod health;
mod last;
mod page;
mod problems;
mod project_workers;
mod resources;
mod restarts;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod workers;
mod workflows;

pub use page::RunSample;
pub use problems::KnownProblems;
pub use text::{announce, downtime};
pub use timeline::describe;
pub use workers::KnownWorkers;
pub use workflows::{
    CountedServer, FoundSample, KnownWorkflows, NamespaceSnapshot, WorkflowSample, shown_namespace,
};

use crate::config::Span;
use crate::protocol::{Snapshot, State, Status, TemporalStatus};
use crate::session::{Link, View};
use crate::supervisor::Want;
use std::time::{Duration, Instant};
use stigmer_ui::model::{Answer, Commands, Listing, Model, OpenWorkflow};

/// The state of the viewer (a dashboard), which the snapshot of the host does not contain.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// Path of the home, as the screen shows it.
    pub home: String,
    /// The Temporal CLI in copied commands, quoted for a shell. `None` if the shell finds `temporal`.
    pub temporal_program: Option<String>,
    /// Whether this process is the host. If so, it can hand over to a background host.
    pub hosts: bool,
    /// Name of a command that this viewer has sent and that is in progress.
    pub under_way: Option<&'static str>,
    /// The event that the viewer waits for before it exits. `None` if the viewer is not about to
    /// exit.
    pub leaving: Option<Leaving>,
    /// The action on workflows that is in progress.
    pub waiting: Option<SlowAction>,
    /// A short message that the screen shows for a few seconds.
    pub toast: Option<String>,
    /// State of the server while it has no host. `None` while there is a host.
    pub unwatched: Option<Unwatched>,
    /// The namespace and the query that the user has selected.
    pub listing: Listing,
    /// The last counts of the user's workflows.
    pub workflows: KnownWorkflows,
    /// The last known problems.
    pub problems: KnownProblems,
    /// The last known workers.
    pub workers: KnownWorkers,
    /// The run whose page is open.
    pub open: Option<OpenWorkflow>,
    /// What is known about the open run.
    pub run: RunSample,
    /// The newest answer of a workflow.
    pub answer: Option<Answer>,
}

/// The state of a server without a host. The viewer observes the server itself, because no host
/// reports its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwatched {
    /// No process of the server runs.
    Stopped,
    /// The server runs, but its health is not known.
    Unknown,
    /// The health service of the server reports SERVING.
    Serving,
    /// The server runs, but its health service reports another state or does not respond.
    Failing,
}

/// An action on workflows that is in progress.
#[derive(Debug, Clone)]
pub struct SlowAction {
    /// What is done, such as `query items of basket-1`.
    pub text: String,
    /// When it began.
    pub since: Instant,
}

impl SlowAction {
    /// Formats the action with its duration, such as `query items of basket-1: 3 s so far`. Without
    /// the duration in the first second, because most actions take milliseconds.
    fn line(&self) -> String {
        let age = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        match age {
            0..1_000 => format!("{} …", self.text),
            age => format!("{}: {} so far", self.text, stigmer_ui::human::age(age)),
        }
    }
}

/// The event that the viewer waits for before it exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The end of the server.
    Stop,
    /// The start of a background host, which continues the work of this host.
    HandOver,
    /// The end of the host. This process is the host.
    End,
}

/// The input data of one frame.
#[derive(Clone, Copy)]
struct Now<'a> {
    snapshot: &'a Snapshot,
    viewer: &'a Viewer,
    link: &'a Link,
    /// Age of the snapshot, in milliseconds.
    older: u64,
}

impl<'a> Now<'a> {
    fn status(self) -> &'a Status {
        &self.snapshot.status
    }

    /// Converts an age at the time of the snapshot to the age now, in milliseconds.
    fn age(self, ms: u64) -> u64 {
        ms.saturating_add(self.older)
    }

    /// Whether the server has no host.
    fn is_unwatched(self) -> bool {
        self.viewer.unwatched.is_some()
    }

    /// Whether a stop has failed, because the host could not prove that no server is left.
    fn is_not_stopped(self) -> bool {
        (self.status().state, self.status().intent) == (State::Failed, Want::Down)
    }

    /// The server, if its process runs. The snapshot may still contain a process that has ended,
    /// whose last figures must not be shown as current.
    fn running(self) -> Option<&'a TemporalStatus> {
        let is_over =
            matches!(self.status().state, State::Stopped | State::Backoff | State::Failed);
        self.status().temporal.as_ref().filter(|_| !is_over)
    }

    /// The server, if a host measures its figures. If the host has ended, its last figures must not
    /// be shown as current.
    fn measured(self) -> Option<&'a TemporalStatus> {
        self.running().filter(|_| !self.is_unwatched())
    }
}

/// Creates the view model of one frame.
#[must_use]
pub fn present(view: &View, viewer: &Viewer) -> Model {
    let now = Now {
        snapshot: &view.snapshot,
        viewer,
        link: &view.link,
        older: u64::try_from(view.age.as_millis()).unwrap_or(u64::MAX),
    };
    let status = now.status();
    let temporal = status.temporal.as_ref();
    let running = now.running().filter(|_| viewer.unwatched != Some(Unwatched::Stopped));
    let entry = now.snapshot.timeline.iter().rev().find(|entry| entry.worker.is_none());
    let generation = temporal.and_then(|temporal| temporal.generation);
    let namespace = shown_namespace(status, &viewer.listing).unwrap_or_default();
    let workflows = viewer.workflows.now(status, namespace).filter(|_| now.measured().is_some());
    let query = viewer.listing.query.as_deref();
    let found = query.and_then(|query| viewer.workflows.found(status, namespace, query));
    let problems = problems::problems(now);
    let recent =
        |it| workflows::recent(it, &viewer.problems, problems.as_deref().unwrap_or_default());
    Model {
        host_label: header::host_label(now),
        home: viewer.home.clone(),
        attached: !viewer.hosts,
        state: header::state(now),
        state_age_ms: Some(now.age(now.snapshot.state_ms)).filter(|_| !now.is_unwatched()),
        doing: header::doing(now),
        message: header::message(now),
        managed: status.managed,
        watched: !now.is_unwatched(),
        adopted: temporal.is_some_and(|temporal| temporal.adopted),
        generation: generation.or(entry.map(|entry| entry.generation)).map_or(0, |it| it.0),
        pid: running.and_then(|temporal| u32::try_from(temporal.pid?).ok()),
        uptime_ms: running.and_then(|temporal| temporal.uptime_ms).map(|ms| now.age(ms)),
        version: temporal.and_then(|temporal| temporal.cli_version()).map(str::to_owned),
        server_version: temporal.and_then(|temporal| temporal.server_version.clone()),
        address: match temporal {
            Some(temporal) => Some(temporal.address.clone()),
            None => status.options.server_address(),
        },
        temporal_program: viewer.temporal_program.clone(),
        ui_url: match temporal {
            Some(temporal) => temporal.ui_url.clone(),
            None => status.options.ui_url(),
        },
        restarts: restarts::restarts(now),
        probe: health::probe(now),
        health: health::layers(now),
        resources: resources::resources(now),
        failure: restarts::failure(now),
        timeline: timeline::rows(&now.snapshot.timeline, crate::clock::now().date()),
        namespace: text::harmless_text(namespace),
        namespaces: status
            .options
            .namespaces()
            .iter()
            .map(|name| text::harmless_text(name))
            .collect(),
        dismissed: viewer.problems.dismissed(),
        counts: workflows.map(|it| it.counts.into()),
        recent: workflows.map(recent),
        found: found.map(|it| workflows::found(it, &viewer.problems)),
        problems,
        closed_history: workflows.map(workflows::closed_history).unwrap_or_default(),
        as_of: viewer.problems.outdated_for().map(text::time_of_day),
        workers: workers::all(now),
        connected_workers: workers::connected(now).filter(|_| now.measured().is_some()),
        page: page::page(&viewer.run, viewer.open.as_ref(), &viewer.problems),
        storage: resources::storage(status),
        count: viewer.workflows.held(status),
        can: commands(now),
        answer: viewer.answer.clone(),
        leaving: viewer.leaving.is_some(),
        waiting: viewer.waiting.as_ref().map(SlowAction::line),
        toast: viewer.toast.clone(),
    }
}

/// The commands that the operator can use now.
fn commands(now: Now<'_>) -> Commands {
    let (status, viewer) = (now.status(), now.viewer);
    let is_connected = *now.link == Link::Up;
    let is_down = matches!(status.state, State::Stopped | State::Failed);
    Commands {
        start: now.is_unwatched() || is_connected && (is_down || status.state == State::Backoff),
        // Allow a stop after a failure too, because a server may run that the host does not watch.
        stop: is_connected
            && status.managed
            && (status.state == State::Failed || !is_down && status.intent == Want::Up),
        restart: is_connected && status.managed,
        background: viewer.hosts && matches!(viewer.leaving, None | Some(Leaving::Stop)),
    }
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

/// Time until the next frame if nothing else changes. It is shorter while the screen shows a
/// countdown than while it shows an uptime.
#[must_use]
pub fn tick(snapshot: &Snapshot) -> Duration {
    match snapshot.status.state {
        State::Backoff | State::Stopping | State::Starting => Duration::from_millis(100),
        State::Stopped | State::Ready | State::Degraded | State::Failed => Duration::from_secs(1),
    }
}
