//! Verdicts, without side effects: what a command came to, what an end means.

use super::aftermath::Ended;
use super::{Facts, Outcome};
use crate::config::Settings;
use crate::log::last_words::{self, PortUse, StartFailure};
use crate::log::line::{Level, LineParser};
use crate::protocol::ApiError;
use crate::supervisor::{Exit, Failure, Resource, State, Want};
use crate::unit::log_reader::Words;

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
            error("failed", message, &failure.hint)
        }
        (Want::Up, State::Stopped { note }) => error(
            "stopped",
            format!(
                "Temporal was not started: {}",
                match note {
                    Some(_) => facts.message(),
                    None => "it was stopped by another command".to_owned(),
                }
            ),
            match facts.settings.address {
                Some(_) => {
                    "start it there, name another address, or leave out --address to run one here"
                }
                None => "`stigmer local` starts it",
            },
        ),
        (Want::Down, State::Stopped { .. }) => Some(Ok(())),
        (Want::Down, _) if want == Want::Down && !facts.is_managed() => Some(Ok(())),
        (Want::Down, _) if want == Want::Up => {
            error("superseded", "it was started again by another command".into(), "stop it again")
        }
        (Want::Down, State::Failed { failure, left: Some(_), .. }) => {
            error("failed", failure.reason.clone(), &failure.hint)
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
    let full = ended.disks.full.as_deref();
    match (last_words::classify_exit(code, ended.words.cause.as_deref()), full) {
        (StartFailure::DatabaseUnusable { detail }, None) if detail.contains(FULL) => {
            Some(no_room(&format!("the database {database}: {detail}")))
        }
        (
            StartFailure::DatabaseUnusable { detail: words }
            | StartFailure::UnknownFlag { detail: words },
            Some(full),
        ) => Some(no_room(&format!("{full}; Temporal says: {words}"))),
        (_, Some(full)) => Some(no_room(full)),
        (StartFailure::DatabaseUnusable { detail }, None) => Some(Failure::new(
            format!("Temporal cannot use the database {database}: {detail}"),
            "fix the file or its folder, or name another database with --db FILE",
        )),
        // One that a start of ours began is set aside by the next start.
        // Where that is not known, the next start looks again.
        (StartFailure::PartialSchema, None) => {
            (ended.disks.is_replaceable == Some(false)).then(|| {
                Failure::new(
                    format!(
                        "the database {database} is incomplete or another program's: {}",
                        ended.words.cause.as_deref().unwrap_or("tables are missing")
                    ),
                    "move it away, or name another database with --db FILE",
                )
            })
        }
        (StartFailure::UnknownFlag { detail }, None) => Some(Failure::new(
            format!("Temporal does not accept its arguments: {detail}"),
            "correct the arguments after `--`, or use another CLI with --temporal-bin FILE",
        )),
        (StartFailure::NoThread, None) => {
            Some(short_of("thread", "end some processes, or raise the limit (`ulimit -u`)"))
        }
        (StartFailure::NoDescriptor, None) => {
            Some(short_of("descriptor", "raise the limit on descriptors (`ulimit -n`)"))
        }
        (StartFailure::PortForbidden { port, what }, None) => Some(forbidden(port, what)),
        // The launch looks at the ports again and names who is there.
        (
            StartFailure::PortTaken { .. }
            | StartFailure::LostPortRace { .. }
            | StartFailure::Other,
            None,
        ) => None,
    }
}

/// The system lacks something for now; `hint` makes room for it.
fn short_of(what: &str, hint: &str) -> Failure {
    let reason = format!("Temporal cannot start: the system gives it no {what}");
    Failure::new(reason, hint).until_free(Resource::System)
}

/// A privilege is missing, which no restart gives.
fn forbidden(port: Option<u16>, what: Option<PortUse>) -> Failure {
    let port = port.map_or_else(|| "its port".to_owned(), |port| format!("port {port}"));
    let choose = match what {
        Some(PortUse::Frontend | PortUse::Http) => "choose another with --port N",
        Some(PortUse::Ui) => "choose another with --ui-port N",
        Some(PortUse::Metrics) | None => "choose others with --port N and --ui-port N",
    };
    Failure::new(
        format!("Temporal may not listen on {port}: permission denied"),
        format!("{choose}; from 1024 on, no privilege is needed"),
    )
}

/// SQLite's words.
const FULL: &str = "database or disk is full";

fn no_room(reason: &str) -> Failure {
    Failure::new(
        format!("Temporal cannot start, because its disk takes nothing: {reason}"),
        "free some disk space",
    )
    .until_free(Resource::Disk)
}

/// Lines shown of what a server said.
const SHOWN: usize = 8;

/// The words that say why: the cause alone where there is one, else the end of the log.
pub(super) fn words_of(words: &Words) -> Vec<String> {
    match (&words.cause, words.dump.is_empty()) {
        (Some(_), false) => first_words(words),
        (Some(cause), true) => vec![cause.clone()],
        (None, _) => end_of(words),
    }
}

/// The beginning of its crash dump: of its 75,000 lines those that tell the cause.
pub(super) fn first_words(words: &Words) -> Vec<String> {
    words.dump.iter().take(SHOWN).cloned().collect()
}

/// What it said at last, beside [`first_words`]. A server that SIGKILL ended said nothing about
/// that: of its last lines only the newest warning or error is shown.
pub(super) fn last_words(words: &Words, by_kill: bool) -> Vec<String> {
    match (words.dump.is_empty(), &words.cause) {
        (false, _) => end_of(words),
        (true, None) if by_kill => newest_complaint(words).into_iter().collect(),
        (true, _) => words_of(words),
    }
}

