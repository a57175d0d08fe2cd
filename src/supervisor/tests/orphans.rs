//! Tests of a server that an earlier host started and that this host adopts.

use super::rig::{Sim, found, frozen, lost, secs};
use crate::supervisor::{Cause, Effect, Exit, Found, Generation, Policy, Round, State, Want};

#[test]
fn healthy_orphan_is_adopted_under_its_own_number() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(Generation(41), Found::Ours));
    assert_eq!(sim.supervisor.want(), Want::Up);
    assert_eq!(sim.probe(Round::Pass), []);
    assert!(matches!(sim.state(), State::Ready(live) if live.generation == Generation(41)));
    let effects = sim.exit(Exit::Unknown);
    assert_eq!(
        effects,
        [Effect::Launch {
            generation: Generation(42),
            cause: Cause::Crash,
            detail: "exit status unknown (adopted)".into(),
            automatic: true,
        }]
    );
}

#[test]
fn unhealthy_orphan_is_replaced_after_the_time_of_a_ready_server() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(Generation(41), Found::Ours));
    for _ in 0..3 {
        assert_eq!(sim.wait(1.0).probe(frozen()), []);
    }
    let (wait, effects) = sim.jump();
    assert_eq!(wait, secs(1.0));
    assert_eq!(effects, [Effect::Kill { generation: Generation(41) }]);
    let effects = sim.exit(Exit::Unknown);
    assert!(
        matches!(&effects[..], [Effect::Launch { cause: Cause::Unresponsive, detail, automatic: true, .. }]
            if detail.starts_with("found running, but not healthy within 4s: grpc: ")),
        "{effects:?}"
    );
}

#[test]
fn orphan_in_memory_has_fifteen_seconds_to_become_healthy() {
    let mut sim = Sim::new(Policy { failure_span: secs(15.0), ..Policy::default() });
    sim.handle(found(Generation(41), Found::Ours));
    let (wait, effects) = sim.jump();
    assert_eq!((wait, effects), (secs(15.0), vec![Effect::Kill { generation: Generation(41) }]));
}

#[test]
fn orphan_with_a_deleted_database_is_kept_for_its_data() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(found(Generation(41), Found::Ours));
    for _ in 0..100 {
        assert_eq!(sim.wait(1.0).probe(lost()), []);
        assert_eq!(sim.tick(), []);
    }
    assert!(matches!(sim.state(), State::Degraded(..)));
    sim.probe(Round::Pass);
    assert!(matches!(sim.state(), State::Ready(_)));
}
