//! Results to stdout, diagnostics to stderr. A reader that closes the pipe is no error.
//!
//! Texts for people are harmless here, and so is each of their parts: no control character but line ends
//! reaches the terminal. JSON goes out as it is ([`json`]), and so do texts with colours of our own
//! ([`raw`]), whose maker makes the parts harmless.

use crate::harmless::{harmless, lines};
use crate::hosting::Notice;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Prints a result for people, as one line.
pub(super) fn line(text: &str) {
    raw(format!("{}\n", harmless(text)).as_bytes());
}

/// A line of result, for programs.
pub(super) fn json(text: &str) {
    raw(format!("{text}\n").as_bytes());
}

/// A result as it is.
pub(super) fn raw(bytes: &[u8]) {
    try_raw(bytes);
}

/// The same; false when nobody reads any more.
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

/// A result was lost, and not because nobody wanted it.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Whether every result was written that anybody reads.
pub(super) fn is_complete() -> bool {
    !UNWRITTEN.load(Ordering::Relaxed)
}

/// Progress or a diagnosis: one line or more.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", lines(text));
}

/// Progress of work on a host.
pub(super) fn notice(notice: &Notice) {
    note(&notice.to_string());
}

/// A question on stderr, whose answer follows on the same line.
pub(super) fn prompt(text: &str) {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{}", lines(text)).and_then(|()| err.flush());
}

/// Whether results may be coloured: for people, and only where they want it.
pub(super) fn is_coloured() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}
