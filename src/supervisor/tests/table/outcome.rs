//! Prints the result of an input for the table.

use crate::supervisor::{Cause, Effect, Owner, Policy, Starting, State, Stopping, Supervisor};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Prints the result of an input, or of a call of `handle_timeout`.
pub(super) fn outcome(
    before: &Supervisor,
    after: &Supervisor,
    effects: &[Effect],
    now: Instant,
) -> String {
    let same = before.want == after.want
        && before.state == after.state
        && before.schedule == after.schedule
        && before.generation == after.generation
        && effects.is_empty();
    match (same, after.stale - before.stale) {
        (true, 0) => return "-".into(),
        (true, 1) => return "stale".into(),
        (_, 0) => {}
        (_, stale) => return format!("WRONG: counted {stale} and changed: {:?}", after.state),
    }
    let mut line = show_state(&before.state, &after.state, now);
    if before.want != after.want {
        write!(line, ", want {:?}", after.want).unwrap();
    }
    let row = |supervisor: &Supervisor| {
        (supervisor.schedule.in_window(&supervisor.policy, now), supervisor.schedule.in_a_row())
    };
    if row(before) != row(after) {
        let (window, in_a_row) = row(after);
        write!(line, ", {window} in window, {in_a_row} in a row").unwrap();
    }
    for effect in effects {
        write!(line, " | {}", show_effect(effect)).unwrap();
    }
    line
}

fn ahead(at: Instant, now: Instant) -> Duration {
    at.saturating_duration_since(now)
}

/// Prints a state. Owner and cause appear only if they differ from those of `before`, so that
/// states that differ in nothing else share their lines.
fn show_state(before: &State, state: &State, now: Instant) -> String {
    let cause = |cause: &Cause| match before {
        State::Starting(Starting { cause: same, .. })
        | State::Stopping(Stopping { cause: same, .. })
        | State::Backoff { cause: same, .. }
            if same == cause =>
        {
            String::new()
        }
        State::Starting(_)
        | State::Stopping(_)
        | State::Backoff { .. }
        | State::Stopped { .. }
        | State::Ready(_)
        | State::Degraded(..)
        | State::Failed { .. } => format!(" for {cause}"),
    };
    let owner = |owner: Owner| {
        if before.owner() == Some(owner) { String::new() } else { format!(" {owner:?}") }
    };
    let due = |launched: bool, at: Instant| {
        if launched { format!("due in {:?}", ahead(at, now)) } else { "unlaunched".into() }
    };
    match state {
        State::Stopped { note } => match note {
            Some(note) => format!("stopped ({note})"),
            None => "stopped".into(),
        },
        State::Starting(s) => format!(
            "starting g{}{}{}, {}",
            s.generation,
            owner(s.owner),
            cause(&s.cause),
            due(s.launched, s.due(Policy::default().halt_timeout()))
        ),
        State::Ready(live) => format!("ready g{}{}", live.generation, owner(live.owner)),
        State::Degraded(live, degradation) => format!(
            "degraded g{}{} {} x{} for {:?}",
            live.generation,
            owner(live.owner),
            degradation.check,
            degradation.failures,
            now.saturating_duration_since(degradation.since)
        ),
        State::Stopping(s) => format!(
            "stopping g{}{}{}, killed x{}, {}",
            s.generation,
            cause(&s.cause),
            if s.grace_ended { " without grace" } else { "" },
            s.kills,
            due(s.launched, s.act_at)
        ),
        State::Backoff { until, cause: why, .. } => {
            format!("backoff{} {} ms", cause(why), ahead(*until, now).as_millis())
        }
        State::Failed { failure, left, retry: _ } => {
            let left = left.map_or(String::new(), |left| format!(", g{left} is left"));
            format!("failed: {}{left}", failure.reason)
        }
    }
}

fn show_effect(effect: &Effect) -> String {
    match effect {
        Effect::Launch { generation, cause, detail, automatic } => {
            let how = if *automatic { "automatic" } else { "asked" };
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            format!("LAUNCH g{generation} {how} {cause}{detail}")
        }
        Effect::Search { generation } => format!("SEARCH g{generation}"),
        Effect::Terminate { generation, .. } => format!("TERMINATE g{generation}"),
        Effect::Kill { generation } => format!("KILL g{generation}"),
        Effect::Unwatch { generation } => format!("UNWATCH g{generation}"),
    }
}
