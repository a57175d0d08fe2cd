use proptest::prelude::*;

use super::*;
use crate::demo::sample::SampleLog;
use crate::log::{Level, Noise, SERVER};

fn explorer(log: &SampleLog) -> Explorer {
    let mut explorer = Explorer::default();
    explorer.update(log);
    measure(&mut explorer);
    explorer
}

fn measure(explorer: &mut Explorer) -> usize {
    explorer.measure(10, |_| 1)
}

/// Number of the first line on the page.
fn top(explorer: &mut Explorer, log: &SampleLog) -> u64 {
    explorer.update(log);
    let at = measure(explorer);
    explorer.row(at).unwrap().first
}

fn shown(explorer: &Explorer) -> Vec<(u64, u32)> {
    (0..explorer.rows())
        .filter_map(|at| explorer.row(at))
        .map(|row| (row.first, row.lines))
        .collect()
}

#[test]
fn paused_log_does_not_move_when_lines_are_added_or_evicted() {
    let mut log = SampleLog::numbered(100);
    let mut explorer = explorer(&log);
    assert_eq!(top(&mut explorer, &log), 90);
    explorer.wheel(Move::Up(5));
    assert_eq!(top(&mut explorer, &log), 85);
    log.push_numbered(30);
    assert_eq!(top(&mut explorer, &log), 85);
    assert_eq!(explorer.unseen(), 30);
    log.evict(50);
    assert_eq!(top(&mut explorer, &log), 85);
    log.evict(60);
    assert_eq!(top(&mut explorer, &log), 110, "evicted: the oldest line is next");
}

#[test]
fn reaching_the_end_follows_the_log_again() {
    let log = SampleLog::numbered(100);
    let mut explorer = explorer(&log);
    for (there, back) in
        [(Move::Up(1), Move::Down(2)), (Move::PageUp, Move::Last), (Move::First, Move::Last)]
    {
        explorer.go(there);
        assert!(!explorer.follows());
        explorer.go(back);
        assert!(explorer.follows(), "{back:?}");
        explorer.wheel(there);
        assert!(!explorer.follows());
        explorer.wheel(back);
        assert!(explorer.follows(), "{back:?}");
    }
}

#[test]
fn page_follows_the_cursor() {
    let log = SampleLog::numbered(100);
    let mut explorer = explorer(&log);
    explorer.go(Move::Up(3));
    assert_eq!(explorer.current().map(|row| row.first), Some(96));
    assert_eq!(top(&mut explorer, &log), 90);
    explorer.go(Move::Up(10));
    assert_eq!(top(&mut explorer, &log), 86);
    explorer.go(Move::First);
    assert_eq!(top(&mut explorer, &log), 0);
    explorer.go(Move::Down(9));
    assert_eq!(top(&mut explorer, &log), 0);
    explorer.go(Move::Down(1));
    assert_eq!(top(&mut explorer, &log), 1);
}

#[test]
fn short_log_has_a_cursor_and_does_not_scroll() {
    let log = SampleLog::numbered(10);
    let mut explorer = explorer(&log);
    explorer.wheel(Move::Up(1));
    assert!(explorer.follows());
    explorer.go(Move::Up(1));
    assert_eq!(explorer.current().map(|row| row.first), Some(8));
}

#[test]
fn routine_lines_fold_and_unfold() {
    let mut log = SampleLog::default();
    log.push_noise(Noise::StartUp, 2);
    log.push_numbered(1);
    log.push_noise(Noise::StartUp, 3);
    log.push_noise(Noise::Adjacent, 1);
    log.push_noise(Noise::StartUp, 1);
    log.push_noise(Noise::Shutdown, 3);
    log.push_noise(Noise::Adjacent, 1);
    log.push_noise(Noise::AdjacentToShutdown, 1);
    log.push_numbered(1);
    log.push_noise(Noise::AdjacentToShutdown, 4);
    let mut explorer = explorer(&log);
    let folded = [(0, 1), (1, 1), (2, 1), (3, 10), (13, 1), (14, 1), (15, 1), (16, 1), (17, 1)];
    assert_eq!(shown(&explorer), folded);

    let fold = explorer.row(3).unwrap();
    explorer.unfold(fold, &log);
    assert_eq!(shown(&explorer).len(), folded.len() + 9);
    log.push_noise(Noise::StartUp, 4);
    explorer.update(&log);
    assert_eq!(shown(&explorer).last(), Some(&(18, 4)), "a new run folds");
    explorer.toggle_folds(&log);
    assert_eq!(explorer.rows(), 22);
    explorer.toggle_folds(&log);
    assert_eq!(explorer.rows(), folded.len() + 1, "all are folded");

    log.evict(6);
    explorer.update(&log);
    assert_eq!(shown(&explorer)[..2], [(6, 7), (13, 1)], "the rest of an evicted fold");
}

