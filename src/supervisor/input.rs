//! What the supervisor hears and what it asks for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of the Temporal that this home has spawned, from 1, never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The one after this.
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
    /// Somebody asked for it.
    Operator,
    /// Ended by a signal or with a non-zero exit code.
    Crash,
    /// Ended with exit code 0 though nobody here asked.
    Exited,
    /// Ran, but did not answer.
    Unresponsive,
    /// Did not become ready in time.
    StartTimeout,
    /// Could not be spawned.
    SpawnFailed,
    /// The host is going away and takes Temporal with it.
    Shutdown,
}

impl Cause {
    /// Every cause, for tables and metrics.
    pub const ALL: [Self; 7] = [
        Self::Operator,
        Self::Crash,
        Self::Exited,
        Self::Unresponsive,
        Self::StartTimeout,
        Self::SpawnFailed,
        Self::Shutdown,
    ];

    /// Whether nobody asked for it.
    #[must_use]
    pub fn is_automatic(self) -> bool {
        match self {
            Self::Operator | Self::Shutdown => false,
            Self::Crash
            | Self::Exited
            | Self::Unresponsive
            | Self::StartTimeout
            | Self::SpawnFailed => true,
        }
    }

    /// The word used on the wire and on screen.
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
    /// It returned this exit code.
    Code(i32),
    /// This signal ended it; the name is `SIGKILL`, `SIGSEGV`, …
    Signal(i32, &'static str),
    /// It was no child of ours and the kernel does not tell.
    Unknown,
}

impl Exit {
    /// The cause of an end that nobody asked for.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Code(0) => Cause::Exited,
            Self::Code(_) | Self::Signal(..) | Self::Unknown => Cause::Crash,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(number, name) => write!(f, "signal {number} ({name})"),
            Self::Unknown => f.write_str("exit status unknown (adopted)"),
        }
    }
}

/// A layer of health, in the order in which they are probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The lock file is held.
    Lock,
    /// The leader lives and its instance owns the listening socket.
    Process,
    /// The port accepts.
    Tcp,
    /// The health service says SERVING.
    Grpc,
    /// The database answers, and is the file that the path names.
    Store,
    /// History and matching answer.
    Engine,
}

impl Layer {
    /// All six, bottom up.
    pub const ALL: [Self; 6] =
        [Self::Lock, Self::Process, Self::Tcp, Self::Grpc, Self::Store, Self::Engine];

    /// The word used on the wire and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Process => "process",
            Self::Tcp => "tcp",
            Self::Grpc => "grpc",
            Self::Store => "store",
            Self::Engine => "engine",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a restart helps against a failed probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartHelps {
    /// A new process may pass.
    Yes,
    /// A restart would not help, or would lose what only the running process has.
    No,
    /// The server starts or shuts down, and has the time that a start or a stop may take.
    NotYet,
}

/// The verdict of one round of probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Round {
    /// Every layer that applies passes.
    Pass,
    /// This layer failed first.
    Fail {
        /// Which.
        layer: Layer,
        /// What was seen.
        detail: String,
        /// Whether a restart helps.
        restart_helps: RestartHelps,
    },
    /// The host itself was late: this round says nothing about Temporal.
    Void,
}

/// Whose process was found running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Spawned from this home by an earlier host, and proven.
    Ours,
    /// A Temporal that somebody else runs on the port.
    External,
}

/// Why it was given up, and what a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was tried, on what, and why it failed.
    pub reason: String,
    /// What to do next.
    pub cure: String,
    /// What is in the way and may become free: tried again until it does.
    #[serde(default)]
    pub waits_for: Option<Resource>,
}

/// What a start needs and a machine may be short of. Its absence is no failure of the server, so
/// waiting for it counts as no restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// Room on a disk that can be written.
    Disk,
    /// Processes, memory, descriptors, a file system that responds.
    System,
}

impl Failure {
    /// A failure with its cure.
    pub fn new(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { reason: reason.into(), cure: cure.into(), waits_for: None }
    }

    /// The same, where nothing is wrong but that this resource is missing.
    #[must_use]
    pub fn until_free(self, resource: Resource) -> Self {
        Self { waits_for: Some(resource), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.cure)
    }
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The operator wants it up.
    Start,
    /// The operator (or the end of the host) wants it down.
    Stop {
        /// [`Cause::Operator`] or [`Cause::Shutdown`].
        cause: Cause,
    },
    /// The operator does not wait for a stop any longer.
    EndGrace,
    /// The operator wants a new generation.
    Restart,
    /// Something runs already.
    Found {
        /// The recorded generation, or that of the launch that met it.
        generation: Generation,
        /// Whose it is.
        found: Found,
    },
    /// The process of this generation exists.
    Launched {
        /// Which.
        generation: Generation,
    },
    /// It was not spawned.
    LaunchRefused {
        /// Which.
        generation: Generation,
        /// Why, and the cure.
        failure: Failure,
        /// Whether trying again may succeed.
        curable: bool,
    },
    /// Every process of this generation is gone.
    Exited {
        /// Which.
        generation: Generation,
        /// How its leader ended.
        exit: Exit,
        /// Set where its last words name something that no restart cures.
        fatal: Option<Failure>,
    },
    /// A round of probes is complete.
    Probed {
        /// Which generation was probed.
        generation: Generation,
        /// The verdict.
        round: Round,
    },
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Clear what is left, prove the ports free, take the locks, spawn.
    Launch {
        /// The number it gets.
        generation: Generation,
        /// Why it begins.
        cause: Cause,
        /// More about the cause, for people.
        detail: String,
        /// Whether it counts as an automatic restart.
        automatic: bool,
    },
    /// SIGTERM and SIGCONT to every process of the instance.
    Terminate {
        /// Which.
        generation: Generation,
    },
    /// SIGKILL to every process of the instance.
    Kill {
        /// Which.
        generation: Generation,
    },
    /// Stop watching a Temporal that is not ours.
    Unwatch {
        /// The number it was watched under.
        generation: Generation,
    },
}
