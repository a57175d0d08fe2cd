//! Tests of the confirmations before workflows are interrupted or data is lost, and of their
//! answers.

use super::*;
use crate::loss::{Storage, WorkflowCount, WorkflowTotals};

const ENTER: Key = Key::plain(KeyCode::Enter);

fn totals(running: u64, closed: u64) -> WorkflowTotals {
    WorkflowTotals { running, closed }
}

/// Returns the model of an attached dashboard.
fn with(storage: Storage, count: WorkflowCount) -> Model {
    Model { storage, count, ..sample::with_workflows() }
}

/// Returns the model of the dashboard that is the host.
fn hosting(storage: Storage, count: WorkflowCount) -> Model {
    Model { attached: false, ..with(storage, count) }
}

#[test]
fn interruptions_are_confirmed_while_workflows_are_running() {
    let log = SampleLog::temporal();
    let mut model = sample::with_workflows();
    for (key, action) in [('x', Action::Stop), ('r', Action::Restart)] {
        let mut ui = ui();
        assert_eq!(press(&mut ui, Key::char(key), &model, &log), None);
        draw(&mut ui, &model, &log);
        assert_eq!(
            press(&mut ui, Key::char(key), &model, &log),
            None,
            "the same key is not an answer"
        );
        assert_eq!(press(&mut ui, ESC, &model, &log), None);
        for yes in [Key::char('y'), ENTER] {
            press(&mut ui, Key::char(key), &model, &log);
            assert_eq!(press(&mut ui, yes, &model, &log), Some(action.clone()));
            assert_eq!(ui.view.overlay, None);
        }
    }
    let mut ui = ui();
    press(&mut ui, Key::char('x'), &model, &log);
    model.count = WorkflowCount::Current(totals(0, 312));
    draw(&mut ui, &model, &log);
    assert_eq!(press(&mut ui, Key::char('x'), &model, &log), Some(Action::Stop));
}

#[test]
fn interruption_is_confirmed_if_data_is_or_may_be_lost() {
    use WorkflowCount::{Current, Earlier, Unknown};
    let log = SampleLog::temporal();
    let cases = [
        (Storage::Memory, Earlier(totals(3, 0)), Some("3 running workflows WILL BE LOST")),
        (Storage::Memory, Current(totals(0, 9)), Some("9 closed workflows WILL BE LOST")),
        (Storage::Memory, Current(totals(0, 0)), None),
        (Storage::Memory, Earlier(totals(0, 0)), Some("all workflows WILL BE LOST")),
        (Storage::Memory, Unknown, Some("all workflows WILL BE LOST, number unknown")),
        (
            Storage::Deleted,
            Current(totals(3, 9)),
            Some("3 running and 9 closed workflows WILL BE LOST"),
        ),
        (
            Storage::Replaced,
            Current(totals(3, 9)),
            Some("3 running and 9 closed workflows WILL BE LOST"),
        ),
        (Storage::Deleted, Unknown, Some("all workflows WILL BE LOST")),
        (Storage::File, Earlier(totals(3, 9)), Some("they continue after the next start")),
        (Storage::File, Current(totals(0, 9)), None),
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
        for count in [
            WorkflowCount::Unknown,
            WorkflowCount::Current(totals(0, 1)),
            WorkflowCount::Earlier(totals(7, 0)),
        ] {
            let model = hosting(storage, count);
            for keys in ["x", "r", "qx"] {
                let mut ui = ui();
                for key in keys.chars() {
                    assert_eq!(press(&mut ui, Key::char(key), &model, &log), None, "{keys}");
                }
                let dialog = ui.view.overlay;
                assert!(matches!(dialog, Some(Overlay::Confirm(_))), "{keys} {dialog:?}");
                for key in [ENTER, Key::char('x'), Key::char('r'), Key::plain(KeyCode::Tab)] {
                    assert_eq!(press(&mut ui, key, &model, &log), None, "{keys} {key:?}");
                    assert_eq!(ui.view.overlay, dialog);
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
fn enter_stops_confirming_when_the_file_is_deleted_meanwhile() {
    let log = SampleLog::temporal();
    let before = with(Storage::File, WorkflowCount::Current(totals(7, 0)));
    let after = Model { storage: Storage::Deleted, ..before.clone() };
    let mut ui = ui();
    press(&mut ui, Key::char('x'), &before, &log);
    assert_eq!(press(&mut ui, ENTER, &after, &log), None);
    assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Interruption::Stop)));
    assert_eq!(press(&mut ui, Key::char('y'), &after, &log), Some(Action::Stop));
}

#[test]
fn quitting_asks_once_if_no_data_is_lost() {
    let log = SampleLog::temporal();
    for (storage, count) in [
        (Storage::File, WorkflowCount::Current(totals(7, 0))),
        (Storage::Memory, WorkflowCount::Current(totals(0, 0))),
    ] {
        let model = hosting(storage, count);
        let mut ui = ui();
        press(&mut ui, Q, &model, &log);
        let stops = Some(Action::Quit(QuitChoice::StopAndQuit));
        assert_eq!(press(&mut ui, Key::char('x'), &model, &log), stops);
    }
}

#[test]
fn confirmation_stays_open_when_the_count_fails_meanwhile() {
    let log = SampleLog::temporal();
    for storage in [Storage::File, Storage::Memory] {
        let counted = with(storage, WorkflowCount::Current(totals(3, 0)));
        let mut ui = ui();
        press(&mut ui, Key::char('x'), &counted, &log);
        draw(&mut ui, &counted, &log);
        let unknown = with(storage, WorkflowCount::Earlier(totals(3, 0)));
        draw(&mut ui, &unknown, &log);
        assert_eq!(ui.view.overlay, Some(Overlay::Confirm(Interruption::Stop)));
        assert_eq!(press(&mut ui, Key::char('y'), &unknown, &log), Some(Action::Stop));
    }
}

#[test]
fn server_without_workflows_stops_without_confirmation() {
    let log = SampleLog::temporal();
    for state in sample::STATES {
        for adopted in [false, true] {
            let mut model =
                Model { state, adopted, ..with(Storage::Memory, WorkflowCount::Unknown) };
            model.can.stop = true;
            // An adopted server may have workflows before it is ready, so a stop needs a confirmation.
            let asks = state.is_up() || state == StateView::Starting && adopted;
            let action = press(&mut ui(), Key::char('x'), &model, &log);
            assert_eq!(action.is_none(), asks, "{state:?} {adopted}");
            model.managed = false;
            assert_eq!(press(&mut ui(), Key::char('x'), &model, &log), Some(Action::Stop));
        }
    }
}
