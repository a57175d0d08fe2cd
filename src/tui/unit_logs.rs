//! The logs of the server, of the workers of projects and of stigmer, merged for the view.

use crate::log::line::LogWriter;
use crate::log::{FollowError, Follower, LineParser, LogMerger, MergedLine, StartAt, UnitLog};
use crate::paths::Home;
use crate::protocol::{ProjectWorker, Status};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The open logs.
pub(super) struct UnitLogs {
    /// The log of the server, then those of workers.
    logs: Vec<UnitLog>,
    own: PathBuf,
    /// Merges `logs`, and then the own log of stigmer.
    merger: LogMerger,
    /// Number of old lines of each log to read.
    past: usize,
    /// Pause between two reads of a log that grows all the time.
    rest: Duration,
}

impl UnitLogs {
    /// Opens the logs of the server and of stigmer in a home.
    pub(super) fn new(home: &Home, past: usize, rest: Duration) -> Self {
        let server = UnitLog::of_server(home.temporal_log());
        let (own, merger) = (home.stigmer_log(), LogMerger::new([]));
        let mut logs = Self { logs: Vec::new(), own, merger, past, rest };
        logs.open(vec![server]);
        logs
    }

    /// The logs of the units, the server first. Lines of stigmer have the next number.
    pub(super) fn logs(&self) -> &[UnitLog] {
        &self.logs
    }

    /// Opens the logs of the workers in a status, and the log of the server again. So the lines are
    /// sorted by time. Returns false if these logs are open already.
    pub(super) fn look_at(&mut self, status: &Status) -> bool {
        let is_open = |(log, worker): (&UnitLog, &ProjectWorker)| {
            log.unit == worker.name && log.path == worker.log.path
        };
        let workers = &status.workers;
        if self.logs.len() == workers.len() + 1 && self.logs[1..].iter().zip(workers).all(is_open) {
            return false;
        }
        let workers = workers.iter().map(|it| UnitLog::of_worker(&it.name, it.log.path.clone()));
        let logs = self.logs.drain(..).take(1).chain(workers).collect();
        self.open(logs);
        true
    }

    fn open(&mut self, logs: Vec<UnitLog>) {
        let zone = crate::clock::zone();
        let open = |path: &Path, writer: LogWriter| {
            let follower = Follower::new(path, StartAt::Tail(self.past)).resting(self.rest);
            (follower, LineParser::of(writer, zone.clone()))
        };
        let units = logs.iter().map(|log| open(&log.path, log.writer));
        // The lines of stigmer are JSON, which is one of the formats of workers.
        let own = [open(&self.own, LogWriter::Worker)];
        self.merger = LogMerger::new(units.chain(own));
        self.logs = logs;
    }

    /// Waits for lines: see [`LogMerger::next`].
    pub(super) async fn next(
        &mut self,
        each: impl FnMut(MergedLine<'_>),
    ) -> Result<(), FollowError> {
        self.merger.next(each).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::tests;
    use crate::tui::log_pane::LogPane;
    use stigmer_ui::{LineKind, LogSource};

    const ONE: &str = r#"{"time":"2026-11-29T10:00:01Z","level":"INFO","msg":"one"}"#;
    const THREE: &str = r#"{"time":"2026-11-29T10:00:03Z","level":"INFO","msg":"three"}"#;

    /// A home with a log of the server.
    fn home(folder: &Path) -> Home {
        let home = Home::at(&folder.join("home")).unwrap();
        std::fs::create_dir_all(home.temporal_log().parent().unwrap()).unwrap();
        std::fs::write(home.temporal_log(), format!("{ONE}\n{THREE}\n")).unwrap();
        home
    }

    fn status(workers: &[(&str, &Path)]) -> Status {
        let mut status = tests::running().status;
        let worker = |(name, path): &(&str, &Path)| {
            let mut worker = tests::worker(name);
            worker.log.path = path.to_path_buf();
            worker
        };
        status.workers = workers.iter().map(worker).collect();
        status
    }

    /// Reads until the pane has `count` lines. Returns units and texts.
    async fn read(logs: &mut UnitLogs, pane: &mut LogPane, count: usize) -> Vec<(String, String)> {
        while pane.len() < count {
            logs.next(|line| pane.push(&line)).await.unwrap();
        }
        let line = |at| {
            let line = pane.line(at).unwrap();
            (pane.unit_name(line.unit).to_owned(), line.text.to_owned())
        };
        (0..pane.len()).map(line).collect()
    }

    fn expected(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(unit, text)| ((*unit).to_owned(), (*text).to_owned())).collect()
    }

    #[tokio::test]
    async fn lines_are_sorted_by_time_when_the_log_of_a_worker_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        let orders = folder.path().join("orders");
        std::fs::write(&orders, "2026-11-29T10:00:02Z INFO two\nTraceback\n  in f\n").unwrap();
        let (mut logs, mut pane) = (UnitLogs::new(&home, 10, Duration::ZERO), LogPane::default());
        pane.open(logs.logs());
        let lines = read(&mut logs, &mut pane, 2).await;
        assert_eq!(lines, expected(&[("server", "one"), ("server", "three")]));

        let status = status(&[("orders", &orders)]);
        assert!(logs.look_at(&status) && !logs.look_at(&status));
        pane.open(logs.logs());
        let lines = read(&mut logs, &mut pane, 5).await;
        let all = [
            ("server", "one"),
            ("orders", "two"),
            ("orders", "Traceback"),
            ("orders", "  in f"),
            ("server", "three"),
        ];
        assert_eq!(lines, expected(&all));
        assert_eq!(pane.dropped(), 2, "the numbers of the lines are new");
        let heads: Vec<bool> = (0..5).map(|at| pane.head(at).unwrap().continues).collect();
        assert_eq!(heads, [false, false, false, true, false]);
    }

