//! The list of workflows: namespaces, queries of Temporal, and workflows that are not listed.

use super::*;
use crate::app::view::{StatusFilter, pick};
use crate::model::{FoundWorkflows, Listing, OpenWorkflow, WorkflowRow};

const TAB: Key = Key::plain(KeyCode::Tab);
const QUERY: &str = "WorkflowType = 'Refund'";

/// A wide screen after some keys.
fn after(keys: &str, model: &Model, log: &SampleLog) -> Ui {
    let mut ui = ui();
    draw(&mut ui, model, log);
    type_in(&mut ui, keys, model, log);
    ui
}

fn shown(ui: &mut Ui, model: &Model, log: &SampleLog) -> String {
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, model, log, &mut |_, _| {});
    let rows = buf.content().chunks(WIDE.width.into());
    let text = rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    text.map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn two_namespaces() -> Model {
    Model { namespaces: vec!["default".into(), "orders".into()], ..sample::with_problems() }
}

#[test]
fn palette_and_click_on_the_header_select_a_namespace() {
    let (model, log) = (two_namespaces(), SampleLog::temporal());
    let mut ui = after("?namespace orders\n", &model, &log);
    let orders = Listing { namespace: Some("orders".into()), query: None };
    assert_eq!((ui.listing(), ui.view.overlay), (&orders, None));
    let model = Model { namespace: "orders".into(), ..model };
    click(&mut ui, "namespace orders", &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Palette));
    click(&mut ui, "namespace default", &model, &log);
    assert_eq!(ui.listing().namespace.as_deref(), Some("default"));

    let one = sample::with_problems();
    click(&mut ui, "namespace default", &one, &log);
    assert_eq!(ui.view.overlay, None, "there is no other namespace");
}

#[test]
fn problem_of_another_namespace_names_it_and_opens_there() {
    let (mut model, log) = (two_namespaces(), SampleLog::temporal());
    let rows = model.problems.as_mut().unwrap();
    let at = rows.iter().position(|row| row.subject == "refund-0").unwrap();
    rows[at].namespace = "orders".into();
    for tab in ["1", "2"] {
        let mut ui = after(tab, &model, &log);
        let text = shown(&mut ui, &model, &log);
        assert_eq!(text.matches("in orders · ").count(), 1, "{text}");
    }
    let mut ui = after(&"j".repeat(at + 1), &model, &log);
    type_in(&mut ui, "\n", &model, &log);
    let run = ui.open_workflow().unwrap();
    assert_eq!((run.namespace.as_str(), run.workflow_id.as_str()), ("orders", "refund-0"));
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("namespace orders"), "{text}");
}

fn answered(model: &Model, rows: Result<&[&str], &str>) -> Model {
    let row = |id: &&str| WorkflowRow {
        workflow_id: (*id).into(),
        run_id: format!("run-{id}"),
        type_name: "Refund".into(),
        ..WorkflowRow::default()
    };
    let found = FoundWorkflows {
        query: QUERY.into(),
        error: rows.err().unwrap_or_default().into(),
        rows: rows.ok().map(|ids| ids.iter().map(row).collect()),
        more: false,
    };
    Model { found: Some(found), ..model.clone() }
}

#[test]
fn query_runs_on_the_server_and_esc_clears_it() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/drift", &model, &log);
    press(&mut ui, TAB, &model, &log);
    assert!(ui.view.filter.is_empty(), "the words must not hide what the server finds");
    type_in(&mut ui, QUERY, &model, &log);
    assert_eq!(ui.listing().query, None, "not before Enter");
    type_in(&mut ui, "\n", &model, &log);
    assert_eq!(ui.listing().query.as_deref(), Some(QUERY));
    assert!(ui.view.prompt.is_some(), "the server has not accepted it yet");
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains(&format!("query: {QUERY}")) && text.contains("running"), "{text}");
    assert!(!text.contains("drift-11"), "{text}");

    let found = answered(&model, Ok(&["refund-7", "refund-8"]));
    let mut typing = ui.clone();
    assert_eq!(press(&mut typing, Key::char('x'), &found, &log), None, "it was for the prompt");
    assert_eq!((&typing.view.prompt, typing.view.overlay), (&None, None));
    let text = shown(&mut ui, &found, &log);
    assert_eq!(ui.view.prompt, None);
    assert!(text.contains("refund-7") && text.contains("2 found"), "{text}");
    assert_eq!(ui.view.workflows.items().len(), 2);
    type_in(&mut ui, "/-8\n", &found, &log);
    assert_eq!(ui.view.workflows.items().len(), 1, "words filter what was found");
    type_in(&mut ui, "j\n", &found, &log);
    assert_eq!(ui.open_workflow().unwrap().run_id, "run-refund-8");

    for expected in [Some(QUERY), Some(QUERY), None] {
        press(&mut ui, ESC, &found, &log);
        draw(&mut ui, &found, &log);
        assert_eq!(ui.listing().query.as_deref(), expected, "the page, the words, the query");
    }
    assert!(shown(&mut ui, &found, &log).contains("drift-11"));
}

