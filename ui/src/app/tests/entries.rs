//! Tests of the selected and the open timeline entry while entries are added and removed.

use super::*;
use crate::model::TimelineRow;
use ratatui::buffer::Cell;

/// Returns the timeline after `n` entries, of which the newest 100 are kept.
fn after_entries(n: u64) -> Model {
    let row = |id| TimelineRow { id, what: format!("entry {id}"), ..TimelineRow::default() };
    Model { timeline: (1..=n).rev().take(100).map(row).collect(), ..sample::ready() }
}

#[test]
fn open_entry_stays_open_until_it_is_removed_and_a_notice_follows() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    draw(&mut ui, &after_entries(100), &log);
    type_in(&mut ui, "5", &after_entries(100), &log);
    press(&mut ui, Key::plain(KeyCode::End), &after_entries(100), &log);
    press(&mut ui, Key::plain(KeyCode::Up), &after_entries(100), &log);
    type_in(&mut ui, "\n", &after_entries(100), &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Entry(2)));
    let Some(Action::Copy(copied)) = press(&mut ui, Key::char('y'), &after_entries(101), &log)
    else {
        panic!()
    };
    assert!(copied.text.contains("entry 2\n"), "{copied:?}");
    press(&mut ui, Key::plain(KeyCode::Left), &after_entries(101), &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Entry(3)));
    press(&mut ui, Key::plain(KeyCode::Right), &after_entries(101), &log);
    assert_eq!(ui.view.overlay, Some(Overlay::Entry(2)));

    assert_eq!(
        press(&mut ui, Q, &after_entries(102), &log),
        None,
        "the key was for the closed page"
    );
    assert_eq!((ui.view.overlay, ui.notice), (None, "this entry is no longer in the timeline"));
    let gone = after_entries(102);
    assert_eq!(ui.view.timeline.selected(&gone.timeline), 99, "the oldest entry");
    assert_eq!(press(&mut ui, Q, &gone, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn click_selects_the_entry_of_the_last_frame() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    type_in(&mut ui, "5", &after_entries(3), &log);
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &after_entries(3), &log, &mut |_, _| {});
    let (x, y) = find(&buf, "entry 2");
    let later = after_entries(5);
    ui.handle(Input::Click { x, y }, &later, &log);
    assert_eq!(later.timeline[ui.view.timeline.selected(&later.timeline)].what, "entry 2");
}

#[test]
fn new_entries_are_counted_and_one_key_selects_the_newest() {
    let log = SampleLog::temporal();
    let note = |ui: &mut Ui, n| {
        let mut buf = Buffer::empty(WIDE);
        ui.render(&mut buf, WIDE, &after_entries(n), &log, &mut |_, _| {});
        let rows: Vec<String> = buf
            .content()
            .chunks(WIDE.width.into())
            .map(|row| row.iter().map(Cell::symbol).collect())
            .collect();
        rows.into_iter().find(|row| row.contains("5 Server")).unwrap()
    };
    for back in [Key::char('f'), Key::plain(KeyCode::Home), Key::plain(KeyCode::Tab)] {
        let mut ui = ui();
        type_in(&mut ui, "5", &after_entries(3), &log);
        assert!(!note(&mut ui, 5).contains("paused"), "no older entry is selected");
        press(&mut ui, Key::plain(KeyCode::Down), &after_entries(5), &log);
        assert!(note(&mut ui, 5).contains(" paused · 5 entries"));
        assert!(note(&mut ui, 7).contains(" paused · 2 new · 7 entries"));
        press(&mut ui, back, &after_entries(7), &log);
        type_in(&mut ui, "5", &after_entries(7), &log);
        assert!(!note(&mut ui, 7).contains("paused"), "{back:?}");
        assert_eq!(ui.view.timeline.selected(&after_entries(7).timeline), 0);
    }
}

#[test]
fn single_entry_stays_selected_as_the_newest() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    type_in(&mut ui, "5", &after_entries(1), &log);
    ui.handle(Input::ScrollDown(3), &after_entries(1), &log);
    assert!(ui.view.timeline.is_newest());
}

#[test]
fn tab_key_closes_an_open_page_and_shows_its_tab() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let cases = [
        (Key::plain(KeyCode::Tab), Tab::Server),
        (Key::plain(KeyCode::BackTab), Tab::Workers),
        (Key::char('1'), Tab::Overview),
        (Key::char('2'), Tab::Workflows),
        (Key::char('5'), Tab::Server),
    ];
    for (key, tab) in cases {
        let mut ui = ui();
        type_in(&mut ui, "4\n", &model, &log);
        assert!(matches!(ui.view.overlay, Some(Overlay::Line(_))));
        press(&mut ui, key, &model, &log);
        assert_eq!((ui.view.overlay, ui.view.tab), (None, tab), "{key:?}");
    }
}
