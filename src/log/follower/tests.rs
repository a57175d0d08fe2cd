use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::time::timeout;

use super::splitter::LineSplitter;
use super::*;
use crate::log::line::MAX_LINE;

struct Log {
    dir: TempDir,
    path: PathBuf,
}

impl Log {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("temporal.log");
        Self { dir, path }
    }

    fn append(&self, text: &str) {
        self.writer().write_all(text.as_bytes()).unwrap();
    }

    fn writer(&self) -> File {
        OpenOptions::new().append(true).create(true).open(&self.path).unwrap()
    }

    fn follow(&self, start: StartAt) -> Follower {
        Follower::new(&self.path, start)
    }
}

fn strings(batch: &Batch) -> Vec<String> {
    batch.lines().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
}

/// The next lines, with a time limit.
async fn next(follower: &mut Follower) -> Vec<String> {
    let batch = timeout(Duration::from_secs(60), follower.next()).await;
    strings(&batch.expect("lines within 60 s").unwrap())
}

async fn assert_no_lines(follower: &mut Follower) {
    let batch = timeout(Duration::from_millis(30), follower.next()).await;
    assert!(batch.is_err(), "unexpected lines: {batch:?}");
}

fn drain(follower: &mut Follower) -> Vec<String> {
    let mut lines = Vec::new();
    follower.drain(|batch| lines.extend(strings(batch))).unwrap();
    lines
}

#[tokio::test]
async fn lines_are_delivered_when_complete() {
    let log = Log::new();
    log.append("old\n");
    let mut follower = log.follow(StartAt::Tail(0));
    assert_no_lines(&mut follower).await;
    log.append("one\ntwo\nthr");
    assert_eq!(next(&mut follower).await, ["one", "two"]);
    assert_no_lines(&mut follower).await;
    log.append("ee\r\n\n");
    assert_eq!(next(&mut follower).await, ["three\r", ""]);
    assert_eq!(follower.offset().unwrap(), log.path.metadata().unwrap().len());
}

#[tokio::test]
async fn begins_at_the_given_start() {
    let log = Log::new();
    log.append("a\nb\nc\npart");
    assert_eq!(next(&mut log.follow(StartAt::Beginning)).await, ["a", "b", "c"]);
    assert_eq!(next(&mut log.follow(StartAt::Tail(2))).await, ["b", "c"]);
    assert_eq!(next(&mut log.follow(StartAt::Tail(9))).await, ["a", "b", "c"]);
    assert_eq!(next(&mut log.follow(StartAt::Offset(4))).await, ["c"]);
    assert_eq!(next(&mut log.follow(StartAt::Offset(999))).await, ["a", "b", "c"]);
    let mut follower = log.follow(StartAt::Tail(0));
    log.append("ial\n");
    assert_eq!(next(&mut follower).await, ["partial"]);
}

#[test]
fn tail_is_found_across_chunks() {
    let log = Log::new();
    let lines: Vec<_> = (0..30_000).map(|n| format!("line {n}")).collect();
    log.append(&(lines.join("\n") + "\n"));
    for n in [1, 5_000, 29_999, 30_000, 40_000] {
        let expected = &lines[lines.len().saturating_sub(n)..];
        assert_eq!(drain(&mut log.follow(StartAt::Tail(n))), expected);
    }
}

#[tokio::test]
async fn waits_for_a_missing_file_and_folder() {
    let mut log = Log::new();
    let mut follower = log.follow(StartAt::Tail(0));
    assert_no_lines(&mut follower).await;
    log.append("new\n");
    assert_eq!(next(&mut follower).await, ["new"], "a new file is read from its beginning");

    log.path = log.dir.path().join("logs/temporal.log");
    let mut follower = log.follow(StartAt::Tail(5));
    assert_no_lines(&mut follower).await;
    fs::create_dir(log.dir.path().join("logs")).unwrap();
    log.append("deep\n");
    assert_eq!(next(&mut follower).await, ["deep"]);
    log.append("er\n");
    assert_eq!(next(&mut follower).await, ["er"]);
}

