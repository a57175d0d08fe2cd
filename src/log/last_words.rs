//! The last words of a server: the log lines that explain its end. This module also determines from
//! these lines why a start failed.
//!
//! The cause is not always in the last line. A Go crash dump has 75,000 lines, with the cause in
//! the first line. A wrong flag prints 60 lines of usage. A failed start has the cause at the end
//! of a line of up to 1 kB. So three things are stored: the first lines of a dump, the last lines,
//! and the cause.

use std::collections::VecDeque;

use super::line::{Head, Kind, Level, expand, shortened};

#[cfg(test)]
mod tests;

/// Number of lines that are kept from the beginning of a dump, and from the end of the log.
const KEPT: usize = 40;
/// Maximum length of a line that is kept, in characters.
const MAX_CHARS: usize = 2_000;

/// Collects the last words of one generation, which is one start of the server. The line that marks
/// the next generation in the log starts a new collection. Keeps at most 80 lines of 2,000
/// characters.
#[derive(Debug, Default)]
pub struct LastWords {
    dump: Vec<String>,
    last: VecDeque<String>,
    refusal: Option<String>,
    fatal: Option<String>,
}

impl LastWords {
    /// Adds a line of the log. `line` is the text of the line as in the file.
    pub fn observe(&mut self, head: &Head, line: &str) {
        if head.kind == Kind::Mark {
            *self = Self::default();
            return;
        }
        // The `Error:` line of a failed start has its cause at the end. Such a line has at most 1
        // kB, so it is not cut here.
        let line = &*shortened(line, MAX_CHARS);
        if head.kind == Kind::Dump {
            // The server may panic again while it prints a dump. The second dump is part of the
            // first one.
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

    /// The cause of the end of the server, shortened to the part with the reason. The cause is the
    /// first line of a crash dump. If there is no dump, the cause is the `Error:` line of a failed
    /// start, or else the error of the web UI.
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

/// Removes the steps of the server's dependency injection from an error. The reason follows the
/// last step.
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
    // Each step has the form `WORDS "pkg".Name (/path/file.go:12): ` or `WORDS type: `.
    cause[step..].split_once(": ").map_or(cause, |(_, why)| why)
}

/// The purpose of a port of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortUse {
    /// The port of the gRPC frontend, `--port`.
    Frontend,
    /// The port of the web UI, `--ui-port`.
    Ui,
    /// The port of the Prometheus metrics, `--metrics-port`.
    Metrics,
    /// The port of the HTTP API, `--http-port`.
    Http,
}

/// The reason why a server did not start. Only reasons that stigmer handles in a special way have a
/// variant of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// Another process uses the port. The server found this in the check of its ports, before it
    /// opened them.
    PortTaken {
        /// The port.
        port: u16,
        /// What the server uses the port for.
        what: PortUse,
    },
    /// Another process took the port after the server had checked that the port is free. If `port`
    /// is `None`, the server crashed (exit code 2) without naming a port. The caller must then
    /// check whether another process listens on a port of the server now. If no process does, the
    /// server crashed for another reason.
    LostPortRace {
        /// The port, if the message of the server names it.
        port: Option<u16>,
    },
    /// The server has no permission to listen on the port.
    PortForbidden {
        /// The port, if the message of the server names it.
        port: Option<u16>,
        /// What the server uses the port for, if its message names that.
        what: Option<PortUse>,
    },
    /// The database file cannot be opened, read or written.
    DatabaseUnusable {
        /// The error message of the database.
        detail: String,
    },
    /// Tables are missing in the database file. Either the first start with this file was
    /// interrupted, or the file belongs to another program.
    PartialSchema,
    /// The server does not accept its command line.
    UnknownFlag {
        /// The error message of the server.
        detail: String,
    },
    /// The system creates no thread for the server, for example at the limit of processes.
    NoThread,
    /// The server cannot open a file, because no file descriptor is free.
    NoDescriptor,
    /// Any other reason, or an unknown reason.
    Other,
}

/// Determines why a server ended before it was ready. `code` is its exit code, or `None` if a
/// signal ended the server. `cause` is [`LastWords::cause`].
pub fn classify_exit(code: Option<i32>, cause: Option<&str>) -> StartFailure {
    let words = cause.unwrap_or_default();
    match code {
        // The server panics with this message if the port of its HTTP API was free in its check,
        // but is in use later.
        Some(2) if words.starts_with("panic: runtime error: invalid memory address") => {
            StartFailure::LostPortRace { port: None }
        }
        Some(2) if words.contains(IN_USE) => StartFailure::LostPortRace { port: bound_port(words) },
        // Go's runtime writes this if a `clone` system call fails.
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
            // This message does not come from the check of the ports. Only the web UI opens its
            // port later and prints such a message.
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

/// The message without the prefixes that all messages of a failed start have.
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

/// The port in a text like `listen tcp 127.0.0.1:7233: bind: …`.
fn bound_port(words: &str) -> Option<u16> {
    let (address, _) = words.split_once("listen tcp ")?.1.split_once(": bind")?;
    address.rsplit_once(':')?.1.parse().ok()
}
