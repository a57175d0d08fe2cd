//! A simulated world that launches and ends processes for the supervisor. Its inputs to the
//! supervisor arrive late, twice and in any order. The world checks the invariants of the
//! supervisor.

use super::rig::{
    SERVER, absent, exited, exited_fatally, found, launched, probed, refused, search_failed,
};
use crate::supervisor::{
    Cause, Effect, Exit, Found, Generation, Input, Owner, Policy, Round, Schedule, State,
    Supervisor, Want,
};
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// The result of a launch or a search.
#[derive(Debug, Clone, Copy)]
pub(super) enum Launch {
    Works,
    Refused { is_transient: bool },
    Meets(Found),
}

pub(super) struct World {
    pub(super) supervisor: Supervisor,
    pub(super) now: Instant,
    /// The launches that have no result so far.
    pending: BTreeSet<Generation>,
    /// The search in progress.
    search: Option<Generation>,
    /// The running processes that the supervisor has launched. `termed` and `killed` are the
    /// processes with a pending SIGTERM or SIGKILL.
    ours: BTreeSet<Generation>,
    termed: BTreeSet<Generation>,
    killed: BTreeSet<Generation>,
    /// The generation numbers of the external servers that the supervisor watches.
    strangers: BTreeSet<Generation>,
    /// Inputs that are not delivered yet. The delivered inputs are in `arrived`.
    mail: Vec<Input>,
    arrived: Vec<Input>,
    /// The last generation number of a launch or search.
    last: Generation,
    /// Times of automatic launches since the last command of the operator that cleared the counts.
    automatic: VecDeque<Instant>,
}

impl World {
    pub(super) fn new(policy: Policy, already: Option<Found>) -> Self {
        // The time is far from zero, so that the clock can run backwards.
        let now = Instant::now() + Duration::from_secs(100_000);
        let last = Generation(10);
        let mut world = Self {
            supervisor: Supervisor::new(SERVER, policy, last, 3, now),
            now,
            pending: BTreeSet::new(),
            search: None,
            ours: BTreeSet::new(),
            termed: BTreeSet::new(),
            killed: BTreeSet::new(),
            strangers: BTreeSet::new(),
            mail: Vec::new(),
            arrived: Vec::new(),
            last,
            automatic: VecDeque::new(),
        };
        if let Some(already) = already {
            match already {
                Found::Ours => world.ours.insert(last),
                Found::External => world.strangers.insert(last),
            };
            world.receive(&found(last, already));
        }
        world
    }

    /// Gives an input to the supervisor, checks the invariants, and performs the effects.
    pub(super) fn receive(&mut self, input: &Input) -> Vec<Effect> {
        let generation = match input {
            Input::Start
            | Input::Stop { .. }
            | Input::EndGrace
            | Input::Restart
            | Input::Reload { .. } => None,
            Input::Found { generation, .. }
            | Input::Launched { generation }
            | Input::LaunchRefused { generation, .. }
            | Input::Absent { generation }
            | Input::SearchFailed { generation, .. }
            | Input::Exited { generation, .. }
            | Input::Probed { generation, .. } => Some(*generation),
        };
        // Every call of the supervisor stores the time, even for a stale input. Store the time
        // before the copy is made, so that a stale input leaves the copy and the supervisor equal.
        self.supervisor.wake(self.now);
        let before = self.supervisor.clone();
        let takes_over = before.fresh && matches!(input, Input::Found { .. });
        let stale = generation.is_some() && generation != before.state.generation() && !takes_over;
        let runs =
            matches!(before.state, State::Starting(_) | State::Ready(_) | State::Degraded(..));
        let forgives = match input {
            Input::Start => !runs,
            Input::Stop { .. } => true,
            Input::Restart => before.state.owner() != Some(Owner::External),
            Input::Reload { .. } => {
                before.want == Want::Up && before.state.owner() != Some(Owner::External)
            }
            Input::EndGrace
            | Input::Found { .. }
            | Input::Launched { .. }
            | Input::LaunchRefused { .. }
            | Input::Absent { .. }
            | Input::SearchFailed { .. }
            | Input::Exited { .. }
            | Input::Probed { .. } => false,
        };
        if forgives {
            self.automatic.clear();
        }
        let effects = self.supervisor.handle(input.clone(), self.now);
        if stale {
            assert_eq!(effects, [], "stale {input:?}");
            assert_eq!(self.supervisor.stale, before.stale + 1, "stale {input:?}");
            assert_eq!(decided(&self.supervisor), decided(&before), "stale {input:?}");
        }
        if let (Input::Start, State::Failed { left, .. }) = (input, &before.state) {
            match left {
                None => assert!(
                    matches!(effects[..], [Effect::Launch { automatic: false, .. }]),
                    "{effects:?}"
                ),
                Some(left) => assert_eq!(effects, [Effect::Kill { generation: *left }]),
            }
        }
        self.perform(&effects);
        effects
    }

