use proptest::prelude::*;

use super::*;
use crate::temporal::logline::generation_mark;

fn store(max_lines: usize, max_bytes: usize) -> LogStore {
    LogStore::new(max_lines, max_bytes, TimeZone::UTC)
}

fn event(level: &str, service: &str, message: &str) -> String {
    format!(
        r#"{{"time":"2026-11-22T20:54:24.5Z","level":"{level}","msg":"{message}","service":"{service}"}}"#
    )
}

fn sample() -> LogStore {
    let mut store = store(100, 1_000_000);
    store.push(generation_mark(1, Timestamp::UNIX_EPOCH).as_bytes());
    store.push(event("INFO", "history", "alpha").as_bytes());
    store.push(event("WARN", "worker", "beta").as_bytes());
    store.push(event("ERROR", "history", "alpha again").as_bytes());
    store.push(b"raw alpha");
    store
}

fn filter(min_level: Level, component: Option<&str>) -> Filter {
    Filter { min_level, component: component.map(str::to_owned) }
}

#[test]
fn a_line_comes_out_as_it_went_in() {
    let store = sample();
    let line = store.get(3).unwrap().line();
    assert_eq!((line.level, line.message.as_str()), (Level::Error, "alpha again"));
    assert_eq!((line.component.as_str(), line.generation), ("history", Some(1)));
    assert_eq!(line.time, Some("2026-11-22T20:54:24.5Z".parse().unwrap()));
    assert_eq!(store.get(0).unwrap().line().message, "generation 1");
    assert_eq!(store.get(4).unwrap().line().time, None);
    assert!(store.get(5).is_none());
}

#[test]
fn filters_by_level_and_component_but_keeps_the_marks() {
    let store = sample();
    let all = store.first_index()..store.end();
    let cases = [
        (filter(Level::Debug, None), vec![0, 1, 2, 3, 4]),
        (filter(Level::Warn, None), vec![0, 2, 3]),
        (filter(Level::Error, None), vec![0, 3]),
        (filter(Level::Debug, Some("history")), vec![0, 1, 3]),
        (filter(Level::Warn, Some("worker")), vec![0, 2]),
        (filter(Level::Debug, Some("nobody")), vec![0]),
    ];
    for (filter, expected) in cases {
        let passed = store.filtered(all.clone(), &filter).map(|entry| entry.index());
        assert_eq!(passed.collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(store.count_filtered(&filter), expected.len(), "{filter:?}");
        let back = store.filtered(all.clone(), &filter).rev().map(|entry| entry.index());
        assert_eq!(back.collect::<Vec<_>>(), expected.into_iter().rev().collect::<Vec<_>>());
    }
    assert_eq!(store.components().collect::<Vec<_>>(), ["stigmer", "history", "worker"]);
    assert_eq!(Level::ALL.map(|level| store.count(level)), [0, 1, 1, 1, 1]);
}

#[test]
fn searches_both_ways_from_any_line() {
    let store = sample();
    let (pattern, all) = (Regex::new("(?i)ALPHA").unwrap(), Filter::default());
    let next = |from| store.search(&pattern, &all, from, Direction::Forward);
    let previous = |from| store.search(&pattern, &all, from, Direction::Backward);
    assert_eq!(
        [next(0), next(1), next(2), next(5), next(99)],
        [Some(1), Some(1), Some(3), None, None]
    );
    assert_eq!([previous(0), previous(2), previous(u64::MAX)], [None, Some(1), Some(4)]);
    assert_eq!(store.matches(&pattern, &all, 0..u64::MAX), [1, 3, 4]);
    assert_eq!(store.matches(&pattern, &filter(Level::Warn, None), 0..u64::MAX), [3]);
}

#[test]
fn numbers_stay_while_lines_go() {
    let mut store = store(3, 1_000_000);
    for n in 0..10 {
        store.push(format!("line {n}").as_bytes());
    }
    assert_eq!((store.first_index(), store.end(), store.len()), (7, 10, 3));
    assert!(store.get(6).is_none());
    assert_eq!(store.get(7).unwrap().text(), "line 7");
    assert_eq!(store.range(0..9).map(|entry| entry.index()).collect::<Vec<_>>(), [7, 8]);
    store.clear();
    assert_eq!((store.first_index(), store.end(), store.bytes()), (10, 10, 0));
    store.push(b"x");
    assert_eq!(store.get(10).unwrap().text(), "x");
}

#[test]
fn invented_component_names_do_not_fill_memory() {
    let mut store = store(10, 1_000_000);
    for n in 0..3_000 {
        store.push(event("INFO", &format!("invented-{n}"), "x").as_bytes());
    }
    assert_eq!(store.components().count(), MAX_COMPONENTS);
    assert_eq!(store.get(2_999).unwrap().component(), "…");
}

#[test]
fn a_hundred_thousand_lines_fit_the_budget() {
    assert!(size_of::<Slot>() <= 40, "{}", size_of::<Slot>());
    let mut store = store(LogStore::LINES, LogStore::BYTES);
    for n in 0..LogStore::LINES {
        store.push(event("INFO", "history", &format!("{n:0190}")).as_bytes());
    }
    assert_eq!(store.len(), LogStore::LINES);
    let pattern = Regex::new("0099999").unwrap();
    assert_eq!(store.matches(&pattern, &Filter::default(), 0..u64::MAX), [99_999]);
}

proptest! {
    #[test]
    fn bounds_always_hold(
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
            prop_assert_eq!(Level::ALL.map(|level| store.count(level)).iter().sum::<usize>(), store.len());
        }
    }
}