#[test]
fn refused_query_stays_in_the_prompt_with_the_reason() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/", &model, &log);
    press(&mut ui, TAB, &model, &log);
    type_in(&mut ui, &format!("{QUERY}\n"), &model, &log);
    let refused = answered(&model, Err("no such attribute"));
    let text = shown(&mut ui, &refused, &log);
    let last = text.lines().last().unwrap();
    assert!(last.contains(QUERY) && last.contains("refused"), "{last}");
    assert!(text.contains("the server does not run the query: no such attribute"), "{text}");
    assert!(ui.view.prompt.is_some());
    type_in(&mut ui, "x", &refused, &log);
    let text = shown(&mut ui, &refused, &log);
    assert!(!text.contains("refused"), "it was changed: {text}");
    assert!(text.contains("no such attribute"), "the user still needs the reason: {text}");
    press(&mut ui, ESC, &refused, &log);
    assert_eq!((ui.listing().query.as_deref(), &ui.view.prompt), (None, &None));

    let found = answered(&model, Ok(&["refund-7"]));
    press(&mut ui, Key::char('/'), &found, &log);
    press(&mut ui, TAB, &found, &log);
    type_in(&mut ui, &format!("{QUERY}\n"), &found, &log);
    press(&mut ui, Key::char('/'), &found, &log);
    press(&mut ui, TAB, &found, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, QUERY, "the query can be changed");
    press(&mut ui, TAB, &found, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, "", "the words of the filter");
    press(&mut ui, TAB, &found, &log);
    press(&mut ui, Key::ctrl('u'), &found, &log);
    type_in(&mut ui, "\n", &found, &log);
    assert_eq!((ui.listing().query.as_deref(), &ui.view.prompt), (None, &None));
}

#[test]
fn whole_reason_of_a_refused_query_is_shown_on_a_small_screen() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let error =
        "invalid query: unable to convert filter expression: column name \"Typ\" is not defined";
    let refused = answered(&model, Err(error));
    let mut ui = after("2/", &model, &log);
    press(&mut ui, TAB, &model, &log);
    type_in(&mut ui, &format!("{QUERY}\n"), &model, &log);
    let area = Rect::new(0, 0, 40, 10);
    let mut buf = Buffer::empty(area);
    ui.render(&mut buf, area, &refused, &log, &mut |_, _| {});
    let rows = buf.content().chunks(40).map(|row| row.iter().map(ratatui::buffer::Cell::symbol));
    let rows: Vec<String> = rows.map(Iterator::collect).collect();
    let text = rows.join(" ");
    let text: Vec<&str> = text.split_whitespace().collect();
    assert!(text.join(" ").contains(error), "{rows:#?}");
    let footer = rows.last().unwrap();
    assert!(footer.contains("'Refund'▏ refused"), "the end of the query: {rows:#?}");
}

#[test]
fn refused_query_has_no_effect_after_the_prompt_is_left() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let refused = answered(&model, Err("no such attribute"));
    for how in ["Tab", "Esc", "a click on another tab"] {
        for edited in ["", "x"] {
            let mut ui = after("2/", &model, &log);
            press(&mut ui, TAB, &model, &log);
            type_in(&mut ui, &format!("{QUERY}\n"), &model, &log);
            type_in(&mut ui, edited, &refused, &log);
            match how {
                "Tab" => press(&mut ui, TAB, &refused, &log),
                "Esc" => press(&mut ui, ESC, &refused, &log),
                _ => click(&mut ui, "3 Workers", &refused, &log),
            };
            draw(&mut ui, &refused, &log);
            assert_eq!(ui.listing().query, None, "{how} after {edited:?}");
            let is_elsewhere = ui.view.tab != Tab::Workflows;
            assert_eq!(is_elsewhere, how.starts_with('a'), "the click is no text for the prompt");
        }
    }

    let found = answered(&model, Ok(&["refund-7"]));
    let mut ui = after("2/", &model, &log);
    press(&mut ui, TAB, &model, &log);
    type_in(&mut ui, &format!("{QUERY}\n"), &found, &log);
    click(&mut ui, "3 Workers", &found, &log);
    draw(&mut ui, &found, &log);
    assert_eq!(ui.listing().query.as_deref(), Some(QUERY), "the server has accepted it");
}

