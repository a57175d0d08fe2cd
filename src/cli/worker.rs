//! `stigmer local start|stop|restart NAME…`, and the workers of the project in the current folder.

use super::output::line;
use super::{CliError, Context, block_on};
use crate::harmless::quote;
use crate::hosting;
use crate::protocol::{ProjectWorker, State};
use crate::supervisor::Want;
use std::path::Path;

/// Sends a command to each of these workers, one after the other. `server` performs the command for
/// the server: without a name, or if `server` is one of the names.
pub(super) fn on_each(
    context: &Context,
    command: &'static str,
    names: &[String],
    server: impl Fn() -> Result<i32, CliError>,
) -> Result<i32, CliError> {
    if names.is_empty() {
        return server();
    }
    // Workers start after the server and stop before it.
    let (of_server, names): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == "server");
    let begins = command != "stop";
    if !of_server.is_empty() && begins {
        server()?;
    }
    for name in names {
        block_on(hosting::command_worker(&context.home, name, command))??;
        let state = if command == "stop" { "stopped" } else { "ready" };
        line(&format!("worker `{}` is {state}", quote(name)));
    }
    if !of_server.is_empty() && !begins {
        server()?;
    }
    Ok(0)
}

/// Runs the workers of a project, and prints a line for each when all are ready.
pub(super) fn run_project(context: &Context, file: &Path) -> Result<(), CliError> {
    let status = block_on(hosting::run_project(&context.home, file))??;
    let workers = status.workers.iter().filter(|worker| worker.file == file);
    workers.for_each(|worker| line(&format!("  worker    {}", describe(worker))));
    Ok(())
}

/// Describes a worker in one line.
pub(super) fn describe(worker: &ProjectWorker) -> String {
    let ProjectWorker { name, state, pid, task_queues, .. } = worker;
    let mut text = format!("{name}: {state}");
    if *state == State::Stopped && worker.intent == Want::Down {
        text.push_str(&format!(", start it with `stigmer local start {name}`"));
    }
    if !task_queues.is_empty() {
        text.push_str(&format!(", polls {}", task_queues.join(", ")));
    }
    if let Some(pid) = pid {
        text.push_str(&format!(" (pid {pid})"));
    }
    quote(&text)
}