#[tokio::test]
async fn continues_after_truncation() {
    let log = Log::new();
    log.append("one\ntwo and part");
    let mut follower = log.follow(StartAt::Beginning);
    assert_eq!(next(&mut follower).await, ["one"]);
    assert_no_lines(&mut follower).await;
    OpenOptions::new().write(true).open(&log.path).unwrap().set_len(0).unwrap();
    assert_no_lines(&mut follower).await;
    log.append("new\n");
    let batch = follower.next().await.unwrap();
    assert_eq!((strings(&batch), batch.skipped()), (vec!["new".to_owned()], 12));
}

#[tokio::test]
async fn switches_to_a_replacement_after_reading_the_old_file() {
    let log = Log::new();
    log.append("one\n");
    let mut follower = log.follow(StartAt::Beginning);
    assert_eq!(next(&mut follower).await, ["one"]);
    let mut old = log.writer();
    fs::rename(&log.path, log.dir.path().join("temporal.log.1")).unwrap();
    old.write_all(b"still old\nunfinished").unwrap();
    assert_eq!(next(&mut follower).await, ["still old"]);
    log.append("new\n");
    assert_eq!(next(&mut follower).await, ["unfinished"]);
    assert_eq!(next(&mut follower).await, ["new"]);
    log.append("newer\n");
    assert_eq!(next(&mut follower).await, ["newer"]);
}

