//! Verdicts, without side effects: what a command came to, what an end means.

use super::aftermath::Ended;
use super::log_reader::Words;
use super::{Facts, Outcome};
use crate::config::{Database, Settings};
use crate::protocol::ApiError;
use crate::supervisor::{Exit, Failure, State, Want};
use crate::temporal::database;
use crate::temporal::last_words::{self, StartFailure};
use crate::temporal::logline::LineParser;

/// Whether what was asked for has come about, or no longer will.
pub(super) fn outcome(goal: Want, want: Want, state: &State, facts: &Facts) -> Option<Outcome> {
    let error =
        |code: &str, message: String, hint: &str| Some(Err(ApiError::new(code, message, hint)));
    match (goal, state) {
        (Want::Up, State::Ready(_) | State::Degraded(..)) if want == Want::Up => Some(Ok(())),
        (Want::Up, State::Failed { failure, .. }) => {
            let mut message = failure.reason.clone();
            if !facts.last_words.is_empty() {
                message.push_str("\nTemporal's last words:\n  ");
                message.push_str(&facts.last_words.join("\n  "));
                message.push('\n');
            }
            error("failed", message, &failure.cure)
        }
        (Want::Up, State::Stopped { note }) => error(
            "stopped",
            format!(
                "Temporal was not started: {}",
                note.as_deref().unwrap_or("it was stopped by another command")
            ),
            "`stigmer local` starts it",
        ),
        (Want::Down, State::Stopped { .. }) => Some(Ok(())),
        (Want::Down, _) if want == Want::Up => {
            error("superseded", "it was started again by another command".into(), "stop it again")
        }
        (Want::Down, State::Failed { failure, left: Some(_) }) => {
            error("failed", failure.reason.clone(), &failure.cure)
        }
        (Want::Up | Want::Down, _) => None,
    }
}

/// What no restart cures, from the last words of a server that never became ready.
pub(super) fn fatal(ended: &Ended, settings: &Settings) -> Option<Failure> {
    let code = match ended.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(..) | Exit::Unknown => None,
    };
    let database = settings
        .database
        .file()
        .map(|path| path.display().to_string())
        .unwrap_or_else(|| "in memory".into());
    match last_words::classify_exit(code, ended.words.cause.as_deref()) {
        StartFailure::DatabaseUnusable { detail } => Some(Failure::new(
            format!("Temporal cannot use the database {database}: {detail}"),
            "mend the file or its folder, or name another database with --db FILE",
        )),
        // One that a start of ours began is set aside by the next start.
        StartFailure::PartialSchema => match &settings.database {
            Database::File(path) if !database::is_replaceable(path) => Some(Failure::new(
                format!(
                    "the database {database} is incomplete or another program's: {}",
                    ended.words.cause.as_deref().unwrap_or("tables are missing")
                ),
                "move it away, or name another database with --db FILE",
            )),
            Database::File(_) | Database::Memory => None,
        },
        StartFailure::UnknownFlag { detail } => Some(Failure::new(
            format!("Temporal does not accept its arguments: {detail}"),
            "mend what follows `--`, or use another CLI with --temporal-bin FILE",
        )),
        // The launch looks at the ports again and names who is there.
        StartFailure::PortTaken { .. }
        | StartFailure::LostPortRace { .. }
        | StartFailure::Other => None,
    }
}

/// The words that say why: the cause alone where there is one, else the end of the log.
pub(super) fn words_of(words: &Words) -> Vec<String> {
    const SHOWN: usize = 8;
    match (&words.cause, words.dump.is_empty()) {
        (Some(_), false) => words.dump.iter().take(SHOWN).cloned().collect(),
        (Some(cause), true) => vec![cause.clone()],
        (None, _) => {
            let zone = jiff::tz::TimeZone::system();
            let mut parser = LineParser::new(zone.clone());
            let first = words.last.len().saturating_sub(SHOWN);
            words.last[first..]
                .iter()
                .map(|line| parser.parse(line.as_bytes()).render_plain(&zone))
                .collect()
        }
    }
}
