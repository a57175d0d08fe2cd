//! Tests of requested stops, of processes that do not end, and of late calls.

use super::rig::{
    SIGKILL, Sim, WORKER, absent, exited, found, frozen, launch_of, launched, on_its_way, refused,
    search_failed, secs, stop, terminate,
};
use crate::supervisor::{
    Cause, Effect, Exit, Found, Generation, Input, LATE, Policy, Round, State, StopSignal, Want,
};

const G1: Generation = Generation(1);
const G2: Generation = Generation(2);

#[test]
fn stop_sends_sigterm_then_sigkill_and_waits_for_the_proven_end() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(stop()), [terminate(G1)]);
    assert_eq!(sim.handle(stop()), [], "a second stop sends no second signal");
    let (grace, effects) = sim.jump();
    assert_eq!((grace, effects), (secs(15.0), vec![Effect::Kill { generation: G1 }]));
    assert!(!sim.is_stopped());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());
}

#[test]
fn worker_gets_each_signal_once_and_the_first_one_has_the_longer_part_of_the_grace_period() {
    let mut sim = Sim::of(WORKER, Policy { stop_grace: secs(30.0), ..Policy::default() });
    sim.handle(Input::Start);
    sim.come_up();
    let interrupt = Effect::Terminate { generation: G1, signal: StopSignal::Interrupt };
    assert_eq!(sim.handle(stop()), [interrupt]);
    assert_eq!(sim.handle(stop()), []);
    assert_eq!(sim.jump(), (secs(20.0), vec![terminate(G1)]));
    assert_eq!(sim.jump(), (secs(10.0), vec![Effect::Kill { generation: G1 }]));
    sim.exit(SIGKILL);
    assert!(sim.is_stopped());
}

#[test]
fn changed_file_restarts_a_unit_that_is_to_run_and_names_the_file() {
    let reload = || Input::Reload { detail: "main.py".into() };
    let launch = |generation| Effect::Launch {
        generation,
        cause: Cause::Changed,
        detail: "main.py".into(),
        automatic: false,
    };
    let mut sim = Sim::new(Policy { max_restarts: 0, ..Policy::default() });
    assert_eq!(sim.handle(reload()), [], "the unit is stopped");
    sim.handle(Input::Start);
    assert_eq!(sim.handle(reload()), [], "the launch in progress uses the new file");
    sim.come_up();
    assert_eq!(sim.handle(reload()), [terminate(G1)]);
    assert_eq!(sim.handle(reload()), [], "the next start uses the new file");
    assert_eq!(sim.exit(Exit::Code(0)), [launch(G2)]);
    sim.come_up();
    sim.exit(Exit::Code(1));
    assert!(matches!(sim.state(), State::Failed { .. }), "{:?}", sim.state());
    assert_eq!(sim.handle(reload()), [launch(Generation(3))], "the change may be the repair");
    sim.handle(launched(Generation(3)));
    sim.handle(stop());
    assert_eq!(sim.handle(reload()), [], "the operator stops the unit");
    sim.exit(Exit::Code(0));
    assert!(sim.is_stopped());
}

#[test]
fn end_grace_kills_at_once() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(Input::EndGrace), [], "nothing is being stopped");
    sim.handle(stop());
    assert_eq!(sim.handle(Input::EndGrace), [Effect::Kill { generation: G1 }]);
    assert_eq!(sim.handle(Input::EndGrace), [], "a second request sends no second signal");
    assert_eq!(sim.jump(), (secs(1.0), vec![Effect::Kill { generation: G1 }]));
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());

    // A process that is not launched yet gets no grace period.
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(Input::EndGrace), []);
    assert_eq!(sim.handle(launched(G1)), [Effect::Kill { generation: G1 }]);

    // A restart ignores the request to end the grace period.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(Input::Restart);
    assert_eq!(sim.handle(Input::EndGrace), []);
}

