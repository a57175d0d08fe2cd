//! Texts about a status that all user interfaces share.

use crate::protocol::Status;
use stigmer_ui::human;

/// Returns the line that scripts wait for. It states that the server is ready, and whether it ran
/// before.
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

/// Returns the downtime if it is longer than the repair took, and otherwise `None`.
pub(super) fn longer(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> Option<u64> {
    downtime_ms.filter(|downtime| recovery_ms.is_none_or(|recovery| *downtime > recovery))
}

/// The text after the duration of a repair. It has the downtime if that is longer than the repair.
/// This happens for a server that hangs, because its downtime begins before the repair.
#[must_use]
pub fn downtime(downtime_ms: Option<u64>, recovery_ms: Option<u64>) -> String {
    longer(downtime_ms, recovery_ms).map_or_else(String::new, |downtime| {
        format!(", down for {} since the last passed check", human::duration(downtime))
    })
}
