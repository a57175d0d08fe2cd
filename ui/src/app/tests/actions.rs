//! Keys and the mouse of the actions on workflows.

use ratatui::buffer::Cell;

use super::*;
use crate::app::keymap::{ActionCommand, KeyCommand};
use crate::app::view::{ActionKind, ActionStep, WorkflowCursor};
use crate::model::{
    Answer, FoundWorkflows, ResetEvent, RunFound, WorkflowPage, WorkflowRow, WorkflowStatus,
};
use crate::request::{ResetPoint, RetriedActivity, WorkflowAction, WorkflowCall, WorkflowRequest};

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

/// Draws a frame. Returns its text.
fn shown(ui: &mut Ui, model: &Model, log: &SampleLog) -> String {
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, model, log, &mut |_, _| {});
    let rows = buf.content().chunks(WIDE.width.into());
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n").collect()
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
        ("jjae7\ny", WorkflowAction::Reset(ResetPoint::Event(Some(7))), vec!["drift-11"]),
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
fn dialogs_name_the_workflows_that_are_not_listed() {
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    let rows = model.problems.as_mut().unwrap();
    let group = rows.iter_mut().find(|row| row.subject == "refund-0").unwrap();
    assert_eq!(group.members.len(), 2);
    let mut ui = after("jjjjja", &model, &log);
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("refund-0 and refund-1") && !text.contains("not listed"), "{text}");

    let rows = model.problems.as_mut().unwrap();
    rows.iter_mut().find(|row| row.subject == "refund-0").unwrap().count = 200;
    let mut ui = after("jjjjja", &model, &log);
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("2 of 200 workflows (the others are not listed)"), "{text}");
    type_in(&mut ui, "t", &model, &log);
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("Terminate 2 of 200 workflows?"), "{text}");
    assert!(text.contains("The others are not listed and stay as they are."), "{text}");
    press(&mut ui, ESC, &model, &log);
    type_in(&mut ui, "g", &model, &log);
    assert!(shown(&mut ui, &model, &log).contains("Signal 2 of 200 workflows"));

    let mut one = after("jjjjj", &model, &log);
    press(&mut one, Key::plain(KeyCode::Right), &model, &log);
    draw(&mut one, &model, &log);
    type_in(&mut one, "a", &model, &log);
    assert!(!shown(&mut one, &model, &log).contains("not listed"), "the row of one workflow");

    let all = after("2/refund\nA", &model, &log).view.menu;
    assert_eq!(all.unlisted.of_all(all.targets.len()).as_deref(), Some("200"));
}

#[test]
fn dialogs_of_a_query_name_its_limit() {
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    let query = "WorkflowType = 'Refund'";
    let row = |n: usize| WorkflowRow { run_id: format!("run-{n}"), ..WorkflowRow::default() };
    let found = FoundWorkflows {
        query: query.into(),
        rows: Some((0..100).map(row).collect()),
        more: true,
        ..FoundWorkflows::default()
    };
    model.found = Some(found);
    let mut ui = after("2/", &model, &log);
    press(&mut ui, Key::plain(KeyCode::Tab), &model, &log);
    type_in(&mut ui, &format!("{query}\nA"), &model, &log);
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("100 of more than 100 workflows (the others are not"), "{text}");
    model.found.as_mut().unwrap().more = false;
    press(&mut ui, ESC, &model, &log);
    type_in(&mut ui, "A", &model, &log);
    assert!(!shown(&mut ui, &model, &log).contains("the others"));
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
    assert_eq!(ui.view.menu.kind, ActionKind::Query, "the first one that changes nothing");
    for _ in 0..3 {
        press(&mut ui, Key::plain(KeyCode::Up), &model, &log);
    }
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

