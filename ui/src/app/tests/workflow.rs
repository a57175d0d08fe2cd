//! The page of a workflow: how it opens and closes, and its keys.

use super::*;
use crate::app::view::PageLine;
use crate::log::{Level, LogSource};
use crate::model::OpenWorkflow;

const ENTER: Key = Key::plain(KeyCode::Enter);
const LEFT: Key = Key::plain(KeyCode::Left);
const RIGHT: Key = Key::plain(KeyCode::Right);

/// A wide screen with the page of `refund-0`.
fn opened(model: &Model, log: &SampleLog) -> Ui {
    let mut ui = ui();
    draw(&mut ui, model, log);
    let at = model.problems.iter().flatten().position(|row| row.subject == "refund-0").unwrap();
    type_in(&mut ui, &"j".repeat(at + 1), model, log);
    press(&mut ui, ENTER, model, log);
    ui
}

fn open_id(ui: &Ui) -> Option<String> {
    ui.open_workflow().map(|run| run.workflow_id)
}

fn scope(ui: &Ui, model: &Model, log: &SampleLog) -> Scope {
    Context { view: &ui.view, model, log }.scope()
}

fn copied(ui: &mut Ui, key: char, model: &Model, log: &SampleLog) -> String {
    match press(ui, Key::char(key), model, log) {
        Some(Action::Copy(copied)) => copied.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn page_names_its_run_until_it_is_closed() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for close in [ESC, Key::char('q'), Key::char('2')] {
        let mut ui = opened(&model, &log);
        let selected = ui.view.selected();
        let expected = OpenWorkflow {
            namespace: "default".into(),
            workflow_id: "refund-0".into(),
            run_id: "01a20e83-7c55-7d4a-0000".into(),
            row: None,
        };
        assert_eq!(ui.open_workflow(), Some(expected));
        assert_eq!(press(&mut ui, close, &model, &log), None);
        assert_eq!((ui.open_workflow(), ui.view.overview.selected()), (None, selected));
    }
}

#[test]
fn page_stays_open_when_its_row_disappears() {
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    model.problems = Some(Vec::new());
    draw(&mut ui, &model, &log);
    assert_eq!(open_id(&ui).as_deref(), Some("refund-0"));
    assert_eq!(scope(&ui, &model, &log), Scope::Workflow);
    press(&mut ui, ESC, &model, &log);
    assert_eq!(open_id(&ui), None);
}

#[test]
fn arrows_open_the_page_of_another_row() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    press(&mut ui, RIGHT, &model, &log);
    assert_eq!(open_id(&ui).as_deref(), Some("shipment-7"));
    for _ in 0..2 {
        press(&mut ui, LEFT, &model, &log);
    }
    assert_eq!(open_id(&ui), None, "the row of a queue has another page");
    assert_eq!(ui.view.overlay, Some(Overlay::Row));
    press(&mut ui, RIGHT, &model, &log);
    assert_eq!(open_id(&ui).as_deref(), Some("refund-0"));
}

#[test]
fn dialogs_open_in_front_of_the_page() {
    let log = SampleLog::temporal();
    let model = Model { count: sample::with_workflows().count, ..sample::with_problems() };
    for key in ["?", "x", "r"] {
        let mut ui = opened(&model, &log);
        type_in(&mut ui, key, &model, &log);
        assert!(ui.view.overlay.is_some() && ui.open_workflow().is_some(), "{key}");
        press(&mut ui, ESC, &model, &log);
        assert_eq!(ui.view.overlay, None);
        assert_eq!(scope(&ui, &model, &log), Scope::Workflow, "{key}");
    }
}

#[test]
fn enter_shows_the_details_of_the_selected_line() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    press(&mut ui, ENTER, &model, &log);
    assert!(ui.view.workflow.as_ref().unwrap().open_line(&model).is_none(), "no line is selected");
    type_in(&mut ui, "j", &model, &log);
    press(&mut ui, ENTER, &model, &log);
    let details = copied(&mut ui, 'y', &model, &log);
    assert!(details.contains("BankUnavailable") && details.contains("line 13"), "{details}");
    assert_eq!(ui.open_workflow().unwrap().row, None);
    press(&mut ui, ESC, &model, &log);
    type_in(&mut ui, "G", &model, &log);
    press(&mut ui, ENTER, &model, &log);
    assert_eq!(ui.open_workflow().unwrap().row, Some(5));
    assert!(copied(&mut ui, 'y', &model, &log).contains("ActivityTaskScheduled"));
    press(&mut ui, LEFT, &model, &log);
    assert_eq!(ui.open_workflow().unwrap().row, Some(1), "workflow tasks are hidden");
    press(&mut ui, ENTER, &model, &log);
    assert_eq!(ui.open_workflow().unwrap().row, None);
    assert_eq!(copied(&mut ui, 'y', &model, &log), "refund-0\n");
}

