//! What is asked before something is interrupted or lost, and which key answers.

use super::*;
use crate::loss::{Count, Holdings, Storage};

const ENTER: Key = Key::plain(KeyCode::Enter);

fn holds(running: u64, closed: u64) -> Holdings {
    Holdings { running, closed }
}

/// Attached, with this on the server.
fn with(storage: Storage, count: Count) -> Model {
    Model { storage, count, ..sample::with_workflows() }
}

/// In the dashboard that hosts the server.
fn hosting(storage: Storage, count: Count) -> Model {
    Model { attached: false, ..with(storage, count) }
}

#[test]
fn orders_are_confirmed_while_workflows_run() {
    let log = SampleLog::temporal();
    let mut model = sample::with_workflows();
    for (key, action) in [('x', Action::Stop), ('r', Action::Restart)] {
        let mut ui = ui();
        assert_eq!(press(&mut ui, Key::char(key), &model, &log), None);
        draw(&mut ui, &model, &log);
        assert_eq!(press(&mut ui, Key::char(key), &model, &log), None, "the same key is no answer");
        assert_eq!(press(&mut ui, ESC, &model, &log), None);
        for yes in [Key::char('y'), ENTER] {
            press(&mut ui, Key::char(key), &model, &log);
            assert_eq!(press(&mut ui, yes, &model, &log), Some(action.clone()));
            assert_eq!(ui.view.overlay, None);
        }
    }
    let mut ui = ui();
    press(&mut ui, Key::char('x'), &model, &log);
    model.count = Count::Current(holds(0, 312));
    draw(&mut ui, &model, &log);
    assert_eq!(press(&mut ui, Key::char('x'), &model, &log), Some(Action::Stop));
}

#[test]
fn an_order_is_confirmed_where_it_loses_data_or_nobody_knows() {
    use Count::{Current, Earlier, Unknown};
    let log = SampleLog::temporal();
    let cases = [
        (Storage::Memory, Earlier(holds(3, 0)), Some("3 running workflows WILL BE LOST")),
        (Storage::Memory, Current(holds(0, 9)), Some("9 closed workflows WILL BE LOST")),
        (Storage::Memory, Current(holds(0, 0)), None),
        (Storage::Memory, Earlier(holds(0, 0)), Some("all workflows WILL BE LOST")),
        (Storage::Memory, Unknown, Some("all workflows WILL BE LOST, number unknown")),
        (
            Storage::Deleted,
            Current(holds(3, 9)),
            Some("3 running and 9 closed workflows WILL BE LOST"),
        ),
        (
            Storage::Replaced,
            Current(holds(3, 9)),
            Some("3 running and 9 closed workflows WILL BE LOST"),
        ),
        (Storage::Deleted, Unknown, Some("all workflows WILL BE LOST")),
        (Storage::File, Earlier(holds(3, 9)), Some("they continue after the next start")),
        (Storage::File, Current(holds(0, 9)), None),
        (Storage::File, Unknown, None),
    ];
    for (storage, count, expected) in cases {
        let model = with(storage, count);
        for (key, action) in [('x', Action::Stop), ('r', Action::Restart)] {
            let mut ui = ui();
            let at_once = press(&mut ui, Key::char(key), &model, &log);
            let asks = expected.is_some();
            assert_eq!(at_once, (!asks).then(|| action.clone()), "{storage:?} {count:?}");
            if let Some(expected) = expected {
                let mut buf = Buffer::empty(WIDE);
                ui.render(&mut buf, WIDE, &model, &log, &mut |_, _| {});
                find(&buf, expected);
                assert_eq!(press(&mut ui, Key::char('y'), &model, &log), Some(action));
            }
        }
    }
}

#[test]
fn enter_never_confirms_a_loss_of_data() {
    let log = SampleLog::temporal();
    for storage in [Storage::Memory, Storage::Deleted, Storage::Replaced] {
        for count in [Count::Unknown, Count::Current(holds(0, 1)), Count::Earlier(holds(7, 0))] {
            let model = hosting(storage, count);
            for keys in ["x", "r", "qx"] {
                let mut ui = ui();
                for key in keys.chars() {
                    assert_eq!(press(&mut ui, Key::char(key), &model, &log), None, "{keys}");
                }
                let asked = ui.view.overlay;
                assert!(matches!(asked, Some(Overlay::Confirm(_))), "{keys} {asked:?}");
                for key in [ENTER, Key::char('x'), Key::char('r'), Key::plain(KeyCode::Tab)] {
                    assert_eq!(press(&mut ui, key, &model, &log), None, "{keys} {key:?}");
                    assert_eq!(ui.view.overlay, asked);
                }
                press(&mut ui, ENTER, &model, &log);
                assert_eq!(ui.notice, "only y confirms a loss of data");
                let done = match keys {
                    "x" => Action::Stop,
                    "r" => Action::Restart,
                    _ => Action::Quit(QuitChoice::StopAndQuit),
                };
                assert_eq!(press(&mut ui, Key::char('y'), &model, &log), Some(done));
            }
        }
    }
}

#[test]
fn a_file_that_is_deleted_while_the_question_is_open_takes_enter_away() {
    let log = SampleLog::temporal();
    let before = with(Storage::File, Count::Current(holds(7, 0)));
    let after = Model { storage: Storage::Deleted, ..before.clone() };
    let mut ui = ui();
    press(&mut ui, Key::char('x'), &before, &log);
    assert_eq!(press(&mut ui, ENTER, &after, &log), None);
    assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Order::Stop)));
    assert_eq!(press(&mut ui, Key::char('y'), &after, &log), Some(Action::Stop));
}

#[test]
fn quitting_asks_once_where_nothing_is_lost() {
    let log = SampleLog::temporal();
    for (storage, count) in [
        (Storage::File, Count::Current(holds(7, 0))),
        (Storage::Memory, Count::Current(holds(0, 0))),
    ] {
        let model = hosting(storage, count);
        let mut ui = ui();
        press(&mut ui, Q, &model, &log);
        let stops = Some(Action::Quit(QuitChoice::StopAndQuit));
        assert_eq!(press(&mut ui, Key::char('x'), &model, &log), stops);
    }
}

#[test]
fn a_question_stays_open_when_the_count_fails_meanwhile() {
    let log = SampleLog::temporal();
    for storage in [Storage::File, Storage::Memory] {
        let counted = with(storage, Count::Current(holds(3, 0)));
        let mut ui = ui();
        press(&mut ui, Key::char('x'), &counted, &log);
        draw(&mut ui, &counted, &log);
        let unknown = with(storage, Count::Earlier(holds(3, 0)));
        draw(&mut ui, &unknown, &log);
        assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Order::Stop)));
        assert_eq!(press(&mut ui, Key::char('y'), &unknown, &log), Some(Action::Stop));
    }
}

#[test]
fn what_has_nothing_on_it_is_ended_without_a_question() {
    let log = SampleLog::temporal();
    for state in sample::STATES {
        for adopted in [false, true] {
            let mut model = Model { state, adopted, ..with(Storage::Memory, Count::Unknown) };
            model.can.stop = true;
            // A server that was found running may have anything on it.
            let asks = state.is_up() || state == StateView::Starting && adopted;
            let said = press(&mut ui(), Key::char('x'), &model, &log);
            assert_eq!(said.is_none(), asks, "{state:?} {adopted}");
            model.managed = false;
            assert_eq!(press(&mut ui(), Key::char('x'), &model, &log), Some(Action::Stop));
        }
    }
}
