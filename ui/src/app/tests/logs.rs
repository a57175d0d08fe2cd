//! Keys and the mouse on the logs.

use super::*;
use crate::app::view::pick;
use crate::input::LogFile;
use crate::model::TimelineRow;

#[test]
fn search_finds_while_typing_is_kept_by_enter_steps_and_ends() {
    let (model, log) = (sample::ready(), SampleLog::numbered(500));
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "4/line 49", &model, &log);
    let current = |ui: &Ui| ui.view.log.current().unwrap().first;
    assert_eq!(current(&ui), 499);
    press(&mut ui, Key::plain(KeyCode::Backspace), &model, &log);
    assert_eq!(ui.view.log.search().unwrap().matches(), 111);
    type_in(&mut ui, "9\nN", &model, &log);
    assert_eq!(current(&ui), 498);
    let quit = Some(Action::Quit(QuitChoice::Leave));
    assert_eq!(press(&mut ui, Q, &model, &log), quit, "letters are commands again");
    press(&mut ui, ESC, &model, &log);
    assert!(ui.view.log.search().is_none());

    press(&mut ui, Key::char('f'), &model, &log);
    type_in(&mut ui, "/line 7", &model, &log);
    press(&mut ui, ESC, &model, &log);
    assert!(ui.view.log.follows() && ui.view.log.search().is_none(), "as before the search");
    type_in(&mut ui, "/(", &model, &log);
    assert_eq!(ui.view.log.search().unwrap().error, "unclosed group");
    type_in(&mut ui, "\n", &model, &log);
    assert!(ui.view.log.search().is_none() && ui.view.prompt.is_none());
}

#[test]
fn arrows_open_adjacent_lines_and_unfold_folds() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    press(&mut ui, Key::char('4'), &model, &log);
    for c in "Critical attempts".chars() {
        if ui.view.prompt.is_none() {
            press(&mut ui, Key::char('/'), &model, &log);
        }
        press(&mut ui, Key::char(c), &model, &log);
    }
    type_in(&mut ui, "\n\n", &model, &log);
    let line = |ui: &Ui| match ui.view.overlay {
        Some(Overlay::Line(line)) => line,
        _ => panic!("{:?}", ui.view.overlay),
    };
    let start = line(&ui);
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    assert_eq!(line(&ui), start - 1, "the last line of the fold");
    draw(&mut ui, &model, &log);
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    assert_eq!(line(&ui), start - 2);
    press(&mut ui, Key::plain(KeyCode::Right), &model, &log);
    assert_eq!(line(&ui), start - 1);
}

#[test]
fn dragging_over_lines_copies_them() {
    let (model, log) = (sample::ready(), SampleLog::numbered(20));
    let mut ui = ui();
    press(&mut ui, Key::char('4'), &model, &log);
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &model, &log, &mut |_, _| {});
    let (x, y) = find(&buf, "line 3");
    ui.handle(Input::Click { x, y }, &model, &log);
    ui.handle(Input::Drag { x: x + 3, y: y + 2 }, &model, &log);
    let Some(Action::Copy(copied)) = ui.handle(Input::Release, &model, &log) else { panic!() };
    assert_eq!(copied.lines, 3);
    assert!(copied.text.contains("line 3\n") && copied.text.ends_with("line 5\n"), "{copied:?}");
    assert_eq!(ui.handle(Input::Release, &model, &log), None);
}
#[test]
fn own_log_receives_its_keys() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    press(&mut ui, Key::char('4'), &model, &log);
    ui.view.source = Source::Stigmer;
    for key in
        [Key::plain(KeyCode::Up), Key::plain(KeyCode::PageUp), Key::char('+'), Key::char('f'), ESC]
    {
        assert_eq!(press(&mut ui, key, &model, &log), Some(Action::PaneKey(key)));
    }
    let wheel = ui.handle(Input::ScrollUp(3), &model, &log);
    assert_eq!(wheel, Some(Action::PaneKey(Key::plain(KeyCode::PageUp))));
}

#[test]
fn prompt_is_not_drawn_below_a_dialog() {
    let model = Model { attached: false, ..sample::ready() };
    let log = SampleLog::temporal();
    let mut ui = ui();
    type_in(&mut ui, "4/task", &model, &log);
    press(&mut ui, CTRL_C, &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Quit));
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &model, &log, &mut |_, _| {});
    let last = buf.content().chunks(WIDE.width.into()).next_back().unwrap();
    let last: String = last.iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(!last.contains("/task"), "{last}");
}

#[test]
fn search_on_another_tab_opens_the_log_of_the_server() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    ui.view.source = Source::Stigmer;
    type_in(&mut ui, "/task", &model, &log);
    assert_eq!((ui.view.tab, ui.view.source), (Tab::Logs, Source::Units));
    assert!(ui.view.log.search().is_some());
}

