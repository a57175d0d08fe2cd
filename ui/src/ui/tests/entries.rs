//! Entries of the timeline come and go; the one that is looked at stays the same.

use super::*;
use crate::model::TimelineRow;

/// The timeline as it is after `n` entries, of which the newest 100 are held.
fn after_entries(n: u64) -> Model {
    let row = |id| TimelineRow { id, what: format!("entry {id}"), ..TimelineRow::default() };
    Model { timeline: (1..=n).rev().take(100).map(row).collect(), ..sample::ready() }
}

#[test]
fn an_open_entry_stays_the_same_one_until_it_is_gone_and_then_says_so() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    draw(&mut ui, &after_entries(100), &log);
    type_in(&mut ui, "2", &after_entries(100), &log);
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

    assert_eq!(press(&mut ui, Q, &after_entries(102), &log), None, "it was to close the page");
    assert_eq!((ui.view.overlay, ui.notice), (None, "this entry has left the timeline"));
    let gone = after_entries(102);
    assert_eq!(ui.view.timeline.chosen(&gone.timeline), 99, "the oldest that is left");
    assert_eq!(press(&mut ui, Q, &gone, &log), Some(Action::Quit(QuitChoice::Leave)));
}

#[test]
fn a_click_means_the_entry_that_was_drawn_there() {
    let log = SampleLog::temporal();
    let mut ui = ui();
    type_in(&mut ui, "2", &after_entries(3), &log);
    let mut buf = Buffer::empty(WIDE);
    ui.render(&mut buf, WIDE, &after_entries(3), &log, &mut |_, _| {});
    let (x, y) = find(&buf, "entry 2");
    let later = after_entries(5);
    ui.handle(Input::Click { x, y }, &later, &log);
    assert_eq!(later.timeline[ui.view.timeline.chosen(&later.timeline)].what, "entry 2");
}
