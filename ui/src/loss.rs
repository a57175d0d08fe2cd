//! The impact of a stop or a restart on workflows and data, derived from the storage of the server and the known
//! number of its workflows. The dashboard and the commands use the same texts.

use std::fmt;

use crate::human;

/// Storage of the data of the running server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// A file that the next start opens.
    #[default]
    File,
    /// Memory only.
    Memory,
    /// A file that was deleted while the server has it open.
    Deleted,
    /// A file that was replaced by another file while the server has it open.
    Replaced,
}

impl Storage {
    /// Returns the reason why the data is lost when the server ends. `None` if the data is kept.
    #[must_use]
    pub fn why_lost(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            Self::Memory => Some("the database is in memory"),
            Self::Deleted => Some("the database file was deleted"),
            Self::Replaced => Some("the database file was replaced"),
        }
    }
}

/// Numbers of workflows on a server, in all its namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkflowTotals {
    /// Open workflows.
    pub running: u64,
    /// Closed workflows that the server still has.
    pub closed: u64,
}

/// The known number of workflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkflowCount {
    /// Not counted yet.
    #[default]
    Unknown,
    /// An earlier count: the server does not respond now.
    Earlier(WorkflowTotals),
    /// A count that is current.
    Current(WorkflowTotals),
}

impl WorkflowCount {
    fn known(self) -> Option<WorkflowTotals> {
        match self {
            Self::Unknown => None,
            Self::Earlier(totals) | Self::Current(totals) => Some(totals),
        }
    }
}

/// Impact of the end of the server on its workflows and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopImpact {
    /// No data is lost, but this number of running workflows must wait for the next start.
    Interrupted(u64),
    /// The data is lost.
    Lost(Loss),
}

/// The data and workflows that an end of the server loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub(crate) why: &'static str,
    /// Numbers of lost workflows. `None` if they are not known.
    pub(crate) workflows: Option<WorkflowTotals>,
}

impl StopImpact {
    /// Derives the impact on a running server. `None` if nothing is interrupted or lost.
    #[must_use]
    pub fn judge(storage: Storage, count: WorkflowCount) -> Option<Self> {
        let Some(why) = storage.why_lost() else {
            let running = count.known().map_or(0, |known| known.running);
            return (running > 0).then_some(Self::Interrupted(running));
        };
        let workflows = match count {
            WorkflowCount::Current(now) if now == WorkflowTotals::default() => return None,
            // Workflows may have been started since the earlier count, so the number is unknown.
            WorkflowCount::Earlier(before) if before == WorkflowTotals::default() => None,
            WorkflowCount::Unknown | WorkflowCount::Earlier(_) | WorkflowCount::Current(_) => {
                count.known()
            }
        };
        Some(Self::Lost(Loss { why, workflows }))
    }

    /// Returns the loss of data. `None` if no data is lost.
    #[must_use]
    pub fn loss(self) -> Option<Loss> {
        match self {
            Self::Interrupted(_) => None,
            Self::Lost(loss) => Some(loss),
        }
    }
}

impl fmt::Display for StopImpact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted(running) => {
                let workflows = human::counted(*running, "running workflow", "running workflows");
                let continues = if *running == 1 { "it continues" } else { "they continue" };
                write!(f, "{workflows}; {continues} after the next start")
            }
            Self::Lost(loss) => loss.fmt(f),
        }
    }
}

/// The text begins with the numbers, because a small screen may cut the rest.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, workflows } = self;
        let closed = |n| human::counted(n, "closed workflow", "closed workflows");
        let what = match *workflows {
            None => return write!(f, "all workflows WILL BE LOST, number unknown: {why}"),
            Some(WorkflowTotals { running, closed: 0 }) => {
                human::counted(running, "running workflow", "running workflows")
            }
            Some(WorkflowTotals { running: 0, closed: n }) => closed(n),
            Some(WorkflowTotals { running, closed: n }) => {
                format!("{} running and {}", human::count(running), closed(n))
            }
        };
        write!(f, "{what} WILL BE LOST: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(storage: Storage, count: WorkflowCount) -> String {
        StopImpact::judge(storage, count).map_or_else(String::new, |impact| impact.to_string())
    }

    fn totals(running: u64, closed: u64) -> WorkflowTotals {
        WorkflowTotals { running, closed }
    }

    #[test]
    fn database_file_that_stays_loses_nothing() {
        use WorkflowCount::{Current, Earlier, Unknown};
        let file = |count| text(Storage::File, count);
        assert_eq!(
            file(Current(totals(7, 3))),
            "7 running workflows; they continue after the next start"
        );
        assert_eq!(
            file(Earlier(totals(1, 0))),
            "1 running workflow; it continues after the next start"
        );
        for count in
            [Unknown, Earlier(totals(0, 0)), Current(totals(0, 0)), Current(totals(0, 312))]
        {
            assert_eq!(file(count), "", "{count:?}");
        }
        assert!(StopImpact::judge(Storage::File, Current(totals(7, 3))).unwrap().loss().is_none());
    }

    #[test]
    fn loss_is_described_with_numbers_and_cause() {
        use WorkflowCount::{Current, Earlier, Unknown};
        let cases = [
            (
                Storage::Deleted,
                Current(totals(7, 0)),
                "7 running workflows WILL BE LOST: the database file was deleted",
            ),
            (
                Storage::Replaced,
                Current(totals(1, 0)),
                "1 running workflow WILL BE LOST: the database file was replaced",
            ),
            (
                Storage::Memory,
                Current(totals(0, 1)),
                "1 closed workflow WILL BE LOST: the database is in memory",
            ),
            (
                Storage::Memory,
                Earlier(totals(7, 312)),
                "7 running and 312 closed workflows WILL BE LOST: the database is in memory",
            ),
            (
                Storage::Memory,
                Unknown,
                "all workflows WILL BE LOST, number unknown: the database is in memory",
            ),
            (
                Storage::Deleted,
                Earlier(totals(0, 0)),
                "all workflows WILL BE LOST, number unknown: the database file was deleted",
            ),
        ];
        for (storage, count, expected) in cases {
            assert_eq!(text(storage, count), expected);
            assert!(StopImpact::judge(storage, count).unwrap().loss().is_some());
        }
    }

    #[test]
    fn only_a_current_count_of_zero_means_no_loss() {
        for storage in [Storage::Memory, Storage::Deleted, Storage::Replaced] {
            assert_eq!(StopImpact::judge(storage, WorkflowCount::Current(totals(0, 0))), None);
            for count in [
                WorkflowCount::Unknown,
                WorkflowCount::Earlier(totals(0, 0)),
                WorkflowCount::Current(totals(0, 1)),
            ] {
                assert!(StopImpact::judge(storage, count).is_some(), "{storage:?} {count:?}");
            }
        }
    }
}