    pub(super) fn tick(&mut self) -> Vec<Effect> {
        let effects = self.supervisor.handle_timeout(self.now);
        assert!(
            self.supervisor.poll_timeout().is_none_or(|due| due > self.now),
            "requests the same tick again: {:?}",
            self.supervisor
        );
        self.perform(&effects);
        effects
    }

    fn perform(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Launch { generation, automatic, .. } => {
                    assert!(*generation > self.last, "g{generation} after g{}", self.last);
                    self.last = *generation;
                    assert!(self.is_clear(), "two generations: {self}");
                    self.pending.insert(*generation);
                    if *automatic {
                        self.count_automatic();
                    }
                }
                Effect::Search { generation } => {
                    assert!(*generation > self.last, "g{generation} after g{}", self.last);
                    self.last = *generation;
                    assert!(self.search.is_none(), "two searches: {self}");
                    self.search = Some(*generation);
                }
                Effect::Terminate { generation, .. } | Effect::Kill { generation } => {
                    assert!(!self.strangers.contains(generation), "signalled a stranger: {self}");
                    assert!(!self.pending.contains(generation), "no process to signal: {self}");
                    let signals = match effect {
                        Effect::Kill { .. } => &mut self.killed,
                        Effect::Terminate { .. }
                        | Effect::Launch { .. }
                        | Effect::Search { .. }
                        | Effect::Unwatch { .. } => &mut self.termed,
                    };
                    if self.ours.contains(generation) {
                        signals.insert(*generation);
                    }
                }
                Effect::Unwatch { generation } => {
                    assert!(self.strangers.remove(generation), "watched no server: {self}");
                }
            }
        }
        self.check();
    }

    fn count_automatic(&mut self) {
        let policy = self.supervisor.policy();
        let now = self.now;
        self.automatic.push_back(now);
        while now.saturating_duration_since(self.automatic[0]) >= policy.restart_window {
            self.automatic.pop_front();
        }
        assert!(
            self.automatic.len() <= policy.max_restarts as usize,
            "{} automatic restarts in {:?}",
            self.automatic.len(),
            policy.restart_window
        );
    }

    /// Whether no process of the supervisor runs, and no launch or search is in progress.
    fn is_clear(&self) -> bool {
        self.ours.is_empty() && self.pending.is_empty() && self.search.is_none()
    }

    fn check(&self) {
        match self.supervisor.state() {
            State::Stopped { .. } | State::Failed { left: None, .. } => {
                assert!(self.is_clear(), "stopped too early: {self}");
            }
            State::Backoff { until, since, cause, .. } => {
                assert!(self.is_clear(), "stopped too early: {self}");
                let longest = match cause {
                    Cause::Exited => Duration::from_millis(250),
                    Cause::Operator
                    | Cause::Crash
                    | Cause::Unresponsive
                    | Cause::StartTimeout
                    | Cause::SpawnFailed
                    | Cause::Shutdown
                    | Cause::Changed => Duration::ZERO,
                };
                let longest = longest.max(self.supervisor.policy().backoff_max);
                assert!(*until - *since <= longest, "waits too long: {self}");
            }
            State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_)
            | State::Failed { left: Some(_), .. } => {}
        }
        for stranger in &self.strangers {
            assert!(!self.ours.contains(stranger), "both ours and not: {self}");
        }
    }

    /// Completes a launch or search with this result. For a search, [`Launch::Works`] means that no
    /// server is left.
    pub(super) fn settle(&mut self, how: Launch) {
        if let Some(generation) = self.search.take() {
            self.mail.push(match how {
                Launch::Works | Launch::Meets(Found::External) => absent(generation),
                Launch::Refused { .. } => search_failed(generation),
                Launch::Meets(Found::Ours) => {
                    self.ours.insert(generation);
                    found(generation, Found::Ours)
                }
            });
            return;
        }
        let Some(generation) = self.pending.pop_first() else { return };
        self.mail.push(match how {
            Launch::Works => {
                self.ours.insert(generation);
                launched(generation)
            }
            Launch::Refused { is_transient } => refused(generation, is_transient),
            Launch::Meets(whose) => {
                match whose {
                    Found::Ours => self.ours.insert(generation),
                    Found::External => self.strangers.insert(generation),
                };
                found(generation, whose)
            }
        });
    }

    /// Ends the process of the supervisor without a signal.
    pub(super) fn end(&mut self, exit: Exit, fatal: bool) {
        if let Some(generation) = self.ours.pop_first() {
            self.mail.push(if fatal {
                exited_fatally(generation)
            } else {
                exited(generation, exit)
            });
        }
    }

    /// Ends the processes that have a pending signal. SIGTERM ends a process only if
    /// `handles_term`.
    pub(super) fn die(&mut self, handles_term: bool) {
        let dead: Vec<_> = self
            .ours
            .iter()
            .copied()
            .filter(|g| self.killed.contains(g) || (handles_term && self.termed.contains(g)))
            .collect();
        for generation in dead {
            self.ours.remove(&generation);
            self.mail.push(exited(generation, Exit::Signal(9, "SIGKILL")));
        }
    }

    /// Reports a round of checks of the server.
    pub(super) fn probe(&mut self, round: Round) {
        if let Some(generation) = self.ours.iter().chain(&self.strangers).next() {
            self.mail.push(probed(*generation, round));
        }
    }

    /// Delivers one of the undelivered inputs. `which` selects the input, so any order is possible.
    pub(super) fn deliver(&mut self, which: usize) -> bool {
        if self.mail.is_empty() {
            return false;
        }
        let input = self.mail.remove(which % self.mail.len());
        self.receive(&input);
        self.arrived.push(input);
        true
    }

    /// Delivers an old input once more. The input is stale if its generation has ended. For a
    /// generation that still runs, only a round of checks can arrive twice.
    pub(super) fn repeat(&mut self, which: usize) {
        if !self.arrived.is_empty() {
            let input = self.arrived[which % self.arrived.len()].clone();
            self.receive(&input);
        }
    }

    /// Simulates a new host: converts the schedule to ages, which do not depend on the clock, and
    /// back.
    pub(super) fn hand_over_schedule(&mut self) {
        let checkpoint = self.supervisor.hand_over(self.now);
        self.supervisor.resume(&checkpoint, Duration::ZERO, self.now);
    }

    pub(super) fn watches_stranger(&self) -> bool {
        self.supervisor.state().owner() == Some(Owner::External)
    }

    /// Stops the server and delivers all inputs. Returns the time until the state is stopped. An
    /// external server continues to run.
    pub(super) fn goes_down(&mut self) -> Duration {
        let begin = self.now;
        self.receive(&Input::Stop { cause: Cause::Operator });
        for _ in 0..100 {
            self.settle(Launch::Works);
            while self.deliver(0) {}
            self.die(false);
            while self.deliver(0) {}
            let is_stopped = matches!(self.supervisor.state(), State::Stopped { .. });
            if is_stopped || self.watches_stranger() {
                assert_eq!(self.supervisor.want(), Want::Down);
                assert!(!is_stopped || self.supervisor.poll_timeout().is_none(), "{self}");
                assert!(self.is_clear(), "{self}");
                return self.now - begin;
            }
            if let Some(due) = self.supervisor.poll_timeout() {
                self.now = self.now.max(due);
                self.tick();
            }
        }
        panic!("does not stop: {self}");
    }
}

/// The fields that a stale input must not change.
fn decided(supervisor: &Supervisor) -> (Want, State, Schedule, Generation, bool, Instant) {
    let Supervisor {
        kind: _,
        policy: _,
        next_policy: _,
        want,
        state,
        schedule,
        generation,
        fresh,
        seen,
        stale: _,
    } = supervisor.clone();
    (want, state, schedule, generation, fresh, seen)
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?}, wants {:?}; ours {:?}, pending {:?}, strangers {:?}, mail {:?}",
            self.supervisor.state(),
            self.supervisor.want(),
            self.ours,
            self.pending,
            self.strangers,
            self.mail
        )
    }
}
