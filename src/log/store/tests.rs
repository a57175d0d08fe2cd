use proptest::prelude::*;

use super::*;
use crate::log::line::{LineParser, LogWriter, generation_mark, text};
use crate::process::threads::tests::without_threads;

/// A store of lines of a server, with their parser.
struct ServerStore {
    store: LogStore,
    parser: LineParser,
}

impl ServerStore {
    fn push(&mut self, line: &[u8]) {
        let text = text(line);
        self.store.push(LogStore::SERVER, &text, &self.parser.scan(&text));
    }
}

impl std::ops::Deref for ServerStore {
    type Target = LogStore;

    fn deref(&self) -> &LogStore {
        &self.store
    }
}

fn store(max_lines: usize, max_bytes: usize) -> ServerStore {
    let store = LogStore::new(max_lines, max_bytes);
    ServerStore { store, parser: LineParser::new(jiff::tz::TimeZone::UTC) }
}

fn event(level: &str, service: &str, message: &str) -> String {
    format!(
        r#"{{"time":"2026-11-22T20:54:24.5Z","level":"{level}","msg":"{message}","service":"{service}"}}"#
    )
}

fn sample() -> ServerStore {
    let mut store = store(100, 1_000_000);
    store.push(generation_mark(1, Timestamp::UNIX_EPOCH, "operator", "").as_bytes());
    store.push(event("INFO", "history", "alpha").as_bytes());
    store.push(event("WARN", "worker", "beta").as_bytes());
    store.push(event("ERROR", "history", "alpha again").as_bytes());
    store.push(b"raw alpha");
    store
}

#[test]
fn line_round_trips() {
    let store = sample();
    let line = store.get(3).unwrap().line();
    assert_eq!((line.level, line.message.as_str()), (Level::Error, "alpha again"));
    assert_eq!((line.component.as_str(), line.generation), ("history", Some(1)));
    assert_eq!(line.time, Some("2026-11-22T20:54:24.5Z".parse().unwrap()));
    assert_eq!(store.get(0).unwrap().line().message, "generation 1");
    assert_eq!(store.get(4).unwrap().line().time, None);
    assert!(store.get(5).is_none());
}

fn found(store: &LogStore, pattern: &str) -> Vec<u64> {
    store.find(&Finder::new(pattern).unwrap(), 0..u64::MAX)
}

#[test]
fn finds_lines() {
    let store = sample();
    assert_eq!(found(&store, "alpha"), [1, 3, 4]);
    assert_eq!(found(&store, "Alpha"), [0; 0]);
    assert_eq!(found(&store, "again.*history|^raw"), [3, 4]);
    assert_eq!(found(&store, "alpha$"), [4]);
    assert_eq!(found(&store, "level=warn"), [2], "matches the shown form, not the written one");
    assert_eq!(found(&store, ""), [0, 1, 2, 3, 4]);
    let finder = Finder::new("alpha").unwrap();
    assert_eq!(store.find(&finder, 2..4), [3]);
    let components: Vec<_> = store.components().iter().map(String::as_str).collect();
    assert_eq!(components, ["stigmer", "history", "worker", ""]);
}