#[test]
fn filter_selects_level_component_and_first_line() {
    let mut log = SampleLog::default();
    for (level, component) in
        [(Level::Info, "history"), (Level::Warn, "worker"), (Level::Error, "history")]
    {
        log.push("", level, component, "text", "");
    }
    log.push_mark("generation 2");
    let mut explorer = explorer(&log);
    let numbers = |explorer: &Explorer| shown(explorer).iter().map(|row| row.0).collect::<Vec<_>>();
    let warnings = Filter { level: Level::Warn, ..Filter::default() };
    explorer.set_filter(warnings, &log);
    assert_eq!(numbers(&explorer), [1, 2, 3]);
    let history = components(&log)[0];
    assert_eq!((log.component(history.0), history.1), ("history", 2));
    explorer.set_filter(Filter { component: Some(history.0), ..warnings }, &log);
    assert_eq!(numbers(&explorer), [2, 3]);
    log.push("", Level::Error, "history", "text", "");
    log.push("", Level::Error, "worker", "text", "");
    explorer.update(&log);
    assert_eq!(numbers(&explorer), [2, 3, 4]);

    explorer.set_filter(Filter::default(), &log);
    explorer.clear(&log);
    log.push_numbered(1);
    explorer.update(&log);
    assert_eq!(numbers(&explorer), [6]);
    explorer.clear(&log);
    assert_eq!(explorer.rows(), 7);
}

#[test]
fn search_moves_to_the_nearest_match_and_wraps_around() {
    let mut log = SampleLog::numbered(100);
    let mut explorer = explorer(&log);
    let start = explorer.position();
    explorer.seek("line 3", start, &log);
    let at = |explorer: &Explorer| explorer.current().unwrap().first;
    assert_eq!((at(&explorer), explorer.search().unwrap().count(Some(39))), (39, "11/11".into()));
    explorer.step(true, &log);
    assert_eq!(at(&explorer), 3);
    explorer.step(false, &log);
    assert_eq!(at(&explorer), 39);
    explorer.seek("line 30", start, &log);
    assert_eq!((at(&explorer), explorer.search().unwrap().matches()), (30, 1));
    explorer.seek("nothing", start, &log);
    assert!(explorer.follows(), "back at the start position");

    explorer.seek("line 1", start, &log);
    log.push_numbered(1);
    explorer.update(&log);
    assert_eq!(explorer.search().unwrap().matches(), 12, "new lines are searched");
    log.evict(15);
    explorer.update(&log);
    assert_eq!(explorer.search().unwrap().matches(), 6);
    explorer.set_filter(Filter { from: 100, ..Filter::default() }, &log);
    assert_eq!(explorer.search().unwrap().matches(), 1);
}

#[test]
fn match_within_a_fold_unfolds_it() {
    let mut log = SampleLog::default();
    log.push_noise(Noise::StartUp, 5);
    log.push_numbered(1);
    let mut explorer = explorer(&log);
    assert_eq!(explorer.rows(), 2);
    let start = explorer.position();
    explorer.seek("noise 3", start, &log);
    assert_eq!((explorer.rows(), explorer.current().unwrap().first), (6, 3));
}

