//! Starts the log of this process, `logs/stigmer.log`. The size of the file is limited. Every
//! dashboard follows the file.

use crate::harmless::lines;
use crate::log::own;
use crate::paths::Home;
use tracing_subscriber::EnvFilter;

/// Environment variable that sets the log level: `error` to `trace`, or a filter of `tracing`.
const LEVEL: &str = "STIGMER_LOG_LEVEL";

/// Maximum size in bytes of the log file and the previous log file together.
const MAX: u64 = 4 << 20;

/// Writes the log messages of this process to `logs/stigmer.log`. If the file cannot be opened, one
/// warning is printed on stderr. [`own`] then counts the lost lines and tries again to open the
/// file.
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
    // A second call, which only tests make, changes nothing: the first subscriber stays in use.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        // If a log line cannot be written, tracing would print the error on stderr with a macro
        // that panics if stderr cannot be written either.
        .log_internal_errors(false)
        .with_writer(own::OwnLogSink::default)
        .try_init();
}
