//! What keys do: by table, and as a property of the table itself.

mod entries;
mod offers;
mod questions;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::Scope;
use crate::app::keymap::{self, Context};
use crate::app::ui::Ui;
use crate::app::view::{Order, Overlay, Tab};
use crate::demo::sample::{self, SampleLog};
use crate::draw::layout::Shape;
use crate::draw::theme::{Symbols, Theme};
use crate::input::{Action, Input, Key, KeyCode, QuitChoice};
use crate::model::Model;
use crate::model::StateView;
use crate::panel::scene::Click;

const WIDE: Rect = Rect { x: 0, y: 0, width: 400, height: 40 };

fn ui() -> Ui {
    Ui::new(Theme::Dark, Symbols::Unicode)
}

fn draw(ui: &mut Ui, model: &Model, log: &SampleLog) {
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, model, log, &mut |_, _| {});
}

fn press(ui: &mut Ui, key: Key, model: &Model, log: &SampleLog) -> Option<Action> {
    ui.handle(Input::Key(key), model, log)
}

/// Clicks on the first place where this text stands.
fn click(ui: &mut Ui, text: &str, model: &Model, log: &SampleLog) -> Option<Action> {
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, model, log, &mut |_, _| {});
    let (x, y) = find(&buf, text);
    ui.handle(Input::Click { x, y }, model, log)
}

fn find(buf: &Buffer, text: &str) -> (u16, u16) {
    let rows = buf.content().chunks(WIDE.width.into());
    let found = rows.zip(0..).find_map(|(row, y)| {
        let (mut line, mut columns) = (String::new(), Vec::new());
        for (x, cell) in (0..).zip(row) {
            columns.resize(line.len() + cell.symbol().len(), x);
            line.push_str(cell.symbol());
        }
        line.find(text).map(|at| (columns[at], y))
    });
    found.unwrap_or_else(|| panic!("no {text:?} on the screen"))
}

const Q: Key = Key::char('q');
const CTRL_C: Key = Key::ctrl('c');
const ESC: Key = Key::plain(KeyCode::Esc);

#[test]
fn quitting_asks_in_the_host_while_temporal_lives() {
    let log = SampleLog::temporal();
    for state in sample::STATES {
        for (attached, managed) in [(false, true), (true, true), (false, false)] {
            for key in [Q, CTRL_C] {
                let model = Model { attached, managed, ..sample::in_state(state) };
                let asks = !attached
                    && managed
                    && !matches!(state, StateView::Stopped | StateView::Failed);
                let expected = (!asks).then_some(Action::Quit(QuitChoice::Leave));
                let mut ui = ui();
                assert_eq!(
                    press(&mut ui, key, &model, &log),
                    expected,
                    "{state:?} {attached} {managed}"
                );
                assert_eq!(ui.view.overlay, asks.then_some(Overlay::Quit));
            }
        }
    }
}

#[test]
fn the_quit_dialog_decides() {
    let log = SampleLog::temporal();
    let able = sample::in_state(StateView::Ready);
    let mut unable = able.clone();
    unable.can.background = false;
    let background = || Some(Action::Quit(QuitChoice::Background));
    let cases = [
        (&able, Key::char('x'), Some(Action::Quit(QuitChoice::StopAndQuit))),
        (&able, Key::char('b'), background()),
        (&able, Q, background()),
        (&able, CTRL_C, background()),
        (&able, ESC, None),
        (&able, Key::char('s'), None),
        (&unable, Key::char('b'), None),
        (&unable, CTRL_C, None),
        (&unable, Key::char('x'), Some(Action::Quit(QuitChoice::StopAndQuit))),
    ];
    for (model, key, expected) in cases {
        let mut ui = ui();
        press(&mut ui, Q, model, &log);
        assert_eq!(press(&mut ui, key, model, &log), expected, "{key:?}");
        let closes = key == ESC || expected.is_some();
        assert_eq!(ui.view.overlay.is_none(), closes, "an answer closes it, and Esc: {key:?}");
    }
}

#[test]
fn who_has_quit_is_asked_nothing_more_and_can_only_leave_sooner() {
    let log = SampleLog::temporal();
    let mut leaving = Model { leaving: true, ..sample::in_state(StateView::Stopping) };
    for key in ["q", "?", "/"].map(|key| Key::char(key.chars().next().unwrap())) {
        let mut ui = ui();
        press(&mut ui, key, &sample::ready(), &log);
        assert_eq!(press(&mut ui, Key::char('x'), &leaving, &log), None);
        assert_eq!((ui.view.overlay, ui.view.prompt.take()), (None, None), "{key:?}");
        for key in [Key::char('b'), CTRL_C] {
            let background = Some(Action::Quit(QuitChoice::Background));
            assert_eq!(press(&mut ui, key, &leaving, &log), background, "{key:?}");
        }
        leaving.can.background = false;
        assert_eq!(press(&mut ui, Key::char('b'), &leaving, &log), None);
        leaving.can.background = true;
    }
}

