//! The last automatic restart, for the screen. If the server has ended unexpectedly since then and
//! was not restarted, the screen shows that end instead.

use super::text::longer;
use crate::protocol::{Entry, Happened, Snapshot};
use jiff::Timestamp;
use stigmer_ui::model::LastRestart;

/// Returns the last automatic restart, or a later unexpected end without a restart. Ages are
/// relative to `now`. `older` is the age of the snapshot in milliseconds.
pub(super) fn last(snapshot: &Snapshot, older: u64, now: Timestamp) -> Option<LastRestart> {
    let restarted = snapshot.status.restarts.last.as_ref().map(|last| LastRestart {
        cause: last.cause.to_string(),
        detail: last.detail.clone(),
        ago_ms: last.ago_ms.saturating_add(older),
        recovery_ms: last.recovery_ms,
        downtime_ms: longer(last.downtime_ms, last.recovery_ms),
    });
    let ended = unrepaired(snapshot).map(|entry| LastRestart {
        cause: entry.cause.to_string(),
        detail: entry.detail.clone(),
        ago_ms: u64::try_from(now.duration_since(entry.time).as_millis()).unwrap_or(0),
        recovery_ms: None,
        downtime_ms: None,
    });
    match (restarted, ended) {
        (Some(restarted), Some(ended)) if restarted.ago_ms <= ended.ago_ms => Some(restarted),
        (restarted, ended) => ended.or(restarted),
    }
}

/// The last unexpected end of the server, if no automatic restart has followed.
fn unrepaired(snapshot: &Snapshot) -> Option<&Entry> {
    for entry in snapshot.timeline.iter().rev().filter(|entry| entry.worker.is_none()) {
        match entry.happened {
            Happened::Ended if entry.cause.is_automatic() => return Some(entry),
            Happened::Ready if entry.cause.is_automatic() => return None,
            Happened::Ended
            | Happened::Ready
            | Happened::Failed
            | Happened::HandedOver
            | Happened::HostDied => {}
            Happened::Adopted | Happened::External => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::LastRestart as Restarted;
    use crate::protocol::tests::{entry, running};
    use crate::supervisor::Cause;
    use std::sync::Arc;

    const NOW: i64 = 1_000;

    /// Describes the result of [`last`] for these timeline entries. The number of each entry is its
    /// age in seconds.
    fn described(
        entries: &[(Happened, Cause, i64)],
        restarted: Option<(u64, Option<u64>)>,
    ) -> String {
        let mut snapshot = running();
        if let Some(host) = &mut snapshot.status.host {
            host.uptime_ms = 600_000;
        }
        snapshot.timeline = entries
            .iter()
            .map(|(happened, cause, ago)| {
                let time = Timestamp::from_second(NOW - ago).unwrap();
                Arc::new(Entry { time, ..entry(*happened, *cause) })
            })
            .collect();
        snapshot.status.restarts.last = restarted.map(|(ago, recovery_ms)| Restarted {
            cause: Cause::Unresponsive,
            detail: String::new(),
            ago_ms: ago * 1_000,
            recovery_ms,
            downtime_ms: None,
        });
        let last = last(&snapshot, 0, Timestamp::from_second(NOW).unwrap());
        last.map_or_else(String::new, |last| {
            let repaired = if last.recovery_ms.is_some() { "repaired" } else { "not repaired" };
            format!("{} {} s ago, {repaired}", last.cause, last.ago_ms / 1_000)
        })
    }

    #[test]
    fn unrepaired_end_is_not_shown_as_the_last_repair() {
        use Cause::{Crash, Operator};
        use Happened::{Ended, Failed, Ready};
        let before = Some((60, Some(2_300)));
        let crash = (Ended, Crash, 2);
        assert_eq!(described(&[crash], None), "crash 2 s ago, not repaired");
        assert_eq!(described(&[crash], before), "crash 2 s ago, not repaired");
        assert_eq!(described(&[crash, (Failed, Crash, 2)], before), "crash 2 s ago, not repaired");
        assert_eq!(
            described(&[crash, (Ready, Operator, 1)], before),
            "crash 2 s ago, not repaired"
        );
        let under_way = Some((2, None));
        assert_eq!(described(&[crash], under_way), "unresponsive 2 s ago, not repaired");
    }

    #[test]
    fn repaired_end_is_shown_with_its_repair() {
        use Cause::{Crash, Operator};
        use Happened::{Adopted, Ended, Ready};
        let repaired = "unresponsive 60 s ago, repaired";
        let before = Some((60, Some(2_300)));
        assert_eq!(described(&[], before), repaired);
        assert_eq!(described(&[(Ended, Crash, 60), (Ready, Crash, 59)], before), repaired);
        let stopped = [(Ended, Crash, 60), (Ready, Crash, 59), (Ended, Operator, 3)];
        assert_eq!(described(&stopped, before), repaired);
        assert_eq!(described(&[(Ended, Crash, 60), (Adopted, Crash, 59)], before), repaired);
        assert_eq!(described(&[(Ended, Crash, 90)], before), repaired, "the restart is later");
        let earlier = "crash 900 s ago, not repaired";
        assert_eq!(described(&[(Ended, Crash, 900)], None), earlier, "reported by an earlier host");
    }
}
