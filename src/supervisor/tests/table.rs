//! A reviewed table with the result of every input in every state.
//!
//! The file `snapshots/…table.snap` is the table. For each state, it lists the result of each
//! input. Inputs with the same result share a line, and states with the same lines share a heading.
//! A new variant of a state or an input does not compile until [`kinds!`] lists it, and each entry
//! of that list must appear in the table.

mod outcome;

use super::rig::{
    GRPC, PROCESS, SERVER, SIGKILL, STORE, TCP, absent, exited, exited_fatally, fail, found,
    frozen, launched, lost, on_its_way, probed, refused, search_failed, secs, stop,
};
use crate::supervisor::{
    Cause, Check, Degradation, Exit, Failure, Found, Generation, Input, Live, Owner, Policy,
    RestartHelps, Round, Schedule, Starting, State, Stopping, Supervisor, Want,
};
use outcome::outcome;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The current generation in each state of the table, which is also the last number used.
const G5: Generation = Generation(5);

/// Defines a function that names the variant of a value, and a list of all names. The match of the
/// function is exhaustive, so a new variant does not compile without a name.
macro_rules! kinds {
    ($of:ident, $all:ident, $type:ty, { $($pattern:pat => $name:literal,)* }) => {
        fn $of(value: &$type) -> &'static str {
            match value { $($pattern => $name,)* }
        }
        const $all: &[&str] = &[$($name,)*];
    };
}

kinds!(state_kind, STATES, State, {
    State::Stopped { note: None } => "stopped",
    State::Stopped { note: Some(_) } => "stopped, with a note",
    State::Starting(Starting { launched: false, .. }) => "starting, unlaunched",
    State::Starting(Starting { owner: Owner::Spawned, launched: true, halted: None, .. }) => "starting, spawned",
    State::Starting(Starting { owner: Owner::Spawned, launched: true, halted: Some(_), .. }) => "starting, halted",
    State::Starting(Starting { owner: Owner::Adopted, launched: true, .. }) => "starting, adopted",
    State::Starting(Starting { owner: Owner::External, launched: true, .. }) => "starting, external",
    State::Ready(Live { owner: Owner::Spawned, .. }) => "ready, spawned",
    State::Ready(Live { owner: Owner::Adopted, .. }) => "ready, adopted",
    State::Ready(Live { owner: Owner::External, .. }) => "ready, external",
    State::Degraded(Live { owner: Owner::External, .. }, _) => "degraded, external",
    State::Degraded(Live { owner: Owner::Adopted, .. }, _) => "degraded, adopted",
    State::Degraded(Live { owner: Owner::Spawned, .. }, Degradation { restart_helps: RestartHelps::Yes, .. }) => "degraded, restart",
    State::Degraded(Live { owner: Owner::Spawned, .. }, Degradation { restart_helps: RestartHelps::No, .. }) => "degraded, none",
    State::Degraded(Live { owner: Owner::Spawned, .. }, Degradation { restart_helps: RestartHelps::NotYet, .. }) => "degraded, wait",
    State::Degraded(Live { owner: Owner::Spawned, .. }, Degradation { restart_helps: RestartHelps::Waiting, .. }) => "degraded, waiting",
    State::Stopping(Stopping { launched: false, grace_ended: false, .. }) => "stopping, unlaunched",
    State::Stopping(Stopping { launched: false, grace_ended: true, .. }) => "stopping, unlaunched, no grace",
    State::Stopping(Stopping { launched: true, kills: 0, .. }) => "stopping, launched",
    State::Stopping(Stopping { launched: true, kills: 1.., .. }) => "stopping, killed",
    State::Backoff { .. } => "backoff",
    State::Failed { left: None, .. } => "failed",
    State::Failed { left: Some(_), .. } => "failed, left",
});