#[test]
fn numbers_do_not_change_when_lines_are_dropped() {
    let mut store = store(3, 1_000_000);
    for n in 0..10 {
        store.push(format!("line {n}").as_bytes());
    }
    assert_eq!((store.first_index(), store.end(), store.len()), (7, 10, 3));
    assert!(store.get(6).is_none());
    assert_eq!(store.get(7).unwrap().text(), "line 7");
    assert_eq!(store.range(0..9).map(|entry| entry.index()).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn line_after_all_were_dropped_has_the_next_number() {
    let mut store = sample();
    store.store.clear();
    assert_eq!((store.first_index(), store.len(), store.bytes()), (5, 0, 0));
    store.push(b"next");
    assert_eq!(store.get(5).unwrap().text(), "next");
    assert_eq!(found(&store, "alpha|next"), [5]);
}

#[test]
fn counts_are_those_of_the_stored_lines() {
    let mut store = LogStore::new(3, 1_000_000);
    let mut servers = LineParser::new(jiff::tz::TimeZone::UTC);
    let mut workers = LineParser::of(LogWriter::Worker, jiff::tz::TimeZone::UTC);
    let error = event("ERROR", "history", "no such table");
    let head = servers.scan(&error);
    store.push(LogStore::SERVER, &error, &head);
    for line in ["2026-11-22T20:54:24Z ERROR no bank", "  File \"a.py\", line 1"] {
        let head = workers.scan(line);
        store.push(3, line, &head);
    }
    let counts = |lines, errors| Counts { lines, errors };
    assert_eq!(store.counts(LogStore::SERVER), counts(1, 1));
    assert_eq!(store.counts(3), counts(2, 1), "a stack trace counts once");
    assert_eq!(store.counts(4), counts(0, 0));
    let line = event("INFO", "history", "x");
    let head = servers.scan(&line);
    store.push(LogStore::SERVER, &line, &head);
    assert_eq!(store.counts(LogStore::SERVER), counts(1, 0), "the error was dropped");
    store.clear();
    assert_eq!((store.counts(LogStore::SERVER), store.counts(3)), (counts(0, 0), counts(0, 0)));
}

#[test]
fn line_has_its_unit_and_only_the_server_writes_noise() {
    let mut store = LogStore::new(10, 1_000_000);
    let line = event("INFO", "history", "Quota changed");
    let head = LineParser::new(jiff::tz::TimeZone::UTC).scan(&line);
    store.push(LogStore::SERVER, &line, &head);
    store.push(3, &line, &head);
    let lines: Vec<_> = store.range(0..2).map(|it| (it.unit(), it.noise().is_some())).collect();
    assert_eq!(lines, [(LogStore::SERVER, true), (3, false)]);
}

#[test]
fn invented_component_names_do_not_fill_memory() {
    let mut store = store(10, 1_000_000);
    for n in 0..3_000 {
        store.push(event("INFO", &format!("invented-{n}"), "x").as_bytes());
    }
    assert_eq!(store.components().len(), MAX_COMPONENTS);
    assert_eq!(store.get(2_999).unwrap().component(), "…");
}

#[test]
fn default_number_of_lines_fits_the_memory_limit() {
    assert!(size_of::<Slot>() <= 40, "{}", size_of::<Slot>());
    let mut store = store(LogStore::LINES, LogStore::BYTES);
    for n in 0..LogStore::LINES {
        store.push(event("INFO", "history", &format!("{n:0190}")).as_bytes());
    }
    assert_eq!(store.len(), LogStore::LINES);
    assert_eq!(found(&store, "0099999"), [99_999]);
}

proptest! {
    #[test]
    fn limits_are_never_exceeded(
        max_lines in 1_usize..20,
        max_bytes in 0_usize..2_000,
        lines in proptest::collection::vec("[a-z]{0,90}", 0..40),
    ) {
        let mut store = store(max_lines, max_bytes);
        for (n, line) in lines.iter().enumerate() {
            store.push(line.as_bytes());
            let kept: Vec<_> = store.range(0..u64::MAX).map(|entry| entry.text().len() + OVERHEAD).collect();
            prop_assert_eq!(kept.iter().sum::<usize>(), store.bytes());
            prop_assert!(store.len() <= max_lines && !store.is_empty());
            prop_assert!(store.bytes() <= max_bytes || store.len() == 1);
            prop_assert_eq!(store.end(), n as u64 + 1);
            prop_assert_eq!(store.get(n as u64).unwrap().text(), line.as_str());
        }
    }

    /// A search over a whole page finds the same lines as a search of each line, for every pattern.
    #[test]
    fn search_finds_the_same_lines_as_grep(
        lines in proptest::collection::vec("[ab\\t ]{0,6}", 1..30),
        pattern in proptest::sample::select(vec![
            "", "a", "a.*b", "^a", "b$", "^$", r"\Ab", r"a\z", r"\s", "[^b]", r"\bb", "a|^b+$", r"a\n", r"a\sb", "^.*b", "^.*a.*$", "x*", "(?s).a",
        ]),
        dropped in 0_usize..20,
        range in (0_u64..40, 0_u64..40),
    ) {
        let mut store = store(lines.len().saturating_sub(dropped).max(1), 1_000_000);
        for line in &lines {
            store.push(line.as_bytes());
        }
        let alone = regex::RegexBuilder::new(pattern).case_insensitive(true).build().unwrap();
        let expected: Vec<u64> = store
            .range(range.0..range.1)
            .filter(|entry| alone.is_match(entry.text()))
            .map(|entry| entry.index())
            .collect();
        prop_assert_eq!(store.find(&Finder::new(pattern).unwrap(), range.0..range.1), expected);
    }
}

#[test]
fn search_works_without_threads() {
    if !without_threads("log::store::tests::search_works_without_threads") {
        return;
    }
    let mut store = store(PARALLEL + 100, usize::MAX);
    for n in 0..PARALLEL + 100 {
        store.push(format!("line {n}").as_bytes());
    }
    assert_eq!(found(&store, "line (7|20050)$"), [7, 20_050]);
}
