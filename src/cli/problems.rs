//! `stigmer local problems`: prints what is wrong now. The exit code shows whether there are
//! problems.

use super::output::{self, is_coloured, note, raw};
use super::{CliError, Context};
use crate::config;
use crate::harmless::harmless;
use crate::hosting;
use crate::protocol::{Problem, ProblemList, Severity, State};
use std::fmt::Write;
use stigmer_ui::human;
use stigmer_ui::request::runnable;

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    let (state, list) = hosting::problems(&context.home)?;
    if json {
        let text = serde_json::to_string_pretty(&list)
            .map_err(|error| CliError::Other(format!("cannot write the problems: {error}")))?;
        output::json(&text);
    } else {
        let file = config::read_file(&context.home).unwrap_or_default();
        let named = context.explicit.temporal_bin.clone().or(file.temporal_bin);
        let program = hosting::shell_program(&context.home, named.as_deref());
        raw(render(&list, program.as_deref(), is_coloured()).as_bytes());
    }
    if let Some(why) = &list.unknown {
        note(&format!("stigmer: the problems of workflows are unknown: {why}"));
    }
    let needs_action = shown(&list).any(|problem| problem.severity != Severity::Notice);
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

/// The problems that no user has dismissed.
fn shown(list: &ProblemList) -> impl Iterator<Item = &Problem> {
    list.problems.iter().filter(|problem| !problem.dismissed)
}

/// Formats the problems, each with its cause, its attempts, a hint and a command. Counts the
/// dismissed ones. `program` is the Temporal CLI if the shell does not find it.
fn render(list: &ProblemList, program: Option<&str>, coloured: bool) -> String {
    let mut text = String::new();
    let dismissed = list.problems.len() - shown(list).count();
    if shown(list).next().is_none() && list.unknown.is_none() {
        return match dismissed {
            0 => "no problems\n".to_owned(),
            1 => "no problems except 1 dismissed one (--json lists it)\n".to_owned(),
            n => {
                let n = human::count(n as u64);
                format!("no problems except {n} dismissed ones (--json lists them)\n")
            }
        };
    }
    for problem in shown(list) {
        let (sign, colour) = match problem.severity {
            Severity::Red => ("✗", "31"),
            Severity::Amber => ("▲", "33"),
            Severity::Notice => ("↻", "2"),
        };
        let head = format!("{sign} {}", problem.kind.state());
        let head = if coloured { format!("\u{1b}[{colour}m{head}\u{1b}[0m") } else { head };
        let _ = writeln!(text, "{head}  {}", harmless(&subject(problem)));
        let details = [
            Some(problem.cause.clone()).filter(|cause| !cause.is_empty()),
            workflows(problem),
            attempts(problem),
            problem.hint.clone(),
            problem.command.as_deref().map(|command| runnable(command, program)),
        ];
        for detail in details.into_iter().flatten() {
            let _ = writeln!(text, "    {}", harmless(&detail));
        }
    }
    match dismissed {
        0 => {}
        n => _ = writeln!(text, "{} dismissed, --json lists them", human::count(n as u64)),
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

/// Names the workflows that wait in a queue, such as `workflows: invoice-13, invoice-12 and 3 more`.
fn workflows(problem: &Problem) -> Option<String> {
    const NAMED: usize = 5;
    let (named, more) = problem.others.split_at_checked(NAMED).unwrap_or((&problem.others, &[]));
    let ids: Vec<&str> = named.iter().map(|it| it.workflow_id.as_str()).collect();
    let more = match more.len() as u64 {
        0 => String::new(),
        n => format!(" and {} more", human::count(n)),
    };
    (problem.run_id.is_none() && !ids.is_empty())
        .then(|| format!("workflows: {}{more}", ids.join(", ")))
}

/// Formats the attempts of an activity, such as `call_bank: attempt 8 of 50, next in 13 s`.
fn attempts(problem: &Problem) -> Option<String> {
    let attempt = problem.attempt?;
    let activity = problem.activity.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let limit = problem.max_attempts.map_or_else(String::new, |max| format!(" of {max}"));
    let next = problem
        .next_try_ms
        .filter(|next| *next >= 1_000)
        .map_or_else(String::new, |next| format!(", next in {}", human::remaining(next)));
    let as_of = human::as_of(problem.as_of_ms, problem.next_try_ms);
    let as_of = as_of.map(|as_of| format!(" ({as_of})")).unwrap_or_default();
    Some(format!("{activity}attempt {attempt}{limit}{next}{as_of}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ProblemKind, SCHEMA};

    #[test]
    fn command_has_the_program_that_the_shell_does_not_find() {
        let command = Some("temporal workflow show --workflow-id a".to_owned());
        let problem = Problem { command, ..Problem::new(ProblemKind::Stuck, "a") };
        let problems = vec![problem];
        let list = ProblemList { schema: SCHEMA, as_of_ms: None, unknown: None, problems };
        let shown = |program| render(&list, program, false);
        assert!(shown(None).ends_with("    temporal workflow show --workflow-id a\n"));
        let expected = "    '/a b/temporal' workflow show --workflow-id a\n";
        assert!(shown(Some("'/a b/temporal'")).ends_with(expected));
    }

    #[test]
    fn dismissed_problems_are_counted() {
        let list = |dismissed: &[bool], unknown: Option<&str>| {
            let problem = |dismissed: &bool| Problem {
                dismissed: *dismissed,
                ..Problem::new(ProblemKind::Server, "server")
            };
            let unknown = unknown.map(str::to_owned);
            let problems = dismissed.iter().map(problem).collect();
            render(&ProblemList { schema: SCHEMA, as_of_ms: None, unknown, problems }, None, false)
        };
        assert_eq!(list(&[], None), "no problems\n");
        assert_eq!(list(&[true], None), "no problems except 1 dismissed one (--json lists it)\n");
        assert_eq!(
            list(&[true; 3], None),
            "no problems except 3 dismissed ones (--json lists them)\n"
        );
        assert!(list(&[true, false], None).ends_with("\n1 dismissed, --json lists them\n"));
        assert_eq!(list(&[true; 2], Some("why")), "2 dismissed, --json lists them\n");
    }
}
