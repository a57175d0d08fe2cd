//! Converts a snapshot into the view model. This is the only module that knows both.

mod last;
mod timeline;
mod workflows;

pub use timeline::describe;
pub use workflows::{KnownWorkflows, Server, WorkflowSample};

use crate::config::Span;
use crate::protocol::{Detached, Mode, NoRestart, Snapshot, State, Status, TemporalStatus};
use crate::session::{Link, View};
use crate::supervisor::Want;
use crate::temporal::workflows::Workflows;
use std::time::Duration;
use stigmer_ui::human;
use stigmer_ui::loss::Storage;
use stigmer_ui::model::{
    self, Commands, FailureLimit, FailureView, LayerView, Model, ProbePoint, ProbeView,
    ResourcesView, RestartLimit, RestartsView, StateView, UnservedQueue,
};

/// Returns the line that scripts wait for: the server is ready, and whether it was running before.
#[must_use]
pub fn announce(status: &Status, reused: bool) -> String {
    match (&status.temporal, status.managed) {
        (Some(temporal), false) => format!(
            "Temporal is already running (started elsewhere, pid {}) - reusing existing instance",
            temporal.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
        ),
        _ if reused => {
            "Temporal is already running (lock file held) - reusing existing instance".to_owned()
        }
        _ => "Temporal is ready".to_owned(),
    }
}

/// The downtime, if it is longer than the duration of the repair.
fn longer(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> Option<u64> {
    downtime_ms.filter(|downtime| recovery_ms.is_none_or(|recovery| *downtime > recovery))
}

/// Text after the duration of a repair: the downtime, if it began before the repair, as with a
/// freeze.
#[must_use]
pub fn downtime(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> String {
    longer(downtime_ms, recovery_ms).map_or_else(String::new, |downtime| {
        format!(", down for {} since the last passed check", human::duration(downtime))
    })
}

/// The versions of the CLI and of the server, if known. If a host does not know the version of the
/// CLI, it reports that of the server in its place.
#[must_use]
pub fn versions(temporal: &TemporalStatus) -> (Option<&str>, Option<&str>) {
    let server = temporal.server_version.as_deref();
    let cli = temporal.version.as_deref();
    (cli.filter(|cli| server.is_none() || cli.strip_prefix("server ") != server), server)
}

/// State of the viewer itself.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// Whether it is the host and can leave a background host behind.
    pub hosts: bool,
    /// Name of a command of this viewer that is in progress.
    pub under_way: Option<&'static str>,
    /// What the viewer does before it exits.
    pub leaving: Option<Leaving>,
    /// A short message.
    pub toast: Option<String>,
    /// State of the server while no host is running.
    pub unwatched: Option<Unwatched>,
    /// The user's workflows, if known.
    pub workflows: KnownWorkflows,
}

/// A server without a host, as observed by its viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwatched {
    /// No server runs.
    Stopped,
    /// The server runs; its health is not checked yet.
    Unknown,
    /// Its health service reports SERVING.
    Serving,
    /// The server runs, and its health service reports another state or does not respond.
    Failing,
}

/// What the viewer waits for before it exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The end of the server.
    Stop,
    /// The start of another host.
    HandOver,
    /// The end of the host in this process.
    End,
}