kinds!(input_kind, INPUTS, Input, {
    Input::Start => "start",
    Input::Stop { cause: Cause::Shutdown } => "stop (shutdown)",
    Input::Stop { cause: Cause::Operator | Cause::Crash | Cause::Exited | Cause::Unresponsive | Cause::StartTimeout | Cause::SpawnFailed | Cause::Changed } => "stop",
    Input::EndGrace => "end grace",
    Input::Restart => "restart",
    Input::Reload { .. } => "reload",
    Input::Found { found: Found::Ours, .. } => "found ours",
    Input::Found { found: Found::External, .. } => "found external",
    Input::Launched { .. } => "launched",
    Input::LaunchRefused { is_transient: true, .. } => "refused, transient",
    Input::LaunchRefused { is_transient: false, .. } => "refused, lasting",
    Input::Absent { .. } => "absent",
    Input::SearchFailed { .. } => "search failed",
    Input::Exited { fatal: Some(_), .. } => "exit fatal",
    Input::Exited { fatal: None, exit: Exit::Code(0), .. } => "exit 0",
    Input::Exited { fatal: None, exit: Exit::Code(_), .. } => "exit 1",
    Input::Exited { fatal: None, exit: Exit::Signal(..), .. } => "exit SIGKILL",
    Input::Exited { fatal: None, exit: Exit::Unknown | Exit::Unseen, .. } => "exit unknown",
    Input::Probed { round: Round::Pass, .. } => "pass",
    Input::Probed { round: Round::Void, .. } => "void",
    Input::Probed { round: Round::Fail { restart_helps: RestartHelps::No, .. }, .. } => "fail store",
    Input::Probed { round: Round::Fail { restart_helps: RestartHelps::NotYet, .. }, .. } => "fail, on its way",
    Input::Probed { round: Round::Fail { restart_helps: RestartHelps::Waiting, .. }, .. } => "fail, waiting",
    Input::Probed { round: Round::Fail { check: Check { shows_end: true, .. }, restart_helps: RestartHelps::Yes, .. }, .. } => "fail tcp",
    Input::Probed { round: Round::Fail { check: Check { shows_end: false, .. }, restart_helps: RestartHelps::Yes, .. }, .. } => "fail grpc",
});

/// Returns all inputs without a generation, and all inputs about this generation.
fn inputs(generation: Generation) -> (Vec<Input>, Vec<Input>) {
    let about = vec![
        launched(generation),
        found(generation, Found::Ours),
        found(generation, Found::External),
        refused(generation, true),
        refused(generation, false),
        absent(generation),
        search_failed(generation),
        exited(generation, Exit::Code(0)),
        exited(generation, Exit::Code(1)),
        exited(generation, SIGKILL),
        exited(generation, Exit::Unknown),
        exited_fatally(generation),
        probed(generation, Round::Pass),
        probed(generation, Round::Void),
        probed(generation, frozen()),
        probed(generation, fail(TCP, RestartHelps::Yes)),
        probed(generation, lost()),
        probed(generation, on_its_way()),
        probed(generation, fail(TCP, RestartHelps::Waiting)),
    ];
    let commands = vec![
        Input::Start,
        stop(),
        Input::Stop { cause: Cause::Shutdown },
        Input::EndGrace,
        Input::Restart,
        Input::Reload { detail: "main.py".into() },
    ];
    (commands, about)
}

