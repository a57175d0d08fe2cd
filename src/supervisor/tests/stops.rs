//! Ends that somebody asked for, ends that do not come, and late ticks.

use super::rig::{
    SIGKILL, Sim, exited, found, frozen, launch_of, launched, on_its_way, refused, secs, stop,
};
use crate::supervisor::{
    Cause, Effect, Exit, Found, Generation, Input, LATE, Policy, Round, State, Want,
};

const G1: Generation = Generation(1);
const G2: Generation = Generation(2);

#[test]
fn a_stop_is_polite_then_forceful_and_done_when_the_end_is_proven() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(stop()), [Effect::Terminate { generation: G1 }]);
    assert_eq!(sim.handle(stop()), [], "asked twice, signalled once");
    let (grace, effects) = sim.jump();
    assert_eq!((grace, effects), (secs(15.0), vec![Effect::Kill { generation: G1 }]));
    assert!(!sim.is_stopped());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());
}

#[test]
fn an_operator_who_does_not_wait_ends_the_grace_period_of_a_stop() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(Input::EndGrace), [], "nothing is being stopped");
    sim.handle(stop());
    assert_eq!(sim.handle(Input::EndGrace), [Effect::Kill { generation: G1 }]);
    assert_eq!(sim.handle(Input::EndGrace), [], "asked twice, killed once");
    assert_eq!(sim.jump(), (secs(1.0), vec![Effect::Kill { generation: G1 }]));
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());

    // A process that is on its way gets no time at all.
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(Input::EndGrace), []);
    assert_eq!(sim.handle(launched(G1)), [Effect::Kill { generation: G1 }]);

    // A restart is no stop.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(Input::Restart);
    assert_eq!(sim.handle(Input::EndGrace), []);
}

#[test]
fn sigkill_and_then_stop_at_once_stays_stopped() {
    // The stop is heard first.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());

    // The exit is heard first: the new launch is called back.
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(launch_of(&sim.exit(SIGKILL)), Some(G2));
    assert_eq!(sim.handle(stop()), []);
    assert_eq!(sim.handle(launched(G2)), [Effect::Terminate { generation: G2 }]);
    assert_eq!(sim.exit(Exit::Code(0)), []);
    assert!(sim.is_stopped());
    assert_eq!(sim.wait(60.0).tick(), []);
}

#[test]
fn a_stop_waits_for_a_launch_on_its_way_and_takes_a_refusal_for_an_end() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.wait(600.0).tick(), []);
    assert!(!sim.is_stopped(), "a process may still come of it");
    assert_eq!(sim.handle(refused(G1, false)), []);
    assert!(sim.is_stopped());
}

#[test]
fn a_restart_is_an_end_followed_by_an_operators_launch() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(Input::Restart), [Effect::Terminate { generation: G1 }]);
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
fn the_last_word_counts_while_it_ends() {
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
fn a_start_while_a_hung_server_is_killed_does_not_hide_why_it_ended() {
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
fn a_stop_of_a_hung_server_that_is_being_killed_stays_stopped() {
    let mut sim = Sim::ready(Policy { failure_threshold: 1, ..Policy::default() });
    sim.probe(frozen());
    sim.handle(stop());
    assert_eq!(sim.exit(SIGKILL), []);
    assert!(sim.is_stopped());
}

/// Ready, then told to stop, and killed for ten seconds in vain.
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
fn what_even_sigkill_does_not_end_is_failed_and_says_so() {
    let sim = unkillable();
    assert!(sim.failure().reason.contains("does not end"), "{}", sim.failure());
    assert_eq!(sim.supervisor.poll_timeout(), None);
}

#[test]
fn nothing_starts_beside_what_cannot_be_killed_until_it_is_gone() {
    let mut sim = unkillable();
    assert_eq!(sim.handle(Input::Start), [Effect::Kill { generation: G1 }]);
    assert_eq!(launch_of(&sim.exit(SIGKILL)), Some(G2));

    // Its end comes first, by itself.
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
fn what_cannot_be_killed_is_never_called_stopped_before_it_is_gone() {
    let mut sim = unkillable();
    assert_eq!(sim.handle(stop()), [Effect::Kill { generation: G1 }]);
    assert!(!sim.is_stopped());
    sim.handle(exited(G1, SIGKILL));
    assert!(sim.is_stopped());

    let mut sim = unkillable();
    sim.handle(exited(G1, SIGKILL));
    assert!(sim.is_stopped(), "that was what the operator wanted");
}

#[test]
fn a_tick_within_the_tolerance_is_on_time() {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.now += secs(15.0) + LATE;
    assert_eq!(sim.tick(), [Effect::Kill { generation: G1 }]);
}

#[test]
fn a_host_that_was_suspended_gives_back_the_time_and_kills_nobody() {
    // While starting.
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.wait(10.0).probe(on_its_way());
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(sim.jump(), (secs(20.0), vec![Effect::Kill { generation: G1 }]));

    // While stopping.
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.wait(5.0).tick();
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(sim.jump(), (secs(10.0), vec![Effect::Kill { generation: G1 }]));

    // With an adopted server.
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(Generation(41), Found::Ours));
    assert_eq!(sim.wait(3600.0).tick(), []);
    sim.probe(Round::Pass);
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn what_wakes_a_suspended_host_may_be_an_input_and_not_the_tick() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.wait(10.0).probe(on_its_way());
    sim.wait(3600.0).probe(Round::Void);
    assert_eq!(sim.tick(), []);
    assert_eq!(sim.jump(), (secs(20.0), vec![Effect::Kill { generation: G1 }]));
}

#[test]
fn a_late_tick_never_leaves_a_deadline_in_the_past_to_spin_on() {
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
fn a_late_kill_is_repeated_and_not_put_off() {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(stop());
    sim.jump();
    assert_eq!(sim.wait(3600.0).tick(), [Effect::Kill { generation: G1 }]);
}

#[test]
fn a_late_backoff_starts_at_once() {
    let mut sim = Sim::ready(Policy::default());
    sim.exit(Exit::Code(0));
    assert_eq!(launch_of(&sim.wait(3600.0).tick()), Some(G2));
}

#[test]
fn ticks_where_none_was_asked_for_do_nothing() {
    let mut sim = Sim::ready(Policy::default());
    let before = sim.state().clone();
    assert_eq!(sim.wait(3600.0).tick(), []);
    assert_eq!(*sim.state(), before);
}