#[tokio::test]
async fn follows_through_many_rotations() {
    let log = Log::new();
    log.append("");
    let mut follower = log.follow(StartAt::Beginning);
    for n in 0..50 {
        log.append(&format!("a{n}\nb{n}\n"));
        fs::rename(&log.path, log.dir.path().join("old")).unwrap();
        log.append(&format!("c{n}\n"));
        let mut lines = Vec::new();
        while lines.last() != Some(&format!("c{n}")) {
            lines.extend(next(&mut follower).await);
        }
        let expected = ["a", "b", "c"].map(|letter| format!("{letter}{n}"));
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn polls_without_a_watch() {
    let log = Log::new();
    log.append("one\n");
    let mut follower = log.follow(StartAt::Beginning);
    follower.watch = Some(Watch::blind(&log.path));
    assert_eq!(next(&mut follower).await, ["one"]);
    log.append("two\n");
    assert_eq!(next(&mut follower).await, ["two"]);
    fs::rename(&log.path, log.dir.path().join("old")).unwrap();
    log.append("three\n");
    assert_eq!(next(&mut follower).await, ["three"]);
}

#[tokio::test]
async fn no_line_is_lost_when_the_watch_is_dropped_and_created_again() {
    let log = Log::new();
    let mut follower = log.follow(StartAt::Beginning);
    for n in 0..3 {
        log.append("watched\n");
        assert_eq!(next(&mut follower).await, ["watched"], "{n}");
        log.append("between\n");
        drop(follower.unwatch());
        assert_eq!(next(&mut follower).await, ["between"], "{n}");
        log.append("polled\n");
        assert_eq!(next(&mut follower).await, ["polled"], "{n}");
        log.append("between\n");
        follower.watch_again();
        assert_eq!(next(&mut follower).await, ["between"], "{n}");
        assert!(follower.watch.as_ref().is_some_and(|watch| !watch.is_blind()));
    }
}

#[test]
fn drain_delivers_the_unfinished_last_line_without_a_runtime() {
    let log = Log::new();
    assert!(drain(&mut log.follow(StartAt::Beginning)).is_empty());
    let dump = "\tframe\n".repeat(75_000);
    log.append(&format!("panic: boom\n{dump}exit stat"));
    let lines = drain(&mut log.follow(StartAt::Beginning));
    assert_eq!(lines.len(), 75_002);
    assert_eq!((lines[0].as_str(), lines[75_001].as_str()), ("panic: boom", "exit stat"));
}

#[test]
fn punched_front_is_skipped_and_counted() {
    let log = Log::new();
    let line = |n: usize| format!("{n:>99}\n");
    (0..2_000).for_each(|n| log.append(&line(n)));
    let mut behind = log.follow(StartAt::Beginning);
    let seen = behind.reader.step_blocking(false).unwrap().batch.len();

    // The hole ends before the newline of line 1,499.
    crate::log::sparse::punch_front(&log.writer(), 1_500 * 100 - 1).unwrap();
    let expected: Vec<_> = (1_500..2_000).map(|n| line(n).trim_end().to_owned()).collect();
    let (mut lines, mut skipped) = (Vec::new(), 0);
    let collect = |batch: &Batch| {
        lines.extend(strings(batch));
        skipped += batch.skipped();
    };
    behind.drain(collect).unwrap();
    assert_eq!(lines, expected);
    // The number is exact to a disk block: dropped lines in the last block are not counted.
    assert!(skipped as usize > (1_450 - seen) * 100, "{skipped} bytes");
    assert_eq!(drain(&mut log.follow(StartAt::Beginning)), expected);
    assert_eq!(drain(&mut log.follow(StartAt::Tail(5_000))), expected);
    assert_eq!(drain(&mut log.follow(StartAt::Tail(500))), expected);
    assert_eq!(drain(&mut log.follow(StartAt::Tail(10))), expected[490..]);
}

#[test]
fn written_zero_bytes_are_not_a_hole() {
    let log = Log::new();
    log.append("a\0b\n\0\0c\n\0\nd\n");
    assert_eq!(drain(&mut log.follow(StartAt::Beginning)), ["a\0b", "\0\0c", "\0", "d"]);
}

#[tokio::test]
async fn read_error_is_reported_and_retried_every_second() {
    let mut log = Log::new();
    log.path = log.dir.path().join("folder");
    fs::create_dir(&log.path).unwrap();
    let mut follower = log.follow(StartAt::Beginning);
    let error = follower.next().await.unwrap_err().to_string();
    assert!(error.contains("folder") && error.contains("cannot read"), "{error}");
    assert_no_lines(&mut follower).await;

    fs::remove_dir(&log.path).unwrap();
    log.append("one\n");
    assert_eq!(next(&mut follower).await, ["one"]);
}

#[tokio::test]
async fn fast_writer_is_followed_without_loss_or_memory_growth() {
    const LINES: usize = 200_000;
    let log = Log::new();
    let mut writer = io::BufWriter::new(log.writer());
    let writing = std::thread::spawn(move || {
        (0..LINES).for_each(|n| writeln!(writer, "line {n} {}", "x".repeat(100)).unwrap());
    });
    let mut follower = log.follow(StartAt::Beginning);
    let mut n = 0;
    while n < LINES {
        let batch = timeout(Duration::from_secs(60), follower.next()).await.unwrap().unwrap();
        assert!(batch.bytes.len() <= 2 * MAX_LINE);
        for line in batch.lines() {
            assert!(line.starts_with(format!("line {n} ").as_bytes()));
            n += 1;
        }
    }
    writing.join().unwrap();
}

#[test]
fn endless_line_is_cut_with_a_note() {
    let mut splitter = LineSplitter::default();
    let mut batch = Batch::default();
    for _ in 0..100 {
        splitter.feed(&[b'x'; 10_000], &mut batch);
    }
    assert!(splitter.pending() == 1_000_000 && batch.is_empty());
    splitter.feed(b"\nnext\n", &mut batch);
    let lines = strings(&batch);
    assert!(lines[0].ends_with(" … [934464 bytes cut]") && lines[0].len() < MAX_LINE + 40);
    assert_eq!(lines[1], "next");
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_chunk_boundaries(
        text in "[ab\n]{0,200}",
        cuts in proptest::collection::vec(0_usize..200, 0..10),
    ) {
        let mut splitter = LineSplitter::default();
        let mut batch = Batch::default();
        let mut cuts = cuts.into_iter().map(|cut| cut.min(text.len())).collect::<Vec<_>>();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        cuts.windows(2).for_each(|cut| splitter.feed(&text.as_bytes()[cut[0]..cut[1]], &mut batch));
        splitter.finish(&mut batch);
        prop_assert_eq!(strings(&batch), text.lines().collect::<Vec<_>>());
        prop_assert_eq!(batch.len(), batch.lines().count());
    }
}