/// Returns a supervisor in each state, with the name of the state. Deadlines are 5 s after `now`.
fn states(now: Instant) -> Vec<(String, Supervisor)> {
    let ahead = now + secs(5.0);
    let ago = |seconds: f64| now.checked_sub(secs(seconds)).expect("the machine is up that long");
    let mut all = Vec::new();
    let mut add = |what: &str, want: Want, state: State| {
        let mut supervisor = Supervisor::new(SERVER, Policy::default(), G5, 1, now);
        supervisor.want = want;
        supervisor.state = state;
        supervisor.fresh = false;
        supervisor.schedule = Schedule::new(1);
        for age in [20.0, 10.0] {
            supervisor.schedule.next_delay(&supervisor.policy, Cause::Crash, ago(age));
            supervisor.schedule.record(ago(age));
        }
        let kind = state_kind(&supervisor.state);
        let want = match want {
            Want::Up => "up",
            Want::Down => "down",
        };
        all.push((format!("{kind}{what} [want {want}]"), supervisor));
    };
    let starting = |owner, launched| {
        State::Starting(Starting {
            generation: G5,
            owner,
            cause: Cause::Crash,
            detail: "earlier".into(),
            launched,
            since: now,
            timeout: secs(30.0),
            deadline: ahead,
            halted: None,
            failing: Some("earlier".into()),
        })
    };
    let halted = State::Starting(Starting {
        generation: G5,
        owner: Owner::Spawned,
        cause: Cause::Crash,
        detail: "earlier".into(),
        launched: true,
        since: now,
        timeout: secs(30.0),
        deadline: ahead,
        halted: Some(ago(1.0)),
        failing: Some("earlier".into()),
    });
    let live = |owner, age: f64| Live { generation: G5, owner, since: ago(age) };
    let degradation = |check, restart_helps, failures| Degradation {
        check,
        detail: "earlier".into(),
        restart_helps,
        failures,
        since: ago(1.0),
    };
    let failed = |left| State::Failed {
        failure: Failure::new("an earlier reason", "a hint"),
        left,
        retry: None,
    };

    add("", Want::Down, State::Stopped { note: None });
    add("", Want::Down, State::Stopped { note: Some("earlier".into()) });
    add("", Want::Up, starting(Owner::Spawned, false));
    add("", Want::Up, starting(Owner::Spawned, true));
    add("", Want::Up, halted);
    add("", Want::Up, starting(Owner::Adopted, true));
    add("", Want::Up, starting(Owner::External, true));
    add(" for 3 s", Want::Up, State::Ready(live(Owner::Spawned, 3.0)));
    add(" for 60 s", Want::Up, State::Ready(live(Owner::Spawned, 60.0)));
    add(" for 3 s", Want::Up, State::Ready(live(Owner::Adopted, 3.0)));
    add(" for 3 s", Want::Up, State::Ready(live(Owner::External, 3.0)));
    add(" for 3 s", Want::Down, State::Ready(live(Owner::External, 3.0)));
    for (owner, check, restart_helps) in [
        (Owner::Spawned, GRPC, RestartHelps::Yes),
        (Owner::Adopted, GRPC, RestartHelps::Yes),
        (Owner::External, TCP, RestartHelps::Yes),
        (Owner::Spawned, STORE, RestartHelps::No),
        (Owner::Spawned, PROCESS, RestartHelps::NotYet),
        (Owner::Spawned, TCP, RestartHelps::Waiting),
    ] {
        for failures in [1, 2] {
            add(
                &format!(" x{failures}"),
                Want::Up,
                State::Degraded(live(owner, 3.0), degradation(check, restart_helps, failures)),
            );
        }
    }
    for (launched, grace_ended, kills) in [
        (false, false, 0),
        (false, true, 0),
        (true, false, 0),
        (true, false, 1),
        (true, true, 1),
        (true, false, 10),
    ] {
        for cause in Cause::ALL {
            for want in [Want::Up, Want::Down] {
                add(
                    &format!(" x{kills} for {cause}"),
                    want,
                    State::Stopping(Stopping {
                        generation: G5,
                        cause,
                        detail: "earlier".into(),
                        launched,
                        since: now,
                        grace_ended,
                        act_at: ahead,
                        signals: usize::from(launched),
                        kills,
                    }),
                );
            }
        }
    }
    add(
        "",
        Want::Up,
        State::Backoff {
            until: ahead,
            since: now,
            cause: Cause::Crash,
            detail: "earlier".into(),
            counts: true,
        },
    );
    add("", Want::Up, failed(None));
    let (failure, retry) = (Failure::new("an earlier reason", "a hint"), Some(ahead));
    add("", Want::Down, State::Failed { failure, left: None, retry });
    add("", Want::Up, failed(Some(G5)));
    add("", Want::Down, failed(Some(G5)));
    // Results that depend on more than the state: on whether this is the first input of a host, or
    // on a full restart window.
    add(", fresh", Want::Down, State::Stopped { note: None });
    add(" for 3 s, window full", Want::Up, State::Ready(live(Owner::Spawned, 3.0)));
    let (_, full) = all.last_mut().expect("just added");
    for _ in 0..3 {
        full.schedule.record(ago(5.0));
    }
    let fresh = all.len() - 2;
    all[fresh].1.fresh = true;
    all
}

