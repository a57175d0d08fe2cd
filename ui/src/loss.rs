//! What a stop or a restart of the server loses, judged from facts alone: where its data is, and
//! what is known of the workflows on it. Dashboard and commands ask with the same words.

use std::fmt;

use crate::human;

/// Where the data of the running server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// In a file that the next start opens.
    #[default]
    File,
    /// In memory only.
    Memory,
    /// In a file that was deleted while the server has it open.
    Deleted,
    /// In a file that another one has taken the place of, while the server has it open.
    Replaced,
}

impl Storage {
    /// Why the end of the server loses its data; `None`: it does not.
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

/// The workflows on a server, in all its namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Open now.
    pub running: u64,
    /// Closed and still kept.
    pub closed: u64,
}

/// What is known of the workflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Nobody has counted them.
    #[default]
    Unknown,
    /// The server cannot be asked now. These were there when it last could.
    Earlier(Holdings),
    /// These are there.
    Current(Holdings),
}

impl Count {
    fn known(self) -> Option<Holdings> {
        match self {
            Self::Unknown => None,
            Self::Earlier(holdings) | Self::Current(holdings) => Some(holdings),
        }
    }
}

/// What the end of the server does to the work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stake {
    /// So many running workflows wait for the next start.
    Interrupted(u64),
    /// Data is lost.
    Lost(Loss),
}

/// Data that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub(crate) why: &'static str,
    /// Absent: nobody knows.
    pub(crate) workflows: Option<Holdings>,
}

impl Stake {
    /// Judges the end of a running server. `None`: nothing is interrupted or lost.
    #[must_use]
    pub fn judge(storage: Storage, count: Count) -> Option<Self> {
        let Some(why) = storage.why_lost() else {
            let running = count.known().map_or(0, |known| known.running);
            return (running > 0).then_some(Self::Interrupted(running));
        };
        let workflows = match count {
            Count::Current(now) if now == Holdings::default() => return None,
            // Since then, any number may have been started.
            Count::Earlier(before) if before == Holdings::default() => None,
            Count::Unknown | Count::Earlier(_) | Count::Current(_) => count.known(),
        };
        Some(Self::Lost(Loss { why, workflows }))
    }

    /// What is lost, where anything is.
    #[must_use]
    pub fn loss(self) -> Option<Loss> {
        match self {
            Self::Interrupted(_) => None,
            Self::Lost(loss) => Some(loss),
        }
    }
}

impl fmt::Display for Stake {
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

/// The numbers come first: on a small screen the rest may be cut.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, workflows } = self;
        let closed = |n| human::counted(n, "closed workflow", "closed workflows");
        let what = match *workflows {
            None => return write!(f, "all workflows WILL BE LOST, number unknown: {why}"),
            Some(Holdings { running, closed: 0 }) => {
                human::counted(running, "running workflow", "running workflows")
            }
            Some(Holdings { running: 0, closed: n }) => closed(n),
            Some(Holdings { running, closed: n }) => {
                format!("{} running and {}", human::count(running), closed(n))
            }
        };
        write!(f, "{what} WILL BE LOST: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(storage: Storage, count: Count) -> String {
        Stake::judge(storage, count).map_or_else(String::new, |stake| stake.to_string())
    }

    fn holds(running: u64, closed: u64) -> Holdings {
        Holdings { running, closed }
    }

    #[test]
    fn a_file_that_stays_loses_nothing() {
        use Count::{Current, Earlier, Unknown};
        let file = |count| said(Storage::File, count);
        assert_eq!(
            file(Current(holds(7, 3))),
            "7 running workflows; they continue after the next start"
        );
        assert_eq!(
            file(Earlier(holds(1, 0))),
            "1 running workflow; it continues after the next start"
        );
        for count in [Unknown, Earlier(holds(0, 0)), Current(holds(0, 0)), Current(holds(0, 312))] {
            assert_eq!(file(count), "", "{count:?}");
        }
        assert!(Stake::judge(Storage::File, Current(holds(7, 3))).unwrap().loss().is_none());
    }

    #[test]
    fn what_is_lost_is_said_with_its_numbers_and_its_cause() {
        use Count::{Current, Earlier, Unknown};
        let cases = [
            (
                Storage::Deleted,
                Current(holds(7, 0)),
                "7 running workflows WILL BE LOST: the database file was deleted",
            ),
            (
                Storage::Replaced,
                Current(holds(1, 0)),
                "1 running workflow WILL BE LOST: the database file was replaced",
            ),
            (
                Storage::Memory,
                Current(holds(0, 1)),
                "1 closed workflow WILL BE LOST: the database is in memory",
            ),
            (
                Storage::Memory,
                Earlier(holds(7, 312)),
                "7 running and 312 closed workflows WILL BE LOST: the database is in memory",
            ),
            (
                Storage::Memory,
                Unknown,
                "all workflows WILL BE LOST, number unknown: the database is in memory",
            ),
            (
                Storage::Deleted,
                Earlier(holds(0, 0)),
                "all workflows WILL BE LOST, number unknown: the database file was deleted",
            ),
        ];
        for (storage, count, expected) in cases {
            assert_eq!(said(storage, count), expected);
            assert!(Stake::judge(storage, count).unwrap().loss().is_some());
        }
    }

    #[test]
    fn only_a_current_count_of_none_is_nothing_to_lose() {
        for storage in [Storage::Memory, Storage::Deleted, Storage::Replaced] {
            assert_eq!(Stake::judge(storage, Count::Current(holds(0, 0))), None);
            for count in [Count::Unknown, Count::Earlier(holds(0, 0)), Count::Current(holds(0, 1))]
            {
                assert!(Stake::judge(storage, count).is_some(), "{storage:?} {count:?}");
            }
        }
    }
}
