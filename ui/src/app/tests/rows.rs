//! Keys and the mouse on the rows of problems, workers and workflows.

use super::*;
use crate::app::view::Item;
use crate::input::{CopyKind, CopyRequest, DismissRequest};
use crate::model::{Dismissed, ProblemKind, TimelineRow};

/// The view of a wide screen after some keys.
fn after(keys: &str, model: &Model, log: &SampleLog) -> Ui {
    let mut ui = ui();
    draw(&mut ui, model, log);
    type_in(&mut ui, keys, model, log);
    ui
}

fn copied(ui: &mut Ui, key: char, model: &Model, log: &SampleLog) -> String {
    match press(ui, Key::char(key), model, log) {
        Some(Action::Copy(copied)) => copied.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn arrows_and_vim_keys_move_through_the_rows_of_all_sections() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("j", &model, &log);
    let mut seen = vec![ui.view.selected().unwrap()];
    for _ in 0..60 {
        type_in(&mut ui, "j", &model, &log);
        let item = ui.view.selected().unwrap();
        if seen.last() != Some(&item) {
            seen.push(item);
        }
    }
    assert_eq!(seen[..2], [Item::Problem(0), Item::Problem(1)]);
    let kinds = [Item::Worker(0), Item::Workflow(0)];
    assert!(kinds.iter().all(|item| seen.contains(item)), "{seen:?}");
    assert!(matches!(seen.last(), Some(Item::Line(_))), "{seen:?}");
    assert!(!ui.view.newest.follows(), "the log stands still while a line is selected");
    type_in(&mut ui, "g", &model, &log);
    assert_eq!(ui.view.selected(), Some(Item::Problem(0)));
    assert!(ui.view.newest.follows());
    type_in(&mut ui, "Gk", &model, &log);
    assert_ne!(ui.view.selected(), seen.last().copied());
    press(&mut ui, ESC, &model, &log);
    assert_eq!(ui.view.selected(), None);
}

/// Each movement of the arrows, with the same movement by a letter.
const VIM: [(KeyCode, &[Key]); 6] = [
    (KeyCode::Down, &[Key::char('j')]),
    (KeyCode::End, &[Key::char('G')]),
    (KeyCode::Up, &[Key::char('k')]),
    (KeyCode::Home, &[Key::char('g')]),
    (KeyCode::PageDown, &[Key::ctrl('d')]),
    (KeyCode::PageUp, &[Key::ctrl('u')]),
];

#[test]
fn vim_keys_do_the_same_as_arrows_in_every_list_and_page() {
    let (mut model, log) = (sample::with_many_rows(60), SampleLog::numbered(200));
    model.timeline =
        (0..40).map(|id| TimelineRow { id, ..sample::ready().timeline[0].clone() }).collect();
    let mut page = sample::pages::long(model.clone(), 500).page.unwrap();
    // The overview, the workflows, the workers, the log, the timeline, two lists, two pages.
    for keys in ["", "2", "3", "4", "5", "4c", "2c", "4\n", "2j\n"] {
        let mut moved = 0;
        let mut arrows = after(keys, &model, &log);
        if let Some(run) = arrows.open_workflow() {
            page.run_id = run.run_id;
            model.page = Some(page.clone());
            draw(&mut arrows, &model, &log);
        }
        for (code, letters) in VIM {
            let before = arrows.view.clone();
            let mut vim = arrows.clone();
            press(&mut arrows, Key::plain(code), &model, &log);
            draw(&mut arrows, &model, &log);
            for letter in letters {
                press(&mut vim, *letter, &model, &log);
            }
            draw(&mut vim, &model, &log);
            assert_eq!(vim.view, arrows.view, "{code:?} after {keys:?}");
            moved += usize::from(arrows.view != before);
        }
        assert!(moved >= 2 || keys == "4\n", "only {moved} movements after {keys:?}");
    }
}

#[test]
fn dismissed_problems_are_a_request_to_the_caller() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jj", &model, &log);
    let request = |ui: &mut Ui, key| press(ui, Key::char(key), &model, &log);
    let one = DismissRequest::One(model.problems.as_ref().unwrap()[1].id.clone());
    assert_eq!(request(&mut ui, 'd'), Some(Action::Dismiss(one)));
    assert_eq!(request(&mut ui, 'D'), Some(Action::Dismiss(DismissRequest::All)));
    assert_eq!(request(&mut ui, 'u'), None, "none is dismissed");
    let hidden = Model { dismissed: Dismissed { problems: 1, workflows: 1 }, ..model.clone() };
    let undo = press(&mut ui, Key::char('u'), &hidden, &log);
    assert_eq!(undo, Some(Action::Dismiss(DismissRequest::Undo)));
}

