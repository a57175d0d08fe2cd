//! Keys and the mouse of the actions on workflows.

use super::*;
use crate::app::view::{ActionKind, ActionStep};
use crate::model::Answer;
use crate::request::{ResetPoint, WorkflowAction, WorkflowCall, WorkflowRequest};

const ENTER: Key = Key::plain(KeyCode::Enter);

/// The view of a wide screen after some keys.
fn after(keys: &str, model: &Model, log: &SampleLog) -> Ui {
    let mut ui = ui();
    draw(&mut ui, model, log);
    type_in(&mut ui, keys, model, log);
    ui
}

/// Returns the request that the last of these keys gives.
fn requested(keys: &str, model: &Model) -> Option<WorkflowRequest> {
    let log = SampleLog::temporal();
    let mut ui = ui();
    draw(&mut ui, model, &log);
    match type_in(&mut ui, keys, model, &log) {
        Some(Action::Workflow(request)) => Some(request),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

fn ids(request: &WorkflowRequest) -> Vec<&str> {
    request.targets.iter().map(|it| it.workflow_id.as_str()).collect()
}

fn step(ui: &Ui) -> Option<ActionStep> {
    match ui.view.overlay {
        Some(Overlay::Action(step)) => Some(step),
        _ => None,
    }
}

#[test]
fn letter_of_the_menu_requests_the_action_on_the_selected_workflow() {
    let model = sample::with_problems();
    // The second problem is a stuck workflow, the fifth one stands for two that retry an activity.
    let cases = [
        ("jjac", WorkflowAction::Cancel, vec!["drift-11"]),
        ("jjak", WorkflowAction::StackTrace, vec!["drift-11"]),
        ("jjah", WorkflowAction::SaveHistory, vec!["drift-11"]),
        ("jjaty", WorkflowAction::Terminate, vec!["drift-11"]),
        ("jjawy", WorkflowAction::Reset(ResetPoint::LastTask), vec!["drift-11"]),
        ("jjae7\ny", WorkflowAction::Reset(ResetPoint::Event(7)), vec!["drift-11"]),
        ("jjady", WorkflowAction::Delete, vec!["drift-11"]),
        ("jjjjjan", WorkflowAction::Retry, vec!["refund-0", "refund-1"]),
        ("jjjjjat2\n", WorkflowAction::Terminate, vec!["refund-0", "refund-1"]),
    ];
    for (keys, action, workflows) in cases {
        let request = requested(keys, &model).unwrap_or_else(|| panic!("{keys} gives nothing"));
        assert_eq!((&request.action, ids(&request)), (&action, workflows), "{keys}");
    }
}

#[test]
fn s_x_and_r_mean_nothing_in_the_menu() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jja", &model, &log);
    for key in ['s', 'x', 'r'] {
        assert_eq!(press(&mut ui, Key::char(key), &model, &log), None);
        assert_eq!(step(&ui), Some(ActionStep::Menu), "{key}");
    }
}

#[test]
fn name_and_json_are_typed_before_a_signal() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jjag", &model, &log);
    assert_eq!(press(&mut ui, ENTER, &model, &log), None);
    assert_eq!(ui.notice, "the name is missing");
    type_in(&mut ui, "add item", &model, &log);
    press(&mut ui, Key::plain(KeyCode::Tab), &model, &log);
    type_in(&mut ui, "{\"n\": x", &model, &log);
    assert_eq!(press(&mut ui, ENTER, &model, &log), None);
    assert_eq!((ui.notice, step(&ui)), ("the argument is not JSON", Some(ActionStep::Form)));
    press(&mut ui, Key::plain(KeyCode::Backspace), &model, &log);
    type_in(&mut ui, "1}", &model, &log);
    let copied = press(&mut ui, Key::ctrl('y'), &model, &log);
    let Some(Action::Copy(copied)) = copied else { panic!("{copied:?}") };
    assert!(copied.text.contains(r#"--name 'add item' --input '{"n": 1}'"#), "{copied:?}");
    let Some(Action::Workflow(request)) = press(&mut ui, ENTER, &model, &log) else { panic!() };
    let call = WorkflowCall { name: "add item".into(), input: Some("{\"n\": 1}".into()) };
    assert_eq!(request.action, WorkflowAction::Signal(call));
    assert_eq!(ui.view.overlay, None);
}

#[test]
fn end_of_a_workflow_needs_y_and_that_of_several_their_number() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jjat", &model, &log);
    assert_eq!(press(&mut ui, ENTER, &model, &log), None);
    assert_eq!(ui.notice, "only y confirms");
    let copied = press(&mut ui, Key::char('Y'), &model, &log);
    assert!(matches!(&copied, Some(Action::Copy(it)) if it.text.contains("terminate")));
    press(&mut ui, ESC, &model, &log);
    assert_eq!(step(&ui), Some(ActionStep::Menu), "one step back");

    let mut ui = after("jjjjjat", &model, &log);
    for keys in ["y", "\n", "3\n"] {
        assert_eq!(type_in(&mut ui, keys, &model, &log), None, "{keys:?}");
        assert_eq!(ui.notice, if keys == "y" { "" } else { "type the number of workflows" });
    }
    press(&mut ui, Key::ctrl('u'), &model, &log);
    let request = type_in(&mut ui, "2\n", &model, &log);
    assert!(matches!(request, Some(Action::Workflow(_))));
}

#[test]
fn marked_rows_are_acted_on_together_and_esc_clears_the_marks() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2j j aw", &model, &log);
    assert_eq!(ui.view.marks.count(), 2);
    let request = type_in(&mut ui, "2\n", &model, &log);
    let Some(Action::Workflow(request)) = request else { panic!("{request:?}") };
    assert_eq!(ids(&request), ["drift-11", "unknown-14"]);
    assert!(ui.view.marks.is_empty(), "the request clears the marks");

    type_in(&mut ui, " ", &model, &log);
    let selected = ui.view.selected();
    press(&mut ui, ESC, &model, &log);
    assert_eq!((ui.view.marks.is_empty(), ui.view.selected()), (true, selected));
    type_in(&mut ui, "  ", &model, &log);
    assert!(ui.view.marks.is_empty(), "the same key removes the mark");
}

