//! Snapshots of whole screens in every state and size. Review each change by eye.

use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::demo::sample::{self, SampleLog};
use stigmer_ui::loss::Storage;
use stigmer_ui::model::{FoundWorkflows, Model, StateView};
use stigmer_ui::{Input, Key, KeyCode, Symbols, Theme, Ui};

const SIZES: [(u16, u16); 5] = [(120, 36), (80, 24), (60, 20), (40, 10), (20, 5)];

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

    /// Draws a frame after each key.
    fn after(size: (u16, u16), model: &Model, log: &SampleLog, keys: &[Key]) -> String {
        let mut screen = Self::new(size, Symbols::Unicode);
        let mut drawn = screen.draw(model, log);
        for key in keys {
            screen.ui.handle(Input::Key(*key), model, log);
            drawn = screen.draw(model, log);
        }
        drawn
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

const ENTER: Key = Key::plain(KeyCode::Enter);
const END: Key = Key::plain(KeyCode::End);
const UP: Key = Key::plain(KeyCode::Up);

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::char).collect()
}

#[test]
fn tabs_pages_and_notices() {
    let model = sample::with_problems();
    let log = SampleLog::temporal().with_orders();
    let views = [
        ("overview", vec![]),
        ("overview-row", typed("jj")),
        ("overview-last", vec![END]),
        ("overview-expanded", [typed("jjjjj"), vec![Key::plain(KeyCode::Right)]].concat()),
        ("workflows", typed("2")),
        ("workflows-filtered", [typed("2jjj/!refund"), vec![ENTER]].concat()),
        ("workflows-typed", typed("2/type:c")),
        ("workflows-types", typed("2c")),
        ("workflows-status", typed("2ll")),
        ("workers", typed("3j")),
        ("logs", typed("4")),
        ("own-log", [typed("4c"), vec![END, ENTER]].concat()),
        ("server", typed("5")),
        ("problem", [typed("jjjjj"), vec![ENTER]].concat()),
        ("worker", [typed("3jjjj"), vec![ENTER]].concat()),
        ("own-worker", [typed("3jjj"), vec![ENTER]].concat()),
        ("own-worker-page", [typed("3j"), vec![ENTER]].concat()),
        ("worker-log", typed("3jl")),
        ("workflow", [typed("2"), vec![END, ENTER]].concat()),
        ("actions", typed("jja")),
        ("action-marks", typed("2j j a")),
        ("action-form", typed("jjagadd")),
        ("action-question", typed("jjat")),
        ("action-number", typed("jjjjjat2")),
        ("palette", typed("?")),
        ("palette-filtered", typed(":theme")),
        ("palette-refused", [typed("?undo"), vec![ENTER]].concat()),
        ("refused", typed("s")),
        ("unknown-key", typed("X")),
    ];
    for size in SIZES {
        for (what, keys) in &views {
            let screen = Screen::after(size, &model, &log, keys);
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen);
        }
    }
}

#[test]
fn namespaces_and_queries() {
    let mut model = sample::with_problems();
    model.namespaces = vec!["default".into(), "orders".into()];
    for row in model.problems.iter_mut().flatten().skip(3).take(2) {
        row.namespace = "orders".into();
    }
    let query = "WorkflowType = 'Checkout'";
    let rows: Vec<_> = model.recent.iter().flatten().skip(1).take(2).cloned().collect();
    let answered = |error: &str| {
        let found = FoundWorkflows {
            query: query.into(),
            error: error.into(),
            rows: error.is_empty().then(|| rows.clone()),
            more: false,
        };
        Model { found: Some(found), ..model.clone() }
    };
    let (found, refused) = (answered(""), answered("the server has no attribute WorkflowTypo"));
    let sent = [typed("2/"), vec![Key::plain(KeyCode::Tab)], typed(query), vec![ENTER]].concat();
    let views = [
        ("namespaces", &model, vec![]),
        ("namespaces-workflows", &model, typed("2")),
        ("namespaces-palette", &model, typed("?namespace")),
        ("namespaces-page", &model, [typed("jjjjj"), vec![ENTER]].concat()),
        ("query-typed", &model, sent[..sent.len() - 1].to_vec()),
        ("query-sent", &model, sent.clone()),
        ("query-found", &found, sent.clone()),
        ("query-refused", &refused, sent),
    ];
    for size in SIZES {
        for (what, model, keys) in &views {
            let screen = Screen::after(size, model, &SampleLog::temporal(), keys);
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen);
        }
    }
}

#[test]
fn empty_server_teaches() {
    for size in SIZES {
        for (what, keys) in [("empty", ""), ("empty-workflows", "2"), ("empty-workers", "3")] {
            let screen =
                Screen::after(size, &sample::empty(), &SampleLog::temporal(), &typed(keys));
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen);
        }
    }
}

#[test]
fn external_lost_and_outdated() {
    let external = Model {
        managed: false,
        doing: "not started by stigmer (pid 202)".into(),
        ..sample::with_problems()
    };
    let lost = Model {
        watched: false,
        doing: "no host, a crash is not repaired; s starts one".into(),
        as_of: Some("14:02:10".into()),
        ..sample::with_problems()
    };
    let failing = Model {
        state: StateView::Degraded,
        message: "no response for 2 s, restart in 1 s".into(),
        ..sample::with_problems()
    };
    for size in SIZES {
        for (what, model) in [("external", &external), ("host-lost", &lost), ("hangs", &failing)] {
            let screen = Screen::after(size, model, &SampleLog::temporal(), &[]);
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen);
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
    let views = [
        ("search-typed", typed("4/task")),
        ("search-bad", typed("4/ta(")),
        ("search-kept", [typed("4/task"), vec![ENTER, Key::char('N')]].concat()),
        ("error", typed("4N")),
        ("paused", [typed("4"), vec![Key::plain(KeyCode::PageUp)]].concat()),
        ("sideways", [typed("4"), vec![Key::plain(KeyCode::Right)]].concat()),
        ("level", typed("4ll")),
        ("sources", typed("4c")),
        ("component", [typed("4c"), vec![END, UP, ENTER]].concat()),
        ("wrapped", typed("4w")),
        ("selected", [typed("4"), vec![UP, Key::char('v'), UP, UP]].concat()),
        ("cleared", [typed("4"), vec![Key::ctrl('l')]].concat()),
        ("unfolded", typed("4z")),
        ("line", [typed("4"), vec![ENTER]].concat()),
    ];
    for size in [(120, 36), (80, 24), (40, 10)] {
        for (what, keys) in &views {
            let screen = Screen::after(size, &model, &log, keys);
            assert_snapshot!(format!("{}x{}-log-{what}", size.0, size.1), screen);
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
    let views = [
        ("confirm-stop", &model, vec![Key::char('x')]),
        ("confirm-restart", &in_memory, vec![Key::char('r')]),
        ("quit", &in_host, vec![Key::char('q')]),
        ("entry", &model, vec![Key::char('5'), ENTER]),
    ];
    for size in SIZES {
        for (what, model, keys) in &views {
            let screen = Screen::after(size, model, &log, keys);
            assert_snapshot!(format!("{}x{}-{what}", size.0, size.1), screen);
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
