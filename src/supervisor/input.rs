//! Inputs and effects of the supervisor.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The number of one start of the server in this home, and of its process. Numbers begin at 1 and
/// are never reused. A search for a server uses a number, too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The following number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a generation ended or began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The operator requested the end or the start.
    Operator,
    /// The server ended by a signal or with a non-zero exit code.
    Crash,
    /// The server ended with exit code 0 without a request of the operator.
    Exited,
    /// The server was running, but did not respond.
    Unresponsive,
    /// The server did not become ready in time.
    StartTimeout,
    /// The server could not be spawned.
    SpawnFailed,
    /// The host shuts down and stops its server.
    Shutdown,
    /// A watched file of a worker has changed.
    Changed,
}

impl Cause {
    /// Every cause, for tables and metrics.
    pub const ALL: [Self; 8] = [
        Self::Operator,
        Self::Crash,
        Self::Exited,
        Self::Unresponsive,
        Self::StartTimeout,
        Self::SpawnFailed,
        Self::Shutdown,
        Self::Changed,
    ];

    /// The causes of automatic restarts.
    pub fn automatic() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|cause| cause.is_automatic())
    }

    /// Whether the end or the start happened without a request of the operator. A change of a file
    /// counts as a request.
    #[must_use]
    pub fn is_automatic(self) -> bool {
        match self {
            Self::Operator | Self::Shutdown | Self::Changed => false,
            Self::Crash
            | Self::Exited
            | Self::Unresponsive
            | Self::StartTimeout
            | Self::SpawnFailed => true,
        }
    }

    /// The name of this cause in JSON and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Crash => "crash",
            Self::Exited => "exited",
            Self::Unresponsive => "unresponsive",
            Self::StartTimeout => "start_timeout",
            Self::SpawnFailed => "spawn_failed",
            Self::Shutdown => "shutdown",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// The process exited with this code.
    Code(i32),
    /// This signal ended the process. The text is the name of the signal: `SIGKILL`, `SIGSEGV`, and
    /// so on.
    Signal(i32, &'static str),
    /// Unknown: the process was not a child of this host, and the kernel does not report its
    /// status.
    Unknown,
    /// The process ended while no host ran, so its status and the time of its end are unknown.
    Unseen,
}

impl Exit {
    /// The cause for a process that ended in this way without a request of the operator.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Code(0) => Cause::Exited,
            Self::Code(_) | Self::Signal(..) | Self::Unknown | Self::Unseen => Cause::Crash,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(number, name) => write!(f, "signal {number} ({name})"),
            Self::Unknown => f.write_str("exit status unknown (adopted)"),
            Self::Unseen => f.write_str("ended while no host ran"),
        }
    }
}

/// A failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The name of the check, for messages.
    pub name: &'static str,
    /// Whether repeated failures of this check show that the process has ended. Used only for an
    /// external process, because no host sees the exit of such a process.
    pub shows_end: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// Whether a restart may fix a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartHelps {
    /// Yes: a new server process may pass the check.
    Yes,
    /// No: the restart would not fix the error, or would lose data that only the running process
    /// has.
    No,
    /// Not yet: the server is starting or shutting down. A restart is useful only after the time
    /// limit of a start or stop.
    NotYet,
    /// No: the unit waits for another one, such as a worker for the server. The time of the wait does
    /// not count towards the time limit of a start.
    Waiting,
}

/// The result of one round of checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Round {
    /// All checks that apply to the server pass.
    Pass,
    /// At least one check fails.
    Fail {
        /// The first check that failed.
        check: Check,
        /// The observed error.
        detail: String,
        /// Whether a restart may fix the error.
        restart_helps: RestartHelps,
    },
    /// The host itself was delayed, so this round proves nothing about the server.
    Void,
}

/// The owner of a server that was found running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// An earlier host of this home spawned the server. The search has proven this.
    Ours,
    /// Someone else runs the server on this port.
    External,
}

/// The reason of the state `failed`, and what the user can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, on which object, and why.
    pub reason: String,
    /// What the user can do next.
    pub hint: String,
    /// The missing resource, if there is one. The start is tried again until the resource is
    /// available.
    #[serde(default)]
    pub waits_for: Option<Resource>,
}

/// A resource that a start needs and that the machine may lack. A missing resource is not a failure
/// of the server, so a wait for the resource does not count as a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// Free space on a writable disk.
    Disk,
    /// Processes, memory, descriptors, or a file system that responds.
    System,
}