/// Creates the view model from a snapshot that is `view.age` old.
#[must_use]
pub fn present(view: &View, viewer: &Viewer) -> Model {
    let snapshot = &*view.snapshot;
    let status = &snapshot.status;
    let older = u64::try_from(view.age.as_millis()).unwrap_or(u64::MAX);
    let age = |ms: u64| ms.saturating_add(older);
    let temporal = status.temporal.as_ref();
    let options = &status.options.values;
    let is_down = matches!(status.state, State::Stopped | State::Failed);
    let connected = view.link == Link::Up;
    let unwatched = viewer.unwatched.is_some();
    // The host may still report a process that has ended. Do not show its figures as current.
    let temporal_now = temporal
        .filter(|_| !matches!(status.state, State::Stopped | State::Backoff | State::Failed));
    // Without a host, nothing is measured. Do not show the last values as current.
    let measured = temporal_now.filter(|_| !unwatched);
    let down = measured.is_none();
    let under_way = matches!(status.state, State::Starting | State::Stopping);
    let mut health = Model::default().health;
    for (shown, layer) in health.iter_mut().zip(&status.health.layers) {
        *shown = LayerView {
            name: layer.name.to_string(),
            // A layer that is not up yet, or is shutting down, has not failed.
            ok: layer.ok.filter(|ok| !down && (*ok || !under_way)),
            latency_us: layer.latency_us.filter(|_| !down),
            detail: if down { String::new() } else { layer.detail.clone() },
            since_ms: layer.since_ms.filter(|_| !down).map(age),
        };
    }
    Model {
        host_label: host_label(status.host.as_ref(), viewer, &view.link),
        home: home_of(&status.log.path),
        attached: !viewer.hosts,
        state: match viewer.unwatched {
            None => state(status.state),
            Some(Unwatched::Stopped) => StateView::Stopped,
            Some(Unwatched::Unknown) if status.state.is_up() => state(status.state),
            Some(Unwatched::Serving) => StateView::Ready,
            Some(Unwatched::Unknown | Unwatched::Failing) => StateView::Degraded,
        },
        doing: doing(snapshot, viewer, older, &view.link),
        // The timeline shows the details and the hint.
        message: match (&view.link, status.state) {
            (Link::Foreign(why), _) => why.clone(),
            (_, State::Failed) => String::new(),
            // The message describes a past moment.
            (_, _) if unwatched && status.managed => String::new(),
            (_, _) => status.message.clone(),
        },
        managed: status.managed,
        watched: !unwatched,
        adopted: temporal.is_some_and(|temporal| temporal.adopted),
        generation: temporal
            .and_then(|temporal| temporal.generation)
            .or_else(|| snapshot.timeline.last().map(|entry| entry.generation))
            .map_or(0, |generation| generation.0),
        pid: temporal_now
            .filter(|_| viewer.unwatched != Some(Unwatched::Stopped))
            .and_then(|temporal| u32::try_from(temporal.pid?).ok()),
        uptime_ms: temporal_now
            .filter(|_| viewer.unwatched != Some(Unwatched::Stopped))
            .and_then(|temporal| temporal.uptime_ms)
            .map(age),
        version: temporal.and_then(|temporal| versions(temporal).0.map(str::to_owned)),
        server_version: temporal.and_then(|temporal| temporal.server_version.clone()),
        address: match temporal {
            Some(temporal) => Some(temporal.address.clone()),
            None => status.options.server_address(),
        },
        ui_url: match temporal {
            Some(temporal) => temporal.ui_url.clone(),
            None => status.options.ui_url(),
        },
        restarts: RestartsView {
            total: status.restarts.total,
            in_window: u32::try_from(status.restarts.in_window).unwrap_or(u32::MAX),
            limit: options
                .max_restarts
                .zip(options.restart_window)
                .map(|(max, window)| RestartLimit { max, window_ms: millis(window) }),
            last: last::last(snapshot, older, jiff::Timestamp::now()),
            marks: snapshot.restart_ages_ms.iter().map(|ms| age(*ms)).collect(),
        },
        probe: ProbeView {
            last_us: status.health.latency_us.last.filter(|_| !unwatched),
            p50_us: status.health.latency_us.p50.filter(|_| !unwatched),
            p99_us: status.health.latency_us.p99.filter(|_| !unwatched),
            history: snapshot
                .probes
                .iter()
                .map(|probe| probe.map_or(ProbePoint::Failed, ProbePoint::Ok))
                .collect(),
            period_ms: options.probe_period.map(millis),
            limit: match status.options.failure_span {
                Some(span) => Some(FailureLimit::Span(millis(span))),
                None => options.failure_threshold.map(FailureLimit::Count),
            },
            // Checks fail while a server stops, but that does not lead to a restart.
            consecutive_failures: match status.state.is_up() {
                true => status.health.consecutive_failures,
                false => 0,
            },
            no_restart: match status.health.no_restart {
                _ if !status.managed => "not started by stigmer".to_owned(),
                None => String::new(),
                Some(NoRestart::DataLoss) => "data would be lost".to_owned(),
                Some(NoRestart::NoHelp) => "it would not help".to_owned(),
            },
        },
        health,
        resources: ResourcesView {
            cpu_percent: measured.and_then(|temporal| temporal.cpu_percent).map(|p| p as f32),
            cpu_history: snapshot.cpu.iter().map(|percent| *percent as f32).collect(),
            rss_bytes: measured.and_then(|temporal| temporal.rss_bytes),
            rss_history: snapshot.rss.clone(),
            db_path: temporal
                .and_then(|temporal| temporal.database.as_ref())
                .map(|database| short(&database.path)),
            db_bytes: temporal
                .filter(|_| !unwatched)
                .and_then(|temporal| temporal.database.as_ref())
                .and_then(|database| database.bytes),
        },
        failure: (status.state == State::Failed && !unwatched).then(|| FailureView {
            cause: status.message.clone(),
            last_words: snapshot.last_words.clone(),
            // Show "try again" only once.
            hints: std::iter::once("s  try again".to_owned())
                .chain(snapshot.hint.clone().filter(|hint| !hint.starts_with("`s` ")))
                .chain(snapshot.next_start_ms.map(|_| "stigmer tries again".to_owned()))
                .collect(),
        }),
        timeline: timeline::rows(&snapshot.timeline, crate::clock::now().date()),
        workflows: viewer.workflows.now(status).filter(|_| !down).map(workflows),
        storage: storage(status),
        count: viewer.workflows.held(status),
        can: Commands {
            start: unwatched || connected && (is_down || status.state == State::Backoff),
            stop: connected && !is_down && status.intent == Want::Up && status.managed,
            restart: connected && status.managed,
            background: viewer.hosts && matches!(viewer.leaving, None | Some(Leaving::Stop)),
        },
        leaving: viewer.leaving.is_some(),
        toast: viewer.toast.clone(),
    }
}

