//! Draws sample frames as SVG files: `cargo run -p stigmer-ui --example svg -- DIRECTORY`.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a program, not the view")]

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::model::{Model, StateView};
use stigmer_ui::sample::{self, SampleLog};
use stigmer_ui::svg::{self, Ground};
use stigmer_ui::{Input, Key, KeyCode, Symbols, Theme, Ui};

/// Name, theme, size, what is shown, which keys were pressed.
type Frame = (String, Theme, (u16, u16), Model, Vec<Key>);

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "screens".into()));
    std::fs::create_dir_all(&folder)?;
    let sizes = [(120, 36), (80, 24), (40, 10)];
    let mut frames: Vec<Frame> = Vec::new();
    for size in sizes {
        let name = |what: &str| format!("{what}-{}x{}", size.0, size.1);
        for state in sample::STATES {
            let what = format!("{state:?}").to_lowercase();
            frames.push((name(&what), Theme::Dark, size, sample::in_state(state), Vec::new()));
        }
        for theme in [Theme::Light, Theme::HighContrast, Theme::Ansi16, Theme::NoColor] {
            frames.push((name(theme.name()), theme, size, sample::ready(), Vec::new()));
        }
        let keys: [(&str, &[Key]); 5] = [
            ("timeline", &[Key::char('2')]),
            ("help", &[Key::char('?')]),
            ("quit", &[Key::char('q')]),
            ("paused", &[Key::plain(KeyCode::PageUp)]),
            ("refused", &[Key::char('s')]),
        ];
        for (what, keys) in keys {
            let model = sample::in_state(StateView::Ready);
            frames.push((name(what), Theme::Dark, size, model, keys.to_vec()));
        }
        let model = sample::in_state(StateView::Failed);
        frames.push((name("failed-light"), Theme::Light, size, model, Vec::new()));
    }
    for (name, theme, (width, height), model, keys) in frames {
        let log = SampleLog::temporal();
        let mut ui = Ui::new(theme, Symbols::Unicode);
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        ui.render(&mut buf, area, &model, &log, &mut |_, _| {});
        for key in keys {
            ui.handle(Input::Key(key), &model, &log);
        }
        ui.render(&mut buf, area, &model, &log, &mut |_, _| {});
        let ground = if theme == Theme::Light { Ground::LIGHT } else { Ground::DARK };
        std::fs::write(folder.join(format!("{name}.svg")), svg::render(&buf, ground))?;
    }
    Ok(())
}
