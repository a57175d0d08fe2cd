//! Results to stdout, diagnostics to stderr. A reader that closes the pipe is no error.

use std::io::Write;

/// A line of result.
pub(super) fn line(text: &str) {
    raw(format!("{text}\n").as_bytes());
}

/// A result as it is.
pub(super) fn raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// A line of progress or diagnosis.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
