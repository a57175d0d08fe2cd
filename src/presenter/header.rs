//! Creates the texts of the header: the state, the host, and the operation in progress.

use super::{Leaving, Now, Unwatched, millis};
use crate::protocol::{Layer, Mode, State, Status};
use crate::session::Link;
use crate::supervisor::Want;
use stigmer_ui::human;
use stigmer_ui::model::StateView;

impl From<State> for StateView {
    fn from(state: State) -> Self {
        match state {
            State::Stopped => Self::Stopped,
            State::Starting => Self::Starting,
            State::Ready => Self::Ready,
            State::Degraded => Self::Degraded,
            State::Stopping => Self::Stopping,
            State::Backoff => Self::Backoff,
            State::Failed => Self::Failed,
        }
    }
}

pub(super) fn state(now: Now<'_>) -> StateView {
    let state = now.status().state;
    match now.viewer.unwatched {
        None => state.into(),
        Some(Unwatched::Stopped) => StateView::Stopped,
        Some(Unwatched::Unknown) if state.is_up() => state.into(),
        Some(Unwatched::Serving) => StateView::Ready,
        Some(Unwatched::Unknown | Unwatched::Failing) => StateView::Degraded,
    }
}

/// The reason for the state, in one line. The details and the hint are in other panels.
pub(super) fn message(now: Now<'_>) -> String {
    let status = now.status();
    match (now.link, status.state) {
        (Link::Foreign(why), _) => why.clone(),
        (_, State::Failed) if now.is_not_stopped() => {
            "the server is not stopped; press x to try again".into()
        }
        (_, State::Failed) => String::new(),
        // The message in the snapshot is out of date when the server has no host.
        (_, _) if now.is_unwatched() && status.managed => String::new(),
        (_, State::Degraded) => silence(now).unwrap_or_else(|| status.message.clone()),
        (_, _) => status.message.clone(),
    }
}

pub(super) fn host_label(now: Now<'_>) -> String {
    let Now { viewer, link, .. } = now;
    let Some(host) = &now.status().host else { return "no host".to_owned() };
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

/// The operation in progress, of the viewer, the host or the server. Empty if there is none.
pub(super) fn doing(now: Now<'_>) -> String {
    let Now { snapshot, viewer, link, older } = now;
    let status = now.status();
    match viewer.leaving {
        None => {}
        Some(Leaving::Stop) if status.state == State::Stopping => {
            let for_ms = now.age(snapshot.state_ms);
            return format!("stopping for {}, then the dashboard quits", human::duration(for_ms));
        }
        Some(Leaving::Stop) => return "stopping, then the dashboard quits".to_owned(),
        Some(Leaving::End) => return "shutting down, then the dashboard quits".to_owned(),
        Some(Leaving::HandOver) => {
            return "handing over to a background host, then the dashboard quits".to_owned();
        }
    }
    match viewer.unwatched {
        None => {}
        Some(Unwatched::Unknown | Unwatched::Serving) => {
            let crash = if status.managed { ", a crash is not repaired" } else { "" };
            return format!("no host{crash}; s starts a host");
        }
        Some(Unwatched::Failing) => {
            return "no host, and the server does not respond; s starts a \
                                            host"
                .to_owned();
        }
        Some(Unwatched::Stopped) => return "no host and no server; s starts both".to_owned(),
    }
    match link {
        Link::Up => {}
        Link::Gone => {
            return "connection to the host lost, reconnecting".to_owned();
        }
        Link::Silent => return format!("no response from the host for {}", human::age(older)),
        Link::Foreign(_) => return "the current host has another version".to_owned(),
    }
    match (status.state, status.intent) {
        (State::Backoff, _) => {
            let left = snapshot.next_start_ms.unwrap_or(0).saturating_sub(older);
            let left = format!("restart in {}.{} s", left / 1000, left % 1000 / 100);
            let options = &status.options.values;
            match options.max_restarts.zip(options.restart_window) {
                Some((max, window)) => {
                    let window = human::age(millis(window));
                    format!("{left}, {} of {max} restarts in {window}", status.restarts.in_window)
                }
                None => left,
            }
        }
        (State::Stopping, Want::Up) => "stopping, then restart".to_owned(),
        (State::Stopping, Want::Down) => {
            format!("stopping for {}", human::duration(now.age(snapshot.state_ms)))
        }
        (State::Starting, _) => {
            let mut layers = status.health.layers.iter();
            match layers.find(|layer| layer.ok == Some(false)) {
                Some(layer) => waiting(layer.name, status),
                None => "waiting for all checks to pass".to_owned(),
            }
        }
        (State::Stopped | State::Ready | State::Degraded | State::Failed, _) => {
            viewer.under_way.unwrap_or_default().to_owned()
        }
    }
}

/// Names what a start waits for.
fn waiting(layer: Layer, status: &Status) -> String {
    let address = status.temporal.as_ref().map(|temporal| temporal.address.as_str());
    let port = address.and_then(|address| address.rsplit_once(':')).map(|(_, port)| port);
    let what = match (layer, port) {
        (Layer::Lock | Layer::Process, _) => "the process",
        (Layer::Tcp, Some(port)) => return format!("waiting for port {port}"),
        (Layer::Tcp, None) => "the port",
        (Layer::Grpc, _) => "a response",
        (Layer::Store, _) => "the database",
        (Layer::Engine, _) => "the workflow engine",
    };
    format!("waiting for {what}")
}

/// Returns for how long the server has not responded, and when it is restarted. `None` if it
/// responds, or if no restart follows.
fn silence(now: Now<'_>) -> Option<String> {
    let status = now.status();
    let layers = status.health.layers.iter();
    let mut failing = layers.filter(|layer| layer.ok == Some(false));
    let layer = failing.find(|layer| matches!(layer.name, Layer::Tcp | Layer::Grpc))?;
    if status.health.no_restart.is_some() || !status.managed {
        return None;
    }
    let silent = now.age(layer.since_ms?);
    let limit = match status.options.failure_span {
        Some(span) => millis(span),
        None => {
            let options = &status.options.values;
            let period = millis(options.probe_period?);
            period.saturating_mul(u64::from(options.failure_threshold?))
        }
    };
    let left = human::age(limit.saturating_sub(silent).max(1_000));
    Some(format!("no response for {}, restart in {left}", human::duration(silent)))
}
