//! The tab with stigmer's own log, drawn by tui-logger from `logs/stigmer.log`,
//! so that it shows the host's log in every viewer.

use crate::log::Batch;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use stigmer_ui::{Key, KeyCode, Palette};
use tui_logger::{Drain, TuiLoggerSmartWidget, TuiWidgetEvent, TuiWidgetState};

/// A very long line would cost every frame.
const LINE_MAX: usize = 2_000;

/// The pane and its memory.
pub struct OwnLog {
    state: TuiWidgetState,
    drain: Drain,
}

impl Default for OwnLog {
    fn default() -> Self {
        tui_logger::set_default_level(log::LevelFilter::Trace);
        tui_logger::set_hot_buffer_depth(4_000);
        let own = Self {
            state: TuiWidgetState::new().set_default_display_level(log::LevelFilter::Info),
            drain: Drain::new(),
        };
        // The depth counts only after a move that has found something.
        own.log(log::Level::Debug, "stigmer", "the log of this home's hosts");
        tui_logger::move_events();
        own
    }
}

impl OwnLog {
    /// Takes lines in.
    pub fn push(&self, batch: &Batch) {
        for line in batch.lines() {
            match serde_json::from_slice::<serde_json::Value>(line) {
                Ok(serde_json::Value::Object(event)) => self.event(&event),
                Ok(_) | Err(_) => {
                    self.log(log::Level::Info, "stigmer", &String::from_utf8_lossy(line));
                }
            }
        }
    }

    fn event(&self, event: &serde_json::Map<String, serde_json::Value>) {
        let text = |key: &str| event.get(key).and_then(serde_json::Value::as_str).unwrap_or("");
        let clock = text("timestamp")
            .parse::<jiff::Timestamp>()
            .map(|time| {
                time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string()
            })
            .unwrap_or_default();
        let fields: Vec<String> = event
            .iter()
            .filter(|(key, _)| {
                !matches!(key.as_str(), "timestamp" | "level" | "target" | "message")
            })
            .map(|(key, value)| match value.as_str() {
                Some(value) => format!("{key}={value}"),
                None => format!("{key}={value}"),
            })
            .collect();
        let level = text("level").parse().unwrap_or(log::Level::Info);
        let target = text("target");
        let module = target.strip_prefix("stigmer::").unwrap_or(target);
        let line = format!("{clock} {module}: {}  {}", text("message"), fields.join(" "));
        self.log(level, target, &line);
    }

    fn log(&self, level: log::Level, target: &str, line: &str) {
        let line: String =
            line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect();
        self.drain.log(
            &log::Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{line}"))
                .build(),
        );
    }

    /// A key for the pane.
    pub fn key(&self, key: Key) {
        self.state.transition(match key.code {
            KeyCode::Char(' ') => TuiWidgetEvent::SpaceKey,
            KeyCode::Char('+') => TuiWidgetEvent::PlusKey,
            KeyCode::Char('-') => TuiWidgetEvent::MinusKey,
            KeyCode::Char('h') => TuiWidgetEvent::HideKey,
            KeyCode::Char('f') => TuiWidgetEvent::FocusKey,
            KeyCode::Up => TuiWidgetEvent::UpKey,
            KeyCode::Down => TuiWidgetEvent::DownKey,
            KeyCode::Left => TuiWidgetEvent::LeftKey,
            KeyCode::Right => TuiWidgetEvent::RightKey,
            KeyCode::PageUp => TuiWidgetEvent::PrevPageKey,
            KeyCode::PageDown => TuiWidgetEvent::NextPageKey,
            KeyCode::Esc => TuiWidgetEvent::EscapeKey,
            _ => return,
        });
    }

    /// Draws it.
    pub fn render(&self, area: Rect, buffer: &mut Buffer, palette: &Palette) {
        TuiLoggerSmartWidget::default()
            .style(palette.base)
            .border_style(palette.border)
            .highlight_style(palette.selected)
            .style_error(palette.error)
            .style_warn(palette.warn)
            .style_info(palette.base)
            .style_debug(palette.dim)
            .style_trace(palette.dim)
            .title_target(" targets ")
            .title_log(" log ")
            // In the line itself, where it reads: time, then who, then what.
            .output_timestamp(None)
            .output_target(false)
            .output_separator(' ')
            .output_file(false)
            .output_line(false)
            .state(&self.state)
            .render(area, buffer);
    }
}