#[test]
fn stop_right_after_a_crash_stays_stopped() {
    // The stop is handled before the exit.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());

    // The exit is handled before the stop, so the stop ends the next launch.
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(launch_of(&sim.exit(SIGKILL)), Some(G2));
    assert_eq!(sim.handle(stop()), []);
    assert_eq!(sim.handle(launched(G2)), [terminate(G2)]);
    assert_eq!(sim.exit(Exit::Code(0)), []);
    assert!(sim.is_stopped());
    assert_eq!(sim.wait(60.0).tick(), []);
}

#[test]
fn stop_waits_for_a_running_launch_and_searches_after_its_refusal() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.wait(600.0).tick(), []);
    assert!(!sim.is_stopped(), "the launch may still create a process");
    assert_eq!(sim.handle(refused(G1, false)), [Effect::Search { generation: G2 }]);
    assert!(!sim.is_stopped(), "the refusal proves nothing");
    assert_eq!(sim.handle(absent(G2)), []);
    assert!(sim.is_stopped());
}

#[test]
fn restart_stops_then_launches_with_cause_operator() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(Input::Restart), [terminate(G1)]);
    assert_eq!(sim.supervisor.want(), Want::Up);
    assert_eq!(
        sim.exit(Exit::Code(0)),
        [Effect::Launch {
            generation: G2,
            cause: Cause::Operator,
            detail: String::new(),
            automatic: false,
        }]
    );
}

#[test]
fn last_command_during_a_stop_decides() {
    for (words, ends_up) in [
        (vec![stop(), Input::Start], true),
        (vec![stop(), Input::Restart], true),
        (vec![Input::Restart, stop()], false),
        (vec![stop(), Input::Start, stop()], false),
    ] {
        let mut sim = Sim::ready(Policy::default());
        for word in words.clone() {
            sim.handle(word);
        }
        let effects = sim.exit(Exit::Code(0));
        assert_eq!(launch_of(&effects).is_some(), ends_up, "{words:?}");
        assert_eq!(sim.is_stopped(), !ends_up, "{words:?}");
    }
}

#[test]
fn start_during_a_kill_of_a_hung_server_keeps_the_cause() {
    let mut sim = Sim::ready(Policy { failure_threshold: 1, ..Policy::default() });
    sim.probe(frozen());
    sim.handle(Input::Start);
    let effects = sim.exit(SIGKILL);
    assert!(
        matches!(effects[..], [Effect::Launch { cause: Cause::Unresponsive, .. }]),
        "{effects:?}"
    );
}

#[test]
fn stop_during_a_kill_of_a_hung_server_stays_stopped() {
    let mut sim = Sim::ready(Policy { failure_threshold: 1, ..Policy::default() });
    sim.probe(frozen());
    sim.handle(stop());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());
}

/// The supervisor of a server that was ready, did not end on request, and survived ten seconds of
/// SIGKILL.
fn unkillable() -> Sim {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    for _ in 0..10 {
        assert_eq!(sim.jump().1, [Effect::Kill { generation: G1 }]);
    }
    assert_eq!(sim.jump(), (secs(1.0), vec![]));
    sim
}

#[test]
fn process_that_survives_sigkill_fails_with_the_reason() {
    let sim = unkillable();
    assert!(sim.failure().reason.contains("does not end"), "{}", sim.failure());
    assert_eq!(sim.supervisor.poll_timeout(), None);
}

#[test]
fn no_launch_until_an_unkillable_process_has_ended() {
    let mut sim = unkillable();
    assert_eq!(sim.handle(Input::Start), [Effect::Kill { generation: G1 }]);
    assert_eq!(launch_of(&sim.exit(SIGKILL)), Some(G2));

    // The process also survives the SIGKILLs of the next start, and ends later.
    let mut sim = unkillable();
    sim.handle(Input::Start);
    for _ in 0..10 {
        sim.jump();
    }
    assert!(matches!(sim.state(), State::Failed { left: Some(G1), .. }));
    assert_eq!(sim.handle(exited(G1, SIGKILL)), []);
    assert!(matches!(sim.state(), State::Failed { left: None, .. }));
    assert_eq!(launch_of(&sim.handle(Input::Start)), Some(G2));
}

