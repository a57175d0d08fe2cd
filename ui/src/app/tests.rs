//! Effects of keys and of the mouse.

mod actions;
mod entries;
mod listing;
mod logs;
mod offers;
mod palette;
mod questions;
mod rows;
mod units;
mod workflow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::Scope;
use crate::app::keymap::{self, Context};
use crate::app::ui::Ui;
use crate::app::view::{Interruption, Overlay, Source, Tab};
use crate::demo::sample::{self, SampleLog};
use crate::draw::layout::Shape;
use crate::draw::theme::{Symbols, Theme};
use crate::input::{Action, Input, Key, KeyCode, QuitChoice};
use crate::model::Model;
use crate::model::StateView;

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

/// Clicks on the first place of the screen with this text.
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
fn quitting_asks_if_this_host_runs_temporal() {
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
fn quit_dialog_returns_the_choice() {
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
        assert_eq!(
            ui.view.overlay.is_none(),
            closes,
            "an answer or Esc closes the dialog: {key:?}"
        );
    }
}

#[test]
fn after_quitting_no_dialog_opens_and_b_finishes_in_the_background() {
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
fn dialog_closes_when_its_question_no_longer_applies() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    press(&mut ui, Q, &sample::in_state(StateView::Ready), &log);
    let down = sample::in_state(StateView::Failed);
    draw(&mut ui, &down, &log);
    draw(&mut ui, &sample::in_state(StateView::Ready), &log);
    assert_eq!(ui.view.overlay, None, "the dialog does not open again with the next start");
    assert_eq!(press(&mut ui, Q, &down, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn unavailable_commands_show_a_reason() {
    let log = SampleLog::temporal();
    for (key, action) in [('s', Action::Start), ('x', Action::Stop), ('r', Action::Restart)] {
        for can in [false, true] {
            let mut model = sample::ready();
            model.can.start = can;
            model.can.stop = can;
            model.can.restart = can;
            let mut ui = ui();
            assert_eq!(press(&mut ui, Key::char(key), &model, &log), can.then_some(action.clone()));
            assert_eq!(ui.notice.is_empty(), can, "a reason is shown");
        }
    }
}

#[test]
fn tabs_open_by_key_number_and_click() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    let keys = [
        (Key::plain(KeyCode::Tab), Tab::Workflows),
        (Key::plain(KeyCode::Tab), Tab::Workers),
        (Key { shift: true, ..Key::plain(KeyCode::BackTab) }, Tab::Workflows),
        (Key::char('5'), Tab::Server),
        (Key::plain(KeyCode::Tab), Tab::Overview),
        (Key { shift: true, ..Key::plain(KeyCode::BackTab) }, Tab::Server),
        (Key::char('4'), Tab::Logs),
        (Key::char('1'), Tab::Overview),
    ];
    for (key, tab) in keys {
        press(&mut ui, key, &model, &log);
        assert_eq!(ui.view.tab, tab, "{key:?}");
    }
    click(&mut ui, "3 Workers", &model, &log);
    assert_eq!(ui.view.tab, Tab::Workers);
}

#[test]
fn no_key_has_two_commands_in_one_context() {
    let (model, log) = (sample::ready(), SampleLog::numbered(500));
    for tab in Tab::ALL {
        let mut ui = ui();
        ui.view.tab = tab;
        draw(&mut ui, &model, &log);
        for scope in [
            Scope::Screen,
            Scope::Page,
            Scope::Palette,
            Scope::Workflow,
            Scope::Quit,
            Scope::Confirm,
            Scope::Pick,
            Scope::Actions,
            Scope::Form,
            Scope::Approve,
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

/// Presses all keys. Returns the last action.
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
fn tiny_screen_opens_no_page_or_prompt() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = ui();
    let area = Rect::new(0, 0, 20, 5);
    let mut buf = Buffer::empty(area);
    ui.render(&mut buf, area, &model, &log, &mut |_, _| {});
    for key in "?/lcnd".chars().map(Key::char).chain([Key::plain(KeyCode::Enter)]) {
        assert_eq!(press(&mut ui, key, &model, &log), None);
        assert_eq!((ui.view.overlay, &ui.view.prompt), (None, &None), "{key:?}");
    }
    assert_eq!(press(&mut ui, Q, &model, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn mouse_reaches_dialogs_lists_and_pages() {
    let (model, log) = (sample::with_workflows(), SampleLog::temporal());
    let mut ui = ui();
    let clicked = |ui: &mut Ui, text: &str| click(ui, text, &model, &log);
    let release = |ui: &mut Ui| ui.handle(Input::Release, &model, &log);
    clicked(&mut ui, "help");
    assert_eq!(ui.view.overlay, Some(Overlay::Palette));
    draw(&mut ui, &model, &log);
    ui.handle(Input::Click { x: 0, y: 0 }, &model, &log);
    assert_eq!(ui.view.overlay, None, "a click outside closes the page");

    clicked(&mut ui, "stop");
    assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Interruption::Stop)));
    assert_eq!(clicked(&mut ui, "stop the server"), Some(Action::Stop));

    clicked(&mut ui, "4 Logs");
    clicked(&mut ui, "sources");
    clicked(&mut ui, "matching   ");
    assert!(ui.view.log.filter().component.is_some());
    clicked(&mut ui, "sources");
    clicked(&mut ui, "  server   ");
    assert_eq!(ui.view.log.filter().component, None);
    clicked(&mut ui, "stigmer  ");
    assert_eq!(ui.view.source, Source::Stigmer);
    clicked(&mut ui, "server 10");
    assert_eq!(ui.view.source, Source::Units);

    clicked(&mut ui, "5 Server");
    clicked(&mut ui, "no response");
    assert_eq!(ui.view.timeline.selected(&model.timeline), 1);
    clicked(&mut ui, "no response");
    assert_eq!(ui.view.overlay, Some(Overlay::Entry(2)));
    draw(&mut ui, &model, &log);
    ui.handle(Input::Click { x: 0, y: 0 }, &model, &log);
    clicked(&mut ui, "4 Logs");

    clicked(&mut ui, "Critical attempts");
    assert_eq!(release(&mut ui), None);
    let row = ui.view.log.current().unwrap().first;
    assert_eq!(ui.view.overlay, None);
    clicked(&mut ui, "Critical attempts");
    release(&mut ui);
    assert_eq!(ui.view.overlay, Some(Overlay::Line(row)), "a click on the selected line opens it");
}
