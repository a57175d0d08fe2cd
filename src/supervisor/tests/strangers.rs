//! A Temporal that somebody else runs: watched, never signalled.

use super::rig::{Sim, exited, fail, found, frozen, launch_of, launched, lost, probed, secs, stop};
use crate::supervisor::{
    Effect, Exit, Found, Generation, Input, Layer, Owner, Policy, RestartHelps, Round, State, Want,
};

const G1: Generation = Generation(1);

fn watching() -> Sim {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    assert_eq!(sim.handle(found(G1, Found::External)), []);
    assert_eq!(sim.probe(Round::Pass), []);
    assert_eq!(sim.state().owner(), Some(Owner::External));
    sim
}

#[test]
fn what_somebody_else_runs_on_the_port_is_used() {
    let sim = watching();
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn a_stop_leaves_it_alone_and_the_state_stays_true() {
    let mut sim = watching();
    let before = sim.state().clone();
    assert_eq!(sim.handle(stop()), []);
    assert_eq!((sim.state(), sim.supervisor.want()), (&before, Want::Down));
    sim.probe(frozen());
    assert!(matches!(sim.state(), State::Degraded(..)), "{:?}", sim.state());
    sim.probe(Round::Pass);
    assert_eq!(sim.handle(Input::Start), []);
    assert_eq!((sim.state().name(), sim.supervisor.want()), ("ready", Want::Up));
}

#[test]
fn a_restart_after_a_stop_may_use_other_options() {
    let mut sim = watching();
    sim.handle(stop());
    let effects = sim.handle(Input::Restart);
    assert_eq!(effects[0], Effect::Unwatch { generation: G1 });
    assert_eq!(launch_of(&effects), Some(Generation(2)));
}

#[test]
fn a_restart_does_nothing_to_it() {
    let mut sim = watching();
    let before = sim.state().clone();
    assert_eq!(sim.handle(Input::Restart), []);
    assert_eq!(*sim.state(), before);
}

#[test]
fn when_it_vanishes_nothing_starts_in_its_place_until_someone_asks() {
    let mut sim = watching();
    let refused = || fail(Layer::Tcp, RestartHelps::Yes);
    assert_eq!(sim.wait(1.0).probe(refused()), []);
    assert_eq!(sim.wait(1.0).probe(refused()), []);
    assert_eq!(sim.wait(1.0).probe(refused()), [Effect::Unwatch { generation: G1 }]);
    assert_eq!(sim.note(), "the Temporal that was started elsewhere is gone");
    assert_eq!(sim.supervisor.want(), Want::Down);
    assert_eq!(sim.wait(60.0).tick(), []);
    assert_eq!(launch_of(&sim.handle(Input::Start)), Some(Generation(2)));
}

#[test]
fn its_exit_where_somebody_saw_it_is_no_crash_of_ours() {
    let mut sim = watching();
    assert_eq!(sim.handle(exited(G1, Exit::Unknown)), [Effect::Unwatch { generation: G1 }]);
    assert_eq!(sim.note(), "the Temporal that was started elsewhere is gone");
}

#[test]
fn frozen_or_with_a_lost_database_it_is_degraded_and_nothing_more() {
    for round in [frozen(), lost()] {
        let mut sim = watching();
        for _ in 0..100 {
            assert_eq!(sim.wait(1.0).probe(round.clone()), []);
        }
        assert!(matches!(sim.state(), State::Degraded(..)), "{:?}", sim.state());
    }
}

#[test]
fn one_that_never_becomes_ready_is_let_go_with_the_reason() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(G1, Found::External));
    assert_eq!(sim.jump(), (secs(30.0), vec![Effect::Unwatch { generation: G1 }]));
    assert!(sim.note().ends_with("does not become ready"));

    let mut sim = Sim::new(Policy::default());
    sim.handle(found(G1, Found::External));
    sim.probe(fail(Layer::Tcp, RestartHelps::Yes));
    sim.jump();
    assert!(sim.note().contains("does not become ready: tcp: "), "{}", sim.note());
}

#[test]
fn a_stop_while_a_launch_meets_it_leaves_it_alone() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(found(G1, Found::External)), []);
    sim.probe(Round::Pass);
    assert_eq!((sim.state().name(), sim.supervisor.want()), ("ready", Want::Down));
}

#[test]
fn a_restart_while_a_launch_meets_it_uses_it() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(Input::Restart);
    assert_eq!(sim.handle(found(G1, Found::External)), []);
    sim.probe(Round::Pass);
    assert_eq!(sim.state().owner(), Some(Owner::External));
}

#[test]
fn a_stop_while_a_launch_meets_an_orphan_of_ours_ends_it() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(found(G1, Found::Ours)), [Effect::Terminate { generation: G1 }]);
}

#[test]
fn a_late_or_second_report_never_makes_ours_a_strangers() {
    let mut sim = Sim::ready(Policy::default());
    sim.handle(found(G1, Found::External));
    assert_eq!(sim.state().owner(), Some(Owner::Spawned));

    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(G1));
    sim.handle(found(G1, Found::External));
    assert_eq!(sim.state().owner(), Some(Owner::Spawned));
    assert_eq!(sim.supervisor.stale(), 1);
}

#[test]
fn a_report_that_comes_after_a_stop_does_not_undo_it() {
    let mut sim = watching();
    sim.handle(stop());
    for late in [found(G1, Found::External), found(G1, Found::Ours), probed(G1, Round::Pass)] {
        assert_eq!(sim.handle(late), []);
        assert_eq!(sim.state().owner(), Some(Owner::External));
        assert_eq!(sim.supervisor.want(), Want::Down);
    }
}
