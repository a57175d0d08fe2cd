//! Snapshots of whole screens in every state and size. Review each change by eye.

use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::demo::sample::{self, SampleLog};
use stigmer_ui::loss::Storage;
use stigmer_ui::model::{Model, StateView};
use stigmer_ui::{Input, Key, KeyCode, Symbols, Theme, Ui};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (40, 10), (20, 5)];

struct Screen {
    ui: Ui,
    buf: Buffer,
}

impl Screen {
    fn new((width, height): (u16, u16), symbols: Symbols) -> Self {
        let buf = Buffer::empty(Rect::new(0, 0, width, height));
        Self { ui: Ui::new(Theme::Dark, symbols), buf }
    }

    fn draw(&mut self, model: &Model, log: &SampleLog) -> String {
        let area = self.buf.area;
        self.ui.render(&mut self.buf, area, model, log, &mut |pane, buf| {
            buf.set_stringn(
                pane.place.x,
                pane.place.y,
                "(the caller draws here)",
                pane.place.width.into(),
                ratatui::style::Style::new(),
            );
        });
        text(&self.buf)
    }

    fn press(&mut self, key: Key, model: &Model, log: &SampleLog) {
        self.ui.handle(Input::Key(key), model, log);
    }
}

fn text(buf: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut out = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut x = buf.area.left();
        let mut line = String::new();
        while x < buf.area.right() {
            let symbol = buf[(x, y)].symbol();
            line.push_str(symbol);
            x += symbol.width().max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn every_state_at_every_size() {
    let log = SampleLog::temporal();
    for size in SIZES {
        for state in sample::STATES {
            let name = format!("{}x{}-{state:?}", size.0, size.1).to_lowercase();
            let screen = Screen::new(size, Symbols::Unicode).draw(&sample::in_state(state), &log);
            assert_snapshot!(name, screen);
        }
    }
}

#[test]
fn tabs_overlays_and_notices() {
    let model = sample::in_state(StateView::Ready);
    let log = SampleLog::temporal();
    let keys = [
        ("timeline", Key::char('2')),
        ("own-log", Key::char('3')),
        ("help", Key::char('?')),
        ("quit", Key::char('q')),
        ("paused", Key::plain(KeyCode::PageUp)),
        ("sideways", Key::plain(KeyCode::Right)),
        ("refused", Key::char('s')),
    ];
    for size in SIZES {
        for (what, key) in keys {
            let mut screen = Screen::new(size, Symbols::Unicode);
            screen.draw(&model, &log);
            screen.press(key, &model, &log);
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen.draw(&model, &log));
        }
    }
}

/// Screens after keys of the log.
#[test]
fn log_keys() {
    let model = sample::with_workflows();
    let mut log = SampleLog::temporal();
    log.push(
        "21:28:04.000",
        stigmer_ui::Level::Error,
        "frontend",
        "a line that is longer than any screen is wide, so that it has to be clipped, scrolled or wrapped",
        "error=x trace=one␊two␊three",
    );
    let enter = Key::plain(KeyCode::Enter);
    let up = Key::plain(KeyCode::Up);
    let typed = |text: &str| text.chars().map(Key::char).collect::<Vec<_>>();
    let views = [
        ("search-typed", typed("/task")),
        ("search-bad", typed("/ta(")),
        ("search-kept", [typed("/task"), vec![enter, Key::char('N')]].concat()),
        ("level", typed("ll")),
        ("components", typed("c")),
        ("component", [typed("c"), vec![Key::plain(KeyCode::End), enter]].concat()),
        ("wrapped", typed("w")),
        ("selected", vec![up, Key::char('v'), up, up]),
        ("cleared", vec![Key::ctrl('l')]),
        ("unfolded", typed("z")),
        ("line", vec![enter]),
    ];
    for size in SIZES {
        for (what, keys) in &views {
            let mut screen = Screen::new(size, Symbols::Unicode);
            screen.draw(&model, &log);
            for key in keys {
                screen.press(*key, &model, &log);
                screen.draw(&model, &log);
            }
            let name = format!("{}x{}-log-{what}", size.0, size.1);
            assert_snapshot!(name, screen.draw(&model, &log));
        }
    }
}

#[test]
fn questions_and_entries() {
    let model = sample::with_workflows();
    let mut in_memory = model.clone();
    in_memory.storage = Storage::Memory;
    let mut in_host = model.clone();
    in_host.attached = false;
    let log = SampleLog::temporal();
    let enter = Key::plain(KeyCode::Enter);
    let views = [
        ("confirm-stop", &model, vec![Key::char('x')]),
        ("confirm-restart", &in_memory, vec![Key::char('r')]),
        ("quit-with-workflows", &in_host, vec![Key::char('q')]),
        ("entry", &model, vec![Key::char('2'), enter]),
    ];
    for size in SIZES {
        for (what, model, keys) in &views {
            let mut screen = Screen::new(size, Symbols::Unicode);
            screen.draw(model, &log);
            for key in keys {
                screen.press(*key, model, &log);
                screen.draw(model, &log);
            }
            let name = format!("{}x{}-{what}", size.0, size.1);
            assert_snapshot!(name, screen.draw(model, &log));
        }
    }
}

#[test]
fn ascii_symbols() {
    let log = SampleLog::temporal();
    for size in [(120, 36), (80, 24)] {
        let screen =
            Screen::new(size, Symbols::Ascii).draw(&sample::in_state(StateView::Degraded), &log);
        assert!(screen.is_ascii(), "{screen}");
        assert_snapshot!(format!("{}x{}-ascii", size.0, size.1), screen);
    }
}

#[test]
fn fresh_home() {
    let model = Model {
        host_label: "this dashboard".into(),
        home: "~/.stigmer".into(),
        ..Model::default()
    };
    for size in SIZES {
        let screen = Screen::new(size, Symbols::Unicode).draw(&model, &SampleLog::default());
        assert_snapshot!(format!("{}x{}-fresh", size.0, size.1), screen);
    }
}
