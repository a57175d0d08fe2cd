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
    let problems = sample::with_problems();
    let work = SampleLog::work().with_orders();
    let log = SampleLog::temporal();
    let search = typed("4/task").into_iter().chain([ENTER, Key::char('N')]).collect::<Vec<_>>();
    let restarting = sample::in_state(StateView::Backoff);
    let failed = sample::in_state(StateView::Failed);
    let dark = |model: &Model, log, keys: &[Key]| picture(Theme::Dark, model, log, keys);
    vec![
        ("problems", dark(&problems, &work, &typed("jj"))),
        ("ready", dark(&ready, &work, &[])),
        ("empty", dark(&sample::empty(), &log, &[])),
        ("workflows", dark(&problems, &work, &typed("2jjjj"))),
        ("problem", dark(&problems, &work, &[typed("jjjjj"), vec![ENTER]].concat())),
        ("actions", dark(&problems, &work, &typed("jja"))),
        ("workers", dark(&problems, &work, &typed("3j"))),
        ("search", dark(&ready, &log, &search)),
        ("server", dark(&ready, &log, &typed("5"))),
        ("restarting", dark(&restarting, &log, &[])),
        ("failed", dark(&failed, &log, &[])),
        ("light", picture(Theme::Light, &problems, &work, &typed("jj"))),
        ("repair", repair()),
    ]
}

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::char).collect()
}

/// Draws a crash and its repair, slower than in reality.
fn repair() -> String {
    let seconds = [2.5, 1.0, 1.0, 5.0];
    let log = SampleLog::temporal();
    let frames: Vec<Frame> = sample::repair()
        .iter()
        .zip(seconds)
        .map(|(model, seconds)| Frame {
            buffer: frame(Theme::Dark, model, &log, &[Key::char('5')]),
            seconds,
        })
        .collect();
    svg::animate(&frames, Ground::DARK)
}

fn picture(theme: Theme, model: &Model, log: &SampleLog, keys: &[Key]) -> String {
    let ground = if theme == Theme::Light { Ground::LIGHT } else { Ground::DARK };
    svg::render(&frame(theme, model, log, keys), ground)
}

fn frame(theme: Theme, model: &Model, log: &SampleLog, keys: &[Key]) -> Buffer {
    let mut ui = Ui::new(theme, Symbols::Unicode);
    let mut buf = Buffer::empty(SIZE);
    ui.render(&mut buf, SIZE, model, log, &mut |_, _| {});
    for key in keys {
        ui.handle(Input::Key(*key), model, log);
        ui.render(&mut buf, SIZE, model, log, &mut |_, _| {});
    }
    buf
}