#[test]
fn opened_log_follows_again_unless_a_range_is_selected_or_a_search_is_open() {
    let (model, log) = (sample::ready(), SampleLog::numbered(500));
    let follows_after = |keys: &str| {
        let mut ui = ui();
        draw(&mut ui, &model, &log);
        type_in(&mut ui, keys, &model, &log);
        assert!(!ui.view.log.follows(), "{keys}");
        type_in(&mut ui, "14", &model, &log);
        ui.view.log.follows()
    };
    assert!(follows_after("4kk"));
    assert!(!follows_after("4kkv"));
    assert!(!follows_after("4/line 49\n"));
}

#[test]
fn folds_that_a_search_or_enter_has_opened_are_closed_again() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let rows = |ui: &mut Ui| {
        draw(ui, &model, &log);
        ui.view.log.rows()
    };
    let mut ui = ui();
    type_in(&mut ui, "4", &model, &log);
    let folded = rows(&mut ui);
    assert_eq!(folded, ui.view.newest.rows(), "the overview folds the same lines");
    for open in ["/quota\n", "/quota"] {
        type_in(&mut ui, open, &model, &log);
        assert!(rows(&mut ui) > folded, "{open}");
        press(&mut ui, ESC, &model, &log);
        assert_eq!(rows(&mut ui), folded, "{open}");
    }
    type_in(&mut ui, "g", &model, &log);
    while !ui.view.log.current().unwrap().is_fold() {
        type_in(&mut ui, "j", &model, &log);
    }
    type_in(&mut ui, "\n", &model, &log);
    assert!(rows(&mut ui) > folded);
    type_in(&mut ui, "14", &model, &log);
    assert_eq!(rows(&mut ui), folded);
}

#[test]
fn short_message_never_hides_the_tabs() {
    let log = SampleLog::temporal();
    let rows = |(width, height): (u16, u16), toast: Option<&str>| -> Vec<String> {
        let model = Model { toast: toast.map(Into::into), ..sample::with_problems() };
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        ui().render(&mut buf, area, &model, &log, &mut |_, _| {});
        let cells = buf.content().chunks(width.into());
        cells.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect()).collect()
    };
    let long = "cannot copy 12 lines: the terminal refuses the sequence OSC 52".repeat(3);
    for size in [(120, 36), (80, 24), (60, 20), (40, 10)] {
        let before = rows(size, None);
        for toast in ["ok", "copied 3 lines", long.as_str()] {
            let after = rows(size, Some(toast));
            let tabs = before[2].trim_end_matches('─');
            assert!(after[2].starts_with(tabs), "{size:?} {toast}: {}", after[2]);
            let shown = after[2..].iter().any(|row| row.contains(&toast[..toast.len().min(9)]));
            assert!(shown, "{size:?} {toast}");
            assert_eq!(after.last(), before.last(), "the footer");
        }
    }
}

/// The lines of the server and of the worker `orders`.
fn two_logs() -> SampleLog {
    SampleLog::numbered(40).with_orders()
}

fn shown(ui: &mut Ui, model: &Model, log: &SampleLog) -> String {
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, model, log, &mut |_, _| {});
    let rows = buf.content().chunks(WIDE.width.into());
    let rows = rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    rows.map(|row| row + "\n").collect()
}

#[test]
fn lines_of_all_units_are_in_one_log_and_name_their_units() {
    let (model, log) = (sample::with_problems(), two_logs());
    for keys in ["1", "4"] {
        let mut ui = ui();
        draw(&mut ui, &model, &log);
        type_in(&mut ui, keys, &model, &log);
        let screen = shown(&mut ui, &model, &log);
        for line in [
            "21:04:11.000 INFO  server  line 39",
            "21:28:05.690 WARN  orders  Completing activity as failed",
            "                   │       Traceback (most recent call last):",
        ] {
            assert!(screen.contains(line), "{keys} {line}: {screen}");
        }
    }
}

#[test]
fn lines_of_a_worker_open_from_its_row_its_page_the_list_and_by_click() {
    let (model, log) = (sample::with_problems(), two_logs());
    for keys in ["3jl", "3j\nl", "4cjjj\n", "click"] {
        let mut ui = ui();
        draw(&mut ui, &model, &log);
        match keys {
            "click" => {
                type_in(&mut ui, "4", &model, &log);
                click(&mut ui, "orders", &model, &log);
            }
            // The list has the components of the server, too.
            "4cjjj\n" => {
                type_in(&mut ui, "4c", &model, &log);
                let items = pick::items(&ui.view, Overlay::Sources, &model, &log);
                let items: Vec<(&str, Option<u64>)> =
                    items.iter().map(|it| (it.name.as_str(), it.count)).collect();
                let expected = [
                    ("all", Some(45)),
                    ("server", Some(40)),
                    ("history", Some(40)),
                    ("orders", Some(5)),
                    ("stigmer", None),
                ];
                assert_eq!(items, expected);
                type_in(&mut ui, "jjj\n", &model, &log);
            }
            keys => {
                type_in(&mut ui, keys, &model, &log);
            }
        }
        assert_eq!((ui.view.tab, ui.view.log.filter().unit), (Tab::Logs, Some(1)), "{keys:?}");
        let screen = shown(&mut ui, &model, &log);
        assert!(screen.contains("WARN  Completing activity as failed"), "{keys:?}: {screen}");
        assert!(!screen.contains("line 39"), "{keys:?}: {screen}");
    }
}