impl Failure {
    /// Creates a failure. `hint` is what the user can do.
    pub fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into(), waits_for: None }
    }

    /// Adds that only this missing resource caused the failure, so that the start is tried again.
    #[must_use]
    pub fn until_free(self, resource: Resource) -> Self {
        Self { waits_for: Some(resource), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.hint)
    }
}

/// What the supervisor knows of the kind of its unit: the words in messages, and how the unit is
/// stopped.
#[derive(Debug, Clone)]
pub struct UnitKind {
    /// The unit in a sentence, for example `the server`.
    pub unit: Cow<'static, str>,
    /// How the user starts the unit after the supervisor has given up.
    pub start_hint: Cow<'static, str>,
    /// The signals that request the end of the unit, one after the other, before SIGKILL. Has at
    /// least one entry. They share the grace period; an earlier signal has a longer part.
    pub stop_signals: &'static [StopSignal],
}

impl UnitKind {
    /// The part of the grace period between the signal with this index and the next one.
    pub(crate) fn part_of(&self, grace: Duration, signal: usize) -> Duration {
        let signals = u32::try_from(self.stop_signals.len()).unwrap_or(u32::MAX).max(1);
        let weight = signals.saturating_sub(u32::try_from(signal).unwrap_or(u32::MAX));
        grace.saturating_mul(weight) * 2 / signals / (signals + 1)
    }
}

/// A signal that requests the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// An input of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The operator wants the server up.
    Start,
    /// The operator wants the server down, or the host shuts down.
    Stop {
        /// [`Cause::Operator`] or [`Cause::Shutdown`].
        cause: Cause,
    },
    /// The operator does not want to wait for the rest of the grace period of a stop.
    EndGrace,
    /// The operator wants the server to be stopped and started again.
    Restart,
    /// A file of the unit has changed. A unit that is to run is stopped and started again.
    Reload {
        /// What has changed, for people.
        detail: String,
    },
    /// A server was found running.
    Found {
        /// The number in the record of the server, or the number of the launch or search that found
        /// the server.
        generation: Generation,
        /// The owner of the server.
        found: Found,
    },
    /// A launch has spawned the process of this generation.
    Launched {
        /// The generation that was launched.
        generation: Generation,
    },
    /// A launch has failed, and no process was spawned.
    LaunchRefused {
        /// The generation of the launch.
        generation: Generation,
        /// The reason, and what the user can do.
        failure: Failure,
        /// Whether a later attempt may succeed.
        is_transient: bool,
    },
    /// A search has proven that no server of this home is left.
    Absent {
        /// The generation of the search.
        generation: Generation,
    },
    /// A search has proven nothing. A server of this home may still run.
    SearchFailed {
        /// The generation of the search.
        generation: Generation,
        /// The reason, and what the user can do.
        failure: Failure,
    },
    /// All processes of this generation have ended.
    Exited {
        /// The generation that ended.
        generation: Generation,
        /// Exit status of the leader, the first process of the server.
        exit: Exit,
        /// Set if a restart would not help, for example because the last log lines show a fatal
        /// error.
        fatal: Option<Failure>,
    },
    /// A round of checks is complete.
    Probed {
        /// The generation that was checked.
        generation: Generation,
        /// The result of the round.
        round: Round,
    },
}

/// An action for the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End all processes of the previous server, check that the ports are free, take the locks, and
    /// spawn the server.
    Launch {
        /// The number of the new process.
        generation: Generation,
        /// Why the server starts.
        cause: Cause,
        /// Details of the cause, for people.
        detail: String,
        /// Whether the launch is an automatic restart.
        automatic: bool,
    },
    /// Search for a server of an earlier generation that this host does not watch. Spawn nothing.
    Search {
        /// The number of the search. A server that the search finds is stopped under this number.
        generation: Generation,
    },
    /// Send this signal and SIGCONT to every process of this generation.
    Terminate {
        /// The generation to terminate.
        generation: Generation,
        /// The signal.
        signal: StopSignal,
    },
    /// Send SIGKILL to every process of this generation.
    Kill {
        /// The generation to kill.
        generation: Generation,
    },
    /// Stop watching an external server.
    Unwatch {
        /// The number under which the external server was watched.
        generation: Generation,
    },
}