#[test]
fn right_lists_the_workflows_of_a_problem_and_left_hides_them() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let problems = model.problems.as_ref().unwrap();
    let at = problems.iter().position(|row| row.subject == "refund-0").unwrap();
    for tab in ["1", "2"] {
        let mut ui = after(tab, &model, &log);
        let keys = |ui: &mut Ui, code| press(ui, Key::plain(code), &model, &log);
        while ui.view.selected() != Some(Item::Problem(at)) {
            keys(&mut ui, KeyCode::Down);
        }
        let rows = ui.view.list().unwrap().items().len();
        keys(&mut ui, KeyCode::Right);
        draw(&mut ui, &model, &log);
        keys(&mut ui, KeyCode::Down);
        assert_eq!(ui.view.selected(), Some(Item::Member(at, 1)));
        let id = problems[at].members[1].workflow_id.clone() + "\n";
        assert_eq!(copied(&mut ui, 'y', &model, &log), id);
        keys(&mut ui, KeyCode::Enter);
        assert_eq!(ui.open_workflow().unwrap().workflow_id + "\n", id);
        press(&mut ui, ESC, &model, &log);
        keys(&mut ui, KeyCode::Left);
        draw(&mut ui, &model, &log);
        assert_eq!(ui.view.selected(), Some(Item::Problem(at)));
        assert_eq!(ui.view.list().unwrap().items().len(), rows);
    }
}

#[test]
fn workflows_that_wait_in_a_queue_are_rows_with_pages_and_actions() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let problems = model.problems.as_ref().unwrap();
    let at = problems.iter().position(|row| row.subject == "billing").unwrap();
    for tab in ["1", "2"] {
        let mut ui = after(tab, &model, &log);
        let keys = |ui: &mut Ui, code| press(ui, Key::plain(code), &model, &log);
        while ui.view.selected() != Some(Item::Problem(at)) {
            keys(&mut ui, KeyCode::Down);
        }
        let opened = |ui: &mut Ui| {
            keys(ui, KeyCode::Enter);
            let opened = ui.open_workflow().map(|it| it.workflow_id.clone());
            press(ui, ESC, &model, &log);
            opened
        };
        let newest = (tab == "2").then(|| "invoice-13".to_owned());
        assert_eq!(opened(&mut ui), newest, "on tab 1, the row is about the queue");
        let ids: Vec<String> =
            ui.view.targets(&model).into_iter().map(|it| it.workflow_id).collect();
        assert_eq!(ids, ["invoice-13", "invoice-12"]);
        keys(&mut ui, KeyCode::Right);
        draw(&mut ui, &model, &log);
        assert_eq!(opened(&mut ui), None, "its workflows have rows of their own");
        for id in ["invoice-13", "invoice-12"] {
            keys(&mut ui, KeyCode::Down);
            assert_eq!(ui.view.targets(&model)[0].workflow_id, id);
            assert_eq!(opened(&mut ui).as_deref(), Some(id));
        }
        keys(&mut ui, KeyCode::Left);
        draw(&mut ui, &model, &log);
        assert_eq!(ui.view.selected(), Some(Item::Problem(at)));
    }
}

#[test]
fn n_reaches_all_problems_and_enter_opens_their_pages() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("nn", &model, &log);
    assert_eq!(ui.view.selected(), Some(Item::Problem(1)));
    type_in(&mut ui, "NN", &model, &log);
    assert_eq!(ui.view.selected(), Some(Item::Problem(7)), "continues at the other end");
    type_in(&mut ui, "n\n", &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Row));
    press(&mut ui, Key::plain(KeyCode::Right), &model, &log);
    assert_eq!(ui.view.selected(), Some(Item::Problem(1)), "the next page");
    assert_eq!(ui.open_workflow().unwrap().workflow_id, "drift-11");
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    let text = copied(&mut ui, 'y', &model, &log);
    assert!(text.starts_with("worker › emails\n") && text.contains("ModuleNotFound"), "{text}");
    press(&mut ui, ESC, &model, &log);
    type_in(&mut ui, "j", &model, &log);
    assert_eq!(copied(&mut ui, 'y', &model, &log), "drift-11\n");
    let command = copied(&mut ui, 'Y', &model, &log);
    assert_eq!(command, "temporal workflow show --workflow-id drift-11\n");
    let temporal_program = Some("'/a b/temporal'".to_owned());
    let unfound = Model { temporal_program, ..model };
    let command = copied(&mut ui, 'Y', &unfound, &log);
    assert_eq!(command, "'/a b/temporal' workflow show --workflow-id drift-11\n");
}