#[test]
fn keys_of_the_logs_apply_to_the_lines_of_the_worker() {
    let (model, log) = (sample::with_problems(), two_logs());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "3jl", &model, &log);
    let Some(Action::Copy(copied)) = press(&mut ui, Key::char('y'), &model, &log) else { panic!() };
    assert!(copied.text.starts_with("BankUnavailable"), "{copied:?}");
    type_in(&mut ui, "/call_bank\n", &model, &log);
    assert_eq!(ui.view.log.filter().unit, Some(1), "the search is in these lines");
    assert_eq!(ui.view.log.search().unwrap().matches(), 2);
    assert_eq!(ui.view.log.current().unwrap().first, 43);
    type_in(&mut ui, "\n", &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Line(43)));
    assert!(shown(&mut ui, &model, &log).contains("line 13, in call_bank"));
    press(&mut ui, ESC, &model, &log);
    let opened = press(&mut ui, Key::char('e'), &model, &log);
    assert_eq!(opened, Some(Action::OpenFile(LogFile::Worker("orders".into()))));
}

#[test]
fn file_of_the_selected_line_opens() {
    let (model, log) = (sample::with_problems(), two_logs());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    let mut opened_after = |keys: &str| {
        type_in(&mut ui, keys, &model, &log);
        press(&mut ui, Key::char('e'), &model, &log)
    };
    assert_eq!(opened_after("4"), Some(Action::OpenFile(LogFile::Temporal)), "no line is selected");
    let worker = Some(Action::OpenFile(LogFile::Worker("orders".into())));
    assert_eq!(opened_after("k"), worker);
    assert_eq!(opened_after("g"), Some(Action::OpenFile(LogFile::Temporal)));
}

#[test]
fn overview_and_pages_have_the_lines_of_all_units() {
    let (model, log) = (sample::with_problems(), two_logs());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "3jl1", &model, &log);
    let screen = shown(&mut ui, &model, &log);
    assert!(screen.contains("line 39") && screen.contains("Traceback"), "{screen}");
    type_in(&mut ui, "4", &model, &log);
    assert!(!shown(&mut ui, &model, &log).contains("line 39"), "the lines of orders stay selected");
    let mut named = two_logs();
    named.push_raw_of(1, "cannot order drift-11", false);
    type_in(&mut ui, "?drift-11\n", &model, &named);
    assert!(ui.open_workflow().is_some());
    assert_eq!(ui.view.log_lines.count(), 1);
}

#[test]
fn worker_without_lines_has_an_empty_log() {
    let (model, mut log) = (sample::with_problems(), SampleLog::numbered(40));
    log.push_worker("orders");
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "3jl", &model, &log);
    assert!(shown(&mut ui, &model, &log).contains("the log of orders is empty"));
    for keys in ["jjkG\n", "/x\n", "lllznNvy", "c\n", "f"] {
        type_in(&mut ui, keys, &model, &log);
    }
}

#[test]
fn start_of_a_generation_is_described_by_the_entries_of_its_unit() {
    let (mut model, mut log) = (sample::with_problems(), two_logs());
    log.push_mark("generation 1");
    log.push_mark_of(1, "generation 1");
    let of_worker = TimelineRow {
        id: 99,
        worker: "orders".into(),
        generation: 1,
        what: "started by the worker's entry".into(),
        ..TimelineRow::default()
    };
    model.timeline.insert(0, of_worker);
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "4", &model, &log);
    let screen = shown(&mut ui, &model, &log);
    let of_worker = "── orders generation 1 · started by the worker's entry";
    assert!(screen.contains(of_worker), "{screen}");
    assert_eq!(screen.matches("the worker's entry").count(), 1, "{screen}");
}

#[test]
fn position_is_the_newest_line_after_the_logs_were_opened_again() {
    let (model, mut log) = (sample::with_problems(), SampleLog::numbered(90));
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "4kkkk", &model, &log);
    log.evict(90);
    log.push_numbered(90);
    draw(&mut ui, &model, &log);
    assert!(ui.view.log.follows());
}
