//! The host's own log: one file, bounded, that every viewer follows.

use crate::log::RotatingWriter;
use crate::paths::Home;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;

/// The variable that sets the level: `error` … `trace`, or a filter.
const LEVEL: &str = "STIGMER_LOG_LEVEL";

/// With its predecessor, twice this is kept.
const MAX: u64 = 4 << 20;

/// Sends what is traced from here on to `logs/stigmer.log`. A log that cannot be
/// written is said once on stderr; nothing else changes.
pub fn start(home: &Home) {
    let path = home.stigmer_log();
    let filter = EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new("info"));
    match RotatingWriter::open(&path, MAX) {
        Ok(file) => {
            // A second call, in a test, keeps the first.
            let _ = tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_env_filter(filter)
                .with_writer(Mutex::new(file))
                .try_init();
        }
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(
                std::io::stderr(),
                "warning: no log of our own: {}: {error}",
                path.display()
            );
        }
    }
}