#[test]
fn a_dialog_goes_when_its_question_is_void() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    press(&mut ui, Q, &sample::in_state(StateView::Ready), &log);
    let down = sample::in_state(StateView::Failed);
    draw(&mut ui, &down, &log);
    draw(&mut ui, &sample::in_state(StateView::Ready), &log);
    assert_eq!(ui.view.overlay, None, "it does not come back with the next start");
    assert_eq!(press(&mut ui, Q, &down, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn commands_come_out_only_while_they_work() {
    let log = SampleLog::temporal();
    for (key, action) in [('s', Action::Start), ('x', Action::Stop), ('r', Action::Restart)] {
        for can in [false, true] {
            let mut model = sample::ready();
            model.can.start = can;
            model.can.stop = can;
            model.can.restart = can;
            let mut ui = ui();
            assert_eq!(press(&mut ui, Key::char(key), &model, &log), can.then_some(action.clone()));
            assert_eq!(ui.notice.is_empty(), can, "a refusal says why");
        }
    }
}

#[test]
fn tabs_turn_by_key_number_and_click() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    let keys = [
        (Key::plain(KeyCode::Tab), Tab::Timeline),
        (Key::plain(KeyCode::Tab), Tab::OwnLog),
        (Key::plain(KeyCode::Tab), Tab::Log),
        (Key { shift: true, ..Key::plain(KeyCode::BackTab) }, Tab::OwnLog),
        (Key::char('2'), Tab::Timeline),
        (Key::char('1'), Tab::Log),
    ];
    for (key, tab) in keys {
        press(&mut ui, key, &model, &log);
        assert_eq!(ui.view.tab, tab, "{key:?}");
    }
    click(&mut ui, "3 stigmer", &model, &log);
    assert_eq!(ui.view.tab, Tab::OwnLog);
}

#[test]
fn the_help_gives_way_to_the_key_that_is_clicked_in_it() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    press(&mut ui, Key::char('?'), &model, &log);
    assert_eq!(click(&mut ui, "open Temporal's web UI", &model, &log), Some(Action::OpenWebUi));
    assert_eq!(ui.view.overlay, None);
    press(&mut ui, Key::char('?'), &model, &log);
    click(&mut ui, "timeline: starts", &model, &log);
    assert_eq!((ui.view.overlay, ui.view.tab), (None, Tab::Timeline));
}

/// Tabs, lines and the wheel are there besides: what only a key could do would be missing here.
#[test]
fn whatever_a_key_does_a_click_in_the_help_does_too() {
    let (model, log) = (sample::with_workflows(), SampleLog::temporal());
    for tab in Tab::ALL {
        let mut ui = ui();
        press(&mut ui, Key::char('?'), &model, &log);
        ui.view.tab = tab;
        let area = Rect::new(0, 0, 120, 100);
        ui.render(&mut Buffer::empty(area), area, &model, &log, &mut |_, _| {});
        let clicks: Vec<_> = ui.placed.hot.iter().map(|(_, click)| *click).collect();
        ui.view.overlay = None;
        let context = Context { view: &ui.view, model: &model, log: &log };
        for binding in keymap::in_scope(Scope::Screen).filter(|it| (it.works)(&context)) {
            for (_, key) in binding.places(area) {
                assert!(clicks.contains(&Click::InHelp(key)), "{} on {tab:?}", binding.shown);
            }
        }
    }
}

#[test]
fn the_own_log_gets_its_keys() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    press(&mut ui, Key::char('3'), &model, &log);
    for key in
        [Key::plain(KeyCode::Up), Key::plain(KeyCode::PageUp), Key::char('+'), Key::char('f'), ESC]
    {
        assert_eq!(press(&mut ui, key, &model, &log), Some(Action::PaneKey(key)));
    }
    let wheel = ui.handle(Input::ScrollUp(3), &model, &log);
    assert_eq!(wheel, Some(Action::PaneKey(Key::plain(KeyCode::PageUp))));
}

#[test]
fn no_key_has_two_meanings_in_one_situation() {
    let (model, log) = (sample::ready(), SampleLog::numbered(500));
    for tab in Tab::ALL {
        let mut ui = ui();
        ui.view.tab = tab;
        draw(&mut ui, &model, &log);
        for scope in [
            Scope::Screen,
            Scope::Page,
            Scope::Quit,
            Scope::Confirm,
            Scope::Components,
            Scope::Prompt,
            Scope::Leaving,
        ] {
            let context = Context { view: &ui.view, model: &model, log: &log };
            let mut seen: Vec<Key> = Vec::new();
            for binding in keymap::in_scope(scope).filter(|it| (it.works)(&context)) {
                for (key, _) in binding.keys {
                    assert!(!seen.iter().any(|other| other.same(*key)), "{key:?} on {tab:?}");
                    seen.push(*key);
                }
            }
        }
    }
}

