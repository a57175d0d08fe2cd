//! Prints results to stdout and messages to stderr. A closed pipe is not an error.
//!
//! For text that people read, this module removes control characters except line ends, so that the
//! text cannot control the terminal. [`json`] and [`raw`] print their input unchanged. A caller of
//! [`raw`] may add colors, but must remove the control characters from text of other programs.

use crate::harmless::{harmless, lines};
use crate::hosting::Notice;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Prints a result for people, as one line.
pub(super) fn line(text: &str) {
    raw(format!("{}\n", harmless(text)).as_bytes());
}

/// Prints one line of JSON.
pub(super) fn json(text: &str) {
    raw(format!("{text}\n").as_bytes());
}

/// Prints a result without changes.
pub(super) fn raw(bytes: &[u8]) {
    try_raw(bytes);
}

/// Like [`raw`], but returns false if the output could not be written, for example to a closed
/// pipe.
pub(super) fn try_raw(bytes: &[u8]) -> bool {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
        && !UNWRITTEN.swap(true, Ordering::Relaxed)
    {
        note(&format!("stigmer: cannot write the result to stdout: {error}"));
    }
    written.is_ok()
}

/// Set if a result could not be written, but not if the pipe was closed.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Whether all results were written. A closed pipe does not count as a failure.
pub(super) fn is_complete() -> bool {
    !UNWRITTEN.load(Ordering::Relaxed)
}

/// Prints progress or a message on stderr.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", lines(text));
}

/// Prints a notice, for example the reason why the command waits.
pub(super) fn notice(notice: &Notice) {
    note(&notice.to_string());
}

/// Prints a question on stderr. Ends without a line break, so that the user types the answer on the
/// same line.
pub(super) fn prompt(text: &str) {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{}", lines(text)).and_then(|()| err.flush());
}

/// Whether to print results in color. True only if stdout is a terminal with colors, and if the
/// user has not disabled colors with `NO_COLOR`.
pub(super) fn is_coloured() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}