    #[tokio::test]
    async fn worker_keeps_its_number_while_others_appear_and_disappear() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        let path = folder.path().join("log");
        let (mut logs, mut pane) = (UnitLogs::new(&home, 10, Duration::ZERO), LogPane::default());
        let mut numbers = Vec::new();
        for workers in [&["b"][..], &["a", "b"], &["a"], &["b", "a"]] {
            let workers: Vec<(&str, &Path)> =
                workers.iter().map(|name| (*name, path.as_path())).collect();
            assert!(logs.look_at(&status(&workers)));
            pane.open(logs.logs());
            numbers.push((pane.unit("server"), pane.unit("a"), pane.unit("b")));
        }
        let server = Some(0);
        let expected = [
            (server, None, Some(1)),
            (server, Some(2), Some(1)),
            (server, Some(2), None),
            (server, Some(2), Some(1)),
        ];
        assert_eq!(numbers, expected);
    }

    #[tokio::test]
    async fn new_lines_arrive_and_only_the_last_old_ones_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        let orders = folder.path().join("orders");
        std::fs::write(&orders, "INFO one\nINFO two\n").unwrap();
        let (mut logs, mut pane) = (UnitLogs::new(&home, 1, Duration::ZERO), LogPane::default());
        logs.look_at(&status(&[("orders", &orders)]));
        pane.open(logs.logs());
        // A line without any time is first.
        let old = [("orders", "two"), ("server", "three")];
        assert_eq!(read(&mut logs, &mut pane, 2).await, expected(&old));
        let mut file = std::fs::OpenOptions::new().append(true).open(&orders).unwrap();
        std::io::Write::write_all(&mut file, b"INFO new\n").unwrap();
        let lines = read(&mut logs, &mut pane, 3).await;
        assert_eq!(lines[2..], expected(&[("orders", "new")]));
    }

    #[tokio::test]
    async fn warnings_and_errors_of_stigmer_are_between_the_lines_of_the_units() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        let own = |second: u32, level: &str| {
            format!(
                "{{\"timestamp\":\"2026-11-29T10:00:{second:02}Z\",\"level\":\"{level}\",\
                 \"message\":\"{level} of {second}\",\"worker\":\"orders\"}}\n"
            )
        };
        std::fs::write(home.stigmer_log(), own(2, "INFO") + &own(2, "ERROR") + &own(4, "INFO"))
            .unwrap();
        let (mut logs, mut pane) = (UnitLogs::new(&home, 10, Duration::ZERO), LogPane::default());
        let lines = read(&mut logs, &mut pane, 3).await;
        let all = [("server", "one"), ("stigmer", "ERROR of 2"), ("server", "three")];
        assert_eq!(lines, expected(&all));
        let line = pane.line(1).unwrap();
        assert_eq!((line.kind, line.fields), (LineKind::Structured, "worker=orders"));
        assert_eq!(pane.units().len(), 1, "stigmer is not a source");
    }
}