#[test]
fn all_rows_that_pass_the_filter_are_acted_on_together() {
    let model = sample::with_problems();
    let request = requested("2/type:checkout\nAh", &model).unwrap();
    let expected = ["timeout-15", "checkout-0312", "checkout-0311", "checkout-0310"];
    assert_eq!(ids(&request)[..4], expected);
    assert!(request.targets.iter().all(|it| !it.is_open));
}

#[test]
fn what_does_not_apply_shows_its_reason() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let cases = [
        ("jjan", "no activity waits for a retry"),
        ("jjjjjjac", "the workflow has ended"),
        ("jjjjjaq", "for one workflow only"),
    ];
    for (keys, reason) in cases {
        let ui = after(keys, &model, &log);
        assert_eq!((ui.notice, step(&ui)), (reason, Some(ActionStep::Menu)), "{keys}");
    }
    let down = Model { state: StateView::Stopped, ..model.clone() };
    let mut ui = after("jja", &down, &log);
    press(&mut ui, Key::char('c'), &down, &log);
    assert_eq!(ui.notice, "the server is not running");
}

#[test]
fn entries_are_selected_by_arrows_and_clicks() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jja", &model, &log);
    assert_eq!(ui.view.menu.kind, ActionKind::Signal, "the first one that applies");
    press(&mut ui, Key::plain(KeyCode::Up), &model, &log);
    press(&mut ui, Key::plain(KeyCode::Up), &model, &log);
    assert_eq!(ui.view.menu.kind, ActionKind::Delete, "continues at the other end");
    press(&mut ui, ENTER, &model, &log);
    assert_eq!(step(&ui), Some(ActionStep::Approve));
    press(&mut ui, ESC, &model, &log);
    click(&mut ui, "query …", &model, &log);
    assert_eq!((step(&ui), ui.view.menu.field), (Some(ActionStep::Form), 0));
    click(&mut ui, "JSON   ", &model, &log);
    assert_eq!(ui.view.menu.field, 1);
    draw(&mut ui, &model, &log);
    ui.handle(Input::Click { x: 0, y: 0 }, &model, &log);
    assert_eq!(ui.view.overlay, None, "a click outside closes the dialog");
}

#[test]
fn menu_of_a_page_returns_to_the_page() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jj\na", &model, &log);
    assert_eq!(step(&ui), Some(ActionStep::Menu));
    press(&mut ui, ESC, &model, &log);
    assert!(ui.view.overlay.is_none() && ui.view.workflow.is_some());
    let request = type_in(&mut ui, "ac", &model, &log);
    let Some(Action::Workflow(request)) = request else { panic!("{request:?}") };
    assert_eq!(ids(&request), ["drift-11"]);
    assert!(ui.view.overlay.is_none() && ui.view.workflow.is_some());
}

#[test]
fn targets_stay_the_same_while_rows_change() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jjat", &model, &log);
    let mut changed = model.clone();
    changed.problems.as_mut().unwrap().remove(1);
    draw(&mut ui, &changed, &log);
    let request = press(&mut ui, Key::char('y'), &changed, &log);
    let Some(Action::Workflow(request)) = request else { panic!("{request:?}") };
    assert_eq!(ids(&request), ["drift-11"]);
}

#[test]
fn answer_opens_its_page_once_and_not_over_a_dialog() {
    let log = SampleLog::temporal();
    let answer = |number| Answer {
        number,
        title: "basket-1 › query items".into(),
        text: "{\n  \"items\": []\n}".into(),
        is_error: false,
    };
    let without = sample::with_problems();
    let with = |number| Model { answer: Some(answer(number)), ..sample::with_problems() };
    let mut ui = after("jja", &without, &log);
    draw(&mut ui, &with(1), &log);
    assert_eq!(step(&ui), Some(ActionStep::Menu), "the user reads the menu");
    press(&mut ui, ESC, &with(1), &log);
    draw(&mut ui, &with(1), &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Answer));
    let copied = press(&mut ui, Key::char('y'), &with(1), &log);
    assert!(matches!(&copied, Some(Action::Copy(it)) if it.text.contains("\"items\"")));
    press(&mut ui, ESC, &with(1), &log);
    draw(&mut ui, &with(1), &log);
    assert_eq!(ui.view.overlay, None, "the user has closed it");
    draw(&mut ui, &with(2), &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Answer));
}
