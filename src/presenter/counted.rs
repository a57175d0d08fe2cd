//! What is known of the user's workflows, and of which server: another one has others.

use crate::protocol::Status;
use crate::supervisor::Generation;
use crate::temporal::workflows::Workflows;

/// One life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    generation: Option<Generation>,
    pid: Option<i32>,
}

impl Server {
    /// The one that a host tells of.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let temporal = status.temporal.as_ref()?;
        Some(Self { generation: temporal.generation, pid: temporal.pid })
    }

    /// The same, where it can be asked.
    #[must_use]
    pub fn up(status: &Status) -> Option<Self> {
        Self::of(status).filter(|_| status.state.is_up())
    }
}

/// A look at the workflows of a server; none where it did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whose.
    pub server: Server,
    /// What was seen.
    pub found: Option<Workflows>,
}

/// The latest look, and the last count of the same server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    server: Option<Server>,
    last: Option<Workflows>,
    is_current: bool,
}

impl Counted {
    /// Takes note of another look.
    pub fn note(&mut self, look: Look) {
        if self.server != Some(look.server) {
            *self = Self { server: Some(look.server), ..Self::default() };
        }
        self.is_current = look.found.is_some();
        self.last = look.found.or_else(|| self.last.take());
    }

    /// What is so now. Absent rather than wrong.
    pub(super) fn now(&self, status: &Status) -> Option<&Workflows> {
        let is_up = Server::up(status).is_some();
        self.last(status).filter(|_| is_up && self.is_current)
    }

    /// What was so when this server could last be asked.
    pub(super) fn last(&self, status: &Status) -> Option<&Workflows> {
        let server = Server::of(status);
        self.last.as_ref().filter(|_| server.is_some() && self.server == server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::State;

    fn status(state: State, generation: u64, pid: i32) -> Status {
        let mut status = crate::protocol::tests::running().status;
        status.state = state;
        let temporal = status.temporal.as_mut().unwrap();
        (temporal.generation, temporal.pid) = (Some(Generation(generation)), Some(pid));
        status
    }

    fn look(status: &Status, running: Option<u64>) -> Look {
        let found = running.map(|running| Workflows { running, ..Workflows::default() });
        Look { server: Server::of(status).unwrap(), found }
    }

    fn running(workflows: Option<&Workflows>) -> Option<u64> {
        workflows.map(|workflows| workflows.running)
    }

    #[test]
    fn a_count_is_shown_while_the_server_that_gave_it_is_up() {
        let first = status(State::Ready, 1, 7);
        let mut counted = Counted::default();
        assert_eq!(counted.now(&first), None);
        counted.note(look(&first, Some(3)));
        assert_eq!(running(counted.now(&first)), Some(3));
        assert_eq!(running(counted.now(&status(State::Degraded, 1, 7))), Some(3));
        for state in State::ALL.into_iter().filter(|state| !state.is_up()) {
            assert_eq!(counted.now(&status(state, 1, 7)), None, "{state}");
        }
        let next = status(State::Ready, 2, 8);
        assert_eq!((counted.now(&next), counted.last(&next)), (None, None));
        let nothing = Status { temporal: None, ..first };
        assert_eq!((counted.now(&nothing), counted.last(&nothing)), (None, None));
    }

    #[test]
    fn the_last_count_of_a_server_that_no_longer_answers_is_kept_but_not_shown() {
        let first = status(State::Degraded, 1, 7);
        let mut counted = Counted::default();
        counted.note(look(&first, None));
        assert_eq!(counted.last(&first), None);
        counted.note(look(&first, Some(3)));
        counted.note(look(&first, None));
        counted.note(look(&first, None));
        assert_eq!((counted.now(&first), running(counted.last(&first))), (None, Some(3)));
        counted.note(look(&first, Some(0)));
        assert_eq!(running(counted.now(&first)), Some(0));
        let next = status(State::Ready, 2, 8);
        counted.note(look(&next, None));
        assert_eq!(counted.last(&next), None, "those of another server are not its own");
    }
}
