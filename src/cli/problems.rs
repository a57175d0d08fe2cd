//! `stigmer local problems`: prints what is wrong now. The exit code shows whether there are
//! problems.

use super::output::{self, is_coloured, note, raw};
use super::{CliError, Context};
use crate::harmless::harmless;
use crate::hosting;
use crate::protocol::{Problem, ProblemList, Severity, State};
use std::fmt::Write;
use stigmer_ui::human;

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    let (state, list) = hosting::problems(&context.home)?;
    if json {
        let text = serde_json::to_string_pretty(&list)
            .map_err(|error| CliError::Other(format!("cannot write the problems: {error}")))?;
        output::json(&text);
    } else {
        raw(render(&list, is_coloured()).as_bytes());
    }
    if let Some(why) = &list.unknown {
        note(&format!("stigmer: the problems of workflows are unknown: {why}"));
    }
    let needs_action = list.problems.iter().any(|problem| problem.severity != Severity::Notice);
    Ok(match state {
        State::Stopped => 3,
        _ if needs_action => 4,
        State::Starting
        | State::Ready
        | State::Degraded
        | State::Stopping
        | State::Backoff
        | State::Failed => i32::from(list.unknown.is_some()),
    })
}

/// Formats the problems, each with its cause, its attempts, a hint and a command.
fn render(list: &ProblemList, coloured: bool) -> String {
    if list.problems.is_empty() {
        return if list.unknown.is_none() { "no problems\n".to_owned() } else { String::new() };
    }
    let mut text = String::new();
    for problem in &list.problems {
        let (sign, colour) = match problem.severity {
            Severity::Red => ("✗", "31"),
            Severity::Amber => ("▲", "33"),
            Severity::Notice => ("↻", "2"),
        };
        let head = format!("{sign} {}", problem.kind.label());
        let head = if coloured { format!("\u{1b}[{colour}m{head}\u{1b}[0m") } else { head };
        let _ = writeln!(text, "{head}  {}", harmless(&subject(problem)));
        let details = [
            Some(problem.cause.clone()).filter(|cause| !cause.is_empty()),
            attempts(problem),
            problem.hint.clone(),
            problem.command.clone(),
        ];
        for detail in details.into_iter().flatten() {
            let _ = writeln!(text, "    {}", harmless(&detail));
        }
    }
    text
}

/// Formats the first line of a problem, such as `Refund refund-0 and 1 more, queue orders,
/// namespace shop, for 2 min`.
fn subject(problem: &Problem) -> String {
    let mut words = Vec::new();
    words.extend(problem.workflow_type.as_deref());
    words.push(&problem.subject);
    let mut text = words.join(" ");
    if problem.run_id.is_some() && problem.count > 1 {
        let _ = write!(text, " and {} more", human::count(problem.count - 1));
    }
    if let Some(queue) = problem.queue.as_deref().filter(|queue| *queue != problem.subject) {
        let _ = write!(text, ", queue {queue}");
    }
    if let Some(namespace) = problem.namespace.as_deref().filter(|name| *name != "default") {
        let _ = write!(text, ", namespace {namespace}");
    }
    let _ = write!(text, ", for {}", human::duration(problem.since_ms));
    text
}

/// Formats the attempts of an activity, such as `call_bank: attempt 8 of 50, next in 13 s`.
fn attempts(problem: &Problem) -> Option<String> {
    let attempt = problem.attempt?;
    let activity = problem.activity.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let limit = problem.max_attempts.map_or_else(String::new, |max| format!(" of {max}"));
    let next = problem
        .next_try_ms
        .filter(|next| *next > 0)
        .map_or_else(String::new, |next| format!(", next in {}", human::duration(next)));
    Some(format!("{activity}attempt {attempt}{limit}{next}"))
}
