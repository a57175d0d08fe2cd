//! What a server said before it ended, and what that means for starting it again.
//!
//! The cause is not simply the last line: a Go dump is 75,000 lines with the cause in its first,
//! a bad flag prints 60 lines of usage, and a refused start says why at the end of a line of up to
//! 1 kB. So the first lines of a dump and the last lines of all are kept, and the cause apart.

use std::collections::VecDeque;

use super::line::{Head, Kind, Level, LineParser, expand, shortened};

#[cfg(test)]
mod tests;

/// Lines kept from the beginning of a dump, and from the end of the log.
const KEPT: usize = 40;
/// Longest line kept, in characters.
const MAX_CHARS: usize = 2_000;

/// Collects the last words of one generation; a mark in the log begins anew. Bounded: at most 80
/// lines of 2,000 characters.
#[derive(Debug, Default)]
pub struct LastWords {
    dump: Vec<String>,
    last: VecDeque<String>,
    refusal: Option<String>,
    fatal: Option<String>,
}

impl LastWords {
    /// Takes note of a line. `line` is its text as it stands in the file.
    pub fn observe(&mut self, head: &Head, line: &str) {
        if head.kind == Kind::Mark {
            *self = Self::default();
            return;
        }
        // The cause of a refused start stands at the end of its line, but those have 1 kB at most.
        let line = &*shortened(line, MAX_CHARS);
        if head.kind == Kind::Dump {
            // A second panic while the first is being printed continues the dump.
            if self.dump.len() < KEPT {
                self.dump.push(safe(line, head));
            }
        } else if head.level == Level::Error && head.kind == Kind::Raw {
            self.refusal = Some(safe(line, head));
        } else if head.level == Level::Error && head.component == "ui" {
            self.fatal = Some(expand(line, head.clone()).message);
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    /// The server's own account of its end: the first line of a crash dump, else the `Error:` line
    /// of a refused start, else what the web UI died of. Shortened to the part that says why.
    pub fn cause(&self) -> Option<String> {
        let cause = self.dump.first().or(self.refusal.as_ref()).or(self.fatal.as_ref())?;
        Some(crate::harmless::quote(shorten(cause)))
    }

    /// The first lines of the crash dump, harmless; empty where there was none.
    pub fn dump(&self) -> &[String] {
        &self.dump
    }

    /// The last lines of all, oldest first, harmless, as they stand in the file.
    pub fn last(&self) -> Vec<String> {
        self.last.iter().map(|line| crate::harmless::harmless(line).into_owned()).collect()
    }
}

fn safe(line: &str, head: &Head) -> String {
    expand(line, head.clone()).message
}

/// Drops the dependency-injection prologue: what counts stands behind its last step.
fn shorten(cause: &str) -> &str {
    const STEPS: [&str; 4] = [
        "could not build arguments for function ",
        "could not build value group ",
        "failed to build ",
        "received non-nil error from function ",
    ];
    let Some(step) = STEPS.iter().filter_map(|step| cause.rfind(step)).max() else {
        return cause;
    };
    // Each step is `WORDS "pkg".Name (/path/file.go:12): ` or `WORDS type: `.
    cause[step..].split_once(": ").map_or(cause, |(_, why)| why)
}

/// The cause of an end, from the lines of the generation that ended; see [`LastWords::cause`].
pub fn error_cause<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut parser = LineParser::new(jiff::tz::TimeZone::UTC);
    let mut words = LastWords::default();
    for line in lines {
        words.observe(&parser.scan(line), line);
    }
    words.cause()
}

/// Which of the server's ports a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortUse {
    /// gRPC, `--port`.
    Frontend,
    /// The web UI, `--ui-port`.
    Ui,
    /// Prometheus metrics, `--metrics-port`.
    Metrics,
    /// The HTTP API, `--http-port`.
    Http,
}

