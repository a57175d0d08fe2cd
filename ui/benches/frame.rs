//! What a frame costs with 100,000 lines held: `cargo bench -p stigmer-ui --bench frame`.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a program, not the view")]

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::sample::{self, SampleLog};
use stigmer_ui::{Input, Key, KeyCode, Symbols, Theme, Ui};

const LINES: u64 = 100_000;
const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 50 };
const ROUNDS: usize = 400;

fn main() {
    let cases: [(&str, &str); 5] = [
        ("following", ""),
        ("paused and searched", "/line 99\n"),
        ("wrapped", "w"),
        ("a line in full", "\n"),
        ("the timeline", "2"),
    ];
    for (what, keys) in cases {
        let (model, mut log) = (sample::with_workflows(), SampleLog::numbered(LINES));
        let mut ui = Ui::new(Theme::Dark, Symbols::Unicode);
        let mut buf = Buffer::empty(AREA);
        let mut frame = |ui: &mut Ui, log: &SampleLog| {
            let begin = Instant::now();
            ui.render(&mut buf, AREA, &model, log, &mut |_, _| {});
            begin.elapsed()
        };
        frame(&mut ui, &log);
        for c in keys.chars() {
            let key = if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) };
            ui.handle(Input::Key(key), &model, &log);
            frame(&mut ui, &log);
        }
        show(&format!("frame 200x50, {what}"), (0..ROUNDS).map(|_| frame(&mut ui, &log)));
        let busy = (0..ROUNDS).map(|_| {
            // 10,000 lines a second at 30 frames.
            log.push_numbered(333);
            frame(&mut ui, &log)
        });
        show(&format!("frame 200x50, {what}, 333 new lines"), busy.take(60));
    }
}

fn show(what: &str, times: impl Iterator<Item = Duration>) {
    let mut times: Vec<_> = times.collect();
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what:<52} median {median:>9.1?}  worst {worst:>9.1?}");
}
