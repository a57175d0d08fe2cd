//! The pictures of the documents: frames that the program draws.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::ui::Ui;
use crate::demo::sample::{self, SampleLog};
use crate::demo::svg::{self, Frame, Ground};
use crate::draw::theme::{Symbols, Theme};
use crate::input::{Input, Key, KeyCode};
use crate::model::{Model, StateView};

const SIZE: Rect = Rect { x: 0, y: 0, width: 120, height: 36 };
const ENTER: Key = Key::plain(KeyCode::Enter);

/// Returns all pictures as SVG, each with its name.
#[must_use]
pub fn pictures() -> Vec<(&'static str, String)> {
    let ready = sample::ready();
    let search: Vec<Key> = "/task".chars().map(Key::char).chain([ENTER, Key::char('N')]).collect();
    let restarting = sample::in_state(StateView::Backoff);
    let failed = sample::in_state(StateView::Failed);
    vec![
        ("ready", picture(Theme::Dark, &ready, &[])),
        ("restarting", picture(Theme::Dark, &restarting, &[])),
        ("failed", picture(Theme::Dark, &failed, &[])),
        ("search", picture(Theme::Dark, &ready, &search)),
        ("timeline", picture(Theme::Dark, &ready, &[Key::char('2')])),
        ("light", picture(Theme::Light, &ready, &[])),
        ("repair", repair()),
    ]
}

/// Draws a crash and its repair, slower than in reality.
fn repair() -> String {
    let seconds = [2.5, 1.0, 1.0, 5.0];
    let frames: Vec<Frame> = sample::repair()
        .iter()
        .zip(seconds)
        .map(|(model, seconds)| Frame {
            buffer: frame(Theme::Dark, model, &[Key::char('2')]),
            seconds,
        })
        .collect();
    svg::animate(&frames, Ground::DARK)
}

fn picture(theme: Theme, model: &Model, keys: &[Key]) -> String {
    let ground = if theme == Theme::Light { Ground::LIGHT } else { Ground::DARK };
    svg::render(&frame(theme, model, keys), ground)
}

fn frame(theme: Theme, model: &Model, keys: &[Key]) -> Buffer {
    let log = SampleLog::temporal();
    let mut ui = Ui::new(theme, Symbols::Unicode);
    let mut buf = Buffer::empty(SIZE);
    ui.render(&mut buf, SIZE, model, &log, &mut |_, _| {});
    for key in keys {
        ui.handle(Input::Key(*key), model, &log);
        ui.render(&mut buf, SIZE, model, &log, &mut |_, _| {});
    }
    buf
}
