//! `stigmer local start|stop|restart NAME…`, and the workers of the project in the current folder.

use super::output::{self, line};
use super::{CliError, Context};
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
    let (of_server, names): (Vec<&str>, Vec<&str>) =
        names.iter().map(String::as_str).partition(|name| *name == "server");
    if names.is_empty() {
        return server();
    }
    let has_server = !of_server.is_empty();
    let begins = command != "stop";
    // A start of the server also runs the project, so the host need not know its workers yet.
    let project = if has_server && command == "start" { context.project()? } else { None };
    let is_added = |name: &str| {
        project.iter().flat_map(|project| &project.workers).any(|worker| worker.name == name)
    };
    let others = names.iter().copied().filter(|name| !is_added(name));
    let unlisted = hosting::unlisted_workers(&context.home, others, &output::notice)?;
    let (first, last): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| unlisted.contains(name));
    // The host refuses an unknown name before anything else is done.
    first.into_iter().try_for_each(|name| on_worker(context, command, name))?;
    // Workers start after the server and stop before it.
    if has_server && begins {
        server()?;
    }
    last.into_iter().try_for_each(|name| on_worker(context, command, name))?;
    if begins {
        note_broken_projects(context);
    }
    if has_server && !begins {
        server()?;
    }
    Ok(0)
}

/// Prints which project files cannot be used: their workers run as the last usable content says.
fn note_broken_projects(context: &Context) {
    let Ok(status) = hosting::status(&context.home) else { return };
    status
        .broken_projects
        .iter()
        .for_each(|it| output::note(&format!("note: {}", quote(&it.reason))));
}

/// Sends a command to a worker, and prints its state after it.
fn on_worker(context: &Context, command: &'static str, name: &str) -> Result<(), CliError> {
    let has_run = hosting::command_worker(&context.home, name, command, &output::notice)?;
    let state = match (command, has_run) {
        ("stop", true) => "stopped",
        ("stop", false) => "not running",
        _ => "ready",
    };
    line(&format!("worker `{}` is {state}", quote(name)));
    Ok(())
}

/// Runs the workers of a project, and prints a line for each when all are ready.
pub(super) fn run_project(context: &Context, file: &Path) -> Result<(), CliError> {
    let status = hosting::run_project(&context.home, file, &output::notice)?;
    let workers = status.workers.iter().filter(|worker| worker.file == file);
    let mut outdated = Vec::new();
    for worker in workers {
        line(&format!("  worker    {}", describe(worker)));
        outdated.extend(worker.outdated.as_ref().map(|it| quote(&it.reason)));
    }
    // Such a worker does not run as the project file says.
    if outdated.is_empty() { Ok(()) } else { Err(CliError::Other(outdated.join("\n"))) }
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