/// Where the server of this status stores its data.
fn storage(status: &Status) -> Storage {
    let database = status.temporal.as_ref().and_then(|temporal| temporal.database.as_ref());
    match database.and_then(|database| database.detached) {
        Some(Detached::Deleted) => Storage::Deleted,
        Some(Detached::Replaced) => Storage::Replaced,
        None if status.options.values.in_memory == Some(true) => Storage::Memory,
        None => Storage::File,
    }
}

fn state(state: State) -> StateView {
    match state {
        State::Stopped => StateView::Stopped,
        State::Starting => StateView::Starting,
        State::Ready => StateView::Ready,
        State::Degraded => StateView::Degraded,
        State::Stopping => StateView::Stopping,
        State::Backoff => StateView::Backoff,
        State::Failed => StateView::Failed,
    }
}

fn host_label(host: Option<&crate::protocol::HostStatus>, viewer: &Viewer, link: &Link) -> String {
    let Some(host) = host else { return "no host".to_owned() };
    match (link, host.mode) {
        (_, _) if viewer.hosts => "this dashboard".to_owned(),
        (Link::Gone | Link::Foreign(_), _) => format!("host {} is gone", host.pid),
        (Link::Silent, _) => format!("host {} unresponsive", host.pid),
        (Link::Up, Mode::Background) => format!("background host {}", host.pid),
        (Link::Up, Mode::Tui) => format!("dashboard {}", host.pid),
        (Link::Up, Mode::Headless) => format!("headless host {}", host.pid),
        (Link::Up, Mode::Other) => format!("host {}", host.pid),
    }
}

fn doing(snapshot: &Snapshot, viewer: &Viewer, older: u64, link: &Link) -> String {
    match viewer.leaving {
        None => {}
        Some(Leaving::Stop) if snapshot.status.state == State::Stopping => {
            let for_ms = snapshot.state_ms.saturating_add(older);
            return format!("stopping for {}, then quit", human::duration(for_ms));
        }
        Some(Leaving::Stop) => return "stopping, then quit".to_owned(),
        Some(Leaving::End) => return "shutting down, then quit".to_owned(),
        Some(Leaving::HandOver) => return "handing over to the background, then quit".to_owned(),
    }
    match viewer.unwatched {
        None => {}
        Some(Unwatched::Unknown | Unwatched::Serving) => {
            let crash = if snapshot.status.managed { ", a crash is not repaired" } else { "" };
            return format!("no host{crash}; s starts one");
        }
        Some(Unwatched::Failing) => return "no host, and no response; s starts a host".to_owned(),
        Some(Unwatched::Stopped) => return "no host, no server; s starts both".to_owned(),
    }
    match link {
        Link::Up => {}
        Link::Gone => {
            return "connection to the host lost, reconnecting".to_owned();
        }
        Link::Silent => return format!("no response from the host for {}", human::age(older)),
        Link::Foreign(_) => return "the current host has another version".to_owned(),
    }
    let status = &snapshot.status;
    match (status.state, status.intent) {
        (State::Backoff, _) => {
            let left = snapshot.next_start_ms.unwrap_or(0).saturating_sub(older);
            format!(
                "restarting in {}.{} s — {} try",
                left / 1000,
                left % 1000 / 100,
                ordinal(snapshot.in_a_row)
            )
        }
        (State::Stopping, Want::Up) => "stopping, then restart".to_owned(),
        (State::Stopping, Want::Down) => {
            format!("stopping for {}", human::duration(snapshot.state_ms.saturating_add(older)))
        }
        (State::Starting, _) => {
            let mut layers = status.health.layers.iter();
            match layers.find(|layer| layer.ok == Some(false)) {
                Some(layer) => format!("starting, waiting for {}", layer.name),
                None => "waiting for all checks to pass".to_owned(),
            }
        }
        (State::Stopped | State::Ready | State::Degraded | State::Failed, _) => {
            viewer.under_way.unwrap_or_default().to_owned()
        }
    }
}

fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (_, _) => "th",
    };
    format!("{n}{ending}")
}

fn workflows(counted: &Workflows) -> model::Workflows {
    model::Workflows {
        namespace: counted.namespace.clone(),
        running: counted.running,
        failed: counted.failed,
        unserved: counted
            .unserved
            .iter()
            .map(|(name, waiting)| UnservedQueue { name: name.clone(), waiting: *waiting })
            .collect(),
    }
}

/// The home of a log at `logs/temporal.log`.
fn home_of(log: &std::path::Path) -> String {
    log.parent().and_then(std::path::Path::parent).map(short).unwrap_or_default()
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

/// Replaces the user's home folder with `~`.
fn short(path: &std::path::Path) -> String {
    match std::env::home_dir().and_then(|user| path.strip_prefix(user).ok().map(ToOwned::to_owned))
    {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Time until ages or countdowns on the screen change. A countdown needs shorter steps than an
/// uptime.
#[must_use]
pub fn tick(snapshot: &Snapshot) -> Duration {
    match snapshot.status.state {
        State::Backoff | State::Stopping | State::Starting => Duration::from_millis(100),
        State::Stopped | State::Ready | State::Degraded | State::Failed => Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EffectiveOptions;
    use std::sync::Arc;

    #[test]
    fn unresponsive_host_is_shown_and_accepts_no_commands() {
        let shown = |link| {
            let snapshot = Arc::new(crate::protocol::tests::snapshot());
            let view = View { snapshot, age: Duration::from_secs(7), link };
            let model = present(&view, &Viewer::default());
            (model.host_label, model.doing, model.message, model.can.start)
        };
        let (label, _, _, start) = shown(Link::Up);
        assert_eq!((label.as_str(), start), ("background host 7", true));
        let (label, doing, _, start) = shown(Link::Silent);
        assert_eq!((label.as_str(), start), ("host 7 unresponsive", false));
        assert_eq!(doing, "no response from the host for 7 s");
        let (label, doing, _, start) = shown(Link::Gone);
        assert_eq!((label.as_str(), start), ("host 7 is gone", false));
        assert_eq!(doing, "connection to the host lost, reconnecting");
        let (_, _, message, start) = shown(Link::Foreign("upgrade this stigmer".into()));
        assert_eq!((message.as_str(), start), ("upgrade this stigmer", false));
    }

    #[test]
    fn old_measurements_are_not_shown_as_current() {
        let mut snapshot = crate::protocol::tests::running();
        snapshot.status.health.latency_us.last = Some(210);
        snapshot.status.health.layers[0].ok = Some(true);
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Gone };
        let shown = |unwatched| present(&view, &Viewer { unwatched, ..Viewer::default() });
        let before = shown(None);
        assert!(before.watched && before.pid == Some(7));
        assert_eq!((before.probe.last_us, before.health[0].ok), (Some(210), Some(true)));
        assert_eq!(before.resources.rss_bytes, Some(5));
        let after = shown(Some(Unwatched::Serving));
        assert!(!after.watched && after.pid == Some(7));
        assert_eq!((after.probe.last_us, after.health[0].ok), (None, None));
        assert_eq!(after.resources.rss_bytes, None);
    }

    #[test]
    fn server_without_a_host_has_its_observed_state() {
        let shown = |unwatched, before| {
            let mut snapshot = crate::protocol::tests::running();
            snapshot.status.state = before;
            snapshot.status.message = "grpc: no answer".to_owned();
            let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Gone };
            let viewer = Viewer { unwatched: Some(unwatched), ..Viewer::default() };
            let model = present(&view, &viewer);
            (model.state, model.doing, model.message, model.can.start)
        };
        let unrepaired = "no host, a crash is not repaired; s starts one";
        let silent = "no host, and no response; s starts a host";
        for (unwatched, before, expected, doing) in [
            (Unwatched::Serving, State::Ready, StateView::Ready, unrepaired),
            (Unwatched::Serving, State::Degraded, StateView::Ready, unrepaired),
            (Unwatched::Unknown, State::Ready, StateView::Ready, unrepaired),
            (Unwatched::Unknown, State::Starting, StateView::Degraded, unrepaired),
            (Unwatched::Failing, State::Ready, StateView::Degraded, silent),
        ] {
            let expected = (expected, doing.to_owned(), String::new(), true);
            assert_eq!(shown(unwatched, before), expected, "{unwatched:?} after {before}");
        }
        assert_eq!(shown(Unwatched::Stopped, State::Ready).0, StateView::Stopped);
    }

    #[test]
    fn duration_of_failures_is_shown_if_it_decides() {
        let shown = |span: Option<&str>| {
            let mut snapshot = crate::protocol::tests::running();
            snapshot.status.options.values.failure_threshold = Some(3);
            snapshot.status.options.failure_span = span.map(|span| span.parse().unwrap());
            let snapshot = Arc::new(snapshot);
            let view = View { snapshot, age: Duration::ZERO, link: Link::Up };
            present(&view, &Viewer::default()).probe.limit
        };
        assert_eq!(shown(Some("15s")), Some(FailureLimit::Span(15_000)));
        assert_eq!(shown(None), Some(FailureLimit::Count(3)));
    }

    #[test]
    fn unknown_options_are_not_shown_as_defaults() {
        let view = |options: serde_json::Value| {
            let mut snapshot = crate::protocol::tests::snapshot();
            snapshot.status.options = serde_json::from_value(options).unwrap();
            let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
            present(&view, &Viewer::default())
        };
        let unknown = view(serde_json::json!({}));
        assert_eq!((unknown.address, unknown.ui_url), (None, None));
        assert_eq!((unknown.restarts.limit, unknown.probe.limit), (None, None));
        assert_eq!(unknown.probe.period_ms, None);
        let known = view(serde_json::json!({
            "port": 7300, "max-restarts": 2, "restart-window": "1m 30s", "probe-period": "2s"
        }));
        assert_eq!(known.address.as_deref(), Some("127.0.0.1:7300"));
        assert_eq!(known.restarts.limit, Some(RestartLimit { max: 2, window_ms: 90_000 }));
        assert_eq!(known.probe.period_ms, Some(2_000));
    }

    #[test]
    fn external_server_that_is_down_keeps_its_address() {
        let mut snapshot = crate::protocol::tests::snapshot();
        snapshot.status.managed = false;
        let options = serde_json::json!({"port": 7233, "ui-port": 8233, "address": "there:7300"});
        snapshot.status.options = serde_json::from_value(options).unwrap();
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
        let model = present(&view, &Viewer::default());
        assert_eq!((model.address.as_deref(), model.ui_url), (Some("there:7300"), None));
    }

    #[test]
    fn storage_follows_from_options_and_observations() {
        let mut status = crate::protocol::tests::running().status;
        assert_eq!(storage(&status), Storage::File);
        status.options.values.in_memory = Some(false);
        assert_eq!(storage(&status), Storage::File);
        status.options.values.in_memory = Some(true);
        assert_eq!(storage(&status), Storage::Memory);
        status.options = EffectiveOptions::default();
        for (detached, expected) in [
            (None, Storage::File),
            (Some(Detached::Deleted), Storage::Deleted),
            (Some(Detached::Replaced), Storage::Replaced),
        ] {
            let path = "/h/t.db".into();
            let database = crate::protocol::DatabaseStatus { path, bytes: None, detached };
            status.temporal.as_mut().unwrap().database = Some(database);
            assert_eq!(storage(&status), expected);
        }
    }

    #[test]
    fn stopping_server_counts_no_failures() {
        let failures = |state| {
            let mut snapshot = crate::protocol::tests::running();
            snapshot.status.state = state;
            snapshot.status.health.consecutive_failures = 2;
            let snapshot = Arc::new(snapshot);
            let view = View { snapshot, age: Duration::ZERO, link: Link::Up };
            present(&view, &Viewer::default()).probe.consecutive_failures
        };
        assert_eq!(failures(State::Degraded), 2);
        assert_eq!(failures(State::Stopping), 0);
    }

    #[test]
    fn ordinals_are_english() {
        let said: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 111].map(ordinal).into();
        assert_eq!(
            said,
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "111th"]
        );
    }
}