#[test]
fn selected_lines_are_copied() {
    let mut log = SampleLog::default();
    log.push_noise(Noise::StartUp, 3);
    log.push_numbered(3);
    let mut explorer = explorer(&log);
    assert_eq!(explorer.copy(&log).text, "21:04:11.000 INFO  history   line 5\n");
    explorer.go(Move::Up(1));
    assert!(explorer.copy(&log).text.ends_with("line 4\n"));
    explorer.extend(Move::First);
    assert_eq!(explorer.copy(&log).lines, 5, "with the lines of the fold");
    explorer.drop_range();
    assert_eq!(explorer.copy(&log).lines, 3);

    let mut log = SampleLog::default();
    log.push_raw(&"x".repeat(COPY_MAX + 10));
    log.push_numbered(1);
    let mut explorer = self::explorer(&log);
    explorer.extend(Move::First);
    let copied = explorer.copy(&log);
    assert_eq!((copied.lines, copied.left_out), (1, 1));
    assert!(copied.text.len() <= COPY_MAX + 1);
}

#[test]
fn normal_lines_of_the_server_fold_anywhere_unless_they_name_a_workflow() {
    let mut log = SampleLog::numbered(1);
    for _ in 0..4 {
        log.push("", Level::Info, "history", "normal", "");
    }
    log.push("", Level::Info, "history", "Non-Deterministic Error", "workflow=drift-11");
    log.push("", Level::Info, "history", "normal", "");
    log.push("", Level::Warn, "history", "not normal", "");
    for _ in 0..3 {
        log.push("", Level::Debug, "history", "normal", "");
    }
    log.push_raw("panic: a raw line");
    let explorer = explorer(&log);
    assert_eq!(shown(&explorer), [(0, 1), (1, 4), (5, 1), (6, 1), (7, 1), (8, 3), (11, 1)]);
}

#[test]
fn lines_of_workers_never_fold_and_each_of_their_events_is_one_step() {
    let mut log = SampleLog::default();
    log.push_noise(Noise::Shutdown, 3);
    let orders = log.push_worker("orders");
    for text in ["one", "two", "three"] {
        log.push_of(orders, "", Level::Info, text, "");
    }
    log.push_of(orders, "", Level::Error, "failed", "");
    for text in ["Traceback", "  File"] {
        log.push_raw_of(orders, text, true);
    }
    log.push_noise(Noise::AdjacentToShutdown, 3);
    let mut explorer = explorer(&log);
    let rows = [(0, 3), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 3)];
    assert_eq!(shown(&explorer), rows, "the server still stops");
    explorer.step_to_problem(false);
    assert_eq!(explorer.current().unwrap().first, 6);
    assert!(!explorer.has_other_problem());
    let errors = Filter { level: Level::Error, ..Filter::default() };
    explorer.set_filter(errors, &log);
    assert_eq!(shown(&explorer), [(6, 1), (7, 1), (8, 1)], "with the stack trace");
    let server = Filter { unit: Some(SERVER), ..Filter::default() };
    explorer.set_filter(server, &log);
    assert_eq!(shown(&explorer), [(0, 6)]);
}

#[test]
fn filter_on_a_unit_ends_when_its_log_is_closed() {
    let mut log = SampleLog::numbered(3);
    let orders = log.push_worker("orders");
    log.push_of(orders, "", Level::Info, "line of a worker", "");
    let mut explorer = explorer(&log);
    explorer.set_filter(Filter { unit: Some(orders), ..Filter::default() }, &log);
    explorer.update(&log);
    assert_eq!(shown(&explorer), [(3, 1)], "the log of the worker is open");
    let mut log = SampleLog::numbered(8);
    log.evict(4);
    explorer.seek("line", explorer.position(), &log);
    explorer.update(&log);
    assert_eq!(explorer.filter().unit, None);
    assert_eq!(explorer.rows(), 4);
    assert_eq!(explorer.search().unwrap().matches(), 4);
}

#[test]
fn lines_of_a_worker_about_a_server_that_is_away_fold() {
    let mut log = SampleLog::default();
    let orders = log.push_worker("orders");
    let push = |log: &mut SampleLog| log.push_of(orders, "", Level::Warn, "of the user", "");
    push(&mut log);
    log.push_noise_of(orders, Noise::NoServer, 4);
    push(&mut log);
    log.push_noise(Noise::StartUp, 2);
    log.push_noise_of(orders, Noise::NoServer, 2);
    let mut explorer = explorer(&log);
    let rows = [(0, 1), (1, 4), (5, 1), (6, 1), (7, 1), (8, 1), (9, 1)];
    assert_eq!(shown(&explorer), rows, "not with those of the server");
    explorer.step_to_problem(false);
    assert_eq!(explorer.current().unwrap().first, 5);
    explorer.step_to_problem(false);
    assert_eq!(explorer.current().unwrap().first, 0, "they are no problem");
}

