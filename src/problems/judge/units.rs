//! Why a worker that stigmer runs does not poll its task queue.

use crate::protocol::{ProjectWorker, State};

/// Why the worker of a queue does not poll, and what the user can do.
pub(super) struct Absence {
    /// The name of the worker and its state, for example as `` worker `orders` is stopped ``.
    pub reason: String,
    pub hint: String,
    /// A command that shows more. `None` if there is nothing to show.
    pub command: Option<String>,
}

impl Absence {
    /// Returns why the worker of this queue does not poll: of several workers, the one that needs help most.
    /// `None` if the queue belongs to no worker that stigmer runs, or if one of its workers is ready.
    pub(super) fn of(namespace: &str, queue: &str, units: &[ProjectWorker]) -> Option<Self> {
        let is_own = |unit: &&ProjectWorker| {
            let is_there = unit.namespace.as_deref().is_none_or(|it| it == namespace);
            is_there && unit.own_queues.iter().any(|own| own == queue)
        };
        let unit = units.iter().filter(is_own).min_by_key(|unit| rank(unit.state))?;
        let name = &unit.name;
        let (state, hint) = match unit.state {
            State::Ready => return None,
            State::Stopped => {
                ("is stopped".to_owned(), format!("start it with `stigmer local start {name}`"))
            }
            State::Failed => (
                format!("gave up: {}", unit.cause()),
                unit.hint.clone().unwrap_or_else(|| start_hint(name)),
            ),
            State::Backoff => (
                format!("waits for its restart: {}", unit.cause()),
                "stigmer starts the worker again; its log shows why it ends".to_owned(),
            ),
            State::Degraded => (
                format!("does not work: {}", unit.cause()),
                "stigmer restarts the worker if it does not poll again".to_owned(),
            ),
            State::Starting => ("starts".to_owned(), "wait until the worker polls".to_owned()),
            State::Stopping => ("stops".to_owned(), "see `stigmer local status`".to_owned()),
        };
        let is_explained = matches!(unit.state, State::Failed | State::Backoff | State::Degraded);
        let command = is_explained.then(|| logs_command(name));
        Some(Self { reason: format!("worker `{name}` {state}"), hint, command })
    }
}

/// The order of the states: a ready worker explains nothing, and of the others the one that needs help
/// most comes first.
fn rank(state: State) -> u8 {
    match state {
        State::Ready => 0,
        State::Failed => 1,
        State::Backoff => 2,
        State::Degraded => 3,
        State::Starting => 4,
        State::Stopping => 5,
        State::Stopped => 6,
    }
}

/// What to do about a worker that stigmer does not restart any more.
pub(in crate::problems) fn start_hint(name: &str) -> String {
    format!("repair the cause, then start the worker: `stigmer local start {name}`")
}

/// The command that shows the log of a worker.
pub(in crate::problems) fn logs_command(name: &str) -> String {
    format!("stigmer local logs {name} -n 50")
}
