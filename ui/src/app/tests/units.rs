//! The unit of the keys `s`, `x` and `r`: the server, or a worker of a project.

use super::*;
use crate::app::view::Item;
use crate::input::{UnitCommand, WorkerRequest};
use crate::model::ProblemKind;
use ratatui::buffer::Cell;

/// Returns the view of a wide screen after some keys, the last action, and the footer.
fn after(keys: &str) -> (Ui, Option<Action>, String) {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    let action = type_in(&mut ui, keys, &model, &log);
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &model, &log, &mut |_, _| {});
    let footer = buf.content().chunks(WIDE.width.into()).next_back().unwrap();
    (ui, action, footer.iter().map(Cell::symbol).collect())
}

fn request(name: &str, command: UnitCommand) -> Option<Action> {
    Some(Action::Worker(WorkerRequest { name: name.into(), command }))
}

#[test]
fn keys_apply_to_the_worker_that_is_selected_on_its_tab_and_the_footer_names_it() {
    use UnitCommand::{Restart, Start, Stop};
    for (keys, action, unit) in [
        ("3jx", request("orders", Stop), "orders: x stop  r restart"),
        ("3jjr", request("shipping", Restart), "shipping: x stop  r restart"),
        ("3jjjs", request("emails", Start), "emails: s start"),
        ("3j\nx", request("orders", Stop), "orders: x stop  r restart"),
    ] {
        let (_, requested, footer) = after(keys);
        assert_eq!(requested, action, "{keys:?}");
        assert!(footer.trim_start().starts_with(unit), "{keys:?}: {footer}");
    }
    let (ui, _, footer) = after("3");
    assert!(footer.starts_with(" server: x stop  r restart"), "{footer}");
    assert_eq!(ui.view.workers.at(), Some(0), "the tab opens with the server selected");
}

#[test]
fn worker_whose_page_is_open_is_the_unit_on_every_tab() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let (mut ui, _, _) = after("");
    while !matches!(ui.view.selected(), Some(Item::Worker(_))) {
        type_in(&mut ui, "j", &model, &log);
    }
    let unit = |ui: &Ui| {
        Context { view: &ui.view, model: &model, log: &log }.unit().map(|row| row.name.clone())
    };
    assert_eq!(unit(&ui), None, "a selected row of the overview changes no unit");
    press(&mut ui, Key::plain(KeyCode::Enter), &model, &log);
    draw(&mut ui, &model, &log);
    assert_eq!(unit(&ui).as_deref(), Some("orders"));
    let requested = press(&mut ui, Key::char('r'), &model, &log);
    assert_eq!(requested, request("orders", UnitCommand::Restart));
    assert_eq!(ui.view.overlay, Some(Overlay::Row), "the page shows what happens");
}

#[test]
fn worker_is_the_unit_on_the_page_of_its_problem() {
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    let problem = &mut model.problems.as_mut().unwrap()[0];
    problem.kind = ProblemKind::Worker;
    (problem.type_name, problem.subject) = ("worker".to_owned(), "orders".to_owned());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    while ui.view.selected() != Some(Item::Problem(0)) {
        type_in(&mut ui, "j", &model, &log);
    }
    press(&mut ui, Key::plain(KeyCode::Enter), &model, &log);
    draw(&mut ui, &model, &log);
    let requested = press(&mut ui, Key::char('r'), &model, &log);
    assert_eq!(requested, request("orders", UnitCommand::Restart));
}

#[test]
fn workers_without_a_command_show_the_reason() {
    for (keys, reason) in [
        ("3js", "the worker is already running"),
        ("3jjjx", "the worker is not running"),
        ("3jjjjr", "external worker: not started by stigmer"),
    ] {
        let (ui, action, _) = after(keys);
        assert_eq!((action, ui.notice), (None, reason), "{keys:?}");
    }
}

#[test]
fn all_workers_are_restarted_from_every_tab() {
    for keys in ["1R", "2R", "3R", "4R", "5R", "3j\nR", "2j\nR"] {
        assert_eq!(after(keys).1, Some(Action::RestartWorkers), "{keys:?}");
    }
    let (mut model, log) = (sample::with_problems(), SampleLog::temporal());
    model.workers.as_mut().unwrap().retain(|row| row.external);
    let mut ui = ui();
    assert_eq!(press(&mut ui, Key::char('R'), &model, &log), None);
    assert_eq!(ui.notice, "no worker of a project runs");
}

#[test]
fn palette_names_the_unit() {
    let texts = |keys: &str| {
        let (model, log) = (sample::with_problems(), SampleLog::temporal());
        let (ui, _, _) = after(keys);
        let rows = Context { view: &ui.view, model: &model, log: &log }.palette();
        rows.into_iter().map(|row| row.text.into_owned()).collect::<Vec<_>>()
    };
    assert!(texts("3jj?").contains(&"restart the worker shipping".to_owned()));
    assert!(texts("3?").contains(&"stop the server; the dashboard stays open".to_owned()));
}