#[test]
fn types_and_status_are_those_of_the_rows_of_a_query() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut found = answered(&model, Ok(&["refund-7", "refund-8"]));
    let rows = found.found.as_mut().unwrap().rows.as_mut().unwrap();
    rows[1].type_name = "Chargeback".into();
    let mut ui = after("2l/", &model, &log);
    assert_eq!(ui.view.filter.status, StatusFilter::Problems);
    press(&mut ui, TAB, &model, &log);
    type_in(&mut ui, &format!("{QUERY}\n"), &found, &log);
    assert_eq!(ui.view.workflows.items().len(), 2, "a query lists no problems, but workflows");
    let mut seen = Vec::new();
    for _ in 0..3 {
        type_in(&mut ui, "l", &found, &log);
        seen.push(ui.view.filter.status);
    }
    assert_eq!(seen, [StatusFilter::Running, StatusFilter::Closed, StatusFilter::All]);

    type_in(&mut ui, "c", &found, &log);
    let items = pick::items(&ui.view, Overlay::Types, &found, &log);
    let items: Vec<_> = items.iter().map(|it| (it.name.as_str(), it.count)).collect();
    assert_eq!(items, [("all", Some(2)), ("Chargeback", Some(1)), ("Refund", Some(1))]);
    press(&mut ui, Key::plain(KeyCode::Down), &found, &log);
    type_in(&mut ui, "\n", &found, &log);
    assert_eq!(ui.view.workflows.items().len(), 1);
}

#[test]
fn rows_hidden_by_the_filter_do_not_include_those_of_an_expanded_problem() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/refund\n", &model, &log);
    let note = |ui: &mut Ui| {
        let text = shown(ui, &model, &log);
        let line = text.lines().find(|line| line.contains("hidden by the filter"));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let rows = ui.view.workflows.items().len();
    let before = note(&mut ui);
    press(&mut ui, Key::plain(KeyCode::Right), &model, &log);
    let after = note(&mut ui);
    assert!(ui.view.workflows.items().len() > rows, "the problem is expanded");
    assert_eq!(after, before);
}

#[test]
fn id_in_the_filter_opens_its_page_or_is_looked_for() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let open = |keys: &str| {
        let mut ui = after(&format!("2/{keys}"), &model, &log);
        let action = press(&mut ui, Key::plain(KeyCode::Enter), &model, &log);
        (action, ui.open_workflow().map(|run| run.workflow_id))
    };
    assert_eq!(open("refund-0"), (None, Some("refund-0".into())));
    assert_eq!(open("01a20e83-7c55-7d4a-0000"), (None, Some("refund-0".into())), "its run ID");
    let look = |id: &str| (Some(Action::FindWorkflow(id.into())), None);
    assert_eq!(open("order-9000"), look("order-9000"));
    for words in ["refund", "no such", "!order-9000", "id:order-9000", ""] {
        assert_eq!(open(words), (None, None), "{words}");
    }
    let down = Model { state: StateView::Stopped, ..model.clone() };
    let mut ui = after("2/order-9000", &down, &log);
    assert_eq!(press(&mut ui, Key::plain(KeyCode::Enter), &down, &log), None);
}

#[test]
fn workflow_that_is_not_listed_opens_from_the_palette() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("", &model, &log);
    let keys = format!("?order-9000{}", '\n');
    let action = type_in(&mut ui, &keys, &model, &log);
    assert_eq!(action, Some(Action::FindWorkflow("order-9000".into())));
    let run = OpenWorkflow {
        namespace: "default".into(),
        workflow_id: "order-9000".into(),
        run_id: "run".into(),
        row: None,
    };
    ui.show_workflow(run.clone(), "Order".into());
    draw(&mut ui, &model, &log);
    assert_eq!(ui.open_workflow(), Some(run));
    let text = shown(&mut ui, &model, &log);
    assert!(text.contains("Order › order-9000"), "{text}");
    press(&mut ui, ESC, &model, &log);
    assert_eq!((ui.open_workflow(), ui.view.tab), (None, Tab::Overview));
}

