//! A supervisor with a simulated clock, and short functions that create inputs.

use crate::supervisor::{
    Cause, Check, Effect, Exit, Failure, Found, Generation, Input, Policy, RestartHelps, Round,
    State, StopSignal, Supervisor, UnitKind,
};
use std::borrow::Cow;
use std::time::{Duration, Instant};

pub(super) const SIGKILL: Exit = Exit::Signal(9, "SIGKILL");

pub(super) const SERVER: UnitKind = UnitKind {
    unit: Cow::Borrowed("the server"),
    start_hint: Cow::Borrowed("start it"),
    stop_signals: &[StopSignal::Terminate],
};

/// A kind of unit that is stopped with two signals before SIGKILL.
pub(super) const WORKER: UnitKind = UnitKind {
    unit: Cow::Borrowed("worker `orders`"),
    start_hint: Cow::Borrowed("start it"),
    stop_signals: &[StopSignal::Interrupt, StopSignal::Terminate],
};

pub(super) fn terminate(generation: Generation) -> Effect {
    Effect::Terminate { generation, signal: StopSignal::Terminate }
}

pub(super) const PROCESS: Check = Check { name: "process", shows_end: false };
pub(super) const TCP: Check = Check { name: "tcp", shows_end: true };
pub(super) const GRPC: Check = Check { name: "grpc", shows_end: false };
pub(super) const STORE: Check = Check { name: "store", shows_end: false };

pub(super) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn stop() -> Input {
    Input::Stop { cause: Cause::Operator }
}

pub(super) fn launched(generation: Generation) -> Input {
    Input::Launched { generation }
}

pub(super) fn found(generation: Generation, found: Found) -> Input {
    Input::Found { generation, found }
}

pub(super) fn refused(generation: Generation, is_transient: bool) -> Input {
    let failure = Failure::new("port 7233 is taken by pid 4 (nc)", "`--port`");
    Input::LaunchRefused { generation, failure, is_transient }
}

pub(super) fn absent(generation: Generation) -> Input {
    Input::Absent { generation }
}

pub(super) fn search_failed(generation: Generation) -> Input {
    let failure = Failure::new("temporal.lock is locked by pid 4 (nc)", "stop it");
    Input::SearchFailed { generation, failure }
}

pub(super) fn exited(generation: Generation, exit: Exit) -> Input {
    Input::Exited { generation, exit, fatal: None }
}

pub(super) fn exited_fatally(generation: Generation) -> Input {
    let fatal = Some(Failure::new("the database is unusable", "`--db`"));
    Input::Exited { generation, exit: Exit::Code(1), fatal }
}

pub(super) fn probed(generation: Generation, round: Round) -> Input {
    Input::Probed { generation, round }
}

pub(super) fn fail(check: Check, restart_helps: RestartHelps) -> Round {
    Round::Fail { check, detail: "no response".into(), restart_helps }
}

/// A failed round of checks of a frozen server.
pub(super) fn frozen() -> Round {
    fail(GRPC, RestartHelps::Yes)
}

/// A failed round of checks of a server that starts or shuts down.
pub(super) fn on_its_way() -> Round {
    Round::Fail {
        check: PROCESS,
        detail: "shutting down".into(),
        restart_helps: RestartHelps::NotYet,
    }
}

/// A failed round of checks of a server whose database file was deleted.
pub(super) fn lost() -> Round {
    fail(STORE, RestartHelps::No)
}

pub(super) fn launch_of(effects: &[Effect]) -> Option<Generation> {
    effects.iter().find_map(|effect| match effect {
        Effect::Launch { generation, .. } => Some(*generation),
        Effect::Search { .. }
        | Effect::Terminate { .. }
        | Effect::Kill { .. }
        | Effect::Unwatch { .. } => None,
    })
}

/// A supervisor with a simulated clock.
pub(super) struct Sim {
    pub(super) supervisor: Supervisor,
    pub(super) now: Instant,
}

impl Sim {
    pub(super) fn new(policy: Policy) -> Self {
        Self::of(SERVER, policy)
    }

    pub(super) fn of(kind: UnitKind, policy: Policy) -> Self {
        let now = Instant::now();
        Self { supervisor: Supervisor::new(kind, policy, Generation(0), 7, now), now }
    }

    /// A supervisor whose server was started by the operator and is ready.
    pub(super) fn ready(policy: Policy) -> Self {
        let mut sim = Self::new(policy);
        sim.handle(Input::Start);
        sim.come_up();
        sim
    }

    pub(super) fn handle(&mut self, input: Input) -> Vec<Effect> {
        self.supervisor.handle(input, self.now)
    }

    pub(super) fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += secs(seconds);
        self
    }

    /// Calls `handle_timeout` now, even before the deadline.
    pub(super) fn tick(&mut self) -> Vec<Effect> {
        self.supervisor.handle_timeout(self.now)
    }

    /// Advances the clock to the deadline. Returns the time until then and the effects.
    pub(super) fn jump(&mut self) -> (Duration, Vec<Effect>) {
        let due = self.supervisor.poll_timeout().expect("a deadline");
        let far = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        (far, self.supervisor.handle_timeout(self.now))
    }

    pub(super) fn state(&self) -> &State {
        self.supervisor.state()
    }

    /// The generation of the server that runs or starts.
    pub(super) fn generation(&self) -> Generation {
        self.state().generation().unwrap_or_else(|| panic!("nothing runs: {:?}", self.state()))
    }

    /// Stops the server while no process of it runs: the search for a server finds nothing.
    pub(super) fn stop_clear(&mut self, cause: Cause) {
        let effects = self.handle(Input::Stop { cause });
        assert!(matches!(effects[..], [Effect::Search { .. }]), "{effects:?}");
        assert!(!self.is_stopped());
        assert_eq!(self.handle(absent(self.generation())), []);
    }

    /// Lets the launched server start and become ready.
    pub(super) fn come_up(&mut self) {
        let generation = self.generation();
        self.handle(launched(generation));
        self.handle(probed(generation, Round::Pass));
        assert!(matches!(self.state(), State::Ready(_)), "{:?}", self.state());
    }

    /// Ends the server with this exit status.
    pub(super) fn exit(&mut self, exit: Exit) -> Vec<Effect> {
        let generation = self.generation();
        self.handle(exited(generation, exit))
    }

    /// Reports a round of checks of the server.
    pub(super) fn probe(&mut self, round: Round) -> Vec<Effect> {
        let generation = self.generation();
        self.handle(probed(generation, round))
    }

    /// Crashes the server, waits until the deadline, and lets the next server become ready. Returns
    /// the restart delay.
    pub(super) fn crash_and_repair(&mut self) -> Duration {
        let effects = self.exit(SIGKILL);
        let down = if launch_of(&effects).is_some() {
            Duration::ZERO
        } else {
            let (far, effects) = self.jump();
            assert!(launch_of(&effects).is_some(), "{:?}", self.state());
            far
        };
        self.come_up();
        down
    }

    pub(super) fn failure(&self) -> &Failure {
        match self.state() {
            State::Failed { failure, .. } => failure,
            other => panic!("not failed: {other:?}"),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state(), State::Stopped { .. })
    }

    /// The message of the state `stopped`.
    pub(super) fn note(&self) -> &str {
        match self.state() {
            State::Stopped { note } => note.as_deref().unwrap_or(""),
            other => panic!("not stopped: {other:?}"),
        }
    }
}
