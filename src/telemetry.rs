//! The log of the host: one bounded file that every viewer follows.

use crate::harmless::lines;
use crate::log::own;
use crate::paths::Home;
use tracing_subscriber::EnvFilter;

/// Variable of the log level: `error` to `trace`, or a filter.
const LEVEL: &str = "STIGMER_LOG_LEVEL";

/// Maximum size of the file in bytes. The previous file is kept too.
const MAX: u64 = 4 << 20;

/// Writes the traces of this process to `logs/stigmer.log`. If the file cannot be opened, a warning
/// is printed once on stderr, the lines are counted, and the open is retried; see [`own`].
pub fn start(home: &Home) {
    let filter = EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new("info"));
    if let Err(error) = own::open(&home.stigmer_log(), MAX) {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "warning: cannot open the log of stigmer: {}",
            lines(&error.to_string())
        );
    }
    // A second call, in a test, keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        // tracing would print its own errors on stderr with a macro that panics if stderr cannot be
        // written.
        .log_internal_errors(false)
        .with_writer(own::Writer::default)
        .try_init();
}