#[test]
fn facts_of_the_run_decide_which_actions_apply() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2Gkkka", &model, &log);
    let run = ui.open_workflow().expect("the menu needs the facts of its workflow");
    assert_eq!(run.workflow_id, ui.view.menu.targets[0].workflow_id);
    press(&mut ui, Key::char('n'), &model, &log);
    assert_eq!(ui.notice, "no activity waits for a retry");
    let end = |event, is_completed| ResetEvent { event, is_completed };
    let page = WorkflowPage {
        run_id: run.run_id,
        found: RunFound::Yes,
        retried: Some(RetriedActivity { type_name: "call_bank".into(), id: "1".into() }),
        reset_points: [end(14, false), end(9, true), end(4, true)].into(),
        ..WorkflowPage::default()
    };
    let known = Model { page: Some(page.clone()), ..model.clone() };
    assert!(shown(&mut ui, &known, &log).contains("start the next attempt of call_bank now"));
    press(&mut ui, Key::char('e'), &known, &log);
    let form = shown(&mut ui, &known, &log);
    assert!(form.contains("14 (failed), 9 (last good), 4"), "{form}");
    assert!(form.contains("--event-id EVENT_ID"), "{form}");
    press(&mut ui, ESC, &known, &log);
    let request = press(&mut ui, Key::char('n'), &known, &log);
    let Some(Action::Workflow(request)) = request else { panic!("{request:?}") };
    assert_eq!(request.action, WorkflowAction::Retry);
    assert_eq!(ui.open_workflow(), None, "the menu is closed");

    let ended = WorkflowPage { status: WorkflowStatus::Completed, retried: None, ..page };
    let ended = Model { page: Some(ended), ..model };
    type_in(&mut ui, "ac", &ended, &log);
    assert_eq!(ui.notice, "the workflow has ended");
}

#[test]
fn dots_mean_that_a_dialog_follows() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for keys in ["jja", "jj j a", "jjjjjjja"] {
        let ui = after(keys, &model, &log);
        let screen = shown(&mut ui.clone(), &model, &log);
        for binding in keymap::in_scope(Scope::Actions) {
            let [(key, KeyCommand::Action(ActionCommand::Choose(kind)))] = binding.keys else {
                continue;
            };
            if !ui.view.menu.why_not(*kind, &model).is_empty() {
                continue;
            }
            let is_entry = |part: &&str| {
                part.trim_start_matches([' ', '▸']).starts_with(&format!("{}  ", binding.shown))
            };
            let entry = screen.lines().flat_map(|line| line.split('│')).find(is_entry).unwrap();
            let mut chosen = ui.clone();
            press(&mut chosen, *key, &model, &log);
            assert_eq!(entry.contains('…'), chosen.view.overlay.is_some(), "{keys}: {entry}");
        }
    }
}

#[test]
fn esc_ends_the_wait_for_a_slow_action_before_anything_else() {
    let log = SampleLog::temporal();
    let waiting = Some("query items of basket-1: 3 s so far".to_owned());
    let slow = Model { waiting, ..sample::with_problems() };
    for keys in ["jj", "jj\n", "4"] {
        let mut ui = after(keys, &slow, &log);
        let screen = shown(&mut ui, &slow, &log);
        assert!(screen.contains("query items of basket-1: 3 s so far"), "{screen}");
        assert!(screen.contains("Esc stop waiting") && !screen.contains("Esc back"), "{screen}");
        let before = ui.view.clone();
        assert_eq!(press(&mut ui, ESC, &slow, &log), Some(Action::StopWaiting));
        assert_eq!(ui.view, before, "{keys}");
        let over = Model { waiting: None, ..slow.clone() };
        assert_eq!(press(&mut ui, ESC, &over, &log), None);
    }
    let mut ui = after("jja", &slow, &log);
    assert_eq!(press(&mut ui, ESC, &slow, &log), None, "a dialog in front is closed first");
}

/// A view whose selected workflow allows each action, and its model.
fn all_apply(log: &SampleLog) -> (Ui, Model) {
    let model = sample::with_problems();
    let ui = after("jj", &model, log);
    let page = WorkflowPage {
        run_id: WorkflowCursor::of(ui.view.selected().unwrap(), &model).unwrap().run.run_id,
        found: RunFound::Yes,
        retried: Some(RetriedActivity { type_name: "call_bank".into(), id: "1".into() }),
        ..WorkflowPage::default()
    };
    (ui, Model { page: Some(page), ..model })
}

/// Returns the key of an action and the begin of its text in the menu.
fn entry(kind: ActionKind) -> (Key, String) {
    let command = KeyCommand::Action(ActionCommand::Choose(kind));
    let binding = keymap::all().find(|it| it.keys.first().is_some_and(|(_, it)| *it == command));
    let binding = binding.unwrap();
    let begin: Vec<&str> = binding.long.split(' ').take(3).collect();
    (binding.keys[0].0, format!("{}  {}", binding.shown, begin.join(" ")))
}

