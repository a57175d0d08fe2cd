//! Cost of a frame with 1,000 problems, 1,000 workflows and 100,000 stored lines, and of the page of a
//! workflow with 10,000 rows: `cargo bench -p stigmer-ui --bench frame`.
#![allow(clippy::disallowed_methods, reason = "a program, not the view")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::demo::sample::{self, SampleLog, pages};
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
    fn after(model: Model, keys: &str) -> Self {
        let mut screen = Self {
            ui: Ui::new(Theme::Dark, Symbols::Unicode),
            buf: Buffer::empty(AREA),
            model,
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
    let rows = || sample::with_many_rows(1_000);
    let page = || pages::long(sample::with_problems(), 10_000);
    for (what, model, keys) in [
        ("the overview", rows(), ""),
        ("the overview, a row selected", rows(), "jjjj"),
        ("the workflows", rows(), "2"),
        ("the workflows, filtered", rows(), "2/!drift type:c\n"),
        ("the workers", rows(), "3"),
        ("the log, following", rows(), "4"),
        ("the log, paused and searched", rows(), "4/line 99\n"),
        ("the log, wrapped", rows(), "4w"),
        ("a line in full", rows(), "4\n"),
        ("the server", rows(), "5"),
        ("the page of a workflow", page(), "jg\n"),
        ("the page of a workflow, its end", page(), "jg\nG"),
    ] {
        let mut screen = Screen::after(model, keys);
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
