//! Cost of a frame with 1,000 problems, 1,000 workflows and 100,000 stored lines: `cargo bench -p stigmer-ui --bench frame`.
#![allow(clippy::disallowed_methods, reason = "a program, not the view")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::demo::sample::{self, SampleLog};
use stigmer_ui::model::Model;
use stigmer_ui::{Input, Key, KeyCode, Symbols, Theme, Ui};

const LINES: u64 = 100_000;
const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 50 };
/// New lines between two frames, at 10,000 lines and 30 frames per second.
const NEW_LINES: u64 = 333;

struct Screen {
    ui: Ui,
    buf: Buffer,
    model: Model,
    log: SampleLog,
}

impl Screen {
    fn after(keys: &str) -> Self {
        let mut screen = Self {
            ui: Ui::new(Theme::Dark, Symbols::Unicode),
            buf: Buffer::empty(AREA),
            model: sample::with_many_rows(1_000),
            log: SampleLog::numbered(LINES),
        };
        screen.draw();
        for c in keys.chars() {
            let key = if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) };
            screen.ui.handle(Input::Key(key), &screen.model, &screen.log);
            screen.draw();
        }
        screen
    }

    fn draw(&mut self) {
        self.ui.render(&mut self.buf, AREA, &self.model, &self.log, &mut |_, _| {});
        black_box(&self.buf);
    }

    fn more_lines(&mut self) {
        self.log.push_numbered(NEW_LINES);
        self.log.evict(NEW_LINES as usize);
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame of 200x50");
    for (what, keys) in [
        ("the overview", ""),
        ("the overview, a row selected", "jjjj"),
        ("the workflows", "2"),
        ("the workflows, filtered", "2/!drift type:c\n"),
        ("the workers", "3"),
        ("the log, following", "4"),
        ("the log, paused and searched", "4/line 99\n"),
        ("the log, wrapped", "4w"),
        ("a line in full", "4\n"),
        ("the server", "5"),
    ] {
        let mut screen = Screen::after(keys);
        group.bench_function(what, |bencher| bencher.iter(|| screen.draw()));
        group.bench_function(format!("{what}, {NEW_LINES} new lines"), |bencher| {
            bencher.iter_custom(|frames| {
                let frame = |screen: &mut Screen| {
                    screen.more_lines();
                    let begin = Instant::now();
                    screen.draw();
                    begin.elapsed()
                };
                (0..frames).map(|_| frame(&mut screen)).sum()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
