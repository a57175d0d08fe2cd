//! Stores the counts of the user's workflows. The counts belong to one run of the server, because
//! another run may have other workflows.

use crate::protocol::Status;
use crate::supervisor::Generation;
use crate::temporal::holdings::Holdings;
use crate::temporal::workflows::Workflows;
use stigmer_ui::loss;
use stigmer_ui::model::WorkflowCounts;

impl From<&Workflows> for WorkflowCounts {
    fn from(workflows: &Workflows) -> Self {
        let Workflows { running, failed, .. } = *workflows;
        Self { running, completed: None, failed }
    }
}

impl From<Holdings> for loss::WorkflowTotals {
    fn from(Holdings { running, closed }: Holdings) -> Self {
        Self { running, closed }
    }
}

/// Identifies one run of a server, so that counts of different runs are not mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedServer {
    generation: Option<Generation>,
    pid: Option<i32>,
}

impl CountedServer {
    /// The run of the server in this status. `None` if the status has no server.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let temporal = status.temporal.as_ref()?;
        Some(Self { generation: temporal.generation, pid: temporal.pid })
    }

    /// The run of the server in this status, if the server is ready or degraded.
    #[must_use]
    pub fn up(status: &Status) -> Option<Self> {
        Self::of(status).filter(|_| status.state.is_up())
    }
}

/// The workflow counts of one run of a server at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSample {
    /// The server that was queried.
    pub server: CountedServer,
    /// Counts of the first namespace. `None` if the query has failed.
    pub found: Option<Workflows>,
    /// Totals of all namespaces. `None` if the query has failed.
    pub holdings: Option<Holdings>,
}

/// The last known workflow counts of one run of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownWorkflows {
    server: Option<CountedServer>,
    workflows: LatestCount<Workflows>,
    holdings: LatestCount<Holdings>,
}

/// The last known count, and whether the latest query returned this count.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LatestCount<T> {
    found: Option<T>,
    is_current: bool,
}

impl<T> Default for LatestCount<T> {
    fn default() -> Self {
        Self { found: None, is_current: false }
    }
}

impl<T> LatestCount<T> {
    fn note(&mut self, found: Option<T>) {
        self.is_current = found.is_some();
        self.found = found.or_else(|| self.found.take());
    }
}

impl KnownWorkflows {
    /// Stores the result of a new query. Deletes the counts of another run of the server.
    pub fn note(&mut self, sample: WorkflowSample) {
        if self.server != Some(sample.server) {
            *self = Self { server: Some(sample.server), ..Self::default() };
        }
        self.workflows.note(sample.found);
        self.holdings.note(sample.holdings);
    }

    /// The counts from the latest query. `None` if that query has failed, or if the server is not
    /// up any more.
    pub(super) fn now(&self, status: &Status) -> Option<&Workflows> {
        let is_now = self.is_of(status) && CountedServer::up(status).is_some();
        self.workflows.found.as_ref().filter(|_| is_now && self.workflows.is_current)
    }

    /// The totals of the server in this status. They may be current, from an earlier query, or
    /// unknown.
    pub(super) fn held(&self, status: &Status) -> loss::WorkflowCount {
        let Some(held) = self.holdings.found.filter(|_| self.is_of(status)) else {
            return loss::WorkflowCount::Unknown;
        };
        let held = held.into();
        if self.holdings.is_current && CountedServer::up(status).is_some() {
            loss::WorkflowCount::Current(held)
        } else {
            loss::WorkflowCount::Earlier(held)
        }
    }

    fn is_of(&self, status: &Status) -> bool {
        let server = CountedServer::of(status);
        server.is_some() && self.server == server
    }
}

#[cfg(test)]
mod tests {
    use super::loss::WorkflowCount;
    use super::*;
    use crate::protocol::State;

    fn status(state: State, generation: u64, pid: i32) -> Status {
        let mut status = crate::protocol::tests::running().status;
        status.state = state;
        let temporal = status.temporal.as_mut().unwrap();
        (temporal.generation, temporal.pid) = (Some(Generation(generation)), Some(pid));
        status
    }

    fn sample(status: &Status, running: Option<u64>) -> WorkflowSample {
        let found = running.map(|running| Workflows { running, ..Workflows::default() });
        let holdings = running.map(|running| Holdings { running, closed: 1 });
        WorkflowSample { server: CountedServer::of(status).unwrap(), found, holdings }
    }

    fn running(workflows: Option<&Workflows>) -> Option<u64> {
        workflows.map(|workflows| workflows.running)
    }

    fn held(running: u64) -> loss::WorkflowTotals {
        loss::WorkflowTotals { running, closed: 1 }
    }

    #[test]
    fn counts_are_shown_while_their_server_is_up() {
        let first = status(State::Ready, 1, 7);
        let mut known = KnownWorkflows::default();
        assert_eq!(known.now(&first), None);
        known.note(sample(&first, Some(3)));
        assert_eq!(running(known.now(&first)), Some(3));
        assert_eq!(running(known.now(&status(State::Degraded, 1, 7))), Some(3));
        for state in State::ALL.into_iter().filter(|state| !state.is_up()) {
            assert_eq!(known.now(&status(state, 1, 7)), None, "{state}");
        }
        let next = status(State::Ready, 2, 8);
        assert_eq!((known.now(&next), known.held(&next)), (None, WorkflowCount::Unknown));
        let nothing = Status { temporal: None, ..first };
        assert_eq!((known.now(&nothing), known.held(&nothing)), (None, WorkflowCount::Unknown));
    }

    #[test]
    fn last_count_of_an_unresponsive_server_is_kept_but_not_shown() {
        let first = status(State::Degraded, 1, 7);
        let mut known = KnownWorkflows::default();
        known.note(sample(&first, None));
        assert_eq!(known.held(&first), WorkflowCount::Unknown);
        known.note(sample(&first, Some(3)));
        assert_eq!(known.held(&first), WorkflowCount::Current(held(3)));
        known.note(sample(&first, None));
        known.note(sample(&first, None));
        assert_eq!(
            (known.now(&first), known.held(&first)),
            (None, WorkflowCount::Earlier(held(3)))
        );
        known.note(sample(&first, Some(0)));
        assert_eq!(running(known.now(&first)), Some(0));
        assert_eq!(known.held(&status(State::Starting, 1, 7)), WorkflowCount::Earlier(held(0)));
        let next = status(State::Ready, 2, 8);
        known.note(sample(&next, None));
        assert_eq!(
            known.held(&next),
            WorkflowCount::Unknown,
            "counts of another server do not apply"
        );
    }
}
