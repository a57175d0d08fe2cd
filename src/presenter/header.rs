//! Creates the texts of the header: the state, the host, and the operation in progress.

use super::{Leaving, Now, Unwatched};
use crate::protocol::{Mode, State};
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
            format!(
                "restarting in {}.{} s — {} try",
                left / 1000,
                left % 1000 / 100,
                ordinal(snapshot.in_a_row)
            )
        }
        (State::Stopping, Want::Up) => "stopping, then restart".to_owned(),
        (State::Stopping, Want::Down) => {
            format!("stopping for {}", human::duration(now.age(snapshot.state_ms)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_are_english() {
        let said: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 111].map(ordinal).into();
        assert_eq!(
            said,
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "111th"]
        );
    }
}
