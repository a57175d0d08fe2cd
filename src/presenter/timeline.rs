//! Formats the entries of the timeline: as rows of the dashboard, and as lines of text.

use super::text::{harmless_text, longer};
use crate::protocol::{self, Entry, Happened, with_exit_code};
use crate::supervisor::Cause;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;
use stigmer_ui::human;
use stigmer_ui::model::{Phase, TimelineKind, TimelineRow};

impl From<&protocol::Phase> for Phase {
    fn from(phase: &protocol::Phase) -> Self {
        Self { name: phase.name.clone(), ms: phase.us.div_ceil(1000) }
    }
}

/// Creates the rows, newest first. The end of a unit and its repair share one row.
pub(super) fn rows(entries: &[Arc<Entry>], today: Date) -> Vec<TimelineRow> {
    let mut of_units: BTreeMap<Option<&str>, Vec<(usize, &Entry)>> = BTreeMap::new();
    for (at, entry) in entries.iter().map(Arc::as_ref).enumerate() {
        of_units.entry(entry.worker.as_deref()).or_default().push((at, entry));
    }
    let of_units = of_units.values().flat_map(|entries| rows_of_unit(entries, today));
    let mut rows: Vec<(usize, TimelineRow)> = of_units.collect();
    // In the order of the host, because its clock may have been set back.
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Creates the rows of one unit, oldest first, each with the position of its entry.
fn rows_of_unit(entries: &[(usize, &Entry)], today: Date) -> Vec<(usize, TimelineRow)> {
    let row = |(at, entry): (usize, &Entry), repaired| (at, row(entry, repaired, today));
    let mut rows: Vec<(usize, TimelineRow)> = Vec::new();
    let mut is_handed_over = false;
    let mut ended: Option<(usize, &Entry)> = None;
    for numbered @ (_, entry) in entries.iter().copied() {
        match entry.happened {
            Happened::Ended => {
                if let Some(before) = ended.replace(numbered) {
                    rows.push(row(before, None));
                }
            }
            Happened::Ready => match ended.take() {
                // Combine the end and the start in one row only if the start follows at once. A start
                // by the operator may follow much later than the end.
                Some(before) if follows(before.1.cause, entry.cause) => {
                    rows.push(row(before, Some(entry)));
                }
                Some(before) => rows.extend([row(before, None), row(numbered, None)]),
                None => rows.push(row(numbered, None)),
            },
            Happened::Adopted
            | Happened::External
            | Happened::Failed
            | Happened::HandedOver
            | Happened::HostDied => {
                if let Some(before) = ended.take() {
                    rows.push(row(before, None));
                }
                if is_handed_over && entry.happened == Happened::Adopted {
                    // The same host change.
                    rows.pop();
                }
                rows.push(row(numbered, None));
            }
        }
        is_handed_over = entry.happened == Happened::HandedOver;
    }
    if let Some(before) = ended {
        rows.push(row(before, None));
    }
    rows
}

/// The age of a process that has ended. Empty if unknown.
fn after(entry: &Entry) -> String {
    entry.uptime_ms.map_or_else(String::new, |ms| format!(" after {}", human::duration(ms)))
}

fn row(entry: &Entry, repaired: Option<&Entry>, today: Date) -> TimelineRow {
    let time = entry.time.to_zoned(crate::clock::zone());
    let after = after(entry);
    let (kind, what) = match entry.happened {
        Happened::Ended if entry.cause.is_automatic() => {
            (TimelineKind::Restart, ended(entry.cause, &entry.detail) + &after)
        }
        Happened::Ended if entry.cause == Cause::Changed => {
            (TimelineKind::Stop, format!("restarted{after}, {} changed", entry.detail))
        }
        Happened::Ended => (TimelineKind::Stop, format!("stopped by {}{after}", by(entry.cause))),
        Happened::Ready => (TimelineKind::Start, format!("started by {}", by(entry.cause))),
        Happened::Adopted => {
            let unit = if entry.worker.is_some() { "worker" } else { "server" };
            (TimelineKind::Start, format!("host changed, {unit} kept running"))
        }
        Happened::External => {
            (TimelineKind::Start, "watching a server started elsewhere".to_owned())
        }
        Happened::Failed => (TimelineKind::GaveUp, entry.detail.clone()),
        Happened::HandedOver => {
            (TimelineKind::Stop, "server handed over to another host".to_owned())
        }
        Happened::HostDied => (TimelineKind::Restart, host_died(entry)),
    };
    let shown = repaired.unwrap_or(entry);
    let took = shown.took_ms.map(human::duration);
    let down = longer(shown.downtime_ms, shown.took_ms).map(human::duration);
    let recovery = match (repaired, entry.happened, took) {
        (Some(_), _, Some(took)) => format!("down for {}", down.unwrap_or(took)),
        (None, Happened::Ready, Some(took)) => format!("ready in {took}"),
        (None, Happened::HostDied, Some(took)) => format!("new host after {took}"),
        (None, Happened::HostDied, None) => "not replaced".to_owned(),
        (_, _, _) => String::new(),
    };
    TimelineRow {
        // The time in nanoseconds, which is different for each entry. A row for an end and its
        // repair has the id of the end, so the id stays the same when the repair is added.
        id: entry.time.as_nanosecond() as u64,
        // Show the day only if it is not today.
        day: time.strftime(if time.date() == today { "" } else { "%b %d" }).to_string(),
        clock: time.strftime("%H:%M:%S").to_string(),
        worker: entry.worker.as_deref().map(harmless_text).unwrap_or_default(),
        generation: entry.generation.0,
        kind,
        what,
        recovery,
        phases: shown.phases.iter().map(Into::into).collect(),
        last_words: match entry.first_words.is_empty() {
            true => entry.last_words.clone(),
            // Show the beginning of a crash dump, because the dump is long and its beginning
            // contains the cause.
            false => entry.first_words.clone(),
        },
    }
}

/// Whether a start for the reason `start` follows at once after an end for the reason `end`.
fn follows(end: Cause, start: Cause) -> bool {
    (end.is_automatic() && start.is_automatic()) || (end == start && end == Cause::Changed)
}

/// Describes an end of the server that no one requested: `killed by signal 9 (SIGKILL)`.
pub(super) fn ended(cause: Cause, detail: &str) -> String {
    match cause {
        Cause::Crash if detail.starts_with("signal ") => format!("killed by {detail}"),
        Cause::Crash | Cause::Exited => with_exit_code(detail),
        Cause::Unresponsive => format!("no response: {detail}"),
        Cause::Operator
        | Cause::StartTimeout
        | Cause::SpawnFailed
        | Cause::Shutdown
        | Cause::Changed => format!("{cause}: {detail}"),
    }
}

/// Names who started or stopped the server.
fn by(cause: Cause) -> String {
    match cause {
        Cause::Operator => "you".to_owned(),
        Cause::Shutdown => "the end of its host".to_owned(),
        Cause::Changed => "a changed file".to_owned(),
        cause => cause.to_string(),
    }
}

/// Adds the name of a worker to a description.
fn of_unit(entry: &Entry, what: String) -> String {
    match &entry.worker {
        Some(name) => format!("{}: {what}", harmless_text(name)),
        None => what,
    }
}

/// Describes an entry as one line of text.
#[must_use]
pub fn describe(entry: &Entry) -> String {
    of_unit(entry, describe_of_unit(entry))
}

fn describe_of_unit(entry: &Entry) -> String {
    let generation = entry.generation;
    let span = |ms: Option<u64>| ms.map_or_else(String::new, human::duration);
    match entry.happened {
        Happened::Ready if !entry.cause.is_automatic() => {
            format!("generation {generation} ready in {}", span(entry.took_ms))
        }
        Happened::Ready => {
            let took = span(entry.took_ms);
            let down = super::text::downtime(entry.downtime_ms, entry.took_ms);
            format!("generation {generation} ready, repaired in {took} after {}{down}", entry.cause)
        }
        Happened::Ended => {
            let after = after(entry);
            let comma = if entry.detail.is_empty() { "" } else { ", " };
            format!("generation {generation} ended{after}: {}{comma}{}", entry.cause, entry.detail)
        }
        Happened::Adopted => {
            format!("generation {generation} keeps running, adopted by a new host")
        }
        Happened::External => "watching a server that was started elsewhere".to_owned(),
        Happened::Failed => format!("failed: {}", entry.detail),
        Happened::HandedOver => format!("generation {generation} handed over to another host"),
        Happened::HostDied => match entry.took_ms {
            Some(_) => format!("{}, new host after {}", host_died(entry), span(entry.took_ms)),
            None => format!("{}, not replaced", host_died(entry)),
        },
    }
}

/// Describes the death of a host. The text contains "killed?", because the cause is a guess: no
/// process has observed the death, but a host that ends normally writes this into its lock file.
fn host_died(entry: &Entry) -> String {
    let name = if entry.detail.is_empty() { "" } else { " " };
    format!("host{name}{} died (killed?)", entry.detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Generation;

    fn entry(happened: Happened, n: u64, cause: Cause) -> Arc<Entry> {
        let entry = protocol::tests::entry(happened, cause);
        Arc::new(Entry { generation: Generation(n), ..entry })
    }

    fn shown(entries: &[Arc<Entry>]) -> Vec<TimelineRow> {
        rows(entries, Date::default())
    }

    #[test]
    fn entry_of_another_day_shows_its_date() {
        let time = jiff::Timestamp::UNIX_EPOCH.to_zoned(crate::clock::zone());
        let entries = [entry(Happened::Ready, 1, Cause::Operator)];
        let day = |today| rows(&entries, today)[0].day.clone();
        assert_eq!(day(time.date()), "");
        let later = time.date().tomorrow().unwrap();
        assert_eq!(day(later), time.strftime("%b %d").to_string());
    }

    #[test]
    fn crash_and_repair_share_a_row_and_the_newest_is_first() {
        let rows = shown(&[
            entry(Happened::Ready, 1, Cause::Operator),
            entry(Happened::Ended, 1, Cause::Crash),
            entry(Happened::Ready, 2, Cause::Crash),
            entry(Happened::Ended, 2, Cause::Operator),
            entry(Happened::Ready, 3, Cause::Operator),
            entry(Happened::Ended, 3, Cause::Crash),
            entry(Happened::Ready, 4, Cause::Operator),
        ]);
        let shown: Vec<(u64, TimelineKind, &str)> =
            rows.iter().map(|row| (row.generation, row.kind, row.recovery.as_str())).collect();
        assert_eq!(
            shown,
            [
                (4, TimelineKind::Start, "ready in 131 ms"),
                (3, TimelineKind::Restart, ""),
                (3, TimelineKind::Start, "ready in 131 ms"),
                (2, TimelineKind::Stop, ""),
                (1, TimelineKind::Restart, "down for 131 ms"),
                (1, TimelineKind::Start, "ready in 131 ms"),
            ]
        );
    }

    #[test]
    fn entries_of_workers_are_paired_by_worker_and_name_it() {
        let of = |worker: &str, happened| {
            let worker = Some(worker.to_owned()).filter(|name| !name.is_empty());
            Arc::new(Entry { worker, ..Arc::unwrap_or_clone(entry(happened, 2, Cause::Crash)) })
        };
        let entries = [
            of("orders", Happened::Ended),
            of("", Happened::Ended),
            of("emails", Happened::Failed),
            of("orders", Happened::Ready),
            of("", Happened::Ready),
            of("orders", Happened::Adopted),
        ];
        let rows = shown(&entries);
        let shown: Vec<[&str; 3]> =
            rows.iter().map(|row| [row.worker.as_str(), &row.what, &row.recovery]).collect();
        let killed = "killed by signal 9 (SIGKILL) after 12 min";
        assert_eq!(
            shown,
            [
                ["orders", "host changed, worker kept running", ""],
                ["emails", "signal 9 (SIGKILL)", ""],
                ["", killed, "down for 131 ms"],
                ["orders", killed, "down for 131 ms"],
            ]
        );
        assert!(describe(&entries[0]).starts_with("orders: generation 2 ended after"));
        let unseen = Entry { uptime_ms: None, ..(*entries[0]).clone() };
        assert!(describe(&unseen).starts_with("orders: generation 2 ended: crash, signal 9"));
    }

    #[test]
    fn hand_over_and_adoption_share_a_row() {
        let rows = shown(&[
            entry(Happened::Ready, 1, Cause::Operator),
            entry(Happened::HandedOver, 1, Cause::Operator),
            entry(Happened::Adopted, 1, Cause::Operator),
            entry(Happened::HostDied, 1, Cause::Operator),
            entry(Happened::Adopted, 1, Cause::Operator),
        ]);
        let shown: Vec<&str> = rows.iter().map(|row| row.what.as_str()).collect();
        let changed = "host changed, server kept running";
        assert_eq!(shown[0], changed);
        assert!(shown[1].starts_with("host"), "{shown:?}");
        assert_eq!(shown[2..], [changed, "started by you"]);
    }

    #[test]
    fn end_is_described_in_plain_words() {
        for (cause, detail, expected) in [
            (Cause::Crash, "signal 9 (SIGKILL)", "killed by signal 9 (SIGKILL)"),
            (Cause::Crash, "exit 2", "exit code 2"),
            (Cause::Exited, "exit 0", "exit code 0"),
            (Cause::Crash, "exit status unknown (adopted)", "exit status unknown (adopted)"),
            (Cause::Crash, "ended while no host ran", "ended while no host ran"),
            (Cause::Unresponsive, "grpc", "no response: grpc"),
            (Cause::SpawnFailed, "no such file", "spawn_failed: no such file"),
        ] {
            assert_eq!(ended(cause, detail), expected);
        }
    }

    #[test]
    fn restart_after_a_change_is_one_row_that_names_the_file() {
        let entry = |happened, n| {
            let entry = Arc::unwrap_or_clone(entry(happened, n, Cause::Changed));
            Arc::new(Entry { detail: "src/a.py and 2 more".to_owned(), ..entry })
        };
        let (ended, ready) = (entry(Happened::Ended, 1), entry(Happened::Ready, 2));
        assert_eq!(describe(&ready), "generation 2 ready in 131 ms");
        assert!(describe(&ended).ends_with("changed, src/a.py and 2 more"), "{}", describe(&ended));
        let rows = shown(&[ended, ready]);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].what.starts_with("restarted"), "{rows:?}");
        assert!(rows[0].what.ends_with(", src/a.py and 2 more changed"), "{rows:?}");
        assert_eq!(rows[0].recovery, "down for 131 ms");
    }

    #[test]
    fn longer_downtime_is_shown() {
        let repair = |downtime_ms| {
            let ended = entry(Happened::Ended, 1, Cause::Unresponsive);
            let ready = entry(Happened::Ready, 2, Cause::Unresponsive);
            let ready = Arc::new(Entry { downtime_ms, ..Arc::unwrap_or_clone(ready) });
            (shown(&[ended, ready.clone()])[0].recovery.clone(), describe(&ready))
        };
        let repaired = "generation 2 ready, repaired in 131 ms after unresponsive";
        for same in [None, Some(131)] {
            assert_eq!(repair(same), ("down for 131 ms".to_owned(), repaired.to_owned()));
        }
        let shown = format!("{repaired}, down for 2.5 s since the last passed check");
        assert_eq!(repair(Some(2_500)), ("down for 2.5 s".to_owned(), shown));
    }

    #[test]
    fn row_keeps_its_id_when_it_is_repaired_or_others_change() {
        let at = |ns: i64, happened, n| {
            let time = jiff::Timestamp::from_nanosecond(ns.into()).unwrap();
            Arc::new(Entry { time, ..Arc::unwrap_or_clone(entry(happened, n, Cause::Crash)) })
        };
        let entries = [
            at(10, Happened::Ready, 1),
            at(20, Happened::Ended, 1),
            at(30, Happened::Ready, 2),
            at(40, Happened::Ended, 2),
        ];
        let ids = |entries: &[Arc<Entry>]| -> Vec<u64> {
            shown(entries).iter().map(|row| row.id).collect()
        };
        assert_eq!(ids(&entries[..2]), [20, 10]);
        assert_eq!(ids(&entries[..3]), [20, 10], "repaired");
        assert_eq!(ids(&entries), [40, 20, 10]);
        assert_eq!(ids(&entries[1..]), [40, 20], "the oldest entry was dropped");
    }
}