/// Text that the form of an action needs.
fn typed(kind: ActionKind) -> &'static str {
    if kind == ActionKind::ResetTo { "7" } else { "items" }
}

#[test]
fn mouse_does_each_action_as_the_keys_do() {
    let log = SampleLog::temporal();
    let (ui, model) = all_apply(&log);
    for kind in ActionKind::ALL {
        let (key, text) = entry(kind);
        let (mut keys, mut mouse) = (ui.clone(), ui.clone());
        type_in(&mut keys, "a", &model, &log);
        let mut by_key = press(&mut keys, key, &model, &log);
        click(&mut mouse, "a actions", &model, &log);
        assert_eq!(step(&mouse), Some(ActionStep::Menu), "{kind:?}");
        let mut by_mouse = click(&mut mouse, &text, &model, &log);
        while let Some(now) = step(&keys) {
            assert_eq!((step(&mouse), by_key, by_mouse), (Some(now), None, None), "{kind:?}");
            (by_key, by_mouse) = match now {
                ActionStep::Menu => panic!("{kind:?} does not apply: {}", keys.notice),
                ActionStep::Form => {
                    type_in(&mut keys, typed(kind), &model, &log);
                    type_in(&mut mouse, typed(kind), &model, &log);
                    let by_key = press(&mut keys, ENTER, &model, &log);
                    (by_key, click(&mut mouse, "Enter send", &model, &log))
                }
                ActionStep::Approve => {
                    let by_key = press(&mut keys, Key::char('y'), &model, &log);
                    let answer = format!("y     {} the", kind.verb().to_lowercase());
                    (by_key, click(&mut mouse, &answer, &model, &log))
                }
            };
        }
        assert!(matches!(by_key, Some(Action::Workflow(_))), "{kind:?}: {by_key:?}");
        assert_eq!(by_mouse, by_key, "{kind:?}");
    }
}

#[test]
fn copied_command_is_the_shown_one_in_each_dialog() {
    let log = SampleLog::temporal();
    let (ui, model) = all_apply(&log);
    for kind in ActionKind::ALL {
        let mut ui = ui.clone();
        type_in(&mut ui, "a", &model, &log);
        while ui.view.menu.kind != kind {
            press(&mut ui, Key::plain(KeyCode::Down), &model, &log);
        }
        while let Some(now) = step(&ui) {
            if now == ActionStep::Form {
                type_in(&mut ui, typed(kind), &model, &log);
            }
            let screen = shown(&mut ui, &model, &log);
            let inside = screen.lines().filter_map(|line| line.split('│').nth(1));
            let inside: String = inside.flat_map(str::split_whitespace).collect();
            let (copy, next) = match now {
                ActionStep::Menu => (Key::char('Y'), ENTER),
                ActionStep::Form => (Key::ctrl('y'), ENTER),
                ActionStep::Approve => (Key::char('Y'), Key::char('y')),
            };
            let Some(Action::Copy(copied)) = press(&mut ui, copy, &model, &log) else {
                panic!("{kind:?} in {now:?}: nothing is copied")
            };
            let command = ui.view.menu.request().command(model.address.as_deref());
            assert_eq!(copied.text, command + "\n", "{kind:?} in {now:?}");
            let words: String = copied.text.split_whitespace().collect();
            assert!(inside.contains(&words), "{kind:?} in {now:?}: {words}\n{screen}");
            let unfound = Model { temporal_program: Some("/t".to_owned()), ..model.clone() };
            let Some(Action::Copy(copied)) = press(&mut ui, copy, &unfound, &log) else {
                panic!("{kind:?} in {now:?}: nothing is copied")
            };
            let runnable = command_with("/t", &ui, &model);
            assert_eq!(copied.text, runnable + "\n", "{kind:?} in {now:?}");
            press(&mut ui, next, &model, &log);
        }
    }
}

/// The command of the open menu with this program.
fn command_with(program: &str, ui: &Ui, model: &Model) -> String {
    let commands = ui.view.menu.request().commands(model.address.as_deref());
    let arguments = commands.iter().map(|it| it.strip_prefix("temporal").unwrap());
    arguments.map(|it| format!("{program}{it}")).collect::<Vec<_>>().join(" && ")
}
