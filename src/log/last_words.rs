//! The last lines of a server before its end, and what they mean for the next start.
//!
//! The cause is not always in the last line: a Go dump has 75,000 lines and the cause in the first
//! one, a bad flag prints 60 lines of usage, and a refused start has the cause at the end of a line
//! of up to 1 kB. So the first lines of a dump, the last lines, and the cause are kept.

use std::collections::VecDeque;

use super::line::{Head, Kind, Level, expand, shortened};

#[cfg(test)]
mod tests;

/// Lines kept from the beginning of a dump, and from the end of the log.
const KEPT: usize = 40;
/// Longest line kept, in characters.
const MAX_CHARS: usize = 2_000;

/// Collects the last lines of one generation. A mark in the log starts a new collection. At most 80
/// lines of 2,000 characters are kept.
#[derive(Debug, Default)]
pub struct LastWords {
    dump: Vec<String>,
    last: VecDeque<String>,
    refusal: Option<String>,
    fatal: Option<String>,
}

impl LastWords {
    /// Adds a line. `line` is its text in the file.
    pub fn observe(&mut self, head: &Head, line: &str) {
        if head.kind == Kind::Mark {
            *self = Self::default();
            return;
        }
        // The cause of a refused start is at the end of its line, but such a line has at most 1 kB.
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

    /// The cause of the end: the first line of a crash dump, else the `Error:` line of a refused start, else the error of
    /// the web UI. Shortened to the part with the reason.
    pub fn cause(&self) -> Option<String> {
        let cause = self.dump.first().or(self.refusal.as_ref()).or(self.fatal.as_ref())?;
        Some(crate::harmless::quote(shorten(cause)))
    }

    /// The first lines of the crash dump, without control characters. Empty if there was no dump.
    pub fn dump(&self) -> &[String] {
        &self.dump
    }

    /// The last lines, oldest first, without control characters.
    pub fn last(&self) -> Vec<String> {
        self.last.iter().map(|line| crate::harmless::harmless(line).into_owned()).collect()
    }
}

fn safe(line: &str, head: &Head) -> String {
    expand(line, head.clone()).message
}

/// Removes the steps of dependency injection. The reason follows the last step.
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
        /// The use of the port.
        what: PortUse,
    },
    /// The port was free at the check of the server and in use when the server bound it. If `port` is `None`, the
    /// server crashed without a message about it (exit 2). Then it is a lost race only if one of its ports has a
    /// listener now; the caller must check that.
    LostPortRace {
        /// The port, if the server names it.
        port: Option<u16>,
    },
    /// The server may not listen on the port.
    PortForbidden {
        /// The port, if the server names it.
        port: Option<u16>,
        /// The use of the port, if the server names it.
        what: Option<PortUse>,
    },
    /// The database file cannot be opened, read or written.
    DatabaseUnusable {
        /// The error of the database.
        detail: String,
    },
    /// Tables are missing: the first start on the file was interrupted, or the file belongs to another program.
    PartialSchema,
    /// The command line was refused.
    UnknownFlag {
        /// The error of the server.
        detail: String,
    },
    /// The system creates no thread for the server, for example at the limit of processes.
    NoThread,
    /// The server gets no descriptor for a file that it opens.
    NoDescriptor,
    /// Anything else.
    Other,
}

/// Classifies the end of a server that never became ready. `code` is its exit code, `None` where a
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
            // Without the text of the check it is the web UI, which binds later.
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

/// The message without its common prefix.
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