#[test]
fn page_closes_when_its_row_is_gone() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("j\n", &model, &log);
    let mut solved = model.clone();
    solved.problems.as_mut().unwrap().remove(0);
    assert_eq!(press(&mut ui, Key::char('y'), &solved, &log), None, "the key was for the page");
    assert_eq!((ui.view.overlay, ui.notice), (None, "this row is no longer in the list"));
    assert_eq!(ui.view.selected(), Some(Item::Problem(0)), "the row in its place");
}

#[test]
fn new_problem_does_not_move_the_selection() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("jjj", &model, &log);
    let mut more = model.clone();
    let first = more.problems.as_ref().unwrap()[0].clone();
    let new = crate::model::ProblemRow { id: "new".into(), ..first };
    more.problems.as_mut().unwrap().insert(0, new);
    draw(&mut ui, &more, &log);
    assert_eq!(ui.view.selected(), Some(Item::Problem(3)));
    let unknown = ui.view.selected().and_then(|item| item.problem(&more)).unwrap();
    assert_eq!(unknown.subject, "unknown-14");
}

#[test]
fn filter_is_typed_kept_and_cleared() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("2/type:checkout !0312", &model, &log);
    let rows = |ui: &Ui| ui.view.workflows.items().len();
    let filtered = rows(&ui);
    assert!((1..8).contains(&filtered), "{filtered}");
    assert_eq!(ui.view.selected(), None);
    type_in(&mut ui, "\n", &model, &log);
    assert_eq!((ui.view.prompt.is_none(), rows(&ui)), (true, filtered));
    assert_eq!(ui.view.workflows.at(), Some(0), "the first row that passes");
    type_in(&mut ui, "/x", &model, &log);
    press(&mut ui, ESC, &model, &log);
    draw(&mut ui, &model, &log);
    assert_eq!(rows(&ui), filtered, "as before the prompt");
    press(&mut ui, ESC, &model, &log);
    draw(&mut ui, &model, &log);
    assert!(ui.view.filter.is_empty() && rows(&ui) > filtered);

    type_in(&mut ui, "l", &model, &log);
    let is_problem = |item: &Item| matches!(item, Item::Problem(_));
    assert!(ui.view.workflows.items().iter().all(is_problem), "only problems");
    type_in(&mut ui, "lll", &model, &log);
    type_in(&mut ui, "c", &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Types));
    type_in(&mut ui, "j\n", &model, &log);
    assert_eq!(ui.view.filter.type_name.as_deref(), Some("Approval"));
    assert_eq!(rows(&ui), 1);
}

#[test]
fn selected_worker_takes_the_keys_of_the_server_away_on_its_tab_only() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("3", &model, &log);
    assert_eq!(ui.view.selected(), Some(Item::Server), "the server is selected first");
    let stop = |ui: &mut Ui| press(ui, Key::char('x'), &model, &log);
    assert_eq!(stop(&mut ui), Some(Action::Stop));
    type_in(&mut ui, "jjjj", &model, &log);
    assert_eq!(stop(&mut ui), None);
    assert_eq!(ui.notice, "external worker: not started by stigmer");
    type_in(&mut ui, "1nnG", &model, &log);
    assert_eq!(stop(&mut ui), Some(Action::Stop));
}

#[test]
fn commands_of_an_empty_server_are_copied_by_key_and_click() {
    let (model, log) = (sample::empty(), SampleLog::temporal());
    let mut ui = after("j", &model, &log);
    assert_eq!(copied(&mut ui, 'y', &model, &log), "eval \"$(stigmer local env)\"\n");
    click(&mut ui, "temporal workflow start", &model, &log);
    let command = copied(&mut ui, 'y', &model, &log);
    assert!(command.starts_with("temporal workflow start --type NAME"), "{command}");
    let down = Model { state: StateView::Stopped, ..model };
    draw(&mut ui, &down, &log);
    assert!(!ui.view.overview.items().iter().any(|item| matches!(item, Item::Hint(_))));
}