/// All keys one after the other; the last action.
fn type_in(ui: &mut Ui, keys: &str, model: &Model, log: &SampleLog) -> Option<Action> {
    let mut action = None;
    for c in keys.chars() {
        let key = if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) };
        action = press(ui, key, model, log);
        draw(ui, model, log);
    }
    action
}

#[test]
fn a_search_is_typed_kept_stepped_through_and_left() {
    let (model, log) = (sample::ready(), SampleLog::numbered(500));
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "/line 49", &model, &log);
    let current = |ui: &Ui| ui.view.log.current().unwrap().first;
    assert_eq!(current(&ui), 499);
    press(&mut ui, Key::plain(KeyCode::Backspace), &model, &log);
    assert_eq!(ui.view.log.search().unwrap().matches(), 111);
    type_in(&mut ui, "9\nN", &model, &log);
    assert_eq!(current(&ui), 498);
    let quit = Some(Action::Quit(QuitChoice::Leave));
    assert_eq!(press(&mut ui, Q, &model, &log), quit, "the letters are keys again");
    press(&mut ui, ESC, &model, &log);
    assert!(ui.view.log.search().is_none());

    press(&mut ui, Key::char('f'), &model, &log);
    type_in(&mut ui, "/line 7", &model, &log);
    press(&mut ui, ESC, &model, &log);
    assert!(ui.view.log.follows() && ui.view.log.search().is_none(), "as if it had not been");
    type_in(&mut ui, "/(", &model, &log);
    assert_eq!(ui.view.log.search().unwrap().error, "unclosed group");
    type_in(&mut ui, "\n", &model, &log);
    assert!(ui.view.log.search().is_none() && ui.view.prompt.is_none());
}

#[test]
fn a_small_screen_opens_nothing_that_it_cannot_draw() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    let area = Rect::new(0, 0, 20, 5);
    let mut buf = Buffer::empty(area);
    ui.render(&mut buf, area, &model, &log, &mut |_, _| {});
    for key in "?/lcn".chars().map(Key::char).chain([Key::plain(KeyCode::Enter)]) {
        assert_eq!(press(&mut ui, key, &model, &log), None);
        assert_eq!((ui.view.overlay, &ui.view.prompt), (None, &None), "{key:?}");
    }
    assert_eq!(press(&mut ui, Q, &model, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn the_mouse_reaches_what_the_keys_reach() {
    let (model, log) = (sample::with_workflows(), SampleLog::temporal());
    let mut ui = ui();
    let clicked = |ui: &mut Ui, text: &str| click(ui, text, &model, &log);
    let release = |ui: &mut Ui| ui.handle(Input::Release, &model, &log);
    clicked(&mut ui, "help");
    assert_eq!(ui.view.overlay, Some(Overlay::Help));
    draw(&mut ui, &model, &log);
    ui.handle(Input::Click { x: 0, y: 0 }, &model, &log);
    assert_eq!(ui.view.overlay, None, "a click beside it closes it");

    clicked(&mut ui, "stop");
    assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Order::Stop)));
    assert_eq!(clicked(&mut ui, "yes, do it"), Some(Action::Stop));

    clicked(&mut ui, "component");
    clicked(&mut ui, "matching   ");
    assert!(ui.view.log.filter().component.is_some());
    clicked(&mut ui, "component");
    clicked(&mut ui, "all of them");

    clicked(&mut ui, "2 Timeline");
    clicked(&mut ui, "unresponsive");
    assert_eq!(ui.view.timeline.chosen(&model.timeline), 1);
    clicked(&mut ui, "unresponsive");
    assert_eq!(ui.view.overlay, Some(Overlay::Entry(2)));
    draw(&mut ui, &model, &log);
    ui.handle(Input::Click { x: 0, y: 0 }, &model, &log);
    clicked(&mut ui, "1 Log");

    clicked(&mut ui, "Task queue manager unloaded");
    assert_eq!(release(&mut ui), None);
    let row = ui.view.log.current().unwrap().first;
    assert_eq!(ui.view.overlay, None);
    clicked(&mut ui, "Task queue manager unloaded");
    release(&mut ui);
    assert_eq!(ui.view.overlay, Some(Overlay::Line(row)), "a click on what is chosen opens it");
}

#[test]
fn an_open_line_leads_to_the_one_beside_it_and_through_folds() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    for c in "Started Worker".chars() {
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
    let begun = line(&ui);
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    assert_eq!(line(&ui), begun - 1, "the last line of a fold");
    draw(&mut ui, &model, &log);
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    assert_eq!(line(&ui), begun - 2);
    press(&mut ui, Key::plain(KeyCode::Right), &model, &log);
    assert_eq!(line(&ui), begun - 1);
}

#[test]
fn dragging_over_lines_copies_them() {
    let (model, log) = (sample::ready(), SampleLog::numbered(20));
    let mut ui = ui();
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
