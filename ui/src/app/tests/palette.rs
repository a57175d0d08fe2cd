//! The palette: which rows it has, how they are found, and what they run.

use super::*;
use crate::app::keymap::{Group, KeyCommand, PaletteRow};
use crate::app::view::{ActionKind, ActionStep, PaletteChoice, PaletteCursor};

const ENTER: Key = Key::plain(KeyCode::Enter);
const DOWN: Key = Key::plain(KeyCode::Down);

/// A wide screen after some keys.
fn after(keys: &str, model: &Model, log: &SampleLog) -> Ui {
    let mut ui = ui();
    draw(&mut ui, model, log);
    type_in(&mut ui, keys, model, log);
    ui
}

fn rows(ui: &Ui, model: &Model, log: &SampleLog) -> Vec<PaletteRow> {
    Context { view: &ui.view, model, log }.palette()
}

/// Opens the palette and runs its first row that works and matches `text`.
fn run(ui: &mut Ui, text: &str, model: &Model, log: &SampleLog) -> Option<Action> {
    type_in(ui, &format!("?{text}\n"), model, log)
}

#[test]
fn every_command_of_the_table_is_listed_on_every_tab() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for tab in "12345".chars() {
        let ui = after(&format!("{tab}?"), &model, &log);
        let rows = rows(&ui, &model, &log);
        for (at, binding) in keymap::all().enumerate() {
            let Some((_, command)) = binding.keys.first() else { continue };
            let is_it = |row: &PaletteRow| match (&row.choice, command) {
                (PaletteChoice::Act(kind), KeyCommand::Action(command)) => {
                    *command == keymap::ActionCommand::Choose(*kind)
                }
                (PaletteChoice::Command(listed), command) => {
                    let keys = keymap::all().nth(*listed).into_iter().flat_map(|it| it.keys);
                    *listed == at || keys.map(|(_, it)| it).any(|it| it == command)
                }
                _ => false,
            };
            let is_listed = rows.iter().any(is_it);
            assert!(is_listed || binding.group == Group::Dialog, "{} on {tab}", binding.long);
        }
        for (at, row) in rows.iter().enumerate() {
            let is_same = |other: &PaletteRow| other.choice == row.choice;
            assert!(!rows[..at].iter().any(is_same), "{} twice on {tab}", row.text);
        }
    }
}

#[test]
fn working_rows_do_what_their_key_does_and_the_others_have_a_reason() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for keys in ["", "jj", "2jj", "3", "4", "4cG\n", "5", "2jj\n"] {
        let before = after(keys, &model, &log);
        let opened = after(&format!("{keys}?"), &model, &log);
        for row in rows(&opened, &model, &log) {
            let PaletteChoice::Command(at) = row.choice else { continue };
            let key = keymap::all().nth(at).unwrap().keys[0].0;
            let (mut pressed, mut ran) = (before.clone(), opened.clone());
            ran.view.palette.selected = Some(row.choice);
            match row.why_not {
                None => {
                    let expected = press(&mut pressed, key, &model, &log);
                    assert_eq!(press(&mut ran, ENTER, &model, &log), expected, "{}", row.text);
                    pressed.view.palette = ran.view.palette.clone();
                    assert_eq!(ran.view, pressed.view, "{} after {keys}", row.text);
                }
                Some(why) => {
                    assert!(!why.is_empty(), "{}", row.text);
                    assert_eq!(press(&mut ran, ENTER, &model, &log), None);
                    assert_eq!((ran.notice, ran.view.overlay), (why, Some(Overlay::Palette)));
                }
            }
        }
    }
}

#[test]
fn rows_are_found_by_all_words_in_any_case() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let found = |text: &str| -> Vec<String> {
        let ui = after(&format!(":{text}"), &model, &log);
        let rows = rows(&ui, &model, &log).into_iter();
        let rows = rows.filter(|row| !matches!(row.choice, PaletteChoice::Find(_)));
        rows.map(|row| row.text.into_owned()).collect()
    };
    assert_eq!(found("LIGHT theme"), ["theme light"]);
    assert!(found("web").iter().all(|text| text.contains("web UI")), "{:?}", found("web"));
    assert!(found("logs").iter().any(|text| text.starts_with("tab Logs")));
    assert_eq!(found("no such command"), Vec::<String>::new());
    assert!(found("refund-1").iter().any(|text| text.ends_with("refund-1")));
    assert!(found("").len() > 60, "{}", found("").len());
}

#[test]
fn palette_runs_commands_themes_actions_and_opens_workflows() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("", &model, &log);
    assert_eq!(run(&mut ui, "web ui", &model, &log), Some(Action::OpenWebUi));
    assert_eq!(ui.view.overlay, None);
    run(&mut ui, "tab logs", &model, &log);
    assert_eq!(ui.view.tab, Tab::Logs);
    run(&mut ui, "theme light", &model, &log);
    assert_eq!((ui.theme(), *ui.palette()), (Theme::Light, Theme::Light.palette()));

    type_in(&mut ui, "1jj", &model, &log);
    run(&mut ui, "terminate", &model, &log);
    assert_eq!(ui.view.menu.kind, ActionKind::Terminate);
    assert_eq!(ui.view.menu.targets[0].workflow_id, "drift-11");
    press(&mut ui, ENTER, &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Action(ActionStep::Approve)));
    press(&mut ui, ESC, &model, &log);
    press(&mut ui, ESC, &model, &log);

    run(&mut ui, "shipment-7", &model, &log);
    assert_eq!(ui.open_workflow().unwrap().workflow_id, "shipment-7");
    run(&mut ui, "web ui", &model, &log);
    assert_eq!(ui.open_workflow().unwrap().workflow_id, "shipment-7", "the page stays open");
}