fn newest_complaint(words: &Words) -> Option<String> {
    let zone = crate::clock::zone();
    let mut parser = LineParser::new(zone.clone());
    let complaints = words.last.iter().filter_map(|line| {
        let line = parser.parse(line.as_bytes());
        matches!(line.level, Level::Warn | Level::Error).then(|| line.render_plain(&zone))
    });
    complaints.last()
}

fn end_of(words: &Words) -> Vec<String> {
    let zone = crate::clock::zone();
    let mut parser = LineParser::new(zone.clone());
    let first = words.last.len().saturating_sub(SHOWN);
    words.last[first..]
        .iter()
        .map(|line| parser.parse(line.as_bytes()).render_plain(&zone))
        .collect()
}

/// Processes that the kernel ended for want of memory since `before`, where the
/// server's end looks as if it were one of them.
pub(super) fn oom_kills(ended: &Ended, before: Option<u64>) -> Option<u64> {
    match ended.exit {
        Exit::Signal(9, _) | Exit::Unknown => {
            ended.oom_kills?.checked_sub(before?).filter(|kills| *kills > 0)
        }
        Exit::Signal(..) | Exit::Code(_) => None,
    }
}

/// The kernel counts its victims and does not name them: this is no proof.
pub(super) fn struck(detail: &str, peak: Option<u64>) -> String {
    let peak = peak.map_or_else(String::new, |peak| format!(", peak {} MiB", peak >> 20));
    format!("{detail}; the kernel's out-of-memory killer struck meanwhile{peak}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::aftermath::Disks;
    use crate::paths;
    use std::time::{Duration, Instant};

    fn ended(exit: Exit, oom_kills: Option<u64>) -> Ended {
        Ended {
            exit,
            at: Instant::now(),
            cleaned: Duration::ZERO,
            words: Words::default(),
            leftover: None,
            oom_kills,
            disks: Disks::default(),
        }
    }

    #[test]
    fn the_out_of_memory_killer_is_named_only_where_it_struck_and_the_end_was_by_sigkill() {
        let killed = || Exit::Signal(9, "SIGKILL");
        assert_eq!(oom_kills(&ended(killed(), Some(4)), Some(3)), Some(1));
        assert_eq!(oom_kills(&ended(killed(), Some(3)), Some(3)), None);
        assert_eq!(oom_kills(&ended(killed(), None), Some(3)), None);
        assert_eq!(oom_kills(&ended(killed(), Some(4)), None), None);
        assert_eq!(oom_kills(&ended(Exit::Code(2), Some(4)), Some(3)), None);
        let said = struck("signal 9 (SIGKILL)", Some(812 << 20));
        assert!(said.starts_with("signal 9 (SIGKILL); "), "{said}");
        assert!(said.ends_with("killer struck meanwhile, peak 812 MiB"), "{said}");
    }

    #[test]
    fn what_the_system_lacks_for_now_is_waited_for_and_other_troubles_of_the_database_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let home = paths::Home::at(folder.path()).unwrap();
        let settings = Settings::resolve(home, crate::config::Options::default()).unwrap();
        for (code, words, waits_for) in [
            (
                1,
                "Error: failed starting server: database or disk is full (13)",
                Some(Resource::Disk),
            ),
            (2, "fatal error: newosproc", Some(Resource::System)),
            (2, "panic: open /bin/temporal: too many open files", Some(Resource::System)),
            (1, "Error: failed starting server: file is not a database (26)", None),
        ] {
            let said = Words { cause: Some(words.into()), ..Words::default() };
            let ended = Ended { words: said, ..ended(Exit::Code(code), None) };
            let failure = fatal(&ended, &settings).unwrap();
            assert_eq!(failure.waits_for, waits_for, "{words}: {failure}");
        }
    }

    #[test]
    fn of_a_dump_the_first_lines_are_kept_and_the_last() {
        let dump: Vec<String> = (0..40).map(|n| format!("first {n}")).collect();
        let last = (0..40).map(|n| format!("last {n}")).collect();
        let words = Words { cause: Some("panic".into()), dump, last };
        assert_eq!(first_words(&words)[0], "first 0");
        assert_eq!(first_words(&words).len(), SHOWN);
        assert!(last_words(&words, false)[SHOWN - 1].contains("last 39"));
        let refused = Words { cause: Some("Error: no".into()), ..Words::default() };
        assert_eq!(
            (first_words(&refused).len(), last_words(&refused, true)),
            (0, vec!["Error: no".into()])
        );
    }

    #[test]
    fn of_a_server_that_was_killed_only_the_newest_warning_or_error_is_shown() {
        let line = |level: &str, text: &str| {
            format!(r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{text}"}}"#)
        };
        let last =
            vec![line("WARN", "old"), line("ERROR", "disk is slow"), line("INFO", "another poll")];
        let words = Words { last, ..Words::default() };
        let shown = last_words(&words, true);
        assert_eq!(shown.len(), 1);
        assert!(shown[0].contains("disk is slow"), "{shown:?}");
        assert_eq!(last_words(&words, false).len(), 3);
        let quiet = Words { last: vec![line("INFO", "another poll")], ..Words::default() };
        assert_eq!(last_words(&quiet, true), Vec::<String>::new());
    }
}