/// Returns the lines of one state: each input with its result.
fn lines(supervisor: &Supervisor, now: Instant) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut cell = |name: String, input: Input| {
        let mut after = supervisor.clone();
        let effects = after.handle(input, now);
        lines.push((name, outcome(supervisor, &after, &effects, now)));
    };
    let (commands, about) = inputs(G5);
    for input in commands.into_iter().chain(about) {
        cell(input_kind(&input).to_owned(), input);
    }
    for generation in [Generation(4), Generation(9)] {
        for input in inputs(generation).1 {
            cell(format!("{} of g{generation}", input_kind(&input)), input);
        }
    }
    let due = supervisor.poll_timeout().unwrap_or(now + secs(5.0));
    for (name, at) in [
        ("tick before", due - Duration::from_nanos(1)),
        ("tick at", due),
        ("tick 250 ms after", due + Duration::from_millis(250)),
        ("tick 251 ms after", due + Duration::from_millis(251)),
        ("tick an hour after", due + secs(3600.0)),
    ] {
        let mut after = supervisor.clone();
        let effects = after.handle_timeout(at);
        lines.push((name.to_owned(), outcome(supervisor, &after, &effects, at)));
    }
    lines
}

/// Merges lines with the same result, in the order of their first input.
fn body(lines: &[(String, String)]) -> String {
    let mut merged: Vec<(Vec<&str>, &str)> = Vec::new();
    for (name, outcome) in lines {
        match merged.iter_mut().find(|(_, known)| known == outcome) {
            Some((names, _)) => names.push(name),
            None => merged.push((vec![name], outcome)),
        }
    }
    let mut text = String::new();
    for (names, outcome) in merged {
        // If all inputs about other generations have this result, the table has one entry for all
        // of them.
        let other = |generation: &str| {
            names.iter().filter(|name| name.ends_with(generation)).count() == inputs(G5).1.len()
        };
        let folded = other("of g4") && other("of g9");
        let mut shown: Vec<_> = names
            .iter()
            .copied()
            .filter(|name| !folded || !(name.ends_with("of g4") || name.ends_with("of g9")))
            .collect();
        if folded {
            shown.push("anything of g4 or g9");
        }
        writeln!(text, "  {}\n      => {outcome}", shown.join(" · ")).unwrap();
    }
    text
}

fn anchor() -> Instant {
    // The time is far from zero, so that ages can be subtracted without an underflow.
    Instant::now() + secs(1000.0)
}

#[test]
fn every_pair_of_state_and_input_matches_the_table() {
    let now = anchor();
    let mut sections: Vec<(Vec<String>, String)> = Vec::new();
    for (name, supervisor) in states(now) {
        let body = body(&lines(&supervisor, now));
        match sections.iter_mut().find(|(_, known)| *known == body) {
            Some((names, _)) => names.push(name),
            None => sections.push((vec![name], body)),
        }
    }
    let table = sections.into_iter().fold(String::new(), |mut table, (names, body)| {
        writeln!(table, "{}\n{body}", names.join("\n")).unwrap();
        table
    });
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("table", table);
    });
}

#[test]
fn table_has_every_kind_of_state_and_input() {
    let now = anchor();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, supervisor) in states(now) {
        *seen.entry(state_kind(&supervisor.state)).or_default() += 1;
    }
    let (commands, about) = inputs(G5);
    for input in commands.iter().chain(&about) {
        *seen.entry(input_kind(input)).or_default() += 1;
    }
    let missing: Vec<_> =
        STATES.iter().chain(INPUTS).filter(|kind| !seen.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}