/// Why a server did not start, as far as it matters for what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The server's own check found the port in use.
    PortTaken {
        /// The port.
        port: u16,
        /// What it was wanted for.
        what: PortUse,
    },
    /// The port was free when the server looked and taken when it bound it. Where `port` is `None`
    /// the server crashed without a word about it (exit 2): a lost race only if one of its ports
    /// now has a listener, which the caller must ask.
    LostPortRace {
        /// The port, where the server names it.
        port: Option<u16>,
    },
    /// The server may not listen on the port.
    PortForbidden {
        /// The port, where the server names it.
        port: Option<u16>,
        /// What it was wanted for, where the server says so.
        what: Option<PortUse>,
    },
    /// The database file cannot be opened, read or written.
    DatabaseUnusable {
        /// The database's own words.
        detail: String,
    },
    /// Tables are missing: the file's first start was cut short, or it is another program's.
    PartialSchema,
    /// The command line was refused.
    UnknownFlag {
        /// The server's own words.
        detail: String,
    },
    /// The system creates no thread for the server, for example at the limit of processes.
    NoThread,
    /// The server gets no descriptor for a file that it opens.
    NoDescriptor,
    /// Anything else.
    Other,
}

/// Judges the end of a server that never became ready. `code` is its exit code, `None` where a
/// signal ended it; `cause` is [`LastWords::cause`].
pub fn classify_exit(code: Option<i32>, cause: Option<&str>) -> StartFailure {
    let words = cause.unwrap_or_default();
    match code {
        // The panic of a server whose HTTP API found its port taken between check and bind.
        Some(2) if words.starts_with("panic: runtime error: invalid memory address") => {
            StartFailure::LostPortRace { port: None }
        }
        Some(2) if words.contains(IN_USE) => StartFailure::LostPortRace { port: bound_port(words) },
        // Go's runtime, in a `clone` that fails.
        Some(2) if words.starts_with("fatal error: newosproc") => StartFailure::NoThread,
        Some(1 | 2) if words.contains("too many open files") => StartFailure::NoDescriptor,
        Some(1) => refused(words),
        _ => StartFailure::Other,
    }
}

const IN_USE: &str = "bind: address already in use";
const FORBIDDEN: &str = "bind: permission denied";

fn refused(words: &str) -> StartFailure {
    if words.contains(IN_USE) {
        let port = bound_port(words);
        return match (port_use(words), port) {
            (Some(what), Some(port)) => StartFailure::PortTaken { port, what },
            // Without the words of the check it is the web UI, which binds later.
            _ => StartFailure::LostPortRace { port },
        };
    }
    if words.contains(FORBIDDEN) {
        return StartFailure::PortForbidden { port: bound_port(words), what: port_use(words) };
    }
    if words.contains("no such table: ") {
        return StartFailure::PartialSchema;
    }
    const DATABASE: [&str; 7] = [
        "unable to open database file",
        "file is not a database",
        "database disk image is malformed",
        "attempt to write a readonly database",
        "database or disk is full",
        "disk I/O error",
        "already exists (1)",
    ];
    let no_folder = words.contains("failed checking dir for database file: ");
    if no_folder || DATABASE.iter().any(|sign| words.contains(sign)) {
        return StartFailure::DatabaseUnusable { detail: reason(words).to_owned() };
    }
    const FLAG: [&str; 5] = [
        "Error: unknown flag",
        "Error: unknown shorthand flag",
        "Error: unknown command",
        "Error: invalid argument",
        "Error: flag needs an argument",
    ];
    if FLAG.iter().any(|sign| words.starts_with(sign)) {
        return StartFailure::UnknownFlag { detail: reason(words).to_owned() };
    }
    StartFailure::Other
}

/// The message without the words that every message has.
fn reason(words: &str) -> &str {
    let words = words.strip_prefix("Error: ").unwrap_or(words);
    words.strip_prefix("failed starting server: ").unwrap_or(words)
}

fn port_use(words: &str) -> Option<PortUse> {
    const CHECKS: [(&str, PortUse); 5] = [
        ("can't set frontend HTTP port", PortUse::Http),
        ("can't set frontend port", PortUse::Frontend),
        ("can't use default UI port", PortUse::Ui),
        ("can't set UI port", PortUse::Ui),
        ("can't set metrics port", PortUse::Metrics),
    ];
    CHECKS.iter().find(|(sign, _)| words.contains(sign)).map(|(_, what)| *what)
}

/// The port in `listen tcp 127.0.0.1:7233: bind: …`.
fn bound_port(words: &str) -> Option<u16> {
    let (address, _) = words.split_once("listen tcp ")?.1.split_once(": bind")?;
    address.rsplit_once(':')?.1.parse().ok()
}
