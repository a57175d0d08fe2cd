//! The timeline of the server.

/// Entry of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineRow {
    /// Unique number of the entry. Never changes.
    pub id: u64,
    /// Day in at most 6 columns: `Nov 22`. Empty for today.
    pub day: String,
    /// Time of day in at most 8 columns: `21:16:39`.
    pub clock: String,
    /// Name of the worker of a project. Empty for the server.
    pub worker: String,
    /// Generation of the unit.
    pub generation: u64,
    /// Kind of the entry, shown as a sign.
    pub kind: TimelineKind,
    /// Description: `crash: signal 9 (SIGKILL) after 12 min`.
    pub what: String,
    /// Outcome: `repaired in 131 ms`, `down for 2.5 s`, `ready in 212 ms (new database)`. Empty until it is known.
    pub recovery: String,
    /// Phases of the start or the restart, in order.
    pub phases: Vec<Phase>,
    /// Last log lines of a generation that did not exit normally, oldest first.
    pub last_words: Vec<String>,
}

impl TimelineRow {
    /// Returns the day and the time: `Nov 22 21:16:39`. For an entry of today, only the time.
    pub(crate) fn when(&self) -> String {
        let gap = if self.day.is_empty() { "" } else { " " };
        format!("{}{gap}{}", self.day, self.clock)
    }

    /// Returns the description, with the name of a worker.
    pub(crate) fn described(&self) -> String {
        match self.worker.as_str() {
            "" => self.what.clone(),
            name => format!("{name}: {}", self.what),
        }
    }

    /// Returns the whole entry as text. Each line ends with a line feed.
    pub(crate) fn plain(&self) -> String {
        let Self { generation, recovery, .. } = self;
        let what = self.described();
        let mut text = format!("{} generation {generation}: {what}\n", self.when());
        if !recovery.is_empty() {
            text += &format!("  {recovery}\n");
        }
        for phase in &self.phases {
            text += &format!("  {:<8} {} ms\n", phase.name, phase.ms);
        }
        for line in &self.last_words {
            text += &format!("  | {line}\n");
        }
        text
    }
}

/// Kind of a timeline entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimelineKind {
    /// The server was started.
    #[default]
    Start,
    /// The server was stopped.
    Stop,
    /// The server exited or hung, and was restarted.
    Restart,
    /// The supervisor gave up.
    GaveUp,
}

/// Phase of a start or a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// Name: `seen`, `stopped`, `cleaned`, `waited`, `spawned`, `tcp`, `grpc`, `store` or `engine`.
    pub name: String,
    /// Duration.
    pub ms: u64,
}