#[test]
fn unkillable_process_is_not_stopped_before_its_end() {
    let mut sim = unkillable();
    assert_eq!(sim.handle(stop()), [Effect::Kill { generation: G1 }]);
    assert!(!sim.is_stopped());
    sim.handle(exited(G1, SIGKILL));
    assert!(sim.is_stopped());

    let mut sim = unkillable();
    sim.handle(exited(G1, SIGKILL));
    assert!(sim.is_stopped(), "the intent is down");
}

#[test]
fn tick_within_the_tolerance_is_on_time() {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.now += secs(15.0) + LATE;
    assert_eq!(sim.tick(), [Effect::Kill { generation: G1 }]);
}

#[test]
fn suspended_host_extends_deadlines_and_kills_nothing() {
    // The host is suspended while the server starts.
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.wait(10.0).probe(on_its_way());
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(sim.jump(), (secs(20.0), vec![Effect::Kill { generation: G1 }]));

    // The host is suspended while the server stops.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.wait(5.0).tick();
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(sim.jump(), (secs(10.0), vec![Effect::Kill { generation: G1 }]));

    // The host is suspended just after it has adopted a server.
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(Generation(41), Found::Ours));
    assert_eq!(sim.wait(3600.0).tick(), []);
    sim.probe(Round::Pass);
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn first_input_after_a_suspend_extends_deadlines_too() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.wait(10.0).probe(on_its_way());
    sim.wait(3600.0).probe(Round::Void);
    assert_eq!(sim.tick(), []);
    assert_eq!(sim.jump(), (secs(20.0), vec![Effect::Kill { generation: G1 }]));
}

#[test]
fn late_tick_leaves_no_deadline_in_the_past() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.wait(30.1).probe(on_its_way());
    sim.wait(0.2);
    let effects = sim.tick();
    let spins = sim.supervisor.poll_timeout().is_some_and(|due| due <= sim.now);
    assert!(!effects.is_empty() || !spins, "{:?}", sim.state());
}

#[test]
fn late_tick_repeats_the_kill_without_delay() {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.jump();
    assert_eq!(sim.wait(3600.0).tick(), [Effect::Kill { generation: G1 }]);
}

#[test]
fn late_tick_in_backoff_starts_at_once() {
    let mut sim = Sim::ready(Policy::default());
    sim.exit(Exit::Code(0));
    assert_eq!(launch_of(&sim.wait(3600.0).tick()), Some(G2));
}

#[test]
fn unrequested_tick_does_nothing() {
    let mut sim = Sim::ready(Policy::default());
    let before = sim.state().clone();
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(*sim.state(), before);
}

/// A supervisor whose start was refused for a lasting reason.
fn refused_start() -> Sim {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(refused(G1, false));
    sim
}

#[test]
fn stop_after_a_refused_start_is_stopped_only_when_nothing_is_found() {
    let mut sim = refused_start();
    sim.stop_clear(Cause::Operator);
    assert!(sim.is_stopped());
}

#[test]
fn stop_that_finds_a_server_gives_it_its_grace_period() {
    let mut sim = refused_start();
    sim.handle(stop());
    assert_eq!(sim.handle(found(G2, Found::Ours)), [terminate(G2)]);
    sim.handle(exited(G2, Exit::Code(0)));
    assert!(sim.is_stopped());
}

#[test]
fn stop_that_proves_nothing_fails_and_searches_again() {
    let mut sim = refused_start();
    sim.handle(stop());
    sim.handle(search_failed(G2));
    assert!(matches!(sim.state(), State::Failed { left: None, retry: Some(_), .. }));
    assert_eq!(sim.supervisor.want(), Want::Down);
    let (_, effects) = sim.jump();
    assert_eq!(effects, [Effect::Search { generation: Generation(3) }]);
    sim.handle(absent(Generation(3)));
    assert!(sim.is_stopped());
}
