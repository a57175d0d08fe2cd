//! The host's own log: one file, bounded, that every viewer follows.

use crate::harmless::lines;
use crate::log::own;
use crate::paths::Home;
use tracing_subscriber::EnvFilter;

/// The variable that sets the level: `error` … `trace`, or a filter.
const LEVEL: &str = "STIGMER_LOG_LEVEL";

/// With its predecessor, twice this is kept.
const MAX: u64 = 4 << 20;

/// Sends what is traced from here on to `logs/stigmer.log`. A log that cannot be opened is said
/// once on stderr; its lines are counted and it is tried again, see [`own`].
pub fn start(home: &Home) {
    let filter = EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new("info"));
    if let Err(error) = own::open(&home.stigmer_log(), MAX) {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "warning: no log of our own: {}",
            lines(&error.to_string())
        );
    }
    // A second call, in a test, keeps the first.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        // They would go to stderr by a macro that panics where stderr cannot be written either.
        .log_internal_errors(false)
        .with_writer(own::Writer::default)
        .try_init();
}
