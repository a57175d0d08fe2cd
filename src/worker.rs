//! The workers of a project, as a kind of unit: what to run, and when a worker is ready.
//!
//! A worker is ready while a process of its instance polls its task queues. A running process alone
//! proves nothing: a wrapper may run without its worker, and a worker may have lost its server.

mod before;
mod environment;
mod launch;
mod log_format;
mod output;
pub(crate) mod prober;
mod readiness;
mod recorded;
pub(crate) mod running;
mod server_access;
mod sticky;
mod stop;

pub(crate) use before::{end_before, run_before};
pub(crate) use environment::base_of_running;
pub(crate) use launch::{LaunchedWorker, WorkerLaunch, check_program, clear, launch, not_begun};
pub(crate) use log_format::WorkerLogFormat;
pub(crate) use recorded::{recorded_project, recorded_spec};
pub(crate) use server_access::ServerAccess;
pub(crate) use sticky::release_workflows;
pub use stop::{StoppedWorker, end_each};

use crate::project::WorkerSpec;
use crate::supervisor::{Policy, StopSignal, UnitKind, Want};
use crate::unit::log_reader::TroubleWords;

/// The words in messages about the log file of a worker.
pub(crate) const LOG_WORDS: TroubleWords =
    TroubleWords { writer: "the worker", hint: "restart the worker for a new log" };

/// SIGINT is the one signal that all SDKs handle well: a plain Python worker dies of SIGTERM at once.
const STOP_SIGNALS: &[StopSignal] = &[StopSignal::Interrupt, StopSignal::Terminate];

/// What the supervisor knows of this worker.
pub(crate) fn kind(name: &str) -> UnitKind {
    UnitKind {
        unit: format!("worker `{name}`").into(),
        start_hint: format!(
            "see its log with `stigmer local logs {name}`, then start the worker with \
             `stigmer local start {name}`"
        )
        .into(),
        stop_signals: STOP_SIGNALS,
    }
}

/// Whether a worker is to run, if no command has started or stopped it.
pub(crate) fn default_want(spec: &WorkerSpec) -> Want {
    if spec.start { Want::Up } else { Want::Down }
}

/// The limits of supervision of a worker. A worker that runs but does not poll has the time of a
/// start until it is restarted.
pub(crate) fn policy(spec: &WorkerSpec) -> Policy {
    let policy = spec.limits.policy.clone();
    Policy { failure_threshold: 1, failure_span: policy.start_timeout, ..policy }
}
