//! Keys and the mouse on the logs.

use super::*;

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
    assert_eq!((ui.view.tab, ui.view.source), (Tab::Logs, Source::Server));
    assert!(ui.view.log.search().is_some());
}