#[test]
fn action_of_the_palette_opens_the_menu_which_names_the_workflows() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for (text, kind) in [
        ("cancel", ActionKind::Cancel),
        ("next attempt now", ActionKind::Retry),
        ("stack trace", ActionKind::StackTrace),
        ("save the history", ActionKind::SaveHistory),
        ("terminate", ActionKind::Terminate),
        ("signal", ActionKind::Signal),
    ] {
        let keys = if kind == ActionKind::StackTrace { "jj" } else { "jjjjj" };
        let mut ui = after(keys, &model, &log);
        assert_eq!(run(&mut ui, text, &model, &log), None, "{text} runs nothing yet");
        assert_eq!(ui.view.overlay, Some(Overlay::Action(ActionStep::Menu)), "{text}");
        assert_eq!(ui.view.menu.kind, kind, "{text}");
    }
    let mut ui = after("jj", &model, &log);
    run(&mut ui, "cancel", &model, &log);
    let request = press(&mut ui, ENTER, &model, &log);
    assert!(matches!(request, Some(Action::Workflow(_))), "{request:?}");
}

#[test]
fn all_three_keys_open_the_palette_and_esc_and_ctrl_p_close_it() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for open in [Key::char('?'), Key::char(':'), Key::ctrl('p')] {
        for keys in ["", "2jj\n", "j\n", "5\n"] {
            for close in [ESC, Key::ctrl('p')] {
                let mut ui = after(keys, &model, &log);
                press(&mut ui, open, &model, &log);
                assert_eq!(ui.view.overlay, Some(Overlay::Palette), "{open:?} after {keys:?}");
                type_in(&mut ui, "q?:s", &model, &log);
                assert_eq!(ui.view.palette.text, "q?:s", "keys are typed");
                press(&mut ui, close, &model, &log);
                assert_eq!(ui.view.overlay, None);
                press(&mut ui, open, &model, &log);
                assert_eq!(ui.view.palette, PaletteCursor::default(), "the text is not kept");
            }
        }
    }
}

#[test]
fn selection_moves_by_key_and_wheel_and_stays_on_its_row() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("?", &model, &log);
    let text = |ui: &Ui, model: &Model| {
        Context { view: &ui.view, model, log: &log }.palette_row().unwrap().text
    };
    press(&mut ui, DOWN, &model, &log);
    assert_eq!(text(&ui, &model), "start the server; after a failure, try again", "the first row");
    press(&mut ui, DOWN, &model, &log);
    press(&mut ui, DOWN, &model, &log);
    let second = text(&ui, &model);
    assert!(second.starts_with("restart the server"), "{second}");
    let mut changed = model.clone();
    changed.can.stop = false;
    assert_eq!(text(&ui, &changed), second);
    ui.handle(Input::ScrollDown(3), &model, &log);
    assert_ne!(text(&ui, &model), second);
    press(&mut ui, Key::plain(KeyCode::End), &model, &log);
    assert!(text(&ui, &model).starts_with("closed workflows"));
    press(&mut ui, Key::plain(KeyCode::Home), &model, &log);
    press(&mut ui, Key::char('t'), &model, &log);
    press(&mut ui, Key::plain(KeyCode::Backspace), &model, &log);
    assert!(Context { view: &ui.view, model: &model, log: &log }.palette_row().is_none());
}

/// The first command of the list stops the server.
#[test]
fn no_row_is_selected_and_enter_has_no_effect_until_the_user_types_or_moves() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    for keys in ["?", ": "] {
        let mut ui = after(keys, &model, &log);
        let context = Context { view: &ui.view, model: &model, log: &log };
        assert!(context.palette_row().is_none(), "{keys:?}");
        assert_eq!(press(&mut ui, ENTER, &model, &log), None, "{keys:?}");
        assert_eq!(
            (ui.notice, ui.view.overlay),
            ("no command is selected", Some(Overlay::Palette))
        );
    }
    let mut ui = after("?", &model, &log);
    press(&mut ui, Key::plain(KeyCode::Up), &model, &log);
    let context = Context { view: &ui.view, model: &model, log: &log };
    assert!(context.palette_row().unwrap().text.starts_with("closed workflows"), "the last row");
    let ui = after("?tab logs", &model, &log);
    let context = Context { view: &ui.view, model: &model, log: &log };
    assert!(context.palette_row().unwrap().text.starts_with("tab Logs"));
}

/// The palette makes every function available with the mouse alone.
#[test]
fn click_on_a_row_runs_it_and_click_on_a_key_presses_it() {
    let (model, log) = (sample::with_problems(), SampleLog::temporal());
    let mut ui = after("?tab", &model, &log);
    click(&mut ui, "tab Workers", &model, &log);
    assert_eq!((ui.view.overlay, ui.view.tab), (None, Tab::Workers));
    let mut ui = after("4?match", &model, &log);
    click(&mut ui, "next match, previous match", &model, &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Palette), "a dim row has no effect");
    assert!(!ui.notice.is_empty());
    let mut ui = after("4?without a search", &model, &log);
    draw(&mut ui, &model, &log);
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &model, &log, &mut |_, _| {});
    let (x, y) = find(&buf, "n N  ");
    ui.handle(Input::Click { x: x + 2, y }, &model, &log);
    assert_eq!(ui.view.overlay, None);
    let pressed = after("4N", &model, &log);
    assert_eq!(ui.view.log.current(), pressed.view.log.current(), "as the key N");
}
