//! Tests of an external server: stigmer watches the server and never signals it.

use super::rig::{
    Sim, TCP, exited, fail, found, frozen, launch_of, launched, lost, probed, secs, stop, terminate,
};
use crate::supervisor::{
    Effect, Exit, Found, Generation, Input, Owner, Policy, RestartHelps, Round, State, Want,
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
fn external_server_on_the_port_is_used() {
    let sim = watching();
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn stop_leaves_an_external_server_alone_and_its_state_is_still_updated() {
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
fn restart_after_a_stop_launches_with_new_options() {
    let mut sim = watching();
    sim.handle(stop());
    let effects = sim.handle(Input::Restart);
    assert_eq!(effects[0], Effect::Unwatch { generation: G1 });
    assert_eq!(launch_of(&effects), Some(Generation(2)));
}

#[test]
fn restart_does_nothing_to_an_external_server() {
    let mut sim = watching();
    let before = sim.state().clone();
    assert_eq!(sim.handle(Input::Restart), []);
    assert_eq!(*sim.state(), before);
}

#[test]
fn end_of_an_external_server_launches_nothing() {
    let mut sim = watching();
    let refused = || fail(TCP, RestartHelps::Yes);
    assert_eq!(sim.wait(1.0).probe(refused()), []);
    assert_eq!(sim.wait(1.0).probe(refused()), []);
    assert_eq!(sim.wait(1.0).probe(refused()), [Effect::Unwatch { generation: G1 }]);
    assert_eq!(sim.note(), "the server that was started elsewhere has ended");
    assert_eq!(sim.supervisor.want(), Want::Down);
    assert_eq!(sim.wait(60.0).tick(), []);
    assert_eq!(launch_of(&sim.handle(Input::Start)), Some(Generation(2)));
}

#[test]
fn exit_of_an_external_server_is_not_a_crash() {
    let mut sim = watching();
    assert_eq!(sim.handle(exited(G1, Exit::Unknown)), [Effect::Unwatch { generation: G1 }]);
    assert_eq!(sim.note(), "the server that was started elsewhere has ended");
}

#[test]
fn failing_external_server_is_only_degraded() {
    for round in [frozen(), lost()] {
        let mut sim = watching();
        for _ in 0..100 {
            assert_eq!(sim.wait(1.0).probe(round.clone()), []);
        }
        assert!(matches!(sim.state(), State::Degraded(..)), "{:?}", sim.state());
    }
}

#[test]
fn external_server_that_never_becomes_ready_is_released_with_the_reason() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(G1, Found::External));
    assert_eq!(sim.jump(), (secs(30.0), vec![Effect::Unwatch { generation: G1 }]));
    assert_eq!(sim.note(), "the server that was started elsewhere does not become ready");

    let mut sim = Sim::new(Policy::default());
    sim.handle(found(G1, Found::External));
    sim.probe(fail(TCP, RestartHelps::Yes));
    sim.jump();
    assert!(sim.note().contains("does not become ready: tcp: "), "{}", sim.note());
}

#[test]
fn stop_while_a_launch_finds_an_external_server_leaves_it_alone() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(found(G1, Found::External)), []);
    sim.probe(Round::Pass);
    assert_eq!((sim.state().name(), sim.supervisor.want()), ("ready", Want::Down));
}

#[test]
fn restart_while_a_launch_finds_an_external_server_uses_it() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(Input::Restart);
    assert_eq!(sim.handle(found(G1, Found::External)), []);
    sim.probe(Round::Pass);
    assert_eq!(sim.state().owner(), Some(Owner::External));
}

#[test]
fn stop_while_a_launch_finds_our_orphan_ends_it() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(stop());
    assert_eq!(sim.handle(found(G1, Found::Ours)), [terminate(G1)]);
}

#[test]
fn late_report_of_an_external_server_is_stale() {
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
fn late_report_does_not_undo_a_stop() {
    let mut sim = watching();
    sim.handle(stop());
    for late in [found(G1, Found::External), found(G1, Found::Ours), probed(G1, Round::Pass)] {
        assert_eq!(sim.handle(late), []);
        assert_eq!(sim.state().owner(), Some(Owner::External));
        assert_eq!(sim.supervisor.want(), Want::Down);
    }
}