#[test]
fn workflow_that_was_found_does_not_open_over_a_prompt_or_a_dialog() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let run = OpenWorkflow {
        namespace: "default".into(),
        workflow_id: "order-9000".into(),
        run_id: "run".into(),
        row: None,
    };
    for place in ["2/", "/", "?", "jja"] {
        let mut ui = after(place, &model, &log);
        let open = ui.open_workflow();
        ui.show_workflow(run.clone(), "Order".into());
        draw(&mut ui, &model, &log);
        assert_eq!(ui.open_workflow(), open, "not over {place:?}");
        assert_eq!(press(&mut ui, Key::char('z'), &model, &log), None, "{place:?}");
        assert_eq!(ui.open_workflow(), open, "{place:?}");
        press(&mut ui, ESC, &model, &log);
        assert_eq!(ui.open_workflow(), None, "not before a frame: {place:?}");
        draw(&mut ui, &model, &log);
        assert_eq!(ui.open_workflow().as_ref(), Some(&run), "{place:?} is closed");
        press(&mut ui, ESC, &model, &log);
        draw(&mut ui, &model, &log);
        assert_eq!(ui.open_workflow(), None, "it opens once");
    }

    // A key between the arrival and the frame is for what the user sees.
    let mut ui = after("", &model, &log);
    ui.show_workflow(run.clone(), "Order".into());
    press(&mut ui, Key::char('/'), &model, &log);
    type_in(&mut ui, "xr", &model, &log);
    assert_eq!((ui.view.overlay, ui.open_workflow()), (None, None));
    assert_eq!(ui.view.prompt.as_ref().map(|it| it.text.as_str()), Some("xr"));

    // The user looks for another workflow meanwhile.
    let mut ui = after("?order-9001", &model, &log);
    ui.show_workflow(run, "Order".into());
    let action = type_in(&mut ui, "\n", &model, &log);
    assert_eq!(action, Some(Action::FindWorkflow("order-9001".into())));
    assert_eq!(ui.open_workflow(), None, "the latest search decides");
}

#[test]
fn history_of_the_open_page_is_requested_as_a_file() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jj\n", &model, &log);
    assert_eq!(press(&mut ui, Key::char('e'), &model, &log), Some(Action::OpenHistory));
    let down = Model { state: StateView::Stopped, ..model };
    assert_eq!(press(&mut ui, Key::char('e'), &down, &log), None);
    assert_eq!(ui.notice, "the server is not running");
}

#[test]
fn texts_of_the_filter_and_of_the_query_stay_in_the_prompt() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/refund", &model, &log);
    press(&mut ui, TAB, &model, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, "");
    assert_eq!(ui.view.filter.text, "");
    type_in(&mut ui, "Work", &model, &log);
    press(&mut ui, TAB, &model, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, "refund", "Tab drops no words");
    assert_eq!(ui.view.filter.text, "refund");
    press(&mut ui, TAB, &model, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, "Work", "the text of the query stays, too");
    press(&mut ui, ESC, &model, &log);
    assert_eq!(
        (ui.view.filter.text.as_str(), &ui.view.prompt),
        ("", &None),
        "as before the prompt"
    );

    let mut ui = after("2/drift\n/", &model, &log);
    press(&mut ui, Key::ctrl('u'), &model, &log);
    type_in(&mut ui, QUERY, &model, &log);
    press(&mut ui, TAB, &model, &log);
    assert_eq!(ui.view.prompt.as_ref().unwrap().text, QUERY, "it was meant as a query");
    assert_eq!(ui.view.filter.text, "drift");
}

#[test]
fn prompt_of_a_query_has_an_example_and_explains_a_wrong_attribute() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/", &model, &log);
    press(&mut ui, TAB, &model, &log);
    assert!(shown(&mut ui, &model, &log).contains("for example WorkflowType = 'Refund'"));
    type_in(&mut ui, "type", &model, &log);
    assert!(shown(&mut ui, &model, &log).contains("in a query, type is WorkflowType"));
    let refused = answered(&model, Err("invalid search attribute: type"));
    let query = "type = 'Refund'";
    let found = refused.found.map(|found| FoundWorkflows { query: query.into(), ..found });
    let refused = Model { found, ..model.clone() };
    type_in(&mut ui, " = 'Refund'\n", &model, &log);
    let text = shown(&mut ui, &refused, &log);
    assert!(
        text.contains("invalid search attribute: type; in a query, type is WorkflowType"),
        "{text}"
    );
}