#[test]
fn second_click_on_a_row_opens_it() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = ui();
    click(&mut ui, "refund-0", &model, &log);
    assert_eq!((ui.view.selected(), ui.view.overlay), (Some(Item::Problem(4)), None));
    click(&mut ui, "refund-0", &model, &log);
    assert_eq!(ui.open_workflow().unwrap().workflow_id, "refund-0");
    click(&mut ui, "Esc back", &model, &log);
    assert_eq!(ui.open_workflow(), None);
}

#[test]
fn unknown_and_unavailable_keys_show_a_notice() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let notice = |keys: &str| after(keys, &model, &log).notice;
    for place in ["", "2", "4", "j\n", "5\n"] {
        let notice = notice(&format!("{place}X"));
        assert_eq!(notice, "unknown key, ? lists all keys", "after {place:?}");
    }
    let problems = sample::with_problems();
    assert_eq!(after("jj\nX", &problems, &log).notice, "unknown key, ? lists all keys");
    assert_eq!(notice("5z"), "no effect here, ? lists all keys");
    assert_eq!(notice("3/"), "on tab 2");
    assert_eq!(notice("s"), "the server is already running");
    assert_eq!(notice("Xj"), "");
}

#[test]
fn tabs_and_heading_count_the_same_red_rows() {
    let log = SampleLog::temporal();
    let mut model = sample::with_problems();
    let shown = |model: &Model| {
        let mut ui = ui();
        let mut buf = Buffer::empty(WIDE);
        ui.render(&mut buf, WIDE, model, &log, &mut |_, _| {});
        let row = |y| {
            let row = buf.content().chunks(WIDE.width.into()).nth(y).unwrap();
            row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        (row(2), row(3).trim_end().to_owned())
    };
    let (row, heading) = shown(&model);
    assert!(row.contains("2 Workflows ✗5 ") && row.contains("3 Workers ✗1 "), "{row}");
    assert!(row.contains("5 Server ─"), "{row}");
    assert_eq!(heading, " Problems 8: 6 ✗  1 ▲  1 ↻");
    let problems = model.problems.as_mut().unwrap();
    problems[0].kind = ProblemKind::Data;
    problems.retain(|row| row.severity == crate::model::Severity::Red);
    let (row, heading) = shown(&model);
    assert!(row.contains("5 Server ✗1 ") && row.contains("3 Workers ─"), "{row}");
    assert_eq!(heading, " Problems 6 ✗");
    model.problems = Some(Vec::new());
    assert_eq!(shown(&model).1, " Problems 0");
}

#[test]
fn message_says_what_was_copied() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let message = |keys: &str| {
        let mut ui = ui();
        draw(&mut ui, &model, &log);
        match type_in(&mut ui, keys, &model, &log) {
            Some(Action::Copy(copied)) => copied.message(),
            other => panic!("{other:?}"),
        }
    };
    for (keys, expected) in [
        ("jjy", "copied drift-11"),
        ("jjY", "copied the command"),
        ("jj\ny", "copied drift-11"),
        ("jj\nY", "copied the command"),
        ("3jy", "copied orders"),
        ("4y", "copied 1 line"),
        ("4\ny", "copied 1 line"),
    ] {
        assert_eq!(message(keys), expected, "{keys:?}");
    }
    let lines = |left_out| {
        let kind = CopyKind::Lines;
        CopyRequest { text: "a\nb\nc\n".into(), lines: 3, left_out, kind }.message()
    };
    assert_eq!(lines(0), "copied 3 lines");
    assert_eq!(lines(2), "copied 3 of 5 lines (terminal limit)");
}

#[test]
fn footer_names_the_key_that_changes_the_selected_group() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = ui();
    draw(&mut ui, &model, &log);
    type_in(&mut ui, "jjjjj", &model, &log);
    let works = |ui: &Ui, code| {
        let context = Context { view: &ui.view, model: &model, log: &log };
        keymap::look_up(Key::plain(code), &context).is_ok()
    };
    let both = |ui: &Ui| (works(ui, KeyCode::Right), works(ui, KeyCode::Left));
    assert_eq!(both(&ui), (true, false));
    press(&mut ui, Key::plain(KeyCode::Right), &model, &log);
    draw(&mut ui, &model, &log);
    assert_eq!(both(&ui), (false, true));
    type_in(&mut ui, "j", &model, &log);
    assert_eq!(both(&ui), (false, true), "a workflow of the group");
    press(&mut ui, Key::plain(KeyCode::Left), &model, &log);
    assert_eq!(both(&ui), (true, false));
}
