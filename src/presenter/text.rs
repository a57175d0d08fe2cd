//! Texts about a status. All user interfaces use them.

use crate::clock;
use crate::harmless::harmless;
use crate::protocol::Status;
use std::time::Duration;
use stigmer_ui::human;

/// Returns the line for which scripts wait: the server is ready, and whether it ran before this
/// command.
#[must_use]
pub fn announce(status: &Status, reused: bool) -> String {
    match (&status.temporal, status.managed) {
        (Some(temporal), false) => format!(
            "Temporal is already running (started elsewhere, pid {}) - reusing existing instance",
            temporal.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
        ),
        _ if reused => {
            "Temporal is already running (lock file held) - reusing existing instance".to_owned()
        }
        _ => "Temporal is ready".to_owned(),
    }
}

/// Makes foreign text harmless, without shortening it.
pub(super) fn harmless_text(text: &str) -> String {
    harmless(text).into_owned()
}

/// Returns the time of day before this time span, such as `14:02:10`.
pub(super) fn time_of_day(ago: Duration) -> String {
    let now = clock::now();
    let at = now.checked_sub(ago).unwrap_or(now);
    at.strftime("%H:%M:%S").to_string()
}

/// Returns the downtime if it is longer than the duration of the repair. Otherwise returns `None`.
pub(super) fn longer(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> Option<u64> {
    downtime_ms.filter(|downtime| recovery_ms.is_none_or(|recovery| *downtime > recovery))
}

/// Returns the text that follows the duration of a repair. It contains the downtime if the downtime
/// is longer than the repair. An example is a server that hangs: its downtime begins at the last
/// passed check, before the repair.
#[must_use]
pub fn downtime(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> String {
    longer(downtime_ms, recovery_ms).map_or_else(String::new, |downtime| {
        format!(", down for {} since the last passed check", human::duration(downtime))
    })
}