#[test]
fn workflow_tasks_are_shown_on_request() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    let has_task =
        |ui: &Ui| ui.view.workflow.as_ref().unwrap().lines(&model).contains(&PageLine::Row(2));
    assert!(!has_task(&ui));
    type_in(&mut ui, "z", &model, &log);
    assert!(has_task(&ui));
    type_in(&mut ui, "z", &model, &log);
    assert!(!has_task(&ui));
}

#[test]
fn copied_command_names_server_and_run_and_quotes_them() {
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    assert_eq!(
        copied(&mut ui, 'Y', &model, &log),
        "temporal workflow show --workflow-id refund-0 --run-id 01a20e83-7c55-7d4a-0000\n"
    );
    for row in model.problems.iter_mut().flatten() {
        if row.subject == "refund-0" {
            row.namespace = "orders".into();
            row.subject = "it's 1".into();
        }
    }
    ui.view.workflow = None;
    press(&mut ui, ENTER, &model, &log);
    model.address = Some("127.0.0.1:7300".into());
    let command = copied(&mut ui, 'Y', &model, &log);
    assert!(command.contains("--workflow-id \"it's 1\" "), "{command}");
    assert!(command.ends_with(" --address 127.0.0.1:7300 --namespace orders\n"), "{command}");
}

#[test]
fn web_ui_is_opened_from_the_page() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    assert_eq!(press(&mut ui, Key::char('o'), &model, &log), Some(Action::OpenWebUi));
    assert!(ui.open_workflow().is_some());
}

#[test]
fn n_opens_the_page_of_the_next_problem() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    type_in(&mut ui, "n", &model, &log);
    assert_eq!(open_id(&ui).as_deref(), Some("shipment-7"));
    type_in(&mut ui, "NN", &model, &log);
    assert_eq!((open_id(&ui), ui.view.overlay), (None, Some(Overlay::Row)), "a queue");
    type_in(&mut ui, "n", &model, &log);
    assert_eq!((open_id(&ui).as_deref(), ui.view.overlay), (Some("refund-0"), None));
    type_in(&mut ui, "X", &model, &log);
    assert_eq!(ui.notice, "unknown key, ? lists all keys");
    let only = model.problems.as_ref().unwrap()[4].clone();
    let model = Model { problems: Some(vec![only]), ..model };
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "n", &model, &log);
    assert_eq!(ui.notice, "no effect here, ? lists all keys", "the only problem");
}

#[test]
fn log_of_the_page_is_searched_and_esc_returns_to_the_page() {
    let model = sample::pages::stuck(sample::with_problems());
    let mut log = SampleLog::temporal();
    for text in ["fails", "fails again"] {
        log.push("21:28:04.000", Level::Warn, "history", text, "workflow=unknown-14");
    }
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "2jj\n", &model, &log);
    draw(&mut ui, &model, &log);
    assert_eq!(open_id(&ui).as_deref(), Some("unknown-14"));
    type_in(&mut ui, "G", &model, &log);
    let line = |ui: &Ui| ui.view.workflow.as_ref().unwrap().line(&model);
    assert_eq!(line(&ui), Some(PageLine::Row(2)), "the end of the history");
    type_in(&mut ui, "j", &model, &log);
    assert_eq!(line(&ui), Some(PageLine::Log));
    press(&mut ui, ENTER, &model, &log);
    draw(&mut ui, &model, &log);
    assert_eq!((ui.view.tab, open_id(&ui)), (Tab::Logs, None));
    assert_eq!(ui.view.log.search().unwrap().matches(), 2);
    assert_eq!(ui.view.log.current().unwrap().first, log.total() - 1, "the newest of them");
    type_in(&mut ui, "v", &model, &log);
    press(&mut ui, ESC, &model, &log);
    assert_eq!(ui.view.tab, Tab::Logs, "the first Esc clears the range");
    press(&mut ui, ESC, &model, &log);
    assert_eq!((ui.view.tab, open_id(&ui).as_deref()), (Tab::Workflows, Some("unknown-14")));
    assert_eq!(line(&ui), Some(PageLine::Log));
    press(&mut ui, ENTER, &model, &log);
    type_in(&mut ui, "1", &model, &log);
    type_in(&mut ui, "4", &model, &log);
    press(&mut ui, ESC, &model, &log);
    assert_eq!((ui.view.tab, open_id(&ui)), (Tab::Logs, None), "another way to the log");
}

#[test]
fn page_without_log_lines_has_no_way_to_the_log() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = opened(&model, &log);
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "Gj\n", &model, &log);
    assert_eq!(ui.view.tab, Tab::Overview);
}