#[test]
fn opened_fold_does_not_keep_later_lines_from_folding() {
    let mut log = SampleLog::default();
    let push = |log: &mut SampleLog| log.push("", Level::Info, "history", "normal", "");
    (0..4).for_each(|_| push(&mut log));
    let mut explorer = explorer(&log);
    let fold = explorer.row(0).unwrap();
    explorer.unfold(fold, &log);
    (0..5).for_each(|_| push(&mut log));
    explorer.update(&log);
    assert_eq!(shown(&explorer), [(0, 1), (1, 1), (2, 1), (3, 1), (4, 5)]);
}

#[test]
fn warnings_and_errors_are_reached_in_both_directions() {
    let mut log = SampleLog::numbered(3);
    log.push("", Level::Warn, "history", "a warning", "");
    log.push_numbered(3);
    log.push("", Level::Error, "history", "an error", "");
    log.push_noise(Noise::Shutdown, 3);
    log.push_noise(Noise::AdjacentToShutdown, 1);
    let mut explorer = explorer(&log);
    let mut steps = Vec::new();
    for forward in [false, false, false, true] {
        assert!(explorer.has_other_problem());
        explorer.step_to_problem(forward);
        steps.push(explorer.current().unwrap().first);
    }
    assert_eq!(steps, [7, 3, 7, 3], "no routine warning of a stop");
    log.evict(4);
    explorer.update(&log);
    explorer.step_to_problem(true);
    assert!(!explorer.has_other_problem(), "the only one that is left");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Noise(Noise, u64),
    Line(Level),
    Evict(usize),
    Filter(Level),
    Fold,
    Open(usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    let noise = prop::sample::select(vec![
        Noise::StartUp,
        Noise::Shutdown,
        Noise::Adjacent,
        Noise::AdjacentToShutdown,
    ]);
    let level = || prop::sample::select(vec![Level::Trace, Level::Info, Level::Warn, Level::Error]);
    prop_oneof![
        4 => (noise, 1..6_u64).prop_map(|(noise, n)| Step::Noise(noise, n)),
        3 => level().prop_map(Step::Line),
        2 => (0..8_usize).prop_map(Step::Evict),
        1 => level().prop_map(Step::Filter),
        1 => Just(Step::Fold),
        2 => any::<usize>().prop_map(Step::Open),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    /// Each line that passes the filter is in exactly one row, in order, and no other line is in any row.
    #[test]
    fn rows_contain_exactly_the_lines_that_pass(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut log = SampleLog::default();
        let mut explorer = Explorer::default();
        for step in steps {
            match step {
                Step::Noise(noise, n) => log.push_noise(noise, n),
                Step::Line(level) => log.push("", level, "history", "text", ""),
                Step::Evict(n) => log.evict(n),
                Step::Filter(level) => {
                    let filter = Filter { level, ..*explorer.filter() };
                    explorer.set_filter(filter, &log);
                }
                Step::Fold => explorer.toggle_folds(&log),
                Step::Clear => explorer.clear(&log),
                Step::Open(at) => {
                    let row = explorer.row(at % explorer.rows().max(1));
                    if let Some(row) = row.filter(Row::is_fold) {
                        explorer.unfold(row, &log);
                    }
                }
            }
            explorer.update(&log);
            let passes = |number: &u64| {
                let head = log.head((number - log.dropped()) as usize);
                head.is_some_and(|head| explorer.filter().passes(*number, &head))
            };
            let expected: Vec<u64> = (log.dropped()..log.total()).filter(passes).collect();
            let rows: Vec<Row> = (0..explorer.rows()).filter_map(|at| explorer.row(at)).collect();
            let held = rows.iter().flat_map(|row| (row.first..=row.last).filter(passes));
            prop_assert_eq!(held.collect::<Vec<_>>(), expected);
            for row in rows {
                let lines = (row.first..=row.last).filter(passes).count();
                prop_assert_eq!(lines, row.lines as usize);
            }
        }
    }
}
